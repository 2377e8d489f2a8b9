package head

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/optimize"
)

// objective is a loss of a dense layer on scaled features, for L-BFGS: the weighted mean of a loss for each example, and l2/2 times the squares of
// the weights (not of the bias). loss gets the layer's outputs for an example, writes the loss's derivative by each of them over
// it, and returns the loss.
type objective struct {
	rows    []float32 // scaled
	n, dim  int
	classes int
	weights []float64
	l2      float64
	loss    func(example int, z []float32) float64

	layer    dense // holds the point last evaluated, in float32
	z        []float32
	gradient []float32
}

func newObjective(t *training, loss func(int, []float32) float64) *objective {
	n, dim, classes := t.train.Len(), t.train.Dim, t.opts.Classes
	return &objective{
		rows: t.scaling.apply(t.train.Features), n: n, dim: dim, classes: classes, weights: t.trainWeights, loss: loss,
		layer: newDense(dim, classes), gradient: make([]float32, classes*dim),
	}
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
	o.z = o.layer.apply(o.rows)
	total := 0.0
	size := o.dim * o.classes
	clear(grad[size:])
	for i := range o.n {
		z := o.z[i*o.classes : (i+1)*o.classes]
		share := o.weights[i] / float64(o.n)
		total += share * o.loss(i, z)
		for c := range z {
			z[c] *= float32(share)
			grad[size+c] += float64(z[c])
		}
	}
	// Gradient [classes][dim] = z' [classes][n] times rows [n][dim].
	blas32.Gemm(blas.Trans, blas.NoTrans, 1, matrix(o.z, o.n, o.classes), matrix(o.rows, o.n, o.dim), 0, matrix(o.gradient, o.classes, o.dim))
	for j, w := range x[:size] {
		total += o.l2 / 2 * w * w
		grad[j] = float64(o.gradient[j]) + o.l2*w
	}
	return total
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
		Status: func() (optimize.Status, error) { return interruption(t) },
	}
	settings := &optimize.Settings{
		MajorIterations: 200, GradientThreshold: 1e-5,
		Converger: &optimize.FunctionConverge{Absolute: 1e-7, Relative: 1e-6, Iterations: 5},
	}
	result, err := optimize.Minimize(problem, x, settings, &optimize.LBFGS{Store: 10})
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

func interruption(t *training) (optimize.Status, error) {
	if err := t.ctx.Err(); err != nil {
		return optimize.RuntimeLimit, err
	}
	return optimize.NotTerminated, nil
}

func isLineSearchEnd(err error) bool {
	return errors.Is(err, optimize.ErrLinesearcherFailure) || errors.Is(err, optimize.ErrNoProgress) || errors.Is(err, optimize.ErrNonDescentDirection) ||
		errors.Is(err, optimize.ErrLinesearcherBound)
}
