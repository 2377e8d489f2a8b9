package main

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cheggaaa/pb/v3"
	"golang.org/x/term"

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// barTemplate: images, images/s, errors, time left.
const barTemplate = `{{string . "run"}} {{counters . }} {{bar . }} {{percent . }} {{string . "rate"}}`

// defaultWidth is for terminals that do not tell how wide they are.
const defaultWidth = 100

// logEvery is how often a run says how far it is where there is no terminal.
const logEvery = 30 * time.Second

// progress shows how far a run is: a bar on a terminal, log lines elsewhere.
type progress struct {
	log   *slog.Logger
	stats *engine.Stats
	bar   bool
	quiet bool

	seconds time.Duration // spent on runs, all together

	mu      sync.Mutex
	began   time.Time
	base    [2]int64        // images and failures when the run began
	remote  [2]atomic.Int64 // images and failures of workers elsewhere
	end     chan struct{}
	ended   sync.WaitGroup
	planned int64
}

func newProgress(log *slog.Logger, o pipeline.Options, quiet bool) *progress {
	return &progress{
		log:   log,
		stats: &engine.Shared(engine.Config{CPU: o.CPU}).Stats,
		bar:   !quiet && !jsonLines.Load() && term.IsTerminal(int(os.Stderr.Fd())),
		quiet: quiet,
	}
}

// start is called when a run's graph is about to start.
func (p *progress) start(plan *run.Plan, resumed bool) {
	p.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began, p.planned, p.end = time.Now(), plan.Images, make(chan struct{})
	p.base = [2]int64{p.stats.Images.Load(), p.stats.Failed.Load()}
	p.report(0, 0)
	verb := "planned"
	if resumed {
		verb = "going on with"
	}
	if !p.bar {
		p.log.Info(fmt.Sprintf("%s run %d: %d images", verb, plan.RunID, plan.Images))
	}
	if p.bar {
		bar := pb.New64(plan.Images)
		bar.SetTemplateString(barTemplate).SetWriter(os.Stderr).Set("run", fmt.Sprintf("run %d", plan.RunID))
		if width, _, err := term.GetSize(int(os.Stderr.Fd())); err != nil || width == 0 {
			bar.SetWidth(defaultWidth)
		}
		bar.Start()
		p.ended.Go(func() {
			p.every(200*time.Millisecond, p.end, func(done, failed int64) { p.draw(bar, done, failed) }, func() { bar.Finish() })
		})
		return
	}
	p.ended.Go(func() { p.every(logEvery, p.end, p.line, func() {}) })
}

// every calls show now and then until end is closed, then last.
func (p *progress) every(d time.Duration, end <-chan struct{}, show func(done, failed int64), last func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			show(p.counts())
		case <-end:
			if d < logEvery {
				show(p.counts())
			}
			last()
			return
		}
	}
}

func (p *progress) counts() (done, failed int64) {
	return p.stats.Images.Load() - p.base[0] + p.remote[0].Load(), p.stats.Failed.Load() - p.base[1] + p.remote[1].Load()
}

// report says how many images workers in other processes have tagged since the run began.
func (p *progress) report(images, failed int64) {
	p.remote[0].Store(images)
	p.remote[1].Store(failed)
}

func (p *progress) draw(bar *pb.ProgressBar, done, failed int64) {
	bar.Set("rate", p.rate(done, failed))
	bar.SetCurrent(min(done, p.planned))
}

func (p *progress) line(done, failed int64) {
	p.log.Info(fmt.Sprintf("%d of %d images, %s", done, p.planned, p.rate(done, failed)))
}

// rate is images/s since the run began, errors and time left.
func (p *progress) rate(done, failed int64) string {
	perSecond := float64(done) / time.Since(p.began).Seconds()
	left := "?"
	if done > 0 {
		left = time.Duration(float64(p.planned-done) / perSecond * float64(time.Second)).Round(time.Second).String()
	}
	errors := "errors"
	if failed == 1 {
		errors = "error"
	}
	return fmt.Sprintf("%.1f images/s, %d %s, %s left", perSecond, failed, errors, left)
}

// stop ends the display of the run that is going on, if any.
func (p *progress) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end == nil {
		return
	}
	close(p.end)
	p.ended.Wait()
	p.end = nil
	p.seconds += time.Since(p.began)
}
