package transforms

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

func init() {
	beam.RegisterDoFn(&Decide{})
}

// Decide holds the sum of all units against the plan, writes the decision and, when it is to commit, emits the parts to be made.
type Decide struct {
	Run           Run
	MaxErrorRatio float64
}

// ProcessElement takes the one total of the run.
func (fn *Decide) ProcessElement(ctx context.Context, t Total, emit func(run.Part)) error {
	ctx, done := fn.Run.context(ctx)
	defer done()
	defer engine.Begin(engine.Write)()
	out, plan, err := fn.Run.open(ctx)
	if err != nil {
		return err
	}
	d, err := out.Decide(ctx, plan, t.Counts, t.Units, fn.MaxErrorRatio)
	if err != nil {
		return err
	}
	if d.Commit {
		for _, p := range plan.Parts {
			emit(p)
		}
	}
	return nil
}
