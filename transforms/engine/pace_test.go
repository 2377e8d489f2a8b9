package engine

import (
	"container/heap"
	"fmt"
	"testing"
	"time"
)

// simulation is a store whose reads take latency and of which it serves at most perSecond; it refuses those beyond busy at once, when that is set.
// Workers take the images in order, each for perImage.
type simulation struct {
	latency   time.Duration
	perSecond float64
	busy      int
	workers   int
	perImage  time.Duration
	ahead     int // images in flight or ready at most: the bytes budget
	reads     int

	highest, last int // reads at once
}

type arrival struct {
	at, began time.Duration
	image     int
	refused   bool
}

type arrivals []arrival

func (a arrivals) Len() int           { return len(a) }
func (a arrivals) Less(i, j int) bool { return a[i].at < a[j].at }
func (a arrivals) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)        { *a = append(*a, x.(arrival)) }
func (a *arrivals) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// run simulates it, in virtual time, and returns how long it took.
func (s *simulation) run() time.Duration {
	p := newPace(max(256, 64*s.workers), s.workers)
	var (
		now, waited, nextServed time.Duration
		flying                  arrivals
		arrived                 = make([]bool, s.reads)
		started, taken          int
		free                    = make([]time.Duration, s.workers) // when each worker is free
	)
	epoch := time.Unix(0, 0)
	s.highest, s.last = p.limit, p.limit
	for taken < s.reads {
		for started < s.reads && len(flying) < p.limit && started-taken < s.ahead {
			ends := now + s.latency
			refused := s.busy > 0 && len(flying) >= s.busy
			if s.perSecond > 0 && !refused {
				nextServed = max(nextServed, now) + time.Duration(float64(time.Second)/s.perSecond)
				ends = max(ends, nextServed)
			}
			heap.Push(&flying, arrival{ends, now, started, refused})
			started++
		}
		if len(flying) > 0 {
			a := heap.Pop(&flying).(arrival)
			now = max(now, a.at)
			arrived[a.image] = true
			p.observe(epoch.Add(now), a.at-a.began, waited, a.refused)
			s.highest, s.last = max(s.highest, p.limit), p.limit
		}
		// Workers take what has arrived; a worker that was free before has waited.
		for taken < s.reads && arrived[taken] {
			w := 0
			for i := range free {
				if free[i] < free[w] {
					w = i
				}
			}
			if free[w] > now && len(flying) > 0 && flying[0].at < free[w] {
				break // something arrives before
			}
			start := max(free[w], now)
			now = start
			waited += start - free[w]
			free[w] = start + s.perImage
			taken++
		}
	}
	for _, f := range free {
		now = max(now, f)
	}
	return now
}

// However long a read takes, the workers do not wait for images; and there are not many more reads at once than that needs.
func TestPaceHidesLatency(t *testing.T) {
	for _, workers := range []int{2, 16} {
		for _, latency := range []time.Duration{50 * time.Microsecond, 5 * time.Millisecond, 30 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
			t.Run(fmt.Sprint(workers, latency), func(t *testing.T) {
				s := &simulation{latency: latency, workers: workers, perImage: 8 * time.Millisecond, ahead: 150 * workers, reads: 30_000 * workers}
				took := s.run()
				ideal := time.Duration(s.reads) * s.perImage / time.Duration(workers)
				if ratio := float64(ideal) / float64(took); ratio < .97 {
					t.Errorf("%.3f of the throughput without latency (%d reads at once)", ratio, s.last)
				}
				need := int(float64(workers) / s.perImage.Seconds() * latency.Seconds())
				if s.last > 4*need+2*workers {
					t.Errorf("%d reads at once, where %d would do", s.last, need)
				}
			})
		}
	}
}

// Where the store is the limit, more reads at once only queue: their number stays near what keeps it busy.
func TestPaceDoesNotFloodASlowStore(t *testing.T) {
	s := &simulation{latency: 20 * time.Millisecond, perSecond: 100, workers: 8, perImage: 8 * time.Millisecond, ahead: 1000, reads: 5_000}
	took := s.run()
	if ideal := time.Duration(float64(s.reads) / s.perSecond * float64(time.Second)); float64(ideal)/float64(took) < .97 {
		t.Errorf("%v, where the store needs %v", took, ideal)
	}
	if s.highest > 80 || s.last > 20 {
		t.Errorf("up to %d reads at once, in the end %d, where 2 keep the store busy", s.highest, s.last)
	}
}

func TestPaceYieldsToAStoreThatRefuses(t *testing.T) {
	s := &simulation{latency: 100 * time.Millisecond, busy: 24, workers: 8, perImage: 8 * time.Millisecond, ahead: 1000, reads: 5_000}
	s.run()
	if s.last > 48 {
		t.Errorf("%d reads at once, although those above %d are refused", s.last, s.busy)
	}
}

func TestPaceKeepsItsBounds(t *testing.T) {
	for _, most := range []int{1, 3, 256} {
		p := newPace(most, 4)
		now, waited := time.Unix(0, 0), time.Duration(0)
		for i := range 100_000 {
			now = now.Add(time.Millisecond)
			waited += 4 * time.Millisecond // everybody waits, always
			limit, _ := p.observe(now, time.Second, waited, i%1000 == 0)
			if limit < min(most, 4) || limit > most {
				t.Fatalf("%d reads at once, of %d to %d", limit, min(most, 4), most)
			}
		}
	}
}
