// Package transforms holds the Beam transforms: the stages of a run (Units, Tag, Decide, Compact, Publish), each a thin DoFn over packages run
// and engine, and Classify and Preprocess, which give the same engine to other people's pipelines.
//
// Every DoFn may run any number of times for the same element, anywhere, at once: what it writes is written put-if-absent, and it
// adopts what stands there already. Only references and counts cross a stage border, never image bytes.
package transforms

import (
	"context"
	"crypto/rand"
	"reflect"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/run"
)

// Namespace of the Beam metrics of this package.
const Namespace = "tagbeam"

var (
	modelLoads   = beam.NewCounter(Namespace, "model_loads")
	unitsTagged  = beam.NewCounter(Namespace, "units_tagged")
	unitsAdopted = beam.NewCounter(Namespace, "units_adopted")
	imagesTagged = beam.NewCounter(Namespace, "images")
	imagesFailed = beam.NewCounter(Namespace, "images_failed")
	imagesCopied = beam.NewCounter(Namespace, "images_copied")
)

// What crosses a stage border is registered by name: another process cannot tell what an unnamed struct stands for.
func init() {
	beam.RegisterType(reflect.TypeFor[run.Unit]())
	beam.RegisterType(reflect.TypeFor[run.Part]())
	beam.RegisterType(reflect.TypeFor[run.PublishedPart]())
}

// Run names one planned run; every stage has it in its configuration.
type Run struct {
	Output string
	RunID  int64
	// Stores say how the stores of the output, the model and the images are reached.
	Stores object.Settings
	// Caller names the context of Within; empty: there is none.
	Caller string

	// What an instance of a stage has opened. Not kept for the process: an output may be removed and made again.
	out  *run.Output
	plan *run.Plan
}

// callers has the contexts of Within. Runners of this process do not hand the context of beam.Run on to the stages: prism panics when it
// ends.
var callers sync.Map // Run.Caller -> context.Context

// Within returns r with a context to work in: when ctx ends, the stages of r that run in this process end with its cause. In other
// processes it has no effect. The caller calls release when the job is over.
func (r Run) Within(ctx context.Context) (_ Run, release func()) {
	r.Caller = rand.Text()
	callers.Store(r.Caller, ctx)
	return r, func() { callers.Delete(r.Caller) }
}

// context returns ctx, of one call of a stage, such that it ends with the caller's as well and its stores are opened as the run says.
func (r *Run) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(object.WithSettings(ctx, r.Stores))
	v, ok := callers.Load(r.Caller)
	if !ok {
		return ctx, func() { cancel(nil) }
	}
	caller := v.(context.Context)
	if caller.Err() != nil {
		cancel(context.Cause(caller)) // now, not soon
	}
	stop := context.AfterFunc(caller, func() { cancel(context.Cause(caller)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// open opens the output and reads the plan of the run.
func (r *Run) open(ctx context.Context) (*run.Output, *run.Plan, error) {
	if r.plan != nil {
		return r.out, r.plan, nil
	}
	out, err := run.Open(ctx, r.Output)
	if err != nil {
		return nil, nil, err
	}
	plan, err := out.Plan(ctx, r.RunID)
	if err != nil {
		return nil, nil, err
	}
	r.out, r.plan = out, plan
	return out, plan, nil
}
