package engine

import (
	"fmt"

	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// bench is what one worker keeps for one classifier: scratch memory for preprocessing and the tensors of a batch.
type bench struct {
	classifier *Classifier
	size       int // images of a full batch
	prep       *preprocess.Worker
	runner     *onnx.Runner // nil until the first inference
	rows       []int        // which image of the batch stands in which row of the tensor
	top        []Scored
}

// serve is one worker: it takes a batch from bytes to predictions, and only then the next.
func (e *Engine) serve() {
	var w *bench
	for b := range e.work {
		w = w.ready(b)
		e.process(b, w)
		b.pending.Done()
	}
	w.close()
}

// ready returns a bench for the batch: the same one as long as the classifier stays.
func (w *bench) ready(b *batch) *bench {
	c := b.task.Classifier
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
	w.rows = w.rows[:0]
	for i := range b.images {
		f := b.take(i)
		p := &b.out[i]
		p.Read = f.info
		err := f.err
		if err == nil && b.ctx.Err() == nil {
			e.Stats.Bytes.Add(int64(len(f.data)))
			err = e.tensor(b, w, f.data, p)
		}
		e.drop(f)
		switch {
		case b.ctx.Err() != nil:
		case err != nil:
			e.fail(p, failureOf(err))
		case b.task.TensorsOnly:
			e.Stats.Images.Add(1)
		default:
			w.rows = append(w.rows, i)
		}
	}
	if len(w.rows) > 0 && b.ctx.Err() == nil {
		e.infer(b, w)
	}
}

// tensor takes one image from bytes to the next row of the batch, or to the prediction's own tensor, within the pixel budget.
func (e *Engine) tensor(b *batch, w *bench, data []byte, p *Prediction) (err error) {
	if p.Header, err = preprocess.ReadHeader(data, b.task.Limits); err != nil {
		return err
	}
	dst, err := w.row(b, p)
	if err != nil {
		return err
	}
	pixels := min(p.Header.Pixels(), e.cfg.PixelsInFlight)
	if err := e.pixels.Acquire(b.ctx, pixels); err != nil {
		return err
	}
	defer e.pixels.Release(pixels)
	defer e.Stats.work()()
	w.prep.SetLimits(b.task.Limits)
	return w.prep.ApplyHeader(data, p.Header, dst)
}

func (w *bench) row(b *batch, p *Prediction) ([]byte, error) {
	if b.task.TensorsOnly {
		p.Tensor = make([]byte, w.classifier.Program.Size())
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
	defer e.Stats.work()()
	e.Stats.Batches.Add(1)
	rows, n := len(w.rows), w.classifier.Program.Size()
	err := w.runner.Run(rows)
	switch {
	case err == nil:
		for r, i := range w.rows {
			e.score(b, w, i, r)
		}
		return
	case rows == 1:
		e.fail(&b.out[w.rows[0]], inferenceFailure(err))
		return
	}
	saved := append([]byte(nil), w.runner.Input()[:rows*n]...) // one by one they all go through row 0
	for r, i := range w.rows {
		copy(w.runner.Image(0), saved[r*n:(r+1)*n])
		if err := w.runner.Run(1); err != nil {
			e.fail(&b.out[i], inferenceFailure(err))
			continue
		}
		e.score(b, w, i, 0)
	}
}

// score turns row r of the model's output into the prediction of image i.
func (e *Engine) score(b *batch, w *bench, i, r int) {
	p := &b.out[i]
	row := w.runner.Row(0, r)
	w.classifier.Bundle.Probabilities(row)
	top, ok := topK(w.top, row, b.task.TopK)
	if !ok {
		e.fail(p, &Failure{Code: CodeInvalidOutput, Message: "the model answered NaN or infinity for this image"})
		return
	}
	w.top = top
	p.Top = append([]Scored(nil), top...)
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
