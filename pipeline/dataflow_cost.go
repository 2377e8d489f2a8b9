package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/tagbeam/tagbeam/transforms/engine"
)

// DataflowPrice is what the user says a job will cost and do.
type DataflowPrice struct {
	// ImagesPerVCPU is how many images a second a virtual CPU of the workers tags; 0: as many as a CPU here.
	ImagesPerVCPU float64
	// PerVCPUHour is what an hour of a virtual CPU costs, with its share of memory and disk, in any currency; 0: not known.
	PerVCPUHour float64
}

// Validate returns a UsageError.
func (p DataflowPrice) Validate() error {
	switch {
	case !(p.ImagesPerVCPU >= 0):
		return usage("--vcpu-rate %v: images a second, not negative (0: measured here)", p.ImagesPerVCPU)
	case !(p.PerVCPUHour >= 0):
		return usage("--vcpu-hour-price %v: must not be negative", p.PerVCPUHour)
	}
	return nil
}

// DataflowEstimate is what a job will take, without the minutes in which workers start and stop.
type DataflowEstimate struct {
	ImagesPerVCPU float64
	// How says where ImagesPerVCPU comes from.
	How       string
	VCPUHours float64
	// VCPUs is how many the job has at most, and Time how long it then takes; 0 when the flags do not say.
	VCPUs int
	Time  time.Duration
	// Cost is 0 when no price was given.
	Cost float64
}

// Estimate says what so many images will take.
func (d *Dataflow) Estimate(ctx context.Context, o Options, p DataflowPrice, images int64) (DataflowEstimate, error) {
	e := DataflowEstimate{ImagesPerVCPU: p.ImagesPerVCPU, How: "as given"}
	if e.ImagesPerVCPU == 0 {
		rate, how, err := EstimateRate(ctx, o)
		if err != nil {
			return e, fmt.Errorf("measure here how fast the model is: %w; or give --vcpu-rate", err)
		}
		cpus := engine.Shared(o.engine()).CPU()
		e.ImagesPerVCPU, e.How = rate/float64(cpus), fmt.Sprintf("%s, on %d CPUs", how, cpus)
	}
	e.VCPUHours = float64(images) / e.ImagesPerVCPU / 3600
	e.Cost = e.VCPUHours * p.PerVCPUHour
	if e.VCPUs = d.VCPUs() * int(max(d.Workers, d.MaxWorkers)); e.VCPUs > 0 {
		e.Time = time.Duration(e.VCPUHours / float64(e.VCPUs) * float64(time.Hour))
	}
	return e, nil
}
