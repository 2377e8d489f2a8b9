package head

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/tagbeam/tagbeam/model/graph"
)

// knn gives each class the share of the k nearest training examples, by cosine similarity, that are of it; a neighbour counts exp(sharpness *
// similarity).
type knn struct {
	k, dim, classes int
	examples        []float32 // [n][dim], each of length 1
	votes           []float32 // [n][classes]: the example's weight at its class
}

const (
	sharpness = 10
	// smoothing keeps a class without neighbours from being impossible.
	smoothing = 1e-3
)

func trainKNN(t *training) (scorer, error) {
	classes, n := t.opts.Classes, t.train.Len()
	var ks []int
	for _, k := range t.opts.Neighbours {
		ks = append(ks, min(k, n))
	}
	slices.Sort(ks)
	ks = slices.Compact(ks)
	votes := make([]float32, n*classes)
	for i, c := range t.train.Labels {
		votes[i*classes+c] = float32(t.trainWeights[i])
	}
	examples := unit(t.train.Features, t.train.Dim)
	settings, values := make([]string, len(ks)), make([]float64, len(ks))
	for i, k := range ks {
		settings[i], values[i] = fmt.Sprintf("k %d", k), float64(k)
	}
	return t.candidates(settings, nearest(values, 5), func(i int) (scorer, error) {
		return knn{ks[i], t.train.Dim, classes, examples, votes}, nil
	})
}

// unit is a copy of rows, each divided by its length.
func unit(rows []float32, dim int) []float32 {
	out := slices.Clone(rows)
	for i := 0; i < len(out); i += dim {
		sum := 0.0
		for _, v := range out[i : i+dim] {
			sum += float64(v) * float64(v)
		}
		if sum == 0 {
			continue
		}
		length := math.Sqrt(sum)
		for j := i; j < i+dim; j++ {
			out[j] = float32(float64(out[j]) / length)
		}
	}
	return out
}

func (s knn) logits(features []float32) []float32 {
	rows, m, n := unit(features, s.dim), len(features)/s.dim, len(s.examples)/s.dim
	logits := make([]float32, 0, m*s.classes)
	const block = 256 // rows whose similarities are held at once
	for first := 0; first < m; first += block {
		some := rows[first*s.dim : min(first+block, m)*s.dim]
		count := len(some) / s.dim
		similarities := make([]float32, count*n)
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, matrix(some, count, s.dim), matrix(s.examples, n, s.dim), 0, matrix(similarities, count, n))
		for i := range count {
			logits = append(logits, s.vote(similarities[i*n:(i+1)*n])...)
		}
	}
	return logits
}

// vote is the logits for one row of similarities to the examples.
func (s knn) vote(similarities []float32) []float32 {
	nearest := topK(similarities, s.k)
	shares, sum := make([]float64, s.classes), 0.0
	for _, i := range nearest {
		weight := math.Exp(sharpness * float64(similarities[i]-similarities[nearest[0]]))
		sum += weight
		for c := range shares {
			shares[c] += weight * float64(s.votes[i*s.classes+c])
		}
	}
	out := make([]float32, s.classes)
	for c, share := range shares {
		out[c] = float32(math.Log(share/sum + smoothing))
	}
	return out
}

// topK is the indices of the k largest values, the largest first; of equal ones the first comes first, as in ONNX's TopK.
func topK(values []float32, k int) []int {
	best := make([]int, 0, k+1)
	for i, v := range values {
		if len(best) == k && v <= values[best[k-1]] {
			continue
		}
		at := len(best)
		for at > 0 && v > values[best[at-1]] {
			at--
		}
		if best = slices.Insert(best, at, i); len(best) > k {
			best = best[:k]
		}
	}
	return best
}

func (s knn) build(b *graph.Builder, features string) string {
	n := len(s.examples) / s.dim
	columns := make([]float32, len(s.examples))
	for i := range n {
		for j := range s.dim {
			columns[j*n+i] = s.examples[i*s.dim+j]
		}
	}
	length := b.Node("LpNormalization", "unit", []string{features}, graph.Int("axis", 1), graph.Int("p", 2))
	similarity := b.Node("MatMul", "similarity", []string{length, b.Floats("examples", columns, int64(s.dim), int64(n))})
	if b.Opset() < 10 {
		b.Nodes("TopK", []string{"nearest", "indices"}, []string{similarity}, graph.Int("axis", 1), graph.Int("k", int64(s.k)))
	} else {
		b.Nodes("TopK", []string{"nearest", "indices"}, []string{similarity, b.Ints("k", int64(s.k))}, graph.Int("axis", 1))
	}
	sharp := b.Node("Mul", "sharp", []string{"nearest", b.Floats("sharpness", []float32{sharpness}, 1)})
	weights := b.Node("Softmax", "weights", []string{sharp}, graph.Int("axis", 1))
	row := b.Node("Reshape", "row", []string{weights, b.Ints("row/shape", -1, 1, int64(s.k))})
	votes := b.Node("Gather", "votes", []string{b.Floats("examples/votes", s.votes, int64(n), int64(s.classes)), "indices"}, graph.Int("axis", 0))
	shares := b.Node("Reshape", "shares", []string{b.Node("MatMul", "sum", []string{row, votes}), b.Ints("shares/shape", -1, int64(s.classes))})
	smooth := b.Node("Add", "smooth", []string{shares, b.Floats("smoothing", []float32{smoothing}, 1)})
	return b.Node("Log", "logits", []string{smooth})
}
