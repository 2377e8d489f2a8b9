package head

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tagbeam/tagbeam/model/graph"
	"github.com/tagbeam/tagbeam/model/onnx"
)

// Adam's constants, as Keras has them.
const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-7
)

// stepper is one step of training, forwards, backwards and Adam, as a graph that ONNX Runtime runs: it reads the weights and Adam's moments from one set
// of buffers and writes the new ones to another, and the next step goes the other way.
type stepper struct {
	dim, hidden, classes, batch int

	evaluator *onnx.Evaluator
	bindings  [2]*onnx.Binding
	// states are what is learnt: for each parameter its values and Adam's two moments.
	states  [2][]onnx.Tensor
	floats  [2][][]float32
	current int // the state that is up to date
	steps   int

	// Inputs of a step, to be written, and its output.
	features, targets, weights, mask, rate []float32
	probabilities                          []float32
}

// parameters are the names and shapes of what is learnt.
func (n *stepper) parameters() []parameter {
	return []parameter{
		{"w1", []int64{int64(n.dim), int64(n.hidden)}}, {"b1", []int64{1, int64(n.hidden)}},
		{"w2", []int64{int64(n.hidden), int64(n.classes)}}, {"b2", []int64{1, int64(n.classes)}},
	}
}

type parameter struct {
	name string
	dims []int64
}

func (p parameter) size() int { return int(p.dims[0] * p.dims[1]) }

// roles are the values of a parameter, and Adam's moments of its gradient.
var roles = []string{"", "/m", "/v"}

