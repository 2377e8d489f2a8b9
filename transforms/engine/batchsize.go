package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// BatchSizes are the candidates, ascending.
var BatchSizes = []int{1, 2, 4, 8, 16, 32, 64}

const (
	// worthMeasuring is the number of images of a run from which on the batch size is measured: it costs about a second, once.
	worthMeasuring = 1000
	// measureImages is the number of images that are measured with, again and again, all of them in each round.
	measureImages = 8
	// measureSpan is how long a round takes at least, or a small model would be measured by chance; measureMost bounds it.
	measureSpan = 10 * time.Millisecond
	measureMost = 4096
	// measureRounds is how often two sizes are compared. The fastest round counts: what disturbs only makes slower.
	measureRounds = 3
	// measureFor bounds a measurement; the size that runs when it is over is still finished.
	measureFor = 3 * time.Second
	// betterBatch is how much faster a larger batch must be: there is noise. clearlyBetterBatch is that for one of more input values than
	// defaultBatchValues, which takes memory: tens of megabytes at each step, for images of 224 pixels.
	betterBatch, clearlyBetterBatch = .97, .9
	// batchMemory bounds what a larger batch may add to the process's memory.
	batchMemory = 512 << 20
)

// Speed is how fast a model runs at one batch size.
type Speed struct {
	Batch int `json:"batch"`
	// PerImage is the CPU time of one worker for one image, preprocessing not included, with all workers at work.
	PerImage time.Duration `json:"per_image"`
}

// ImagesPerSecond is the rate of cpus workers.
func (s Speed) ImagesPerSecond(cpus int) float64 { return float64(cpus) / s.PerImage.Seconds() }

// ChooseBatch is the batch size for a run of total images, of which some are given, and how it was chosen. What the model demands comes first,
// then what was measured before for this model on this kind of CPU, by this user; then it is measured, when the run is large enough,
// on the first of the images, on all workers at once, and kept. Nothing of it is a matter of correctness: a cache that cannot be read or
// written is done without.
func (e *Engine) ChooseBatch(ctx context.Context, c *Classifier, images []Image, total int64, limits preprocess.Limits) (batch int, how string, err error) {
	if n := c.demandedBatch(); n > 0 {
		return n, "the model takes no other", nil
	}
	cache := cacheOf(c, e.CPU())
	if n, ok := cache.load(); ok {
		return n, "measured before", nil
	}
	if total < worthMeasuring {
		return c.BatchSize(0), "by the size of the model's input", nil
	}
	tensors, err := e.firstTensors(ctx, c, images, limits)
	if err != nil {
		return 0, "", err
	}
	m, err := e.measure(ctx, c, tensors, measureFor, false)
	if err != nil {
		return 0, "", err
	}
	best := m.best()
	cache.save(best, m.speeds) // an error means that it is measured again
	return best, "measured on the first images", nil
}

// Benchmark measures every batch size within the memory budget, fastest round of some, on made-up pixels, and keeps the best one for
// later runs.
func (e *Engine) Benchmark(ctx context.Context, c *Classifier) (speeds []Speed, best int, err error) {
	m, err := e.measure(ctx, c, nil, time.Hour, true)
	if err != nil {
		return nil, 0, err
	}
	if c.demandedBatch() == 0 {
		cacheOf(c, e.CPU()).save(m.best(), m.speeds) // see ChooseBatch
	}
	return m.speeds, m.best(), nil
}

// firstTensors preprocesses the first of the images, on the workers. Those that have something wrong are left out; there may be none left.
func (e *Engine) firstTensors(ctx context.Context, c *Classifier, images []Image, limits preprocess.Limits) ([][]byte, error) {
	if limits.MaxBytes <= 0 {
		limits.MaxBytes = preprocess.DefaultLimits.MaxBytes
	}
	images = images[:min(len(images), measureImages)]
	tensors := make([][]byte, len(images))
	err := e.onEveryWorker(ctx, func(worker int) {
		w := c.Program.NewWorker()
		for i := worker; i < len(images); i += e.CPU() {
			data := images[i].Data
			if data == nil {
				var err error
				if data, _, err = source.Fetch(ctx, images[i].Item, limits.MaxBytes); err != nil {
					continue
				}
			}
			tensor := make([]byte, c.Program.Size())
			if _, err := w.Apply(data, limits, tensor); err == nil {
				tensors[i] = tensor
			}
		}
	})
	return slices.DeleteFunc(tensors, func(t []byte) bool { return t == nil }), err
}

