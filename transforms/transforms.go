// Package transforms holds the Beam transforms: the stages of a run (Units, Tag, Decide, Compact, Publish), each a thin DoFn over packages run
// and engine, and Classify and Preprocess, which give the same engine to other people's pipelines.
//
// Every DoFn may run any number of times for the same element, anywhere, at once: what it writes is written put-if-absent, and it
// adopts what stands there already. Only references and counts cross a stage border, never image bytes.
package transforms

import (
	"context"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tagbeam/tagbeam/io/run"
)

// namespace of the Beam metrics of this package.
const namespace = "tagbeam"

var (
	modelLoads   = beam.NewCounter(namespace, "model_loads")
	unitsTagged  = beam.NewCounter(namespace, "units_tagged")
	unitsAdopted = beam.NewCounter(namespace, "units_adopted")
	imagesTagged = beam.NewCounter(namespace, "images")
	imagesFailed = beam.NewCounter(namespace, "images_failed")
)

// Run names one planned run; every stage has it in its configuration.
type Run struct {
	Output string
	RunID  int64
}

// plans keeps the plans this process has read: they never change.
var plans sync.Map // Run -> *run.Plan

// open opens the output and reads the plan of the run.
func (r Run) open(ctx context.Context) (*run.Output, *run.Plan, error) {
	out, err := run.Open(ctx, r.Output)
	if err != nil {
		return nil, nil, err
	}
	if p, ok := plans.Load(r); ok {
		return out, p.(*run.Plan), nil
	}
	p, err := out.Plan(ctx, r.RunID)
	if err != nil {
		return nil, nil, err
	}
	plans.Store(r, p)
	return out, p, nil
}
