package objecttest

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
)

// Exploration is what Explore has seen.
type Exploration struct {
	// Runs is the number of executions, each of which stands for all interleavings that differ only in the order of calls that do not
	// conflict. Cut is the number that were broken off because they would have been no others.
	Runs, Cut int
	// Steps is the number of calls made.
	Steps int
	// Complete says that there are no other interleavings.
	Complete bool
}

// Explore runs the programs of a world in every order of their calls that could make a difference, or in limit of them: two calls
// conflict when one makes or removes an object that the other looks at. (This is source-DPOR, dynamic
// partial-order reduction with sleep sets: Abdulla, Aronsson, Jonsson and Sagonas, POPL 2014. At each call it looks for earlier ones that could as well
// have come after it, and later goes back to there.) world must make an equal world each time. An error tells the schedule, for Replay.
func Explore(world func() World, limit int) (Exploration, error) {
	x := &explorer{world: world}
	for {
		if x.seen.Runs+x.seen.Cut >= limit {
			return x.seen, nil
		}
		if err := x.execute(); err != nil {
			return x.seen, err
		}
		if !x.back() {
			x.seen.Complete = true
			return x.seen, nil
		}
	}
}

// explorer is a depth-first search: path is the execution it is in, and at each point of it what is still to be tried there.
type explorer struct {
	world func() World
	path  []*point
	seen  Exploration
}

// point is a moment at which a program had to be chosen. Sets of programs are bits.
type point struct {
	chosen int
	try    uint32 // those that have to be chosen here, once
	done   uint32 // those that have been
	asleep uint32 // those whose next call would only give an interleaving that has been seen
}

// event is a step of the execution with its vector clock: how many steps of each program it must come after.
type event struct {
	Step
	nth   int
	clock []int
}

// execute follows path, and then goes on until all programs have ended.
func (x *explorer) execute() error {
	p := play(x.world())
	t := &trace{clocks: make([][]int, len(p.players)), counts: make([]int, len(p.players))}
	var asleep uint32
	for depth := 0; ; depth++ {
		waiting := p.waiting()
		if waiting == 0 {
			break
		}
		if depth == len(x.path) {
			awake := waiting &^ asleep
			if awake == 0 {
				x.seen.Cut++
				p.stop()
				return nil
			}
			chosen := bits.TrailingZeros32(awake)
			if n := len(t.events); n > 0 && awake&(1<<t.events[n-1].Program) != 0 {
				chosen = t.events[n-1].Program
			}
			x.path = append(x.path, &point{chosen: chosen, try: 1 << chosen, asleep: asleep})
		}
		at := x.path[depth]
		next := at.asleep | at.done
		sleepers := make([]Step, len(p.players))
		for i := range p.players {
			if next&waiting&(1<<i) != 0 {
				sleepers[i] = p.pending(i)
			}
		}
		s, err := p.step(at.chosen)
		x.seen.Steps++
		t.add(x, s)
		if err != nil {
			p.stop()
			return t.explain(err)
		}
		asleep = 0
		for i := range p.players {
			if i != at.chosen && next&waiting&(1<<i) != 0 && !sleepers[i].conflicts(s) {
				asleep |= 1 << i
			}
		}
	}
	x.seen.Runs++
	errs := p.stop()
	if p.world.End != nil {
		return t.explain(p.world.End(errs))
	}
	return nil
}

// back goes to the last point at which something is left to try.
func (x *explorer) back() bool {
	for len(x.path) > 0 {
		at := x.path[len(x.path)-1]
		at.done |= 1 << at.chosen
		if left := at.try &^ at.done &^ at.asleep; left != 0 {
			at.chosen = bits.TrailingZeros32(left)
			return true
		}
		x.path = x.path[:len(x.path)-1]
	}
	return false
}

// trace is the execution so far.
type trace struct {
	events []event
	clocks [][]int // of the last step of each program
	counts []int
}

