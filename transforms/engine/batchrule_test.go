package engine

import (
	"testing"
	"time"
)

// A larger batch takes memory, so that it has to be clearly faster than the smaller one it would replace.
func TestBestBatch(t *testing.T) {
	for name, tt := range map[string]struct {
		times map[int]time.Duration
		want  int
	}{
		"some percent are noise":         {map[int]time.Duration{1: 100, 2: 98, 4: 97, 8: 97}, 1},
		"much faster is worth it":        {map[int]time.Duration{1: 100, 2: 85, 4: 84, 8: 83}, 2},
		"small images: the fastest ones": {map[int]time.Duration{1: 150, 2: 110, 4: 90, 8: 70, 16: 60, 32: 50, 64: 40}, 64},
	} {
		m := measurement{}
		for _, n := range BatchSizes {
			if d := tt.times[n]; d > 0 {
				m.speeds = append(m.speeds, Speed{n, d})
			}
		}
		if got := m.best(); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}
