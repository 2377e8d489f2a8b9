package head

import (
	"errors"
	"math"
)

// trainSVM fits a hyperplane for each class against the rest by the squared hinge loss, and to each Platt's sigmoid, which makes its distances
// probabilities: on the validation data, or where that has too few of the class, on the training data.
func trainSVM(t *training) (_ scorer, err error) {
	o, err := newObjective(t, func(i int, z []float32) float64 { return squaredHinge(z, t.train.Labels[i]) })
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	return t.descend(o, func(d dense) (scorer, error) {
		scaled, err := t.platt(d)
		return svm{scaled}, err
	})
}

// squaredHinge is the sum over the classes of max(0, 1 - y z)^2, y being 1 for the right class and -1 for the others.
func squaredHinge(z []float32, label int) float64 {
	loss := 0.0
	for c, v := range z {
		y := float32(-1)
		if c == label {
			y = 1
		}
		slack := max(0, 1-y*v)
		loss += float64(slack) * float64(slack)
		z[c] = -2 * y * slack
	}
	return loss
}

// platt scales and shifts a layer's outputs so that their sigmoids are probabilities.
func (t *training) platt(d dense) (dense, error) {
	out := dense{in: d.in, out: d.out, weights: make([]float32, len(d.weights)), bias: make([]float32, d.out)}
	trained, err := d.apply(t.train.Features)
	if err != nil {
		return out, err
	}
	held, err := d.apply(t.validation.Features)
	if err != nil {
		return out, err
	}
	const enough = 2 // of the class, and of the others
	for c := range d.out {
		z, labels := held, t.validation.Labels
		if positives := count(labels, c); positives < enough || len(labels)-positives < enough {
			z, labels = trained, t.train.Labels
		}
		a, b := sigmoidFit(z, labels, c, d.out)
		for j := range d.in {
			out.weights[c*d.in+j] = float32(a * float64(d.weights[c*d.in+j]))
		}
		out.bias[c] = float32(a*float64(d.bias[c]) + b)
	}
	return out, nil
}

func count(labels []int, class int) int {
	n := 0
	for _, c := range labels {
		if c == class {
			n++
		}
	}
	return n
}

// sigmoidFit finds a > 0 and b so that sigmoid(a z + b) fits whether an example is of the class, by Newton's method with step halving, as Lin, Lin and
// Weng, "A note on Platt's probabilistic outputs for support vector machines" (2007), with Platt's targets that are a little short of 0 and 1.
func sigmoidFit(rows []float32, labels []int, class, classes int) (a, b float64) {
	positives := float64(count(labels, class))
	negatives := float64(len(labels)) - positives
	high, low := (positives+1)/(positives+2), 1/(negatives+2)
	target := func(i int) float64 {
		if labels[i] == class {
			return high
		}
		return low
	}
	z := func(i int) float64 { return float64(rows[i*classes+class]) }
	loss := func(a, b float64) float64 {
		sum := 0.0
		for i := range labels {
			s := a*z(i) + b
			sum += softplus(s) - target(i)*s
		}
		return sum
	}
	a, b = 1, math.Log((positives+1)/(negatives+1))
	least := loss(a, b)
	for range 100 {
		const ridge = 1e-9 // keeps the Hessian invertible
		ga, gb, haa, hab, hbb := 0.0, 0.0, ridge, 0.0, ridge
		for i := range labels {
			v := z(i)
			p := 1 / (1 + math.Exp(-(a*v + b)))
			diff, curve := p-target(i), p*(1-p)
			ga, gb = ga+diff*v, gb+diff
			haa, hab, hbb = haa+curve*v*v, hab+curve*v, hbb+curve
		}
		if math.Abs(ga) < 1e-6 && math.Abs(gb) < 1e-6 {
			break
		}
		det := haa*hbb - hab*hab
		da, db := -(hbb*ga-hab*gb)/det, -(haa*gb-hab*ga)/det
		step := 1.0
		for ; step > 1e-10; step /= 2 {
			if l := loss(a+step*da, b+step*db); l < least-1e-4*step*math.Abs(ga*da+gb*db) {
				a, b, least = a+step*da, b+step*db, l
				break
			}
		}
		if step <= 1e-10 {
			break
		}
	}
	// A class that the hyperplane ranks the wrong way round keeps its order: its probabilities only become flat.
	return max(a, 1e-3), b
}
