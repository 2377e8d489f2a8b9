package engine

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestClockSharesOutTheTimeOfAllSlots(t *testing.T) {
	began := time.Unix(1000, 0)
	at := func(s float64) time.Time { return began.Add(time.Duration(s * float64(time.Second))) }
	c := newClock(2, began)
	c.begin(List, at(1))                                                                    // idle 2
	c.begin(Load, at(2))                                                                    // list 2
	c.end(List, at(3))                                                                      // list 2
	c.end(Load, at(4))                                                                      // load 2
	a := c.start(at(4))                                                                     //
	b := c.start(at(5))                                                                     // idle 1
	c.begin(Write, at(6))                                                                   //
	c.stop(a, at(7), &[activities]time.Duration{Decode: 2 * time.Second, FetchWait: 0.5e9}) // 3 s: 0.5 of infer
	c.end(Write, at(9))                                                                     // write 2
	c.stop(b, at(10), &[activities]time.Duration{Resize: 1 * time.Second, Infer: 4 * time.Second})
	got := c.timings(at(11)) // idle 1, idle 2

	want := Timings{Wall: 11 * time.Second, Slots: 2}
	for a, s := range map[Activity]float64{FetchWait: 0.5, Decode: 2, Resize: 1, Infer: 4.5, Load: 4, List: 2, Write: 2, Idle: 2 + 1 + 1 + 2} {
		want.Spent[a] = time.Duration(s * float64(time.Second))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if later := c.timings(at(12)).Sub(got); later.Wall != time.Second || later.OfWall(Idle) != time.Second {
		t.Errorf("then %v", later)
	}
}

// Whatever happens in whatever order, at any moment all activities add up to the wall time of all slots.
func TestClockAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 8).Draw(t, "slots")
		now := time.Unix(1000, 0)
		c := newClock(slots, now)
		var busy []time.Duration
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "passes")))
				timings := c.timings(now)
				sum := time.Duration(0)
				for _, d := range timings.Spent {
					if d < 0 {
						t.Fatalf("%v", timings)
					}
					sum += d
				}
				if want := timings.Wall * time.Duration(slots); sum != want {
					t.Fatalf("%v of %v", sum, want)
				}
			},
			"start": func(t *rapid.T) {
				if len(busy) == slots {
					t.Skip()
				}
				busy = append(busy, c.start(now))
			},
			"stop": func(t *rapid.T) {
				if len(busy) == 0 {
					t.Skip()
				}
				took := now.Sub(c.began) - busy[0]
				c.stop(busy[0], now, &[activities]time.Duration{Decode: took / 3, Infer: took / 2})
				busy = busy[1:]
			},
			"begin": func(t *rapid.T) { c.begin(rapid.SampledFrom([]Activity{Load, List, Write}).Draw(t, "what"), now) },
			"end": func(t *rapid.T) {
				a := rapid.SampledFrom([]Activity{Load, List, Write}).Draw(t, "what")
				if c.around[a] == 0 {
					t.Skip()
				}
				c.end(a, now)
			},
		})
	})
}
