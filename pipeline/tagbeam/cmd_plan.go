package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tagbeam/tagbeam/pipeline"
)

// plan finds out what --plan-only is asked for, and prints it.
func (o *tagOptions) plan(ctx context.Context) (*pipeline.Result, error) {
	if o.Runner == "dataflow" {
		return o.planDataflow(ctx)
	}
	res, err := pipeline.Plan(ctx, o.Options)
	if err != nil {
		return res, err
	}
	var rate float64
	var how string
	if res.Stats.Images > 0 {
		if rate, how, err = pipeline.EstimateRate(ctx, o.Options); err != nil {
			return res, err
		}
	}
	writePlan(os.Stdout, res, rate, how)
	return res, o.writePlanned(res)
}

// writePlanned writes the summary of a plan.
func (o *tagOptions) writePlanned(res *pipeline.Result) error {
	s := newSummary(o.Options, res, 0, 0)
	s.State = "planned"
	return o.write(s)
}

func writePlan(w io.Writer, res *pipeline.Result, rate float64, how string) {
	st := res.Stats
	fmt.Fprintf(w, "images under the inputs  %d\n", st.Listed)
	fmt.Fprintf(w, "tagged before            %d\n", st.Skipped)
	fmt.Fprintf(w, "to be tagged             %d, %s\n", st.Images, bytesText(st.Bytes))
	if rate > 0 && st.Images > 0 {
		d := time.Duration(float64(st.Images) / rate * float64(time.Second))
		fmt.Fprintf(w, "estimate                 %s, at %.0f images/s (%s)\n", max(d.Round(time.Second), time.Second), rate, how)
	}
	for _, in := range res.Unmatched {
		fmt.Fprintf(w, "no images under          %s\n", in)
	}
}

// bytesText writes a size with a unit that suits it.
func bytesText(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d bytes", n)
	}
	v, i := float64(n)/unit, 0
	for ; v >= unit; i++ {
		v /= unit
	}
	return fmt.Sprintf("%.1f %cB", v, "kMGTPE"[i])
}
