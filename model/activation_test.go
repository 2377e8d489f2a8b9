package model_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/tagbeam/tagbeam/model"
)

func TestProbabilities(t *testing.T) {
	for _, tt := range []struct {
		activation model.Activation
		row, want  []float32
	}{
		{model.ActivationSoftmax, []float32{0, 0}, []float32{0.5, 0.5}},
		{model.ActivationSoftmax, []float32{1, 0}, []float32{0.7310586, 0.2689414}},
		{model.ActivationSoftmax, []float32{1000, 999}, []float32{0.7310586, 0.2689414}}, // exp(1000) is infinite
		{model.ActivationSoftmax, []float32{-1000, 0}, []float32{0, 1}},
		{model.ActivationSigmoid, []float32{0, 1, -100, 100}, []float32{0.5, 0.7310586, 0, 1}},
		{model.ActivationExp, []float32{0, -0.6931472}, []float32{1, 0.5}},
		{model.ActivationNone, []float32{0.3, 0.7}, []float32{0.3, 0.7}},
	} {
		got := append([]float32{}, tt.row...)
		(&model.Bundle{Activation: tt.activation}).Probabilities(got)
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 1e-6)); diff != "" {
			t.Errorf("%s of %v (-want +got):\n%s", tt.activation, tt.row, diff)
		}
	}
}

// Softmax adds up to 1, keeps the order and does not see a constant added to all.
func TestSoftmaxLaws(t *testing.T) {
	b := &model.Bundle{Activation: model.ActivationSoftmax}
	rapid.Check(t, func(t *rapid.T) {
		logits := rapid.SliceOfN(rapid.Float32Range(-30, 30), 1, 2000).Draw(t, "logits")
		shift := rapid.Float32Range(-100, 100).Draw(t, "shift")
		p, shifted := append([]float32{}, logits...), append([]float32{}, logits...)
		for i := range shifted {
			shifted[i] += shift
		}
		b.Probabilities(p)
		b.Probabilities(shifted)
		sum := 0.0
		for i, v := range p {
			sum += float64(v)
			if i > 0 && logits[i] < logits[i-1] && v > p[i-1] {
				t.Fatalf("logit %v < %v, but probability %v > %v", logits[i], logits[i-1], v, p[i-1])
			}
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Fatalf("adds up to %v", sum)
		}
		if diff := cmp.Diff(p, shifted, cmpopts.EquateApprox(1e-3, 1e-6)); diff != "" {
			t.Fatalf("shifted by %v (-as it is +shifted):\n%s", shift, diff)
		}
	})
}
