package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tagbeam/tagbeam/io/object"
)

// fetchPool reads objects, as many at once as pace finds useful. One goroutine, the dispatcher, starts the reads.
type fetchPool struct {
	e        *Engine
	slots    *budget // reads under way, of pace.limit
	requests chan request

	fetchers int // goroutines, as many as there have been reads at once

	mu   sync.Mutex
	pace *pace
}

type request struct {
	b     *batch
	place int
}

func newFetchPool(e *Engine) *fetchPool {
	p := newPace(e.cfg.Fetchers, e.cfg.CPU)
	return &fetchPool{e: e, slots: newBudget(int64(p.limit)), requests: make(chan request), pace: p}
}

// start begins one read as soon as there is a slot for it.
func (p *fetchPool) start(ctx context.Context, b *batch, place int) error {
	if err := p.slots.reserve(ctx, 1); err != nil {
		return err
	}
	r := request{b, place}
	select {
	case p.requests <- r: // a fetcher that is idle
		return nil
	default:
	}
	if p.fetchers < p.e.cfg.Fetchers {
		p.fetchers++
		p.e.done.Go(func() { p.serve(r) })
		return nil
	}
	p.requests <- r // there is a slot, so that one is about to be idle
	return nil
}

// close ends the fetchers, once no read will be started any more.
func (p *fetchPool) close() { close(p.requests) }

// serve is one fetcher.
func (p *fetchPool) serve(r request) {
	for ok := true; ok; r, ok = <-p.requests {
		began := time.Now()
		err := p.e.read(r.b, r.place)
		now := time.Now()
		p.observe(now, now.Sub(began), errors.Is(err, object.ErrTransient))
		p.e.arrive(r.b, r.place)
		p.slots.release(1)
	}
}

// observe tells pace of a read that has ended.
func (p *fetchPool) observe(now time.Time, latency time.Duration, refused bool) {
	p.mu.Lock()
	limit, changed := p.pace.observe(now, latency, time.Duration(p.e.clock.waited.Load()), refused)
	p.mu.Unlock()
	if changed {
		p.slots.setLimit(int64(limit))
		p.e.Stats.Fetchers.Store(int64(limit))
	}
}

// pace decides how many reads go on at once. It goes by windows of some reads: when workers had to wait for images, it raises the
// number so far that they would not have, and takes that back when it did not make more reads a second: then the store or the network is
// the limit, and more reads at once would only queue there. Where nobody waits it comes down, slowly, to twice what latency and throughput call for (Little's law).
// When the store says that it is too busy, it halves. It knows no clock but what it is told.
type pace struct {
	min, max, limit int
	workers         int

	// The window: since when, reads that ended and how long they took together, how long workers had waited when it began.
	began   time.Time
	ended   int
	latency time.Duration
	waited  time.Duration
	refused bool

	before   int     // the limit before the latest increase; 0: it has proved itself
	hope     float64 // reads a second that it was to bring at least
	patience int     // windows to go before the next increase
}

const (
	paceStart    = 16  // hides 30 ms of latency at 500 images a second
	paceWindow   = 1   // reads of a window, times the limit
	paceWaiting  = .01 // share of the workers' time spent waiting for images that calls for more reads
	paceSteps    = 4   // the limit may rise that many times at once
	paceGain     = .25 // share of the reads a second hoped for that an increase must bring, to be kept
	pacePatience = 16  // windows without an increase after one that was in vain
	paceMargin   = 1.2 // an increase, times what would have been enough
	paceReserve  = 2   // times the reads that Little's law asks for
)

func newPace(most, workers int) *pace {
	return &pace{min: min(workers, most), max: most, limit: min(paceStart, most), workers: workers}
}

// observe takes one read that ended now and took latency, when all workers together had waited that long for images since the start. It
// returns the number of reads to have at once.
func (p *pace) observe(now time.Time, latency, waited time.Duration, refused bool) (limit int, changed bool) {
	if p.began.IsZero() {
		p.began, p.waited = now, waited
		return p.limit, false
	}
	p.ended++
	p.latency += latency
	p.refused = p.refused || refused
	if p.ended < max(paceWindow*p.limit, 8) {
		return p.limit, false
	}
	seconds := max(now.Sub(p.began).Seconds(), 1e-9)
	rate := float64(p.ended) / seconds
	waiting := (waited - p.waited).Seconds() / seconds / float64(p.workers)
	busy := p.latency.Seconds() / seconds // reads at once, on average: rate times latency
	old := p.limit
	p.limit = min(max(p.next(rate, waiting, busy), p.min), p.max)
	p.began, p.waited, p.ended, p.latency, p.refused = now, waited, 0, 0, false
	return p.limit, p.limit != old
}

// next is the limit after a window.
func (p *pace) next(rate, waiting, busy float64) int {
	p.patience = max(p.patience-1, 0)
	inVain := p.before > 0 && rate < p.hope
	switch before := p.before; {
	case p.refused:
		p.before, p.patience = 0, pacePatience
		return p.limit / 2
	case waiting > paceWaiting && inVain:
		p.before, p.patience = 0, pacePatience
		return before
	case waiting > paceWaiting && p.patience == 0:
		// Reads were fewer by the share of time spent waiting, as far as latency was the reason.
		factor := min(1/max(1-waiting, 1e-9), paceSteps)
		p.before, p.hope = p.limit, rate*(1+paceGain*(factor-1))
		return int(float64(p.limit)*factor*paceMargin) + 1
	case waiting > paceWaiting:
		return p.limit
	}
	p.before = 0
	if need := int(paceReserve*busy) + 1; p.limit > need {
		return max(need, p.limit-max(p.limit/8, 1))
	}
	return p.limit
}
