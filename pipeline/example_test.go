package pipeline_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// Tag a folder of images, as tagbeam tag does.
func ExampleRun() {
	beam.Init() // once, at the start of main
	ctx := context.Background()
	output, err := os.MkdirTemp("", "labels-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(output)

	o := pipeline.DefaultOptions()
	o.Inputs = []string{"../testdata/images"}
	o.Output = output
	o.Model = engine.ModelRef{
		URI:        "../testdata/models/softmax.onnx",
		Labels:     []string{"ant", "bee", "cat", "dog", "elk"},
		Preprocess: "unit",
	}
	res, err := pipeline.Run(ctx, o, pipeline.Observer{Warn: func(m string) { log.Print(m) }})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range res.Runs {
		fmt.Printf("run %d is %s: %d images, %d failed\n", r.Plan.RunID, r.State, r.Decision.Counts.Images, r.Decision.Counts.Failed)
	}

	// The next night there is nothing new.
	res, err = pipeline.Run(ctx, o, pipeline.Observer{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("nothing new:", res.Nothing)
	// Output:
	// run 1 is published: 15 images, 3 failed
	// nothing new: true
}

// Tag images as one step of a pipeline of your own: Prepare plans the run, Tag adds its graph to a scope of yours, and what it emits when the
// run is published starts what comes after it.
func ExampleTag() {
	beam.Init() // once, at the start of main
	ctx := context.Background()
	output, err := os.MkdirTemp("", "labels-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(output)

	o := pipeline.DefaultOptions()
	o.Inputs = []string{"../testdata/images/*.jpg"}
	o.Output = output
	o.Model = engine.ModelRef{
		URI:        "../testdata/models/softmax.onnx",
		Labels:     []string{"ant", "bee", "cat", "dog", "elk"},
		Preprocess: "unit",
	}
	plan, err := pipeline.Prepare(ctx, o)
	if err != nil {
		log.Fatal(err)
	}
	if plan == nil {
		return // nothing is new
	}

	p, s := beam.NewPipelineWithRoot()
	published := pipeline.Tag(s.Scope("labels"), o, plan.RunID)
	beam.ParDo0(s, reportPublished, published)
	if _, err := beam.Run(ctx, o.Runner, p); err != nil {
		log.Fatal(err)
	}

	// Believe what stands in the output, not the runner.
	out, err := run.Open(ctx, o.Output)
	if err != nil {
		log.Fatal(err)
	}
	status, err := out.Status(ctx, plan.RunID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("run %d is %s: %d images\n", plan.RunID, status.State, status.Decision.Counts.Images)
	// Output:
	// published: run 1
	// run 1 is published: 7 images
}

func init() { beam.RegisterFunction(reportPublished) }

// reportPublished is called once, when the run is published.
func reportPublished(runID int64, states func(*string) bool) {
	for state := ""; states(&state); {
		fmt.Printf("%s: run %d\n", state, runID)
	}
}
