package model

import (
	"fmt"
	"math"
	"strings"

	"github.com/tagbeam/tagbeam/model/onnx"
)

// Activation is what tagbeam applies to the output's values to have probabilities.
type Activation string

// The activations.
const (
	ActivationSoftmax Activation = "softmax" // the output is logits
	ActivationSigmoid Activation = "sigmoid" // the output is logits of independent classes
	ActivationExp     Activation = "exp"     // the output is logarithms of probabilities
	ActivationNone    Activation = "none"    // the output is probabilities
)

func (a Activation) check() error {
	switch a {
	case "", ActivationSoftmax, ActivationSigmoid, ActivationExp, ActivationNone:
		return nil
	}
	return fmt.Errorf("activation %q is not known: softmax, sigmoid, exp, or none (the output is probabilities already)", a)
}

// chooseActivation takes the chosen one, or what the end of the graph leaves to be done.
func (b *Bundle) chooseActivation(chosen Activation) {
	if chosen != "" {
		b.Activation = chosen
		return
	}
	out, _ := b.Info.Output(b.Output.Name)
	switch out.Activation {
	case onnx.ActivationSoftmax, onnx.ActivationSigmoid:
		b.Activation = ActivationNone
	case onnx.ActivationLogSoftmax:
		b.Activation = ActivationExp
	default:
		b.Activation = ActivationSoftmax
		if strings.HasPrefix(strings.ToLower(out.Name), "prob") {
			b.Warnings = append(b.Warnings, fmt.Sprintf("output %s has the name of probabilities, but no softmax or sigmoid was found before it: softmax is applied; "+
				`"activation": "none" in tagbeam.json prevents it`, out.Name))
		}
	}
}

// Probabilities turns one row of the output into probabilities, in place.
func (b *Bundle) Probabilities(row []float32) {
	switch b.Activation {
	case ActivationSoftmax:
		softmax(row)
	case ActivationSigmoid:
		for i, v := range row {
			row[i] = float32(1 / (1 + math.Exp(-float64(v))))
		}
	case ActivationExp:
		for i, v := range row {
			row[i] = float32(math.Exp(float64(v)))
		}
	}
}

// softmax is exp(x - max) / sum, summed in float64 so that the order of many small terms does not show.
func softmax(row []float32) {
	most := float32(math.Inf(-1))
	for _, v := range row {
		most = max(most, v)
	}
	sum := 0.0
	for i, v := range row {
		e := math.Exp(float64(v - most))
		row[i] = float32(e)
		sum += e
	}
	for i, e := range row {
		row[i] = float32(float64(e) / sum)
	}
}
