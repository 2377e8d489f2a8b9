package head

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/optimize"

	"github.com/tagbeam/tagbeam/model/onnx"
)

// objective is a loss of a dense layer on scaled features, for L-BFGS: the weighted mean of a loss for each example, and l2/2 times the squares of
// the weights (not of the bias). loss gets the layer's outputs for an example, writes the loss's derivative by each of them over
// it, and returns the loss; it is called for several examples at once.
type objective struct {
	n, dim  int
	classes int
	weights []float64
	l2      float64
	loss    func(example int, z []float32) float64

	layer dense // holds the point last evaluated, in float32
	z     []float32
	parts [parts]part
	err   error // of the products; the value is then NaN
}

// part is what is computed for a part of the examples.
type part struct {
	forwards, backwards *onnx.Binding // z of the layer; weights of the derivative in z
	weights             []float32
	bias                []float64
	loss                float64
}

func newObjective(t *training, loss func(int, []float32) float64) (_ *objective, err error) {
	n, dim, classes := t.train.Len(), t.train.Dim, t.opts.Classes
	o := &objective{n: n, dim: dim, classes: classes, weights: t.trainWeights, loss: loss, layer: newDense(dim, classes), z: make([]float32, n*classes)}
	rows := t.scaling.apply(t.train.Features)
	err = inParts(n, func(k, from, to int) (err error) {
		p, z, some := &o.parts[k], o.z[from*classes:to*classes], rows[from*dim:to*dim]
		p.weights, p.bias = make([]float32, classes*dim), make([]float64, classes)
		if p.forwards, err = affine(z, some, o.layer.weights, o.layer.bias, dim, classes); err == nil {
			p.backwards, err = gradient(p.weights, z, some, dim, classes)
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

func (o *objective) close() error {
	var errs []error
	for _, p := range o.parts {
		for _, b := range []*onnx.Binding{p.forwards, p.backwards} {
			if b != nil {
				errs = append(errs, b.Close())
			}
		}
	}
	return errors.Join(errs...)
}

func newDense(in, out int) dense {
	return dense{in: in, out: out, weights: make([]float32, in*out), bias: make([]float32, out)}
}

// set takes weights and then biases from x.
func (d dense) set(x []float64) {
	for i := range d.weights {
		d.weights[i] = float32(x[i])
	}
	for c := range d.bias {
		d.bias[c] = float32(x[len(d.weights)+c])
	}
}

// value returns the objective at x, and writes its gradient.
func (o *objective) value(x, grad []float64) float64 {
	o.layer.set(x)
	if o.err = inParts(o.n, o.differentiate); o.err != nil {
		return math.NaN()
	}
	size, total := o.dim*o.classes, 0.0
	for j, w := range x[:size] {
		total += o.l2 / 2 * w * w
		grad[j] = o.l2 * w
	}
	clear(grad[size:])
	for k := range o.parts {
		p := &o.parts[k]
		total += p.loss
		for j, g := range p.weights {
			grad[j] += float64(g)
		}
		for c, g := range p.bias {
			grad[size+c] += g
		}
	}
	return total
}

// differentiate computes loss and gradient of one part.
func (o *objective) differentiate(k, from, to int) error {
	p := &o.parts[k]
	if err := p.forwards.Run(); err != nil {
		return err
	}
	p.loss = 0
	clear(p.bias)
	for i := from; i < to; i++ {
		z := o.z[i*o.classes : (i+1)*o.classes]
		share := o.weights[i] / float64(o.n)
		p.loss += share * o.loss(i, z)
		for c := range z {
			z[c] *= float32(share)
			p.bias[c] += float64(z[c])
		}
	}
	return p.backwards.Run()
}

// minimize runs L-BFGS from x, and writes the best point found to it. It returns false when it was interrupted.
func (o *objective) minimize(t *training, x []float64) (bool, error) {
	// L-BFGS asks for value and gradient of one point one after the other: they are computed together.
	at, grad, value := make([]float64, len(x)), make([]float64, len(x)), math.NaN()
	evaluate := func(p []float64) {
		same := !math.IsNaN(value)
		for i := 0; same && i < len(p); i++ {
			same = p[i] == at[i]
		}
		if !same {
			copy(at, p)
			value = o.value(p, grad)
		}
	}
	problem := optimize.Problem{
		Func:   func(p []float64) float64 { evaluate(p); return value },
		Grad:   func(g, p []float64) { evaluate(p); copy(g, grad) },
		Status: func() (optimize.Status, error) { return o.status(t) },
	}
	settings := &optimize.Settings{
		MajorIterations: 200, GradientThreshold: 1e-5,
		Converger: &optimize.FunctionConverge{Absolute: 1e-7, Relative: 1e-6, Iterations: 5},
	}
	result, err := optimize.Minimize(problem, x, settings, &optimize.LBFGS{Store: 10})
	if o.err != nil {
		return false, fmt.Errorf("L-BFGS: %w", o.err)
	}
	if t.interrupted() {
		if result != nil && len(result.X) == len(x) {
			copy(x, result.X)
		}
		return false, nil
	}
	if result == nil || len(result.X) != len(x) {
		return false, fmt.Errorf("L-BFGS: %w", err)
	}
	// Near the minimum, float32's rounding leaves the line search nothing to go down by; that is an end, not a failure.
	if err != nil && !isLineSearchEnd(err) {
		return false, fmt.Errorf("L-BFGS: %w", err)
	}
	copy(x, result.X)
	return true, nil
}

// status ends the descent when it was interrupted, or cannot go on.
func (o *objective) status(t *training) (optimize.Status, error) {
	if err := cmp.Or(o.err, t.ctx.Err()); err != nil {
		return optimize.RuntimeLimit, err
	}
	return optimize.NotTerminated, nil
}

func isLineSearchEnd(err error) bool {
	return errors.Is(err, optimize.ErrLinesearcherFailure) || errors.Is(err, optimize.ErrNoProgress) || errors.Is(err, optimize.ErrNonDescentDirection) ||
		errors.Is(err, optimize.ErrLinesearcherBound)
}