func newStepper(dim, hidden, classes, batch int) (_ *stepper, err error) {
	n := &stepper{
		dim: dim, hidden: hidden, classes: classes, batch: batch,
		features: make([]float32, batch*dim), targets: make([]float32, batch*classes), weights: make([]float32, batch),
		mask: make([]float32, batch*hidden), rate: make([]float32, 1), probabilities: make([]float32, batch*classes),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	model, err := n.graph()
	if err != nil {
		return nil, err
	}
	// One thread: the same sums in the same order on every machine.
	if n.evaluator, err = onnx.NewEvaluator(model, "", 1); err != nil {
		return nil, err
	}
	for i := range n.states {
		for _, p := range n.parameters() {
			for _, role := range roles {
				values := make([]float32, p.size())
				n.floats[i] = append(n.floats[i], values)
				n.states[i] = append(n.states[i], onnx.Float32s(p.name+role, values, p.dims...))
			}
		}
	}
	for i := range n.bindings {
		if n.bindings[i], err = n.evaluator.Bind(n.inputs(i), n.outputs(1-i)); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (n *stepper) inputs(state int) []onnx.Tensor {
	b, d, h, c := int64(n.batch), int64(n.dim), int64(n.hidden), int64(n.classes)
	return append([]onnx.Tensor{
		onnx.Float32s("x", n.features, b, d), onnx.Float32s("y", n.targets, b, c), onnx.Float32s("weight", n.weights, b, 1),
		onnx.Float32s("mask", n.mask, b, h), onnx.Float32s("rate", n.rate, 1),
	}, n.states[state]...)
}

func (n *stepper) outputs(state int) []onnx.Tensor {
	out := []onnx.Tensor{onnx.Float32s("p", n.probabilities, int64(n.batch), int64(n.classes))}
	for _, t := range n.states[state] {
		t.Name = "new/" + t.Name
		out = append(out, t)
	}
	return out
}

// graph writes the step down. Names of derivatives begin with d/.
func (n *stepper) graph() ([]byte, error) {
	b := graph.NewBuilder("train", 17)
	x, y := b.Input("x", n.batch, n.dim), b.Input("y", n.batch, n.classes)
	weight, mask, rate := b.Input("weight", n.batch, 1), b.Input("mask", n.batch, n.hidden), b.Input("rate", 1)
	for _, p := range n.parameters() {
		for _, role := range roles {
			b.Input(p.name+role, p.dims[0], p.dims[1])
		}
	}
	// Forwards.
	z1 := b.Node("Gemm", "z1", []string{x, "w1", "b1"})
	a1 := b.Node("Relu", "a1", []string{z1})
	kept := b.Node("Mul", "kept", []string{a1, mask})
	z2 := b.Node("Gemm", "z2", []string{kept, "w2", "b2"})
	p := b.Node("Softmax", "p", []string{z2}, graph.Int("axis", 1))
	b.Output(p, n.batch, n.classes)
	// Backwards, of the weighted sum of the examples' cross-entropies.
	dz2 := b.Node("Mul", "d/z2", []string{b.Node("Sub", "p-y", []string{p, y}), weight})
	dkept := b.Node("Gemm", "d/kept", []string{dz2, "w2"}, graph.Int("transB", 1))
	open := b.Node("Mul", "open", []string{mask, b.Node("Sign", "sign", []string{a1})})
	dz1 := b.Node("Mul", "d/z1", []string{dkept, open})
	gradients := map[string]string{
		"w1": b.Node("Gemm", "d/w1", []string{x, dz1}, graph.Int("transA", 1)), "b1": b.ReduceSum("d/b1", dz1, true, 0),
		"w2": b.Node("Gemm", "d/w2", []string{kept, dz2}, graph.Int("transA", 1)), "b2": b.ReduceSum("d/b2", dz2, true, 0),
	}
	for _, p := range n.parameters() {
		n.adam(b, p, gradients[p.name], rate)
	}
	return b.Model()
}

// adam adds the update of a parameter. The moments are kept as m/(1-beta1) and v/(1-beta2), which saves two multiplications; rate and epsilon make up
// for it.
func (n *stepper) adam(b *graph.Builder, p parameter, gradient, rate string) {
	scalar := func(name string, v float64) string { return b.Floats(p.name+"/"+name, []float32{float32(v)}, 1) }
	m := b.Node("Add", "new/"+p.name+"/m", []string{b.Node("Mul", p.name+"/m old", []string{p.name + "/m", scalar("beta1", beta1)}), gradient})
	square := b.Node("Mul", p.name+"/square", []string{gradient, gradient})
	v := b.Node("Add", "new/"+p.name+"/v", []string{b.Node("Mul", p.name+"/v old", []string{p.name + "/v", scalar("beta2", beta2)}), square})
	root := b.Node("Add", p.name+"/root", []string{b.Node("Sqrt", p.name+"/sqrt", []string{v}), scalar("epsilon", epsilon/math.Sqrt(1-beta2))})
	step := b.Node("Mul", p.name+"/step", []string{b.Node("Div", p.name+"/ratio", []string{m, root}), rate})
	b.Node("Sub", "new/"+p.name, []string{p.name, step})
	for _, role := range roles {
		b.Output("new/"+p.name+role, p.dims[0], p.dims[1])
	}
}

// initialize draws the weights as Keras does (Glorot uniform); biases are 0.
func (n *stepper) initialize(random *rand.Rand) {
	for i, p := range n.parameters() {
		if p.dims[0] == 1 {
			continue
		}
		limit := math.Sqrt(6 / float64(p.dims[0]+p.dims[1]))
		values := n.floats[n.current][i*len(roles)]
		for j := range values {
			values[j] = float32((2*random.Float64() - 1) * limit)
		}
	}
}

// drop draws which hidden units are left out of the next step; the others make up for them.
func (n *stepper) drop(random *rand.Rand, rate float64) {
	keep := float32(1 / (1 - rate))
	for i := range n.mask {
		if n.mask[i] = keep; rate > 0 && random.Float64() < rate {
			n.mask[i] = 0
		}
	}
}

// step runs one step of training on what the inputs hold.
func (n *stepper) step(learningRate float64) error {
	n.steps++
	s := float64(n.steps)
	correction := math.Sqrt(1-math.Pow(beta2, s)) / (1 - math.Pow(beta1, s))
	n.rate[0] = float32(learningRate * correction * (1 - beta1) / math.Sqrt(1-beta2))
	if err := n.bindings[n.current].Run(); err != nil {
		return err
	}
	n.current = 1 - n.current
	return nil
}

// values are those of the parameter with that index.
func (n *stepper) values(i int) []float32 { return n.floats[n.current][i*len(roles)] }

// layers is a copy of what is learnt.
func (n *stepper) layers() *mlp {
	turned := func(w, b []float32, in, out int) dense {
		d := newDense(in, out)
		for i := range in {
			for j := range out {
				d.weights[j*in+i] = w[i*out+j]
			}
		}
		d.bias = slices.Clone(b)
		return d
	}
	return &mlp{turned(n.values(0), n.values(1), n.dim, n.hidden), turned(n.values(2), n.values(3), n.hidden, n.classes)}
}

func (n *stepper) close() error {
	var errs []error
	for _, b := range n.bindings {
		if b != nil {
			errs = append(errs, b.Close())
		}
	}
	if n.evaluator != nil {
		errs = append(errs, n.evaluator.Close())
	}
	return errors.Join(errs...)
}
