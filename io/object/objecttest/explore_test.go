package objecttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/object"
)

// script makes random calls on few objects. What it saw decides what it does next, so that an order that was missed shows.
func script(seed uint64, program, calls int, saw *string) func(object.Store) error {
	return func(s object.Store) error {
		ctx := context.Background()
		var log strings.Builder
		defer func() { *saw = log.String() }()
		mood := 0
		for n := range calls {
			random := rand.New(rand.NewPCG(seed, uint64(program*1000+n*10+mood)))
			key := fmt.Sprintf("k/%d", random.IntN(3))
			var err error
			switch random.IntN(6) {
			case 0, 1:
				err = s.PutIfAbsent(ctx, key, func(w io.Writer) error { _, err := fmt.Fprint(w, program); return err })
			case 2:
				err = s.Delete(ctx, key)
			case 3:
				found := 0
				err = s.List(ctx, object.ListOptions{Prefix: "k/", StartAfter: key}, func(object.Info) error { found++; return nil })
				mood = found
				fmt.Fprint(&log, found, " ")
			default:
				var data []byte
				data, _, err = s.Read(ctx, key, 10)
				fmt.Fprintf(&log, "%s ", data)
			}
			if errors.Is(err, ErrStopped) {
				return err
			}
			mood %= 2
			if err != nil {
				mood = 2
			}
			fmt.Fprint(&log, err != nil, ";")
		}
		return nil
	}
}

// outcomes collects what can come of the scripts of a seed.
type outcomes struct {
	seed     uint64
	calls    []int
	lives    int // of the last program
	seen     map[string]int
	branches []int // of the brute-force search
}

func (o *outcomes) world() World {
	mem := object.OpenMem(fmt.Sprintf("explore-%d", rand.Uint64()))
	saw := make([]string, len(o.calls))
	w := World{Store: mem}
	for i, calls := range o.calls {
		w.Programs = append(w.Programs, Program{Run: script(o.seed, i, calls, &saw[i])})
	}
	w.Programs[len(o.calls)-1].Lives = o.lives
	w.End = func(errs []error) error {
		var all []string
		err := mem.List(context.Background(), object.ListOptions{}, func(i object.Info) error {
			data, _, err := mem.Read(context.Background(), i.Key, 10)
			all = append(all, fmt.Sprintf("%s=%s", i.Key, data))
			return err
		})
		o.seen[fmt.Sprint(all, saw)]++
		return err
	}
	return w
}

// all tries every interleaving there is and returns how many there are.
func (o *outcomes) all(t *testing.T) (n int) {
	for {
		p := play(o.world())
		depth := 0
		var options []int
		for waiting := p.waiting(); waiting != 0; waiting = p.waiting() {
			var programs []int
			for i := range p.players {
				if waiting&(1<<i) != 0 {
					programs = append(programs, i)
				}
			}
			if depth == len(o.branches) {
				o.branches = append(o.branches, 0)
			}
			options = append(options, len(programs))
			if _, err := p.step(programs[o.branches[depth]]); err != nil {
				t.Fatal(err)
			}
			depth++
		}
		if err := p.world.End(p.stop()); err != nil {
			t.Fatal(err)
		}
		n++
		o.branches = o.branches[:depth]
		for depth--; depth >= 0 && o.branches[depth]+1 == options[depth]; depth-- {
			o.branches = o.branches[:depth]
		}
		if depth < 0 {
			return n
		}
		o.branches[depth]++
	}
}

// TestExploreMissesNothing: what Explore sees is exactly what can happen, and it takes far fewer executions than there are interleavings.
func TestExploreMissesNothing(t *testing.T) {
	defer object.Close()
	runs, interleavings := 0, 0
	for seed := range uint64(60) {
		calls := [][]int{{6, 6}, {3, 3, 3}, {5, 4}, {4, 2, 2}}[seed%4]
		lives := int(seed/4%3) * 2
		all := &outcomes{seed: seed, calls: calls, lives: lives, seen: map[string]int{}}
		explored := &outcomes{seed: seed, calls: calls, lives: lives, seen: map[string]int{}}
		interleavings += all.all(t)
		x, err := Explore(explored.world, 1_000_000)
		if err != nil || !x.Complete {
			t.Fatalf("seed %d: %+v, %v", seed, x, err)
		}
		runs += x.Runs + x.Cut
		if diff := cmp.Diff(slices.Sorted(maps.Keys(all.seen)), slices.Sorted(maps.Keys(explored.seen))); diff != "" {
			t.Errorf("seed %d: outcomes (-all interleavings +explored):\n%s", seed, diff)
		}
	}
	t.Logf("%d executions for %d interleavings", runs, interleavings)
	if runs*5 > interleavings {
		t.Errorf("%d executions for %d interleavings: it saves little", runs, interleavings)
	}
}

// believers are two programs that look whether there is a winner before they write that they are it, and believe for ever what they saw.
func believers(name uint64) World {
	ctx := context.Background()
	believer := func(s object.Store) error {
		if _, err := s.Stat(ctx, "winner"); err == nil {
			return nil
		}
		for range 20 {
			s.Stat(ctx, "elsewhere")
		}
		s.PutIfAbsent(ctx, "winner", func(w io.Writer) error { return nil })
		return errors.New("I have won")
	}
	return World{Store: object.OpenMem(fmt.Sprint(name)), Programs: []Program{{Run: believer}, {Run: believer}}, End: func(errs []error) error {
		if errs[0] != nil && errs[1] != nil {
			return errors.New("two winners")
		}
		return nil
	}}
}

// TestExploreFindsTheRace: a program that looks before it writes, and believes for ever what it saw; the error's schedule shows it again.
func TestExploreFindsTheRace(t *testing.T) {
	defer object.Close()
	world := func() World { return believers(rand.Uint64()) }
	x, err := Explore(world, 100)
	if err == nil || !strings.Contains(err.Error(), "two winners") {
		t.Fatalf("%+v, %v", x, err)
	}
	_, schedule, _ := strings.Cut(err.Error(), "schedule ")
	schedule, _, _ = strings.Cut(schedule, "\n")
	if err := Replay(world(), schedule); err == nil || err.Error() != "two winners" {
		t.Errorf("replayed: %v", err)
	}
	for _, bad := range []string{"", "2*1", "0*100", "x"} {
		if err := Replay(world(), bad); err == nil || !strings.Contains(err.Error(), "schedule") {
			t.Errorf("replayed %q: %v", bad, err)
		}
	}
	found := 0
	for seed := range uint64(50) {
		if _, err := Wander(world(), rand.New(rand.NewPCG(seed, 0)), 0.3); err != nil {
			found++
		}
	}
	if found == 0 {
		t.Error("Wander has not found it")
	}
}
