package head

import (
	"errors"
	"fmt"
	"math"
)

// trainLinear is softmax regression: categorical cross-entropy with an L2 penalty, from the strongest to the weakest, each from where the one before
// ended.
func trainLinear(t *training) (_ scorer, err error) {
	o, err := newObjective(t, func(i int, z []float32) float64 { return softmaxLoss(z, t.train.Labels[i]) })
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	return t.descend(o, func(d dense) (scorer, error) { return linear{d}, nil })
}

// descend tries the penalties and makes a scorer of each result, over features as they are.
func (t *training) descend(o *objective, finish func(dense) (scorer, error)) (scorer, error) {
	penalties := descending(t.opts.L2)
	settings := make([]string, len(penalties))
	for i, l2 := range penalties {
		settings[i] = fmt.Sprintf("l2 %g", l2)
	}
	x := make([]float64, (o.dim+1)*o.classes)
	return t.candidates(settings, nearest(penalties, 0.1), func(i int) (trial, error) {
		o.l2 = penalties[i]
		done, err := o.minimize(t, x)
		if err != nil || !done && i > 0 {
			return trial{}, err
		}
		d := newDense(o.dim, o.classes)
		d.set(x)
		s, err := finish(t.scaling.fold(d))
		if err != nil {
			return trial{}, err
		}
		return t.tried(s)
	})
}

// softmaxLoss is the cross-entropy of the softmax of z; it writes the derivative, softmax less one for the right class, over z.
func softmaxLoss(z []float32, label int) float64 {
	most := math.Inf(-1)
	for _, v := range z {
		most = max(most, float64(v))
	}
	right, sum := float64(z[label]), 0.0
	for _, v := range z {
		sum += math.Exp(float64(v) - most)
	}
	for c, v := range z {
		z[c] = float32(math.Exp(float64(v)-most) / sum)
	}
	z[label]--
	return most + math.Log(sum) - right
}

// crossEntropy is the weighted mean loss of logits, and the weighted share of right answers.
func crossEntropy(logits []float32, labels []int, weights []float64, classes int) (loss, accuracy float64) {
	row, sum := make([]float32, classes), 0.0
	for i, label := range labels {
		copy(row, logits[i*classes:])
		if argmax(row) == label {
			accuracy += weights[i]
		}
		loss += weights[i] * softmaxLoss(row, label)
		sum += weights[i]
	}
	return loss / sum, accuracy / sum
}

func argmax(row []float32) int {
	best := 0
	for c, v := range row {
		if v > row[best] {
			best = c
		}
	}
	return best
}
