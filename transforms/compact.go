package transforms

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/tagbeam/tagbeam/io/run"
)

func init() {
	register.DoFn3x1(&Compact{})
	register.Emitter2[int64, run.PublishedPart]()
}

// Compact merges the unit files of one part and emits it under the number of its run.
type Compact struct {
	Run Run
}

// ProcessElement makes one part.
func (fn *Compact) ProcessElement(ctx context.Context, p run.Part, emit func(int64, run.PublishedPart)) error {
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
