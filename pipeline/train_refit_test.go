package pipeline

import (
	"context"
	"testing"

	"github.com/tagbeam/tagbeam/model/head"
)

// Ctrl-C while all images are trained on leaves the head before, which says that there was more to come.
func TestRefitInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &TrainingData{
		training:   head.Dataset{Features: []float32{1, 2, 3, 4}, Dim: 1, Labels: []int{0, 0, 1, 1}},
		validation: head.Dataset{Features: []float32{1, 4}, Dim: 1, Labels: []int{0, 1}},
	}
	for _, setting := range []string{"l2 0.01", "k 3"} {
		kind := head.Linear
		if setting == "k 3" {
			kind = head.KNN
		}
		before := &head.Head{Kind: kind, Classes: 2, Dim: 1, Setting: setting, Temperature: 1}
		h, err := refit(ctx, before, d, head.Options{Kind: kind, Classes: 2})
		if err != nil || h != before || !h.Interrupted || h.Setting != setting {
			t.Errorf("%s: %v, %+v", setting, err, h)
		}
	}
}
