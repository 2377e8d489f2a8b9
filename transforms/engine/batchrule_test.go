package engine

import (
	"testing"
	"time"
)

// A larger batch takes memory. Where that counts it has to be clearly faster than the smaller one it would replace.
func TestBestBatch(t *testing.T) {
	for name, tt := range map[string]struct {
		small int
		times map[int]time.Duration
		want  int
	}{
		"large images: some percent are noise":     {1, map[int]time.Duration{1: 100, 2: 95, 4: 92, 8: 91}, 1},
		"large images: a tenth is worth it":        {1, map[int]time.Duration{1: 100, 2: 89, 4: 85, 8: 84}, 2},
		"large images: small steps count together": {1, map[int]time.Duration{1: 100, 2: 95, 4: 91, 8: 88}, 8},
		"small images: some percent are worth it":  {64, map[int]time.Duration{1: 150, 2: 110, 4: 100, 8: 95, 16: 90, 32: 86, 64: 82}, 64},
		"small images: what is no faster is noise": {64, map[int]time.Duration{1: 150, 2: 110, 4: 100, 8: 98, 16: 98, 32: 99, 64: 100}, 4},
		"images between: memory counts from 16 on": {8, map[int]time.Duration{1: 150, 2: 110, 4: 100, 8: 96, 16: 92, 32: 88, 64: 87}, 8},
	} {
		m := measurement{small: tt.small}
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
