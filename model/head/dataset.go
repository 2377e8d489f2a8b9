package head

import (
	"fmt"
	"math"
)

// Dataset is features with their classes.
type Dataset struct {
	// Features has a row of Dim numbers for every example, one after another.
	Features []float32
	Dim      int
	// Labels has the class, 0 to Classes-1, of every example.
	Labels []int
	// Weights has how much each example counts; nil: all 1.
	Weights []float32
}

// Len is the number of examples.
func (d Dataset) Len() int { return len(d.Labels) }

// row is the features of one example.
func (d Dataset) row(i int) []float32 { return d.Features[i*d.Dim : (i+1)*d.Dim] }

// check refuses data that does not hang together, and where every class is needed, data that lacks one.
func (d Dataset) check(name string, classes int, all bool) error {
	if d.Dim < 1 {
		return fmt.Errorf("%s: %d features", name, d.Dim)
	}
	if len(d.Features) != d.Dim*d.Len() {
		return fmt.Errorf("%s: %d numbers for %d examples of %d features", name, len(d.Features), d.Len(), d.Dim)
	}
	if d.Weights != nil && len(d.Weights) != d.Len() {
		return fmt.Errorf("%s: %d weights for %d examples", name, len(d.Weights), d.Len())
	}
	counts := make([]int, classes)
	for i, c := range d.Labels {
		if c < 0 || c >= classes {
			return fmt.Errorf("%s: example %d is of class %d, of %d classes", name, i, c, classes)
		}
		counts[c]++
		if d.Weights != nil && !(d.Weights[i] >= 0) {
			return fmt.Errorf("%s: example %d has weight %v", name, i, d.Weights[i])
		}
	}
	for i, v := range d.Features {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("%s: feature %d of example %d is %v: the network does not give numbers for it", name, i%d.Dim, i/d.Dim, v)
		}
	}
	for c, n := range counts {
		if all && n == 0 {
			return fmt.Errorf("%s: class %d has no examples", name, c)
		}
	}
	return nil
}

// weights are those of the examples of data, with those of their classes, which are balanced by the counts in train. They are scaled so that their
// mean is 1.
func (o Options) weights(train, data Dataset) []float64 {
	perClass := make([]float64, o.Classes)
	for c := range perClass {
		perClass[c] = 1
		if o.ClassWeights != nil {
			perClass[c] = o.ClassWeights[c]
		}
	}
	if o.Balance {
		counts := make([]float64, o.Classes)
		for i, c := range train.Labels {
			counts[c] += train.weight(i)
		}
		for c := range perClass {
			perClass[c] /= max(counts[c], 1e-9)
		}
	}
	out, sum := make([]float64, data.Len()), 0.0
	for i, c := range data.Labels {
		out[i] = data.weight(i) * perClass[c]
		sum += out[i]
	}
	if sum > 0 {
		for i := range out {
			out[i] *= float64(len(out)) / sum
		}
	}
	return out
}

func (d Dataset) weight(i int) float64 {
	if d.Weights == nil {
		return 1
	}
	return float64(d.Weights[i])
}

// scaling brings every feature to mean 0 and deviation 1. Kinds train on scaled features and fold the scaling into their weights.
type scaling struct {
	mean, inverse []float64 // inverse is 1/deviation, 0 for a feature that is always the same
}

func scalingOf(d Dataset) scaling {
	n := float64(d.Len())
	s := scaling{make([]float64, d.Dim), make([]float64, d.Dim)}
	for i := range d.Len() {
		for j, v := range d.row(i) {
			s.mean[j] += float64(v) / n
		}
	}
	for i := range d.Len() {
		for j, v := range d.row(i) {
			diff := float64(v) - s.mean[j]
			s.inverse[j] += diff * diff / n
		}
	}
	for j, variance := range s.inverse {
		if s.inverse[j] = 0; variance > 1e-12 {
			s.inverse[j] = 1 / math.Sqrt(variance)
		}
	}
	return s
}

// apply is a scaled copy of rows of features.
func (s scaling) apply(features []float32) []float32 {
	out := make([]float32, len(features))
	dim := len(s.mean)
	for i := range out {
		j := i % dim
		out[i] = float32((float64(features[i]) - s.mean[j]) * s.inverse[j])
	}
	return out
}

// fold changes a dense layer over scaled features into one over features as they are.
func (s scaling) fold(d dense) dense {
	out := dense{in: d.in, out: d.out, weights: make([]float32, len(d.weights)), bias: make([]float32, d.out)}
	for c := range d.out {
		bias := float64(d.bias[c])
		for j := range d.in {
			w := float64(d.weights[c*d.in+j]) * s.inverse[j]
			out.weights[c*d.in+j] = float32(w)
			bias -= w * s.mean[j]
		}
		out.bias[c] = float32(bias)
	}
	return out
}
