package head

import (
	"fmt"
	"slices"
)

// trial is a setting that was tried.
type trial struct {
	scorer
	train      scored
	validation []float32 // logits
}

// scored are training examples, all or some, and their logits.
type scored struct {
	logits  []float32
	labels  []int
	weights []float64
}

// tried scores all of the data.
func (t *training) tried(s scorer) (trial, error) {
	train, err := s.logits(t.train.Features)
	if err != nil {
		return trial{}, err
	}
	validation, err := s.logits(t.validation.Features)
	return trial{s, scored{train, t.train.Labels, t.trainWeights}, validation}, err
}

// candidates tries settings one after another and keeps the scorer with the least validation loss, or where there is no validation data, the
// one that is preferred. try returns no scorer when it was interrupted before it had anything. Three settings in a row that are worse end the search.
func (t *training) candidates(settings []string, preferred int, try func(i int) (trial, error)) (scorer, error) {
	if t.validation.Len() == 0 {
		settings = settings[:preferred+1] // those before it are what it starts from
	}
	var best scorer
	least, worse := 0.0, 0
	for i, setting := range settings {
		if t.interrupted() || worse == 3 {
			break
		}
		s, err := try(i)
		if err != nil {
			return nil, err
		}
		if s.scorer == nil {
			break
		}
		e := Epoch{Epoch: i + 1, Epochs: len(settings), Setting: setting}
		e.Loss, e.Accuracy = crossEntropy(s.train.logits, s.train.labels, s.train.weights, t.opts.Classes)
		loss := -float64(i) // without validation data the last one counts
		if t.validation.Len() > 0 {
			vl, va := crossEntropy(s.validation, t.validation.Labels, t.validationWeights, t.opts.Classes)
			e.ValidationLoss, e.ValidationAccuracy, loss = &vl, &va, vl
		}
		if worse++; best == nil || loss < least {
			best, least, worse, e.Best = s.scorer, loss, 0, true
			t.head.Setting = setting
		}
		t.report(e)
	}
	t.head.Interrupted = t.interrupted()
	if best == nil {
		return nil, fmt.Errorf("training was interrupted before there was a first result: %w", t.ctx.Err())
	}
	return best, nil
}

// nearest is the index of the value that is nearest to want by ratio.
func nearest(values []float64, want float64) int {
	best := 0
	for i, v := range values {
		if max(v/want, want/v) < max(values[best]/want, want/values[best]) {
			best = i
		}
	}
	return best
}

// descending is a sorted copy: from strong to weak.
func descending(values []float64) []float64 {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	slices.Reverse(sorted)
	return sorted
}
