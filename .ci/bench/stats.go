package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// Rounds are figures by round.
type rounds map[int]float64

// Spread is what the rounds gave.
type Spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
	Rounds int     `json:"rounds"`
}

func (r rounds) spread() Spread {
	values := slices.Sorted(maps.Values(r))
	n := len(values)
	if n == 0 {
		return Spread{}
	}
	return Spread{Min: values[0], Median: (values[(n-1)/2] + values[n/2]) / 2, Max: values[n-1], Rounds: n}
}

// per divides round by round: that is what pairs the runs.
func (r rounds) per(other rounds) rounds {
	return r.with(other, func(a, b float64) float64 { return a / b })
}

func (r rounds) with(other rounds, f func(a, b float64) float64) rounds {
	out := rounds{}
	for round, a := range r {
		if b, ok := other[round]; ok {
			if v := f(a, b); !math.IsNaN(v) && !math.IsInf(v, 0) {
				out[round] = v
			}
		}
	}
	return out
}

// figures are what the samples of one contestant say, by round.
type figures struct {
	rate  rounds // images/s, between the two last sizes; of the loop for the halves of the work
	cpu   rounds // CPU ms an image, likewise
	rss   rounds // bytes, at the last size
	pss   rounds
	small rounds // bytes, at the size before
	start rounds // seconds of the whole command, at the first size
}

func (e *experiment) figures(samples []Sample, contestant string) figures {
	f := figures{rounds{}, rounds{}, rounds{}, rounds{}, rounds{}, rounds{}}
	last := len(e.Sizes) - 1
	for round, large := range e.of(samples, contestant, e.Sizes[last]) {
		f.rss[round], f.pss[round] = float64(large.PeakRSS), float64(large.PeakPSS)
		if large.Loop != nil {
			f.rate[round] = float64(large.Loop.Images) / large.Loop.Seconds
			f.cpu[round] = 1e3 * large.Loop.CPUSeconds / float64(large.Loop.Images)
			continue
		}
		if last == 0 {
			continue
		}
		if small, ok := e.of(samples, contestant, e.Sizes[last-1])[round]; ok {
			more := float64(large.Images - small.Images)
			f.small[round] = float64(small.PeakRSS)
			// A difference that noise has made negative says nothing.
			if large.Seconds > small.Seconds {
				f.rate[round] = more / (large.Seconds - small.Seconds)
			}
			if large.CPUSeconds > small.CPUSeconds {
				f.cpu[round] = 1e3 * (large.CPUSeconds - small.CPUSeconds) / more
			}
		}
	}
	if last > 0 {
		for round, s := range e.of(samples, contestant, e.Sizes[0]) {
			f.start[round] = s.Seconds
		}
	}
	return f
}

// text is the median with its extremes.
func (s Spread) text(digits int) string {
	switch s.Rounds {
	case 0:
		return "–"
	case 1:
		return fmt.Sprintf("%.*f", digits, s.Median)
	}
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, s.Median, digits, s.Min, digits, s.Max)
}

func (s Spread) scaled(f float64) Spread {
	return Spread{Min: s.Min * f, Median: s.Median * f, Max: s.Max * f, Rounds: s.Rounds}
}
