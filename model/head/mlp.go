package head

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// trainMLP trains a hidden layer with dropout and a softmax layer by Adam, as Keras's Dense(1024, relu), Dropout, Dense(softmax) is trained, with
// categorical cross-entropy on minibatches. The weights after the epoch with the least validation loss are kept.
func trainMLP(t *training) (_ scorer, err error) {
	random := rand.New(rand.NewPCG(t.opts.Seed, 0x6d6c70))
	n, err := newStepper(t.train.Dim, t.opts.Hidden, t.opts.Classes, t.opts.Batch)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	n.initialize(random)

	held := t.scaling.apply(t.validation.Features)
	rows := t.scaling.apply(t.train.Features)
	var best *mlp
	least, worse := math.Inf(1), 0
	for epoch := 1; epoch <= t.opts.Epochs; epoch++ {
		e := Epoch{Epoch: epoch, Epochs: t.opts.Epochs}
		done, err := t.epoch(n, rows, random, &e)
		if err != nil {
			return nil, fmt.Errorf("epoch %d: %w", epoch, err)
		}
		if !done {
			break
		}
		loss := -float64(epoch) // without validation data the last one counts
		if t.validation.Len() > 0 {
			logits, err := n.layers().logits(held)
			if err != nil {
				return nil, fmt.Errorf("epoch %d: validation: %w", epoch, err)
			}
			vl, va := crossEntropy(logits, t.validation.Labels, t.validationWeights, t.opts.Classes)
			e.ValidationLoss, e.ValidationAccuracy, loss = &vl, &va, vl
		}
		if math.IsNaN(e.Loss) || math.IsNaN(loss) {
			return nil, fmt.Errorf("epoch %d: the loss is not a number any more: a smaller learning rate than %g may help", epoch, t.opts.LearningRate)
		}
		if worse++; loss < least {
			best, least, worse, e.Best = n.layers(), loss, 0, true
			t.head.Setting = fmt.Sprintf("epoch %d of %d", epoch, t.opts.Epochs)
		}
		t.report(e)
		if t.opts.Patience > 0 && worse >= t.opts.Patience {
			break
		}
	}
	t.head.Interrupted = t.interrupted()
	if best == nil {
		return nil, fmt.Errorf("training was interrupted before the first epoch was over: %w", t.ctx.Err())
	}
	best.hidden = t.scaling.fold(best.hidden)
	return *best, nil
}

// epoch goes through the training data once, in a random order; false when it was interrupted.
func (t *training) epoch(n *stepper, rows []float32, random *rand.Rand, e *Epoch) (bool, error) {
	order, total := random.Perm(t.train.Len()), 0.0
	for batch := range slices.Chunk(order, t.opts.Batch) {
		if t.interrupted() {
			return false, nil
		}
		sum := 0.0
		for _, i := range batch {
			sum += t.trainWeights[i]
		}
		clear(n.features)
		clear(n.targets)
		clear(n.weights)
		for k, i := range batch {
			copy(n.features[k*n.dim:], rows[i*n.dim:(i+1)*n.dim])
			n.targets[k*n.classes+t.train.Labels[i]] = 1
			if sum > 0 {
				n.weights[k] = float32(t.trainWeights[i] / sum)
			}
		}
		n.drop(random, t.opts.Dropout)
		if err := n.step(t.opts.LearningRate); err != nil {
			return false, err
		}
		for k, i := range batch {
			row := n.probabilities[k*n.classes : (k+1)*n.classes]
			e.Loss -= t.trainWeights[i] * math.Log(max(float64(row[t.train.Labels[i]]), 1e-30))
			if argmax(row) == t.train.Labels[i] {
				e.Accuracy += t.trainWeights[i]
			}
		}
		total += sum
	}
	e.Loss, e.Accuracy = e.Loss/total, e.Accuracy/total
	return true, nil
}
