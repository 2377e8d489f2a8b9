package transforms

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"golang.org/x/sync/singleflight"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

func init() {
	beam.RegisterDoFn(&Tag{})
}

// Tag makes the rows of one unit, writes them as its unit file and emits what they came to. A unit that has a file is only counted.
//
// It begins a unit when the one before is still being worked on, and emits that one's counts then: while the last images of a unit are
// inferred and its file is written, the first of the next are fetched.
type Tag struct {
	Run    Run
	Engine engine.Config
	Model  engine.ModelRef
	Rows   RowOptions
	Task   TaskOptions

	before *tagging // nil: none
}

// TaskOptions are the engine's task, less the images.
type TaskOptions struct {
	// Batch is the number of images inferred at once; 0: what suits model and machine, one number for the whole run.
	Batch  int
	Limits preprocess.Limits
	// NoDedup infers copies of an image, too.
	NoDedup bool
	// Hash fills in the md5 of rows where the store does not tell it.
	Hash bool
}

// tagging is a unit being worked on.
type tagging struct {
	unit   run.Unit
	stop   context.CancelFunc
	ended  chan struct{} // closed when the rest is set
	counts table.Counts
	found  bool // it had a file
	err    error
}

// StartBundle forgets the unit of a bundle that was given up.
func (fn *Tag) StartBundle(context.Context, func(Total)) { fn.giveUp() }

// ProcessElement begins to tag one unit, and emits the counts of the one before.
func (fn *Tag) ProcessElement(ctx context.Context, u run.Unit, emit func(Total)) error {
	t, err := fn.begin(ctx, u)
	if err != nil {
		fn.giveUp()
		return err
	}
	err = fn.finish(ctx, emit)
	fn.before = t
	if err != nil {
		fn.giveUp()
	}
	return err
}

// FinishBundle emits the counts of the last unit.
func (fn *Tag) FinishBundle(ctx context.Context, emit func(Total)) error { return fn.finish(ctx, emit) }

func (fn *Tag) begin(ctx context.Context, u run.Unit) (*tagging, error) {
	ctx, done := fn.Run.context(ctx)
	out, plan, err := fn.Run.open(ctx)
	if err != nil {
		done()
		return nil, err
	}
	t := &tagging{unit: u, stop: done, ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		t.counts, t.found, t.err = fn.counts(ctx, out, plan, u)
	}()
	return t, nil
}

// finish waits for the unit before and emits its counts.
func (fn *Tag) finish(ctx context.Context, emit func(Total)) error {
	t := fn.before
	if t == nil {
		return nil
	}
	fn.before = nil
	<-t.ended
	t.stop()
	modelLoads.Inc(ctx, engine.NewLoads())
	switch {
	case errors.Is(t.err, run.ErrClosed):
		// A straggler: the run was closed without us. Decide will find its decision and not look at what we say.
		t.counts = table.Counts{Images: int64(t.unit.Images)}
	case t.err != nil:
		return t.err
	case t.found:
		unitsAdopted.Inc(ctx, 1)
	default:
		unitsTagged.Inc(ctx, 1)
		imagesTagged.Inc(ctx, t.counts.Images)
		imagesFailed.Inc(ctx, t.counts.Failed)
		imagesCopied.Inc(ctx, t.counts.Copies)
	}
	emit(Total{Units: 1, Counts: t.counts})
	return nil
}

// giveUp stops the work on the unit before.
func (fn *Tag) giveUp() {
	if fn.before != nil {
		fn.before.stop()
		<-fn.before.ended
		fn.before = nil
	}
}

// counts returns what a unit came to, having tagged it if nobody had; found says that somebody had. When that is no longer wanted the error
// is run.ErrClosed.
func (fn *Tag) counts(ctx context.Context, out *run.Output, plan *run.Plan, u run.Unit) (counts table.Counts, found bool, err error) {
	counts, err = out.UnitCounts(ctx, fn.Run.RunID, u)
	if err == nil {
		engine.Shared(fn.Engine).Stats.Adopt(counts.Images, counts.Failed)
		return counts, true, nil
	}
	if !errors.Is(err, object.ErrNotFound) {
		return table.Counts{}, false, err
	}
	// The unit files of a closed run may be cleaned away.
	state, err := out.Closed(ctx, fn.Run.RunID)
	if err != nil {
		return table.Counts{}, false, err
	}
	if state.Closed() {
		return table.Counts{}, false, run.ErrClosed
	}
	rows, err := fn.rows(ctx, out, plan, u)
	if err != nil {
		return table.Counts{}, false, fmt.Errorf("unit %d of run %d: %w", u.Index, fn.Run.RunID, err)
	}
	defer engine.Shared(fn.Engine).Begin(engine.Write)()
	counts, err = out.PutUnit(ctx, fn.Run.RunID, u, rows)
	return counts, false, err
}

// rows runs the engine over the images of a unit.
func (fn *Tag) rows(ctx context.Context, out *run.Output, plan *run.Plan, u run.Unit) ([]table.Row, error) {
	ref := fn.Model
	ref.Digest = plan.ModelDigest
	e := engine.Shared(fn.Engine)
	loaded := e.Begin(engine.Load)
	classifier, err := engine.LoadClassifier(ctx, ref)
	loaded()
	if err != nil {
		return nil, err
	}
	if d := classifier.Bundle.Digest; d != plan.ModelDigest {
		return nil, fmt.Errorf("model %s has changed since the run was planned: its digest is %s, the plan's is %s; put the model back, or give up the run with --abandon", fn.Model.URI, d, plan.ModelDigest)
	}
	items, err := out.Items(ctx, fn.Run.RunID, u)
	if err != nil {
		return nil, err
	}
	task := fn.Task.task(classifier, images(items), fn.Rows.TopK)
	if task.Batch, err = fn.batch(ctx, out, plan, e, task); err != nil {
		return nil, err
	}
	predictions, err := e.Run(ctx, task)
	if err != nil {
		return nil, err
	}
	return fn.Rows.rows(items, predictions, classifier.Bundle, fn.Run.RunID), nil
}

// choosing is by output and run: the units of a process choose once.
var choosing singleflight.Group

// batch is the batch size of the run. It shows in the last bits of confidences, so that all units, in all processes, at all times, take the same:
// the one given, or what the first to get here found best for its machine.
func (fn *Tag) batch(ctx context.Context, out *run.Output, plan *run.Plan, e *engine.Engine, task engine.Task) (int, error) {
	if task.Batch > 0 || task.Classifier.Session.FixedBatch() > 0 {
		return task.Classifier.BatchSize(task.Batch), nil
	}
	v, err, _ := choosing.Do(fmt.Sprint(out.URI(), plan.RunID), func() (any, error) {
		s, err := out.Settings(ctx, plan.RunID)
		if errors.Is(err, object.ErrNotFound) {
			defer e.Begin(engine.Load)()
			if s.Batch, s.BatchFrom, err = e.ChooseBatch(ctx, task.Classifier, task.Images, plan.Images, task.Limits); err != nil {
				return 0, err
			}
			s, err = out.ElectSettings(ctx, plan.RunID, s)
		}
		return s.Batch, err
	})
	if err != nil {
		return 0, err
	}
	return v.(int), nil
}

func images(items []source.Item) []engine.Image {
	images := make([]engine.Image, len(items))
	for i, item := range items {
		images[i].Item = item
	}
	return images
}