// madeUp is the tensor of an image of no meaning.
func madeUp(c *Classifier) ([]byte, error) {
	const side = 64
	p := preprocess.Pixels{Width: side, Height: side, Pix: make([]byte, 3*side*side)}
	for i := range p.Pix {
		p.Pix[i] = byte(i * 31)
	}
	tensor := make([]byte, c.Program.Size())
	return tensor, c.Program.NewWorker().ApplyPixels(&p, tensor)
}

// measurement compares batch sizes.
type measurement struct {
	e       *Engine
	c       *Classifier
	tensors [][]byte
	speeds  []Speed
	small   int // the largest batch whose memory does not count
}

// best is the smallest size that no larger one beats by much.
func (m *measurement) best() int {
	best := m.speeds[0]
	for _, s := range m.speeds[1:] {
		if m.better(s, best) {
			best = s
		}
	}
	return best.Batch
}

// better says whether a larger batch is worth its memory.
func (m *measurement) better(larger, than Speed) bool {
	factor := betterBatch
	if larger.Batch > m.small {
		factor = clearlyBetterBatch
	}
	return float64(larger.PerImage) < factor*float64(than.PerImage)
}

// measure goes up the candidates, each time comparing the next with the best so far, round by round, so that both meet the same weather.
// Unless all are wanted it ends when two in a row were no better.
func (e *Engine) measure(ctx context.Context, c *Classifier, tensors [][]byte, limit time.Duration, all bool) (*measurement, error) {
	if len(tensors) == 0 {
		made, err := madeUp(c)
		if err != nil {
			return nil, err
		}
		tensors = [][]byte{made}
	}
	m := &measurement{e: e, c: c, tensors: tensors, small: c.BatchSize(0)}
	sizes := BatchSizes
	if n := c.demandedBatch(); n > 0 {
		sizes = []int{n}
	}
	began, inVain, resident := time.Now(), 0, residentBytes()
	best := Speed{}
	for _, n := range sizes {
		if len(m.speeds) > 0 && (time.Since(began) > limit || 2*(residentBytes()-resident) > batchMemory) {
			break
		}
		s := Speed{Batch: n}
		for range measureRounds {
			if best.Batch > 0 {
				if err := m.round(ctx, &best); err != nil {
					return nil, err
				}
			}
			if err := m.round(ctx, &s); err != nil {
				return nil, err
			}
		}
		m.speeds = append(m.speeds, s)
		for i := range m.speeds { // it has been measured again
			if m.speeds[i].Batch == best.Batch {
				m.speeds[i] = best
			}
		}
		if best.Batch == 0 || m.better(s, best) {
			best, inVain = s, 0
		} else if inVain++; inVain == 2 && !all {
			break
		}
	}
	return m, nil
}

// round runs batches of the size of s on all workers, and notes the time of an image when it was the shortest yet.
func (m *measurement) round(ctx context.Context, s *Speed) error {
	var mu sync.Mutex
	var spent time.Duration
	var images int
	var failed error
	err := m.e.onEveryWorker(ctx, func(int) {
		d, n, err := m.runs(s.Batch)
		mu.Lock()
		defer mu.Unlock()
		spent += d
		images += n
		failed = errors.Join(failed, err)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("measuring batches of %d: %w", s.Batch, err)
	}
	if d := max(spent/time.Duration(images), 1); s.PerImage == 0 || d < s.PerImage {
		s.PerImage = d
	}
	return nil
}

// runs runs a few batches on one worker, after one to warm up, and returns the CPU time they took and their images.
func (m *measurement) runs(batch int) (spent time.Duration, images int, err error) {
	runtime.LockOSThread() // whose CPU time it is
	defer runtime.UnlockOSThread()
	r, err := m.c.Session.NewRunner(batch)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for i := range batch {
		copy(r.Image(i), m.tensors[i%len(m.tensors)])
	}
	if err := r.Run(batch); err != nil {
		return 0, 0, err
	}
	for images < max(measureImages, batch) || spent < measureSpan && images < measureMost {
		before := threadTime()
		if err := r.Run(batch); err != nil {
			return 0, 0, err
		}
		spent += threadTime() - before
		images += batch
	}
	return spent, images, nil
}
