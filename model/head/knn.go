package head

import (
	"fmt"
	"math"
	"slices"

	"github.com/tagbeam/tagbeam/model/graph"
)

// knn gives each class the share of the k nearest training examples, by cosine similarity, that are of it; a neighbour counts exp(sharpness *
// similarity), times its weight.
type knn struct {
	k, dim, classes int
	examples        []float32 // [n][dim], each of length 1
	labels          []int
	weights         []float64
}

const (
	sharpness = 10
	// smoothing keeps a class without neighbours from being impossible.
	smoothing = 1e-3
	// maxSampled is the number of training examples from which the training loss is taken: the work grows with their number times all of them.
	maxSampled = 2000
	// maxExamples is the number of bytes up to which examples can be in a model file, with a network beside them.
	maxExamples = 3 << 29
)

// trainKNN tries the numbers of neighbours. Neighbours of a training example are others than itself.
func trainKNN(t *training) (scorer, error) {
	n := t.train.Len()
	if err := fitsInFile(n, t.train.Dim); err != nil {
		return nil, err
	}
	var ks []int
	for _, k := range t.opts.Neighbours {
		ks = append(ks, min(k, n))
	}
	slices.Sort(ks)
	ks = slices.Compact(ks)
	settings, values := make([]string, len(ks)), make([]float64, len(ks))
	for i, k := range ks {
		settings[i], values[i] = fmt.Sprintf("k %d", k), float64(k)
	}
	s := knn{0, t.train.Dim, t.opts.Classes, unit(t.train.Features, t.train.Dim), t.train.Labels, t.trainWeights}
	most := ks[len(ks)-1]
	trained, err := s.amongThemselves(sample(n, maxSampled), most)
	if err != nil {
		return nil, err
	}
	held, err := s.nearest(unit(t.validation.Features, s.dim), most)
	if err != nil {
		return nil, err
	}
	return t.candidates(settings, nearest(values, 5), func(i int) (trial, error) {
		s.k = ks[i]
		return trial{s, trained.scored(s), s.vote(held)}, nil
	})
}

func fitsInFile(examples, dim int) error {
	if size := 4 * examples * dim; size > maxExamples {
		return fmt.Errorf("knn keeps all %d training images in the model, and their features have %d MB, more than a model file can hold: take another head, or fewer images", examples, size>>20)
	}
	return nil
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

// sample is n or at most most numbers from 0 to n-1, evenly spaced.
func sample(n, most int) []int {
	chosen := make([]int, min(n, most))
	for i := range chosen {
		chosen[i] = i * n / len(chosen)
	}
	return chosen
}

// neighbour is a training example, and how similar it is.
type neighbour struct {
	example    int
	similarity float32
}

// nearest finds the most similar examples of each row of length 1, the most similar first.
func (s knn) nearest(rows []float32, most int) ([][]neighbour, error) {
	n := len(s.examples) / s.dim
	none := make([]float32, n) // bias
	var found [][]neighbour
	const block = 256 // rows whose similarities are held at once
	for some := range slices.Chunk(rows, block*s.dim) {
		similarities, err := product(some, s.examples, none, s.dim, n)
		if err != nil {
			return nil, err
		}
		more := make([][]neighbour, len(some)/s.dim)
		if err := inParts(len(more), func(_, from, to int) error {
			for i := from; i < to; i++ {
				row := similarities[i*n : (i+1)*n]
				for _, example := range topK(row, most) {
					more[i] = append(more[i], neighbour{example, row[example]})
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// companions are the neighbours of training examples.
type companions struct {
	examples   []int
	neighbours [][]neighbour
}

// amongThemselves finds the neighbours of examples among the others.
func (s knn) amongThemselves(examples []int, most int) (companions, error) {
	var rows []float32
	for _, i := range examples {
		rows = append(rows, s.examples[i*s.dim:(i+1)*s.dim]...)
	}
	found, err := s.nearest(rows, most+1)
	if err != nil {
		return companions{}, err
	}
	for i, example := range examples {
		found[i] = slices.DeleteFunc(found[i], func(n neighbour) bool { return n.example == example })
	}
	return companions{examples, found}, nil
}

// scored is what a scorer makes of them.
func (c companions) scored(s knn) scored {
	out := scored{logits: s.vote(c.neighbours)}
	for _, i := range c.examples {
		out.labels, out.weights = append(out.labels, s.labels[i]), append(out.weights, s.weights[i])
	}
	return out
}

func (s knn) logits(features []float32) ([]float32, error) {
	found, err := s.nearest(unit(features, s.dim), s.k)
	return s.vote(found), err
}

// vote is a row of logits for each list of neighbours, of which the first k count.
func (s knn) vote(lists [][]neighbour) []float32 {
	logits := make([]float32, 0, len(lists)*s.classes)
	shares := make([]float64, s.classes)
	for _, list := range lists {
		list = list[:min(len(list), s.k)]
		clear(shares)
		sum := 0.0
		for _, n := range list {
			weight := math.Exp(sharpness * float64(n.similarity-list[0].similarity))
			sum += weight
			shares[s.labels[n.example]] += weight * s.weights[n.example]
		}
		for _, share := range shares {
			logits = append(logits, float32(math.Log(share/sum+smoothing)))
		}
	}
	return logits
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
	likeness := b.Node("Softmax", "likeness", []string{sharp}, graph.Int("axis", 1))
	weights := b.Node("Mul", "weights", []string{likeness, b.Node("Gather", "neighbours/weights", []string{s.buildWeights(b), "indices"}, graph.Int("axis", 0))})
	row := b.Node("Reshape", "row", []string{weights, b.Ints("row/shape", -1, 1, int64(s.k))})
	// The votes are rows of the identity matrix: a file of classes x classes is far smaller than one of examples x classes.
	labels := b.Node("Gather", "neighbours/labels", []string{s.buildLabels(b), "indices"}, graph.Int("axis", 0))
	votes := b.Node("Gather", "votes", []string{b.Floats("identity", identity(s.classes), int64(s.classes), int64(s.classes)), labels}, graph.Int("axis", 0))
	shares := b.Node("Reshape", "shares", []string{b.Node("MatMul", "sum", []string{row, votes}), b.Ints("shares/shape", -1, int64(s.classes))})
	smooth := b.Node("Add", "smooth", []string{shares, b.Floats("smoothing", []float32{smoothing}, 1)})
	return b.Node("Log", "logits", []string{smooth})
}

func (s knn) buildLabels(b *graph.Builder) string {
	labels := make([]int64, len(s.labels))
	for i, c := range s.labels {
		labels[i] = int64(c)
	}
	return b.Ints("examples/labels", labels...)
}

func (s knn) buildWeights(b *graph.Builder) string {
	weights := make([]float32, len(s.weights))
	for i, w := range s.weights {
		weights[i] = float32(w)
	}
	return b.Floats("examples/weights", weights, int64(len(weights)))
}

func identity(n int) []float32 {
	m := make([]float32, n*n)
	for i := range n {
		m[i*n+i] = 1
	}
	return m
}
