package engine

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
)

// batch is the unit of work of a worker: consecutive images of one task.
type batch struct {
	ctx     context.Context
	task    *Task
	images  []Image
	first   int            // of them, within the task
	reader  *source.Reader // of the task's images
	out     []Prediction
	size    int // images of a full batch
	pending *sync.WaitGroup

	fetched []fetched // one per image, set before ready[i] is closed
}

// fetched is the outcome of reading one image.
type fetched struct {
	ready  chan struct{}
	data   []byte
	info   object.Info
	err    error
	charge int64 // held in the bytes budget
}

// dispatch starts the fetches of every batch, in order. The workers take the batches in the same order, so the images a worker
// waits for are always the ones that were granted their share of the budget first, and no worker waits for ever.
func (e *Engine) dispatch() {
	defer close(e.work)
	for {
		var b *batch
		select {
		case b = <-e.arriving:
		case <-e.ctx.Done():
			return
		}
		b.fetched = make([]fetched, len(b.images))
		for i := range b.fetched {
			b.fetched[i].ready = make(chan struct{})
		}
		e.work <- b // before its fetches: a batch larger than the budget is decoded while it arrives
		for i := range b.images {
			e.start(b, i)
		}
	}
}

// start begins to fetch one image as soon as the budgets allow.
func (e *Engine) start(b *batch, i int) {
	img, f := &b.images[i], &b.fetched[i]
	f.info = object.Info{Key: img.URI, Size: img.Size, Version: img.Version, MD5: img.MD5}
	if img.Column != "" {
		f.info.Size = -1 // that of a Parquet row is a guess until it is read
	}
	fail := func(err error) {
		f.err = err
		close(f.ready)
	}
	if img.Data != nil {
		f.data = img.Data
		close(f.ready)
		return
	}
	if img.Problem != "" {
		fail(&Failure{Code: cmp.Or(img.ProblemCode, CodeInvalidName), Message: img.Problem, Retryable: img.Retryable})
		return
	}
	limit := b.task.Limits.MaxBytes
	if img.Size > limit && img.Column == "" { // the size of a Parquet row is only guessed
		fail(tooLarge(img.Size, limit))
		return
	}
	charge := max(img.Size, minCharge)
	if err := e.bytes.reserve(b.ctx, charge); err != nil {
		fail(err)
		return
	}
	f.charge = charge
	if err := e.fetch.Acquire(b.ctx, 1); err != nil {
		fail(err)
		return
	}
	e.done.Go(func() {
		defer e.fetch.Release(1)
		defer close(f.ready)
		data, info, err := b.reader.Read(b.ctx, b.first+i, limit)
		if err != nil {
			f.err = err
			if errors.Is(err, object.ErrTooLarge) && info.Version != "" {
				f.info = info
			}
			return
		}
		if d := int64(len(data)) - img.Size; d > 0 && int64(len(data)) > minCharge {
			e.bytes.adjust(d)
			f.charge += d
		}
		if info.MD5 == "" && info.Version == img.Version {
			info.MD5 = img.MD5 // a listing may tell more than a read
		}
		f.data, f.info = data, info
	})
}

// take waits for image i and hands over its bytes. The caller releases the charge once they are decoded.
func (b *batch) take(i int) *fetched {
	f := &b.fetched[i]
	<-f.ready
	return f
}

// drop gives back what f holds.
func (e *Engine) drop(f *fetched) {
	f.data = nil
	if f.charge > 0 {
		e.bytes.release(f.charge)
		f.charge = 0
	}
}
