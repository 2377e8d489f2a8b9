package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// benchmark is how fast a model runs here, preprocessing not included. Its field names are a contract.
type benchmark struct {
	CPUs  int              `json:"cpus"`
	Best  int              `json:"best_batch"`
	Sizes []benchmarkBatch `json:"batches"`
}

type benchmarkBatch struct {
	Batch           int     `json:"batch"`
	ImagesPerSecond float64 `json:"images_per_second"` // of all CPUs
	PerImage        float64 `json:"ms_per_image"`      // CPU time
}

// printBenchmark measures a model and prints what came out.
func printBenchmark(ctx context.Context, w io.Writer, c *engine.Classifier, cpus int, asJSON bool) error {
	if cpus < 0 {
		return &pipeline.UsageError{Err: fmt.Errorf("--cpu %d: a number of CPUs, or 0 for all", cpus)}
	}
	e := engine.New(engine.Config{CPU: cpus})
	defer e.Close()
	speeds, best, err := e.Benchmark(ctx, c)
	if err != nil {
		return err
	}
	b := benchmark{CPUs: e.CPU(), Best: best}
	for _, s := range speeds {
		b.Sizes = append(b.Sizes, benchmarkBatch{s.Batch, s.ImagesPerSecond(e.CPU()), float64(s.PerImage) / float64(time.Millisecond)})
	}
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(b)
	}
	return b.print(w)
}

func (b benchmark) print(w io.Writer) error {
	fmt.Fprintf(w, "\nspeed on %d CPUs, preprocessing not included\n", b.CPUs)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "batch\timages/s\tCPU ms per image\t")
	for _, s := range b.Sizes {
		chosen := ""
		if s.Batch == b.Best {
			chosen = "  chosen"
		}
		fmt.Fprintf(t, "%d\t%.1f\t%.2f\t%s\n", s.Batch, s.ImagesPerSecond, s.PerImage, chosen)
	}
	return t.Flush()
}
