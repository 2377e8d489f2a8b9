package head

import (
	"math"

	"github.com/tagbeam/tagbeam/model/graph"
)

// dense is a layer: a row of weights for each of its outputs.
type dense struct {
	in, out int
	weights []float32 // [out][in]
	bias    []float32
}

// apply gives a row of out numbers for each row of in.
func (d dense) apply(rows []float32) ([]float32, error) {
	return product(rows, d.weights, d.bias, d.in, d.out)
}

// build adds the layer to a graph.
func (d dense) build(b *graph.Builder, name, input string) string {
	weights := b.Floats(name+"/weights", d.weights, int64(d.out), int64(d.in))
	bias := b.Floats(name+"/bias", d.bias, int64(d.out))
	return b.Node("Gemm", name, []string{input, weights, bias}, graph.Int("transB", 1))
}

// linear is softmax regression.
type linear struct{ dense }

func (l linear) logits(features []float32) ([]float32, error) { return l.apply(features) }

func (l linear) build(b *graph.Builder, features string) string {
	return l.dense.build(b, "logits", features)
}

// svm gives log sigmoid(z) for the classes, so that their softmax is the Platt-scaled probabilities, made to add up to 1.
type svm struct{ dense }

func (s svm) logits(features []float32) ([]float32, error) {
	z, err := s.apply(features)
	for i, v := range z {
		z[i] = float32(-softplus(-float64(v)))
	}
	return z, err
}

func (s svm) build(b *graph.Builder, features string) string {
	z := s.dense.build(b, "decision", features)
	minus := b.Node("Neg", "minus", []string{z})
	soft := b.Node("Softplus", "softplus", []string{minus})
	return b.Node("Neg", "logits", []string{soft})
}

// softplus is log(1 + exp(z)), without overflow.
func softplus(z float64) float64 { return max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) }

// mlp is a dense layer, ReLU, and another dense layer.
type mlp struct{ hidden, top dense }

func (m mlp) logits(features []float32) ([]float32, error) {
	a, err := m.hidden.apply(features)
	if err != nil {
		return nil, err
	}
	for i, v := range a {
		a[i] = max(v, 0)
	}
	return m.top.apply(a)
}

func (m mlp) build(b *graph.Builder, features string) string {
	h := m.hidden.build(b, "hidden", features)
	relu := b.Node("Relu", "relu", []string{h})
	return m.top.build(b, "logits", relu)
}
