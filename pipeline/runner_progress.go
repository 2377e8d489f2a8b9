package pipeline

import (
	"context"
	"time"

	"github.com/tagbeam/tagbeam/io/run"
)

// How often a job is asked how far it is, and for how long nothing new may be tagged before that is said: a minute is enough for workers to start
// on Flink, five for machines to come on Dataflow. What is said once is said again when it has lasted twice as long.
var (
	lookEvery       = 2 * time.Second
	quietOnFlink    = time.Minute
	quietOnDataflow = 5 * time.Minute
)

// restFactor is how much longer than counting the unit files took it is until they are counted again: there may be tens of thousands, in a store
// that charges for listing them.
const restFactor = 10

// jobProgress knows how many images of a run a job elsewhere has tagged: by the job's metrics where its service tells them while it runs, and
// otherwise by the unit files that there are.
type jobProgress struct {
	night    *night
	plan     *run.Plan
	counters func(context.Context) map[string]int64
	// patience is for how long nothing new may be tagged, for now.
	patience, most time.Duration

	tagged    int64
	news      time.Time // when tagged last grew
	nextCount time.Time // of unit files
}

func newJobProgress(n *night, plan *run.Plan, patience time.Duration, counters func(context.Context) map[string]int64) *jobProgress {
	return &jobProgress{night: n, plan: plan, counters: counters, patience: patience, most: patience, tagged: -1, news: time.Now()}
}

// look tells the observer how far the job is. It returns for how long nothing new has been tagged when that is to be said, and otherwise 0.
func (p *jobProgress) look(ctx context.Context) time.Duration {
	counters := p.counters(ctx)
	tagged := max(counters["images"], 0)
	if start := time.Now(); start.After(p.nextCount) {
		if n, err := p.night.output.ImagesTagged(ctx, p.plan); err == nil {
			tagged = max(tagged, n)
		}
		p.nextCount = time.Now().Add(restFactor * time.Since(start))
	}
	if ctx.Err() != nil {
		return 0
	}
	if tagged > p.tagged {
		p.tagged, p.news, p.patience = tagged, time.Now(), p.most
	}
	if p.night.watch.Progress != nil {
		p.night.watch.Progress(p.tagged, counters["images_failed"])
	}
	quiet := time.Since(p.news)
	if quiet < p.patience || p.tagged >= p.plan.Images {
		return 0
	}
	p.patience *= 2
	return quiet.Round(time.Second)
}
