package objecttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
)

// orders counts the orders of the calls of programs, which make calls[i] each, in which one that could go on is interrupted at most n times.
func orders(calls []int, current, n int) int {
	left, count := 0, 0
	for i, k := range calls {
		if k == 0 {
			continue
		}
		left += k
		interrupts := 0
		if current >= 0 && i != current && calls[current] > 0 {
			interrupts = 1
		}
		if interrupts > n {
			continue
		}
		calls[i]--
		count += orders(calls, i, n-interrupts)
		calls[i]++
	}
	if left == 0 {
		return 1
	}
	return count
}

func TestSwitches(t *testing.T) {
	defer object.Close()
	for _, calls := range [][]int{{1, 1}, {3, 4}, {2, 3, 2}, {5}} {
		for n := range 4 {
			schedules := map[string]bool{}
			world := func() World {
				var made string
				w := World{Store: object.OpenMem(fmt.Sprint(rand.Uint64())), Check: func(s Step) error { made += fmt.Sprint(s.Program); return nil }}
				w.End = func([]error) error {
					if schedules[made] {
						return errors.New("seen before: " + made)
					}
					schedules[made] = true
					return nil
				}
				for _, k := range calls {
					w.Programs = append(w.Programs, Program{Run: func(s object.Store) error {
						for range k {
							s.Stat(context.Background(), "x")
						}
						return nil
					}})
				}
				return w
			}
			x, err := Switches(world, n)
			if want := orders(calls, -1, n); err != nil || !x.Complete || x.Runs != want || len(schedules) != want {
				t.Errorf("%v, %d interruptions: %+v, %v; %d schedules, want %d", calls, n, x, err, len(schedules), want)
			}
		}
	}
}

// TestSwitchesFindTheRace: a program that looks before it writes is wrong when it is interrupted in between.
func TestSwitchesFindTheRace(t *testing.T) {
	defer object.Close()
	world := func() World { return believers(rand.Uint64()) }
	if _, err := Switches(world, 0); err != nil {
		t.Error(err)
	}
	if _, err := Switches(world, 1); err == nil {
		t.Error("not found")
	}
}