// add appends a step and, for each step that races with it, makes sure that the other order is tried. Two steps race when they conflict and
// nothing stands between them that must come after the one and before the other.
func (t *trace) add(x *explorer, s Step) {
	clock := make([]int, len(t.clocks))
	copy(clock, t.clocks[s.Program])
	var races []int
	for i := len(t.events) - 1; i >= 0; i-- {
		e := &t.events[i]
		if e.Program == s.Program || !e.conflicts(s) {
			continue
		}
		if clock[e.Program] < e.nth {
			races = append(races, i)
		}
		for k := range clock {
			clock[k] = max(clock[k], e.clock[k])
		}
	}
	t.counts[s.Program]++
	clock[s.Program] = t.counts[s.Program]
	t.clocks[s.Program] = clock
	t.events = append(t.events, event{s, t.counts[s.Program], clock})
	for _, i := range races {
		t.reverse(x.path[i], i)
	}
}

// reverse sees to it that an execution is tried in which the last step comes before step i: all steps that need not come after i, then the last one.
// It may begin with any program whose first step among these needs none of the others. One of those is enough.
func (t *trace) reverse(at *point, i int) {
	first := &t.events[i]
	last := len(t.events) - 1
	var begin uint32
	var without []*event
	for k := i + 1; k <= last; k++ {
		e := &t.events[k]
		if k < last && e.clock[first.Program] >= first.nth {
			continue
		}
		free := true
		for _, m := range without {
			if m.Program == e.Program || e.clock[m.Program] >= m.nth {
				free = false
				break
			}
		}
		if free {
			begin |= 1 << e.Program
		}
		without = append(without, e)
	}
	if at.try&begin != 0 {
		return
	}
	if last := t.events[last].Program; begin&(1<<last) != 0 {
		at.try |= 1 << last
		return
	}
	at.try |= 1 << bits.TrailingZeros32(begin)
}

// schedule is the programs in the order of their calls, "0*12,1*3".
func (t *trace) schedule() string {
	var all []string
	for i := 0; i < len(t.events); {
		n := i
		for n < len(t.events) && t.events[n].Program == t.events[i].Program {
			n++
		}
		all = append(all, fmt.Sprintf("%d*%d", t.events[i].Program, n-i))
		i = n
	}
	return strings.Join(all, ",")
}

func (t *trace) String() string {
	var all strings.Builder
	for _, e := range t.events {
		fmt.Fprintln(&all, e.Step)
	}
	return all.String()
}

// Wander runs the programs of a world once, in an order that is chosen at random: after each call another program goes on with the given
// probability.
func Wander(w World, random *rand.Rand, switching float64) (steps int, err error) {
	return once(w, func(current int, waiting uint32) int {
		if waiting&(1<<current) == 0 || random.Float64() < switching {
			for current = random.IntN(len(w.Programs)); waiting&(1<<current) == 0; {
				current = random.IntN(len(w.Programs))
			}
		}
		return current
	})
}

// InTurn runs the programs of a world one after the other.
func InTurn(w World) error {
	_, err := once(w, func(_ int, waiting uint32) int { return bits.TrailingZeros32(waiting) })
	return err
}

func once(w World, choose func(current int, waiting uint32) int) (steps int, err error) {
	p := play(w)
	t := &trace{}
	current := 0
	for waiting := p.waiting(); waiting != 0; waiting = p.waiting() {
		current = choose(current, waiting)
		s, err := p.step(current)
		t.events = append(t.events, event{Step: s})
		if err != nil {
			p.stop()
			return len(t.events), t.explain(err)
		}
	}
	errs := p.stop()
	if w.End != nil {
		err = t.explain(w.End(errs))
	}
	return len(t.events), err
}

// explain adds what happened to an error.
func (t *trace) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\nschedule %s\n%s", err, t.schedule(), t)
}

// Replay runs the programs of a world in the order of a schedule, "0*12,1*3", as an error of Explore or Wander tells it.
func Replay(w World, schedule string) error {
	p := play(w)
	for part := range strings.SplitSeq(schedule, ",") {
		var program, calls int
		if _, err := fmt.Sscanf(part, "%d*%d", &program, &calls); err != nil || program < 0 || program >= len(p.players) {
			p.stop()
			return fmt.Errorf("schedule %q: %q is not PROGRAM*CALLS", schedule, part)
		}
		for range calls {
			if p.waiting()&(1<<program) == 0 {
				p.stop()
				return fmt.Errorf("schedule %q: program %d has ended before", schedule, program)
			}
			if _, err := p.step(program); err != nil {
				p.stop()
				return err
			}
		}
	}
	errs := p.stop()
	if w.End != nil {
		return w.End(errs)
	}
	return nil
}
