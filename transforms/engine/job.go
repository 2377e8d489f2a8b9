package engine

import (
	"context"
	"sync"

	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// job is a task being run.
type job struct {
	ctx  context.Context
	task *Task
	out  []Prediction
	// reader reads the task's images.
	reader *source.Reader
	// order has the images that are to be fetched and inferred, ascending; batches are cut from it.
	order []int32
	// copies are the images of the listing that are not in order because an earlier one has the same content.
	copies []copyOf
	twins  *twins // nil: no image of order can be a copy of another
	// Memory for Prediction.Top and for the tensors of all images.
	tops   []Scored
	topK   int
	tensor []byte
	// embeddings is the memory for Prediction.Embedding.
	embeddings []float32
}

func newJob(ctx context.Context, t Task) *job {
	j := &job{ctx: ctx, task: &t, out: make([]Prediction, len(t.Images))}
	j.reader = source.NewReader(len(t.Images), func(i int) *source.Item { return &t.Images[i].Item })
	if t.TensorsOnly {
		j.tensor = make([]byte, len(t.Images)*t.Classifier.Program.Size())
	} else {
		j.topK = min(t.TopK, len(t.Classifier.Bundle.Labels))
		j.tops = make([]Scored, len(t.Images)*j.topK)
		j.embeddings = make([]float32, len(t.Images)*t.Classifier.Embedding)
	}
	if t.Dedup && !t.TensorsOnly {
		j.findCopies()
		return j
	}
	j.order = make([]int32, len(t.Images))
	for i := range j.order {
		j.order[i] = int32(i)
	}
	return j
}

// top is where the best classes of image i go.
func (j *job) top(i int32) []Scored {
	at := int(i) * j.topK
	return j.tops[at : at : at+j.topK]
}

// embedding is where the embedding of image i goes, or nil.
func (j *job) embedding(i int32) []float32 {
	n := j.task.Classifier.Embedding
	if n == 0 {
		return nil
	}
	at := int(i) * n
	return j.embeddings[at : at+n : at+n]
}

// tensorOf is where the tensor of image i goes.
func (j *job) tensorOf(i int32) []byte {
	n := j.task.Classifier.Program.Size()
	at := int(i) * n
	return j.tensor[at : at+n : at+n]
}

// batch is the unit of work of a worker: consecutive images of one job's order. It is used again after it is done.
type batch struct {
	job     *job
	images  []int32 // indexes into the job's
	size    int     // images of a full batch
	pending *sync.WaitGroup

	fetched []fetched // one per image
	// arrived has the places of the images whose fetch has ended, in the order in which they did. There is room for all of them.
	arrived chan int
}

func (e *Engine) newBatch(j *job, images []int32, size int, pending *sync.WaitGroup) *batch {
	b, _ := e.batches.Get().(*batch)
	if b == nil || cap(b.arrived) < len(images) {
		b = &batch{fetched: make([]fetched, 0, size), arrived: make(chan int, size)}
	}
	b.job, b.images, b.size, b.pending = j, images, size, pending
	b.fetched = b.fetched[:len(images)]
	clear(b.fetched)
	return b
}

// done ends a batch, all of whose images were taken and dropped.
func (e *Engine) batchDone(b *batch) {
	pending := b.pending
	b.job, b.images, b.pending = nil, nil, nil
	e.batches.Put(b)
	pending.Done()
}

func (b *batch) limits() preprocess.Limits { return b.job.task.Limits }

// take waits for the image at place i and hands over what its fetch came to. The caller drops it once it is decoded.
func (b *batch) take(i int) *fetched {
	f := &b.fetched[i]
	for !f.arrived {
		b.fetched[<-b.arrived].arrived = true
	}
	return f
}
