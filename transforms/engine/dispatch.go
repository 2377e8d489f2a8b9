package engine

import (
	"cmp"
	"errors"

	"github.com/tagbeam/tagbeam/io/object"
)

// fetched is the outcome of reading one image. Its fetcher sets it before it says that it arrived.
type fetched struct {
	data    []byte
	buffer  *buffer // behind data, when it is the pool's
	info    object.Info
	err     error
	charge  int64 // held in the bytes budget
	arrived bool  // as far as the worker has heard
}

// dispatch starts the fetches of every batch, in order. The workers take the batches in the same order, so the images a worker
// waits for are always the ones that were granted their share of the budget first, and no worker waits for ever.
func (e *Engine) dispatch() {
	defer e.fetch.close()
	defer close(e.work)
	for {
		var b *batch
		select {
		case b = <-e.arriving:
		case <-e.ctx.Done():
			return
		}
		// Before its fetches: a batch larger than the budget is decoded while it arrives. It may be done, and used again, as soon as
		// its last fetch has started.
		images := len(b.images)
		e.work <- b
		for place := range images {
			e.start(b, place)
		}
	}
}

// start begins to fetch one image as soon as the budgets allow.
func (e *Engine) start(b *batch, place int) {
	j, i, f := b.job, b.images[place], &b.fetched[place]
	img := &j.task.Images[i]
	f.info = object.Info{Key: img.URI, Size: img.Size, Version: img.Version, MD5: img.MD5}
	if img.Column != "" {
		f.info.Size = -1 // that of a Parquet row is a guess until it is read
	}
	switch limit := j.task.Limits.MaxBytes; {
	case img.Data != nil:
		f.data = img.Data
	case img.Problem != "":
		f.err = &Failure{Code: cmp.Or(img.ProblemCode, CodeInvalidName), Message: img.Problem, Retryable: img.Retryable}
	case img.Size > limit && img.Column == "":
		f.err = tooLarge(img.Size, limit)
	default:
		charge := max(img.Size, minCharge)
		if f.err = e.bytes.reserve(j.ctx, charge); f.err != nil {
			break
		}
		f.charge = charge
		err := e.fetch.start(j.ctx, b, place)
		if err == nil {
			return // f is the fetcher's now
		}
		f.err = err
	}
	e.arrive(b, place)
}

// read is the work of a fetcher.
func (e *Engine) read(b *batch, place int) error {
	f := &b.fetched[place]
	img := &b.job.task.Images[b.images[place]]
	alloc := func(n int64) []byte {
		if f.buffer != nil { // the file changed while it was read
			e.buffers.put(f.buffer)
		}
		f.buffer = e.buffers.get(int(n))
		return f.buffer.bytes
	}
	data, info, err := b.job.reader.ReadInto(b.job.ctx, int(b.images[place]), b.job.task.Limits.MaxBytes, alloc)
	if err != nil {
		f.err = err
		if errors.Is(err, object.ErrTooLarge) && info.Version != "" {
			f.info = info
		}
		return err
	}
	if d := int64(len(data)) - img.Size; d > 0 && int64(len(data)) > minCharge {
		e.bytes.adjust(d)
		f.charge += d
	}
	if info.MD5 == "" && info.Version == img.Version {
		info.MD5 = img.MD5 // a listing may tell more than a read
	}
	f.data, f.info = data, info
	return nil
}

// arrive hands an image over to the worker of its batch. From here on neither belongs to the caller.
func (e *Engine) arrive(b *batch, place int) {
	b.job.twins.learn(b.images[place], &b.fetched[place])
	b.arrived <- place
}

// drop gives back what f holds.
func (e *Engine) drop(f *fetched) {
	f.data = nil
	if f.buffer != nil {
		e.buffers.put(f.buffer)
		f.buffer = nil
	}
	if f.charge > 0 {
		e.bytes.release(f.charge)
		f.charge = 0
	}
}
