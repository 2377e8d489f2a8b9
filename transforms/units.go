package transforms

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tagbeam/tagbeam/io/run"
)

func init() {
	beam.RegisterDoFn(&Units{})
}

// Units emits a reference to each unit of a plan. Its input is an impulse.
type Units struct {
	Run Run
}

// ProcessElement reads plan.json.
func (fn *Units) ProcessElement(ctx context.Context, _ []byte, emit func(run.Unit)) error {
	ctx, done := fn.Run.context(ctx)
	defer done()
	_, plan, err := fn.Run.open(ctx)
	if err != nil {
		return err
	}
	for _, u := range plan.Units() {
		emit(u)
	}
	return nil
}
