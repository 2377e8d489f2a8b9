package transforms

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

func init() {
	beam.RegisterDoFn(&Compact{})
}

// Compact merges the unit files of one part and emits it under the number of its run.
type Compact struct {
	Run Run
}

// ProcessElement makes one part.
func (fn *Compact) ProcessElement(ctx context.Context, p run.Part, emit func(int64, run.PublishedPart)) error {
	ctx, done := fn.Run.context(ctx)
	defer done()
	defer engine.Begin(engine.Write)()
	out, plan, err := fn.Run.open(ctx)
	if err != nil {
		return err
	}
	part, err := out.PutPart(ctx, plan, p)
	if err != nil {
		return err
	}
	emit(fn.Run.RunID, part)
	return nil
}
