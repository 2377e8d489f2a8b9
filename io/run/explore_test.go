package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
)

// scenario is a small world in which programs meet, to be explored.
type scenario struct {
	name string
	// setup makes the output that they find; nil: none.
	setup func(*object.Mem) error
	// programs are what they do, each with an output of its own. They may only fail when stopped, or as mayFail says.
	programs []func(*Output) error
	mayFail  func(program int, err error) bool
	// again: rows may be tagged again (--retag).
	again bool
	// after is the command that comes last, undisturbed, and leaves the output settled.
	after command
}

// small is a night over a few images, each a unit and a part of its own.
func small(w world) command {
	c := newCommand(w)
	c.req.UnitImages, c.req.PartRows = 1, 1
	return c
}

// nightOf is a command as a program.
func nightOf(c command) func(*Output) error {
	return func(o *Output) error {
		_, err := c.night(context.Background(), o)
		return err
	}
}

// had makes an output with nights behind it.
func had(worlds ...world) func(*object.Mem) error {
	return func(mem *object.Mem) error {
		for _, w := range worlds {
			if err := nightOf(small(w))(newOutput(mem)); err != nil {
				return err
			}
		}
		return nil
	}
}

// opened makes an output with an open run over w that was killed after a number of calls.
func opened(w world, lives int, earlier ...world) func(*object.Mem) error {
	return func(mem *object.Mem) error {
		if err := had(earlier...)(mem); err != nil {
			return err
		}
		return objecttest.InTurn(objecttest.World{Store: mem, Programs: []objecttest.Program{
			{Run: func(s object.Store) error { return nightOf(small(w))(newOutput(s)) }, Lives: lives},
		}})
	}
}

// worker does the work of the open run, as bundles that a runner starts a second time.
func worker(c command) func(*Output) error {
	return func(o *Output) error {
		plan, err := o.Plan(context.Background(), 1)
		if err != nil {
			return err
		}
		return c.finish(context.Background(), o, plan)
	}
}

func scenarios() []scenario {
	one, two := numbered(1, "A"), numbered(2, "A")
	failing := small(two)
	failing.maxErrorRatio = 0
	failing.fail = func(i source.Item) string {
		if strings.HasSuffix(i.URI, "000.jpg") {
			return "~unavailable"
		}
		return ""
	}
	unlucky := small(two)
	unlucky.fail = failing.fail
	retag := small(one)
	retag.req.Retag = true
	other := small(one)
	other.req.ModelDigest = "other"
	compacting := func(c command) func(*Output) error {
		return func(o *Output) error {
			o.ledgerRuns = 2
			return nightOf(c)(o)
		}
	}
	return []scenario{
		{name: "the same first night twice", programs: []func(*Output) error{nightOf(small(one)), nightOf(small(one))}, after: small(one)},
		{name: "two units and two parts", programs: []func(*Output) error{nightOf(small(two)), nightOf(small(two))}, after: small(two)},
		{
			name: "a second night twice", setup: had(one), after: small(two.with(numbered(1, "B"))),
			programs: []func(*Output) error{nightOf(small(two.with(numbered(1, "B")))), nightOf(small(two.with(numbered(1, "B"))))},
		},
		{
			name: "an image changes between two listings", after: small(numbered(1, "B")),
			programs: []func(*Output) error{nightOf(small(one)), nightOf(small(numbered(1, "B")))},
			again:    true, // whoever lists late, and saw A, tags A again after B
		},
		{
			name: "an open run is gone on with twice", setup: opened(two, 16), after: small(two),
			programs: []func(*Output) error{nightOf(small(two)), nightOf(small(two))},
		},
		{
			name: "a run is given up while it is worked on", setup: opened(two, 16), after: small(two),
			programs: []func(*Output) error{nightOf(small(two)), func(o *Output) error {
				if err := abandonOpen(o); err != nil {
					return err
				}
				return nightOf(small(two))(o)
			}},
		},
		{
			name: "another model gives up", after: small(one),
			programs: []func(*Output) error{nightOf(small(one)), func(o *Output) error {
				if err := abandonOpen(o); err != nil {
					return err
				}
				return nightOf(other)(o)
			}},
		},
		{
			name: "bundles run twice, before and after publication, and the next night cleans up", setup: opened(one, 14), after: small(two),
			programs: []func(*Output) error{worker(small(one)), worker(small(one)), nightOf(small(two))},
		},
		{
			name: "too many errors", programs: []func(*Output) error{nightOf(failing), nightOf(failing)}, after: small(two),
		},
		{
			name: "one of them cannot read an image", setup: opened(two, 7), after: small(two),
			programs: []func(*Output) error{nightOf(unlucky), nightOf(small(two))},
		},
		{name: "everything again, twice", setup: had(one), programs: []func(*Output) error{nightOf(retag), nightOf(retag)}, again: true, after: small(one)},
		{
			name: "ledger files are made, used and deleted", setup: had(one, numbered(1, "B")), after: small(numbered(1, "D")),
			programs: []func(*Output) error{compacting(small(numbered(1, "C"))), compacting(small(numbered(1, "D")))}, again: true,
		},
	}
}

