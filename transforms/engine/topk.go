package engine

import "math"

// Scored is one class and its probability.
type Scored struct {
	LabelID    int32
	Confidence float32
}

// topK writes the best k classes of one row of probabilities into dst, best first, equal ones by ascending id. It reports false when a
// probability is NaN or infinite. k is at least 1.
func topK(dst []Scored, probabilities []float32, k int) ([]Scored, bool) {
	dst = dst[:0]
	k = min(k, len(probabilities))
	for id, p := range probabilities {
		if math.IsNaN(float64(p)) || math.IsInf(float64(p), 0) {
			return nil, false
		}
		if len(dst) == k && p <= dst[k-1].Confidence {
			continue
		}
		if len(dst) < k {
			dst = append(dst, Scored{})
		}
		at := len(dst) - 1
		for ; at > 0 && p > dst[at-1].Confidence; at-- {
			dst[at] = dst[at-1]
		}
		dst[at] = Scored{LabelID: int32(id), Confidence: p}
	}
	return dst, true
}
