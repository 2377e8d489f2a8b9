// Package engine classifies images as fast as the CPUs of one process allow: it fetches, decodes, preprocesses, batches and
// infers. All parallelism of the program is here; runners may call it from any number of bundles at once, and the CPU, the
// bytes and the pixels in flight stay bounded for the process as a whole. It knows models and objects, and nothing of Beam.
//
// Images travel in batches of fixed composition: batch i of a task holds its images i*n to i*n+n-1, not counting copies that the listing
// tells. Results therefore do not depend on timing, on the number of CPUs or on what else runs, and a run that is repeated with the same
// batch size gives the same numbers.
package engine

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// ErrInterrupted is what Run returns after Interrupt.
var ErrInterrupted = errors.New("interrupted")

// Config bounds what an engine uses. A zero field takes its default.
type Config struct {
	// CPU is the number of images being decoded or inferred at once, each by one thread. Default: GOMAXPROCS, which honours cgroup limits.
	CPU int
	// Fetchers is the largest number of objects being read at once; how many there are follows latency and throughput. Default: 64 for
	// each CPU, at least 256.
	Fetchers int
	// BytesInFlight bounds the encoded images that are fetched and not yet decoded. Default: 8 MiB for each CPU, at least 16 MiB:
	// a second of work on photos of 100 kB and a fast model.
	BytesInFlight int64
	// PixelsInFlight bounds the pixels being decoded at once. Default: 64 megapixels. A larger image is decoded alone.
	PixelsInFlight int64
}

func (c Config) withDefaults() Config {
	if c.CPU <= 0 {
		c.CPU = runtime.GOMAXPROCS(0)
	}
	if c.Fetchers <= 0 {
		c.Fetchers = max(256, 64*c.CPU)
	}
	if c.BytesInFlight <= 0 {
		c.BytesInFlight = max(16, 8*int64(c.CPU)) << 20
	}
	if c.PixelsInFlight <= 0 {
		c.PixelsInFlight = 64_000_000
	}
	return c
}

// Engine is a pool of workers, one per CPU, fed by a pool of fetchers. It is safe for concurrent use.
type Engine struct {
	Stats Stats

	cfg     Config
	clock   *clock
	bytes   *budget
	pixels  *semaphore.Weighted
	fetch   *fetchPool
	buffers *bufferPool
	batches sync.Pool // of *batch

	turn     chan struct{} // held by the task that hands over its batches: they are worked on task by task
	arriving chan *batch   // from Run to the dispatcher
	work     chan *batch   // from the dispatcher to the workers, in the order in which their images are fetched
	errands  []chan func() // one a worker: what it does between batches

	ctx  context.Context
	stop context.CancelCauseFunc
	done sync.WaitGroup
}

// minCharge is what an image costs at least in BytesInFlight, so that small images are bounded in number too.
const minCharge = 32 << 10

// New starts an engine. Close ends it.
func New(cfg Config) *Engine {
	cfg = cfg.withDefaults()
	e := &Engine{
		cfg:      cfg,
		clock:    newClock(cfg.CPU, time.Now()),
		bytes:    newBudget(cfg.BytesInFlight),
		pixels:   semaphore.NewWeighted(cfg.PixelsInFlight),
		buffers:  newBufferPool(cfg.BytesInFlight / 4),
		turn:     make(chan struct{}, 1),
		arriving: make(chan *batch),
		work:     make(chan *batch, cfg.BytesInFlight/minCharge),
		errands:  make([]chan func(), cfg.CPU),
	}
	e.ctx, e.stop = context.WithCancelCause(context.Background())
	e.fetch = newFetchPool(e)
	e.done.Go(e.dispatch)
	for i := range e.errands {
		e.errands[i] = make(chan func())
		e.done.Go(func() { e.serve(e.errands[i]) })
	}
	return e
}

var shared struct {
	sync.Mutex
	engine *Engine
}

// Shared returns the engine of this process, started with the first caller's configuration; a new one after an Interrupt.
func Shared(cfg Config) *Engine {
	shared.Lock()
	defer shared.Unlock()
	if shared.engine == nil || shared.engine.ctx.Err() != nil {
		shared.engine = New(cfg)
	}
	return shared.engine
}

// CPU is the number of workers.
func (e *Engine) CPU() int { return e.cfg.CPU }

