package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// processStart is when this process began, as far as Go can tell.
var processStart = time.Now()

// timings says where the time of a command went, in seconds that add up to Wall: each is the time of all CPU slots divided by their number.
type timings struct {
	// Missing, when not empty, says why there are none.
	Missing   string  `json:"missing,omitempty"`
	Slots     int     `json:"slots"`
	Wall      float64 `json:"wall"`
	Start     float64 `json:"start"` // until the engine was there
	List      float64 `json:"list"`
	Load      float64 `json:"load"`
	FetchWait float64 `json:"fetch_wait"`
	Decode    float64 `json:"decode"`
	Resize    float64 `json:"resize"`
	Infer     float64 `json:"infer"`
	Write     float64 `json:"write"`
	Idle      float64 `json:"idle"`
}

// newTimings are those since began, when there was no engine yet.
func newTimings(o pipeline.Options, began time.Time) *timings {
	if o.Runner != "direct" && o.Runner != "prism" {
		return &timings{Missing: fmt.Sprintf("not available on runner %s, whose workers are other processes", o.Runner)}
	}
	t := engine.Shared(engine.Config{CPU: o.CPU}).Timings()
	wall := time.Since(began)
	of := func(a engine.Activity) float64 { return t.OfWall(a).Seconds() }
	return &timings{
		Slots: t.Slots, Wall: wall.Seconds(), Start: (wall - t.Wall).Seconds(),
		List: of(engine.List), Load: of(engine.Load), FetchWait: of(engine.FetchWait), Decode: of(engine.Decode), Resize: of(engine.Resize),
		Infer: of(engine.Infer), Write: of(engine.Write), Idle: of(engine.Idle),
	}
}

// String is for people.
func (t *timings) String() string {
	if t.Missing != "" {
		return t.Missing
	}
	var parts []string
	for _, p := range []struct {
		name    string
		seconds float64
	}{{"start", t.Start}, {"list", t.List}, {"load", t.Load}, {"fetch wait", t.FetchWait}, {"decode", t.Decode}, {"resize", t.Resize},
		{"infer", t.Infer}, {"write", t.Write}, {"idle", t.Idle}} {
		parts = append(parts, fmt.Sprintf("%s %.2f", p.name, p.seconds))
	}
	return fmt.Sprintf("%s = %.2f s of %d CPU slots", strings.Join(parts, " + "), t.Wall, t.Slots)
}
