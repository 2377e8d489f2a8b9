package engine

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// bench is what one worker keeps for one classifier: scratch memory for preprocessing and the tensors of a batch.
type bench struct {
	classifier *Classifier
	size       int // images of a full batch
	prep       *preprocess.Worker
	runner     *onnx.Runner // nil until the first inference
	rows       []int        // which place of the batch stands in which row of the tensor
	laps       laps
}

// serve is one worker: it takes a batch from bytes to predictions, and only then the next. In between it runs errands.
func (e *Engine) serve(errands <-chan func()) {
	var w *bench
	defer func() { w.close() }()
	for {
		select {
		case errand := <-errands:
			errand()
		case b, open := <-e.work:
			if !open {
				return
			}
			w = w.ready(b)
			began := time.Now()
			w.laps = laps{mark: began}
			at := e.clock.start(began)
			e.process(b, w)
			e.clock.stop(at, time.Now(), &w.laps.spent)
			e.batchDone(b)
		}
	}
}

// ready returns a bench for the batch: the same one as long as the classifier stays.
func (w *bench) ready(b *batch) *bench {
	c := b.job.task.Classifier
	if w != nil && w.classifier == c && w.size >= b.size {
		return w
	}
	w.close()
	return &bench{classifier: c, size: b.size, prep: c.Program.NewWorker()}
}

func (w *bench) close() {
	if w != nil && w.runner != nil {
		w.runner.Close() // nothing to be done about an error: the tensors are dropped either way
	}
}

// process makes the predictions of one batch. After a cancellation it only takes the images that are on their way, so that nothing stays
// reserved.
func (e *Engine) process(b *batch, w *bench) {
	j := b.job
	w.rows = w.rows[:0]
	for place, i := range b.images {
		f := b.take(place)
		e.clock.waited.Add(int64(w.laps.lap(FetchWait)))
		p := &j.out[i]
		p.Read = f.info
		err, isCopy := f.err, false
		if err == nil && j.ctx.Err() == nil {
			e.Stats.Bytes.Add(int64(len(f.data)))
			if j.task.Hash && p.Read.MD5 == "" {
				sum := md5.Sum(f.data)
				p.Read.MD5 = hex.EncodeToString(sum[:])
			}
			if isCopy = j.twins.isCopy(i); !isCopy {
				err = e.tensor(b, w, f.data, i)
			}
		}
		e.drop(f)
		switch {
		case j.ctx.Err() != nil || isCopy:
		case err != nil:
			e.fail(p, failureOf(err))
		case j.task.TensorsOnly:
			e.Stats.Images.Add(1)
		default:
			w.rows = append(w.rows, place)
		}
	}
	if len(w.rows) > 0 && j.ctx.Err() == nil {
		e.infer(b, w)
	}
	w.laps.lap(Infer)
}

// tensor takes one image from bytes to the next row of the batch, or to the prediction's own tensor, within the pixel budget.
func (e *Engine) tensor(b *batch, w *bench, data []byte, i int32) (err error) {
	p := &b.job.out[i]
	if p.Header, err = preprocess.ReadHeader(data, b.limits()); err != nil {
		w.laps.lap(Decode)
		return err
	}
	dst, err := w.row(b, p, i)
	if err != nil {
		return err
	}
	pixels := min(p.Header.Pixels(), e.cfg.PixelsInFlight)
	if !e.pixels.TryAcquire(pixels) {
		w.laps.lap(Decode)
		err := e.pixels.Acquire(b.job.ctx, pixels)
		w.laps.lap(Idle)
		if err != nil {
			return err
		}
	}
	e.Stats.begin()
	w.prep.SetLimits(b.limits())
	err = w.prep.ApplyHeader(data, p.Header, dst)
	e.Stats.end()
	e.pixels.Release(pixels)
	resize := w.prep.Resizing()
	w.laps.lap(Decode)
	w.laps.spent[Decode] -= resize
	w.laps.spent[Resize] += resize
	return err
}

func (w *bench) row(b *batch, p *Prediction, i int32) ([]byte, error) {
	if b.job.task.TensorsOnly {
		p.Tensor = b.job.tensorOf(i)
		return p.Tensor, nil
	}
	if w.runner == nil {
		r, err := w.classifier.Session.NewRunner(w.size)
		if err != nil {
			return nil, inferenceFailure(err)
		}
		w.runner = r
	}
	return w.runner.Image(len(w.rows)), nil
}

// infer runs the batch; when that fails, image by image, so that the one that breaks it costs one row.
func (e *Engine) infer(b *batch, w *bench) {
	e.Stats.begin()
	defer e.Stats.end()
	e.Stats.Batches.Add(1)
	rows, n := len(w.rows), w.classifier.Program.Size()
	err := w.runner.Run(rows)
	switch {
	case err == nil:
		for r, place := range w.rows {
			e.score(b, w, b.images[place], r)
		}
		return
	case rows == 1:
		e.fail(&b.job.out[b.images[w.rows[0]]], inferenceFailure(err))
		return
	}
	saved := append([]byte(nil), w.runner.Input()[:rows*n]...) // one by one they all go through row 0
	for r, place := range w.rows {
		i := b.images[place]
		copy(w.runner.Image(0), saved[r*n:(r+1)*n])
		if err := w.runner.Run(1); err != nil {
			e.fail(&b.job.out[i], inferenceFailure(err))
			continue
		}
		e.score(b, w, i, 0)
	}
}

// score turns row r of the model's output into the prediction of image i.
func (e *Engine) score(b *batch, w *bench, i int32, r int) {
	p := &b.job.out[i]
	row := w.runner.Row(0, r)
	w.classifier.Bundle.Probabilities(row)
	top, ok := topK(b.job.top(i), row, b.job.topK)
	if !ok {
		e.fail(p, &Failure{Code: CodeInvalidOutput, Message: "the model answered NaN or infinity for this image", content: true})
		return
	}
	if p.Embedding = b.job.embedding(i); p.Embedding != nil {
		copy(p.Embedding, w.runner.Row(1, r))
		if !finite(p.Embedding) {
			p.Embedding = nil
			e.fail(p, &Failure{Code: CodeInvalidOutput, Message: "the model's embedding of this image has NaN or infinity in it", content: true})
			return
		}
	}
	p.Top = top
	e.Stats.Images.Add(1)
}

func (e *Engine) fail(p *Prediction, f *Failure) {
	p.Failure, p.Tensor = f, nil
	if p.Header == (preprocess.Header{}) {
		p.Header = f.header
	}
	e.Stats.Images.Add(1)
	e.Stats.Failed.Add(1)
}

func inferenceFailure(err error) *Failure {
	return &Failure{Code: CodeInferenceFailed, Message: fmt.Sprintf("the model failed on this image: %v", err)}
}
