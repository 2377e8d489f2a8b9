package transforms

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

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
type Tag struct {
	Run    Run
	Engine engine.Config
	Model  engine.ModelRef
	Rows   RowOptions
	Task   TaskOptions
}

// TaskOptions are the engine's task, less the images.
type TaskOptions struct {
	Batch  int
	Limits preprocess.Limits
}

// ProcessElement tags one unit.
func (fn *Tag) ProcessElement(ctx context.Context, u run.Unit, emit func(Total)) error {
	ctx, done := fn.Run.context(ctx)
	defer done()
	out, plan, err := fn.Run.open(ctx)
	if err != nil {
		return err
	}
	counts, err := fn.counts(ctx, out, plan, u)
	if errors.Is(err, run.ErrClosed) {
		// A straggler: the run was closed without us. Decide will find its decision and not look at what we say.
		counts, err = table.Counts{Images: int64(u.Images)}, nil
	}
	if err != nil {
		return err
	}
	emit(Total{Units: 1, Counts: counts})
	return nil
}

// counts returns what a unit came to, having tagged it if nobody had. When that is no longer wanted the error is run.ErrClosed.
func (fn *Tag) counts(ctx context.Context, out *run.Output, plan *run.Plan, u run.Unit) (table.Counts, error) {
	counts, err := out.UnitCounts(ctx, fn.Run.RunID, u)
	if err == nil {
		unitsAdopted.Inc(ctx, 1)
		engine.Shared(fn.Engine).Stats.Adopt(counts.Images, counts.Failed)
		return counts, nil
	}
	if !errors.Is(err, object.ErrNotFound) {
		return table.Counts{}, err
	}
	// The unit files of a closed run may be cleaned away.
	state, err := out.Closed(ctx, fn.Run.RunID)
	if err != nil {
		return table.Counts{}, err
	}
	if state.Closed() {
		return table.Counts{}, run.ErrClosed
	}
	rows, err := fn.rows(ctx, out, plan, u)
	if err != nil {
		return table.Counts{}, fmt.Errorf("unit %d of run %d: %w", u.Index, fn.Run.RunID, err)
	}
	if counts, err = out.PutUnit(ctx, fn.Run.RunID, u, rows); err != nil {
		return table.Counts{}, err
	}
	unitsTagged.Inc(ctx, 1)
	imagesTagged.Inc(ctx, counts.Images)
	imagesFailed.Inc(ctx, counts.Failed)
	return counts, nil
}

// rows runs the engine over the images of a unit.
func (fn *Tag) rows(ctx context.Context, out *run.Output, plan *run.Plan, u run.Unit) ([]table.Row, error) {
	ref := fn.Model
	ref.Digest = plan.ModelDigest
	classifier, err := engine.LoadClassifier(ctx, ref)
	if err != nil {
		return nil, err
	}
	modelLoads.Inc(ctx, engine.NewLoads())
	if d := classifier.Bundle.Digest; d != plan.ModelDigest {
		return nil, fmt.Errorf("model %s has changed since the run was planned: its digest is %s, the plan's is %s; put the model back, or give up the run with --abandon", fn.Model.URI, d, plan.ModelDigest)
	}
	items, err := out.Items(ctx, fn.Run.RunID, u)
	if err != nil {
		return nil, err
	}
	predictions, err := engine.Shared(fn.Engine).Run(ctx, fn.Task.task(classifier, images(items), fn.Rows.TopK))
	if err != nil {
		return nil, err
	}
	return fn.Rows.rows(items, predictions, classifier.Bundle, fn.Run.RunID), nil
}

func images(items []source.Item) []engine.Image {
	images := make([]engine.Image, len(items))
	for i, item := range items {
		images[i].Item = item
	}
	return images
}
