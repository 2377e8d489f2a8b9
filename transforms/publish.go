package transforms

import (
	"context"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

func init() {
	beam.RegisterDoFn(&Publish{})
}

// Publish writes the manifest of a run once all its parts are there, and emits the run's number and state. (A stage without an
// output would make prism spin.)
type Publish struct {
	Run Run
}

// ProcessElement takes all parts of the run.
func (fn *Publish) ProcessElement(ctx context.Context, id int64, parts func(*run.PublishedPart) bool, emit func(int64, string)) error {
	ctx, done := fn.Run.context(ctx)
	defer done()
	defer engine.Begin(engine.Write)()
	out, plan, err := fn.Run.open(ctx)
	if err != nil {
		return err
	}
	var all []run.PublishedPart
	for p := (run.PublishedPart{}); parts(&p); {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b run.PublishedPart) int { return strings.Compare(a.Path, b.Path) })
	if _, err := out.Publish(ctx, plan, all); err != nil {
		return err
	}
	emit(id, string(run.StatePublished))
	return nil
}
