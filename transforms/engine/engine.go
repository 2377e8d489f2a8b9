// Package engine classifies images as fast as the CPUs of one process allow: it fetches, decodes, preprocesses, batches and
// infers. All parallelism of the program is here; runners may call it from any number of bundles at once, and the CPU, the
// bytes and the pixels in flight stay bounded for the process as a whole. It knows models and objects, and nothing of Beam.
//
// Images travel in batches of fixed composition: batch i of a task holds its images i*n to i*n+n-1. Results therefore do not
// depend on timing, on the number of CPUs or on what else runs, and a run that is repeated gives the same numbers.
package engine

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// ErrInterrupted is what Run returns after Interrupt.
var ErrInterrupted = errors.New("interrupted")

// Config bounds what an engine uses. A zero field takes its default.
type Config struct {
	// CPU is the number of images being decoded or inferred at once. Default: GOMAXPROCS, which honours cgroup limits.
	CPU int
	// Fetchers is the number of objects being read at once. Default: 64, which hides 30 ms of latency up to 2,000 images/s.
	Fetchers int
	// BytesInFlight bounds the encoded images that are fetched and not yet decoded. Default: 16 MiB for each CPU, at least 32 MiB:
	// some seconds of work, however slow the store.
	BytesInFlight int64
	// PixelsInFlight bounds the pixels being decoded at once. Default: 64 megapixels. A larger image is decoded alone.
	PixelsInFlight int64
}

func (c Config) withDefaults() Config {
	if c.CPU <= 0 {
		c.CPU = runtime.GOMAXPROCS(0)
	}
	if c.Fetchers <= 0 {
		c.Fetchers = 64
	}
	if c.BytesInFlight <= 0 {
		c.BytesInFlight = max(32, 16*int64(c.CPU)) << 20
	}
	if c.PixelsInFlight <= 0 {
		c.PixelsInFlight = 64_000_000
	}
	return c
}

// Engine is a pool of workers, one per CPU, fed by a pool of fetchers. It is safe for concurrent use.
type Engine struct {
	Stats Stats

	cfg    Config
	bytes  *budget
	pixels *semaphore.Weighted
	fetch  *semaphore.Weighted

	arriving chan *batch // from Run to the dispatcher
	work     chan *batch // from the dispatcher to the workers, in the order in which their images are fetched

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
		bytes:    newBudget(cfg.BytesInFlight),
		pixels:   semaphore.NewWeighted(cfg.PixelsInFlight),
		fetch:    semaphore.NewWeighted(int64(cfg.Fetchers)),
		arriving: make(chan *batch),
		work:     make(chan *batch, cfg.BytesInFlight/minCharge),
	}
	e.ctx, e.stop = context.WithCancelCause(context.Background())
	e.done.Go(e.dispatch)
	for range cfg.CPU {
		e.done.Go(e.serve)
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
	// TensorsOnly stops before inference: each Prediction has its Tensor.
	TensorsOnly bool
}

// Prediction is what became of one image.
type Prediction struct {
	// Read describes the object as it was read, which may be newer than it was listed; as it was listed when it could not be read. Its size
	// is negative when nobody knows it.
	Read object.Info
	// Header is the image as stored, as far as it is known.
	Header preprocess.Header
	// Top holds the best classes, best first; empty when Failure is set.
	Top []Scored
	// Tensor is the memory of the model's input with TensorsOnly: in the layout and type of Classifier.Program.Format().
	Tensor []byte
	// Failure says why there is neither.
	Failure *Failure
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

	out := make([]Prediction, len(t.Images))
	n := t.Classifier.BatchSize(t.Batch)
	reader := source.NewReader(len(t.Images), func(i int) *source.Item { return &t.Images[i].Item })
	defer reader.Close()
	var pending sync.WaitGroup
	for from := 0; from < len(t.Images); from += n {
		to := min(from+n, len(t.Images))
		b := &batch{ctx: ctx, task: &t, images: t.Images[from:to], first: from, reader: reader, out: out[from:to], size: n, pending: &pending}
		pending.Add(1)
		select {
		case e.arriving <- b:
		case <-ctx.Done():
			pending.Done()
			from = len(t.Images)
		}
	}
	pending.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}
