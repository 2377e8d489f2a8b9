package engine

import (
	"sync"
	"sync/atomic"
	"time"
)

// Activity is something that time is spent on.
type Activity int

// The activities. Those of a worker come first; those of the program around it are what its workers had nothing to do for.
const (
	FetchWait Activity = iota // waiting for the bytes of an image
	Decode
	Resize // and crop and normalise
	Infer  // and choosing the best classes
	Load   // starting ONNX Runtime, loading the model and measuring the batch size
	List   // listing the inputs and planning
	Write  // writing rows: unit files, parts, the publication
	Idle
	activities
)

func (a Activity) String() string {
	return [...]string{"fetch wait", "decode", "resize", "infer", "load", "list", "write", "idle"}[a]
}

// Timings says where time went, as CPU slots see it: each of the engine's workers is at any moment either at one of the activities of a
// batch, or idle; idle time counts for what the program around it was doing (list, load, write), if anything. All of it adds up to
// Wall times Slots.
type Timings struct {
	Wall  time.Duration
	Slots int
	// Spent is the time of all slots together, by Activity.
	Spent [activities]time.Duration
}

// OfWall is the part of the wall time that went to an activity. Over all activities it adds up to Wall.
func (t Timings) OfWall(a Activity) time.Duration { return t.Spent[a] / time.Duration(t.Slots) }

// Sub is what was spent between earlier and t.
func (t Timings) Sub(earlier Timings) Timings {
	t.Wall -= earlier.Wall
	for a := range t.Spent {
		t.Spent[a] -= earlier.Spent[a]
	}
	return t
}

// Timings are those since the engine was started. Of batches that are still being worked on, all counts as inference.
func (e *Engine) Timings() Timings { return e.clock.timings(time.Now()) }

// Begin says that the program, outside of the engine, is at Load, List or Write, until end is called. It may be at several things
// at once: Write then goes before Load, and that before List.
func (e *Engine) Begin(a Activity) (end func()) {
	e.clock.begin(a, time.Now())
	return sync.OnceFunc(func() { e.clock.end(a, time.Now()) })
}

// Begin is Engine.Begin on the process's engine, if there is one.
func Begin(a Activity) (end func()) {
	shared.Lock()
	e := shared.engine
	shared.Unlock()
	if e == nil {
		return func() {}
	}
	return e.Begin(a)
}

// clock shares out the time of all slots. It is told the time.
type clock struct {
	// waited is the workers' FetchWait so far, in nanoseconds, as it goes on.
	waited atomic.Int64

	mu     sync.Mutex
	began  time.Time
	slots  int
	busy   int           // slots at work
	starts time.Duration // when they began, since began, added up
	last   time.Duration
	around [activities]int // what the program is at, and how many times over
	spent  [activities]time.Duration
}

func newClock(slots int, now time.Time) *clock { return &clock{began: now, slots: slots} }

// advance shares out the time of the idle slots up to now.
func (c *clock) advance(now time.Time) time.Duration {
	t := now.Sub(c.began)
	a := Idle
	for _, what := range [...]Activity{Write, Load, List} {
		if c.around[what] > 0 {
			a = what
			break
		}
	}
	if t > c.last { // callers take the time before they take the lock
		c.spent[a] += (t - c.last) * time.Duration(c.slots-c.busy)
		c.last = t
	}
	return c.last
}

// start says that a slot begins to work. What it returns is to be given to stop.
func (c *clock) start(now time.Time) (at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at = c.advance(now)
	c.busy++
	c.starts += at
	return at
}

// stop says that a slot, which started at at, has spent its time until now so.
func (c *clock) stop(at time.Duration, now time.Time, spent *[activities]time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.advance(now)
	c.busy--
	c.starts -= at
	rest := t - at
	for a, d := range spent {
		c.spent[a] += d
		rest -= d
	}
	c.spent[Infer] += rest // what start and stop took, and waiting for the lock
}

func (c *clock) begin(a Activity, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	c.around[a]++
}

func (c *clock) end(a Activity, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	c.around[a]--
}

func (c *clock) timings(now time.Time) Timings {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := Timings{Wall: c.advance(now), Slots: c.slots, Spent: c.spent}
	t.Spent[Infer] += t.Wall*time.Duration(c.busy) - c.starts
	return t
}

// laps takes the time of one worker.
type laps struct {
	mark  time.Time
	spent [activities]time.Duration
}

// lap counts the time since the last lap for an activity, and returns it.
func (l *laps) lap(a Activity) time.Duration {
	now := time.Now()
	d := now.Sub(l.mark)
	l.mark = now
	l.spent[a] += d
	return d
}