// world makes the scenario's world in mem, which is emptied. program is stopped after lives calls (0: it lives).
func (s scenario) world(t testing.TB, mem *object.Mem, program, lives int) objecttest.World {
	ctx := context.Background()
	for _, key := range keys(t, mem, "") {
		if err := mem.Delete(ctx, key); err != nil {
			t.Fatal(err)
		}
	}
	if s.setup != nil {
		if err := s.setup(mem); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	v := newInvariants(mem)
	if s.again {
		v.again = func(table.Row) bool { return true }
	}
	if err := v.adopt(); err != nil {
		t.Fatalf("%s: as set up: %v", s.name, err)
	}
	w := objecttest.World{Store: mem, Check: v.check}
	for i, run := range s.programs {
		p := objecttest.Program{Run: func(store object.Store) error {
			o := newOutput(store)
			attempts := 0
			// Never those of another program, and the same each time: they are in names, and names decide the order of listings.
			o.newAttempt = func() string { attempts++; return fmt.Sprintf("%06x%06x", i+1, attempts) }
			return run(o)
		}}
		if i == program {
			p.Lives = lives
		}
		w.Programs = append(w.Programs, p)
	}
	w.End = func(errs []error) error {
		for i, err := range errs {
			if err != nil && !errors.Is(err, objecttest.ErrStopped) && (s.mayFail == nil || !s.mayFail(i, err)) {
				return fmt.Errorf("program %d: %w", i, err)
			}
		}
		// What comes after finishes what is open, and then finds nothing to do.
		last := objecttest.World{Store: mem, Check: v.check, Programs: []objecttest.Program{{Run: func(store object.Store) error {
			for night := 0; ; night++ {
				plan, err := s.after.night(ctx, newOutput(store))
				if err != nil || plan == nil {
					return err
				}
				if night > 3 {
					return fmt.Errorf("run %d, and still there is something to do", plan.RunID)
				}
			}
		}}}, End: func(errs []error) error { return errs[0] }}
		if err := objecttest.InTurn(last); err != nil {
			return fmt.Errorf("afterwards: %w", err)
		}
		return v.settled(s.after.world, s.after.req.ModelDigest)
	}
	return w
}

// TestEveryInterleaving runs rivals over small worlds in every order of their requests that can make a difference, with the invariants checked after
// each one.
func TestEveryInterleaving(t *testing.T) {
	limit := 50
	if objecttest.Chaos() {
		limit = 600
	}
	warmUp(t)
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			mem := newMem(t)
			seen, err := objecttest.Explore(func() objecttest.World { return s.world(t, mem, 0, 0) }, max(5, limit/killStride))
			t.Logf("%+v", seen)
			if err != nil {
				t.Fatal(err)
			}
			objecttest.Report("interleavings by partial-order reduction", seen.Runs)
		})
	}
}

// TestInterruptions runs the rivals in every order in which one of them is interrupted once, at every request; for the smallest world, twice, in make chaos.
func TestInterruptions(t *testing.T) {
	if killStride > 1 {
		t.Skip("too slow with the race detector, and it says nothing about goroutines")
	}
	warmUp(t)
	for i, s := range scenarios() {
		n := 1
		if objecttest.Chaos() && i == 0 {
			n = 2
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			mem := newMem(t)
			seen, err := objecttest.Switches(func() objecttest.World { return s.world(t, mem, 0, 0) }, n)
			t.Logf("%d interruptions: %+v", n, seen)
			if err != nil {
				t.Fatal(err)
			}
			objecttest.Report(fmt.Sprintf("interleavings with at most %d interruptions (all there are)", n), seen.Runs)
		})
	}
}

// TestRandomInterleavings runs the rivals in orders chosen at random, far from those that TestEveryInterleaving has come to, and kills one of them now
// and then.
func TestRandomInterleavings(t *testing.T) {
	warmUp(t)
	mem := newMem(t)
	all := scenarios()
	n, kills, steps := 0, 0, 0
	for seed := range objecttest.Seeds(200/killStride, 2_000) {
		random := rand.New(rand.NewPCG(seed, 3))
		s := all[seed%uint64(len(all))]
		program, lives := random.IntN(len(s.programs)), 0
		if random.IntN(2) == 0 {
			lives = 1 + random.IntN(60)
			kills++
		}
		made, err := objecttest.Wander(s.world(t, mem, program, lives), random, []float64{0.05, 0.2, 0.5}[random.IntN(3)])
		if err != nil {
			t.Fatalf("seed %d: %s, program %d killed after %d requests (0: never): %v", seed, s.name, program, lives, err)
		}
		steps += made
		n++
	}
	t.Logf("%d orders, %d requests, %d programs killed", n, steps, kills)
	objecttest.Report("interleavings at random", n)
	objecttest.Report("programs killed in them", kills)
}

// warmUp makes a night, so that what is made once in a process is there.
func warmUp(t *testing.T) { mustNight(t, newOutput(newMem(t)), small(numbered(1, "A"))) }