// Interrupt makes every task, running or to come, fail with ErrInterrupted. Work on the batches at hand ends first.
func (e *Engine) Interrupt() { e.stop(ErrInterrupted) }

// Close interrupts what is running and waits until every goroutine of the engine has ended.
func (e *Engine) Close() {
	e.Interrupt()
	e.done.Wait()
}

// Image is one image of a task.
type Image struct {
	source.Item
	// Data holds the encoded image when it is in memory already; nil: it is fetched.
	Data []byte
}

// Task is a list of images and what is to be done with them.
type Task struct {
	Classifier *Classifier
	Images     []Image
	// Batch is the number of images inferred at once; 0: the classifier's own choice.
	Batch int
	// TopK is the number of classes to report, at least 1.
	TopK int
	// Limits are checked before an image is read and on its header, before it is decoded. Those that are 0 are preprocess.DefaultLimits'.
	Limits preprocess.Limits
	// Dedup infers the same content once: copies take the prediction of the first of them. See Prediction.Copy.
	Dedup bool
	// Hash fills in Prediction.Read.MD5 where the store does not tell it.
	Hash bool
	// TensorsOnly stops before inference: each Prediction has its Tensor.
	TensorsOnly bool
}

// Prediction is what became of one image.
type Prediction struct {
	// Read describes the object as it was read, which may be newer than it was listed; as it was listed when it could not be read, and when
	// it did not have to be because the listing says that it is a copy. Its size is negative when nobody knows it.
	Read object.Info
	// Header is the image as stored, as far as it is known.
	Header preprocess.Header
	// Top holds the best classes, best first; empty when Failure is set. Copies share it.
	Top []Scored
	// Embedding is the image's, where the classifier has one. Copies share it.
	Embedding []float32
	// Tensor is the memory of the model's input with TensorsOnly: in the layout and type of Classifier.Program.Format().
	Tensor []byte
	// Failure says why there is neither.
	Failure *Failure
	// Copy says that the image has the content of another one of the task, whose prediction this is.
	Copy bool
}

// Run processes a task and returns one prediction for each image, in order. Its error is the task's own: the context's, or
// ErrInterrupted; what is wrong with an image stands in its prediction.
func (e *Engine) Run(ctx context.Context, t Task) ([]Prediction, error) {
	if t.TopK < 1 && !t.TensorsOnly {
		return nil, errors.New("engine: top-k must be at least 1")
	}
	if t.Limits.MaxBytes <= 0 {
		t.Limits.MaxBytes = preprocess.DefaultLimits.MaxBytes
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.ctx, func() { cancel(context.Cause(e.ctx)) })()

	j := newJob(ctx, t)
	defer j.reader.Close()
	for len(j.order) > 0 && ctx.Err() == nil {
		e.runBatches(j)
		j.order = e.settleCopies(j)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return j.out, nil
}

// runBatches cuts the job's order into batches and waits until they are done. Jobs hand over their batches one after the other: of two at
// once the first ends early, and the second keeps the workers busy meanwhile.
func (e *Engine) runBatches(j *job) {
	n := j.task.Classifier.BatchSize(j.task.Batch)
	var pending sync.WaitGroup
	defer pending.Wait()
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-j.ctx.Done():
		return
	}
	for left := j.order; len(left) > 0; {
		m := min(n, len(left))
		b := e.newBatch(j, left[:m], n, &pending)
		left = left[m:]
		pending.Add(1)
		select {
		case e.arriving <- b:
		case <-j.ctx.Done():
			pending.Done()
			return
		}
	}
}

// onEveryWorker runs fn once on every worker, all at the same time, between their batches, and waits for them: what it does is counted
// among the work of the CPUs. It fails with the engine.
func (e *Engine) onEveryWorker(ctx context.Context, fn func(worker int)) error {
	var pending sync.WaitGroup
	for i, errands := range e.errands {
		pending.Add(1)
		errand := func() {
			defer pending.Done()
			fn(i)
		}
		select {
		case errands <- errand:
		case <-ctx.Done():
			pending.Done()
		case <-e.ctx.Done():
			pending.Done()
		}
	}
	pending.Wait()
	if err := context.Cause(e.ctx); err != nil {
		return err
	}
	return context.Cause(ctx)
}
