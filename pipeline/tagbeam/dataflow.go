package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/spf13/pflag"

	"github.com/tagbeam/tagbeam/pipeline"
)

func addPriceFlags(f *pflag.FlagSet, p *pipeline.DataflowPrice) {
	f.Float64Var(&p.ImagesPerVCPU, "vcpu-rate", p.ImagesPerVCPU, "images a second that a virtual CPU of Dataflow tags, for --plan-only (0: as many as a CPU here)")
	f.Float64Var(&p.PerVCPUHour, "vcpu-hour-price", p.PerVCPUHour, "what an hour of such a CPU costs, with its memory, for --plan-only")
}

// planDataflow checks all that can be checked before a job costs money, and prints what the job would be.
func (o *tagOptions) planDataflow(ctx context.Context) (*pipeline.Result, error) {
	if err := o.price.Validate(); err != nil {
		return nil, err
	}
	d, err := pipeline.CheckDataflow(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	for _, warning := range d.Warnings {
		slog.New(logHandler(slog.LevelInfo)).Warn(warning)
	}
	res, err := pipeline.Plan(ctx, o.Options)
	if err != nil {
		return res, err
	}
	e, err := d.Estimate(ctx, o.Options, o.price, res.Stats.Images)
	if err != nil {
		return res, err
	}
	writePlan(os.Stdout, res, 0, "")
	writeDataflow(os.Stdout, d, e, o.price)
	return res, o.writePlanned(res)
}

func writeDataflow(w io.Writer, d *pipeline.Dataflow, e pipeline.DataflowEstimate, p pipeline.DataflowPrice) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-24s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("job on Dataflow", "project %s, region %s", d.Project, d.Region)
	row("image", "%s", d.Image)
	row("staged worker", "%s (linux/%s, %s)", d.Worker.Path, d.Worker.Arch, bytesText(d.Worker.Size))
	row("staging, temporary", "%s, %s", d.Staging, d.Temp)
	machine := d.MachineType
	if machine == "" {
		machine = "machines of Dataflow's choice (--worker_machine_type)"
	}
	switch {
	case d.MaxWorkers > 0:
		row("workers", "at most %d %s, %d units at hand in each", d.MaxWorkers, machine, d.Threads)
	case d.Workers > 0:
		row("workers", "at first %d %s, %d units at hand in each", d.Workers, machine, d.Threads)
	default:
		row("workers", "as many as Dataflow likes (--max_num_workers) of %s, %d units at hand in each", machine, d.Threads)
	}
	for _, h := range d.Hints {
		row("resource hint", "%s", h)
	}
	row("estimate", "%.3g vCPU hours, at %.3g images/s and vCPU (%s)", e.VCPUHours, e.ImagesPerVCPU, e.How)
	if e.VCPUs > 0 {
		row("", "%s on %d vCPUs, and the minutes in which workers start and stop", max(e.Time.Round(time.Second), time.Second), e.VCPUs)
	}
	if p.PerVCPUHour > 0 {
		row("cost", "%.2f, at %g a vCPU hour", e.Cost, p.PerVCPUHour)
	} else {
		row("cost", "give --vcpu-hour-price, the price of a vCPU hour with its memory")
	}
}

// showBeamsJob lets all of Beam's own lines through when they are what was asked for (--dry_run prints the job as such).
func showBeamsJob(log *slog.Logger, show bool) {
	if show {
		beamlog.SetLogger(beamLogger{log: log, all: true})
	}
}
