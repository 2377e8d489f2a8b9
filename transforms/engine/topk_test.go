package engine

import (
	"cmp"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTopKEqualsStableSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		probabilities := rapid.SliceOfN(rapid.SampledFrom([]float32{0, .1, .25, .25001, .5, 1}), 1, 50).Draw(t, "probabilities")
		k := rapid.IntRange(1, 60).Draw(t, "k")
		var want []Scored
		for i, p := range probabilities {
			want = append(want, Scored{int32(i), p})
		}
		slices.SortStableFunc(want, func(a, b Scored) int { return cmp.Compare(b.Confidence, a.Confidence) })
		got, ok := topK(nil, probabilities, k)
		if diff := gocmp.Diff(want[:min(k, len(want))], got); !ok || diff != "" {
			t.Error(ok, diff)
		}
	})
}

func TestTopKRefusesWhatIsNoNumber(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if _, ok := topK(nil, []float32{1, float32(bad), 2}, 2); ok {
			t.Errorf("%v was accepted", bad)
		}
	}
}
