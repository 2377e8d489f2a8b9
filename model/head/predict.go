package head

import (
	"errors"
	"fmt"
	"math"

	"github.com/tagbeam/tagbeam/model/graph"
)

// Predict gives the probabilities of every row of features: Classes of them, row after row. It needs ONNX Runtime (onnx.Init).
func (h *Head) Predict(features []float32) ([]float32, error) {
	if len(features)%h.Dim != 0 {
		return nil, fmt.Errorf("%d numbers are no rows of %d features", len(features), h.Dim)
	}
	logits, err := h.scorer.logits(features)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(logits); i += h.Classes {
		softmax(logits[i:i+h.Classes], h.Temperature)
	}
	return logits, nil
}

// softmax turns logits, divided by the temperature, into probabilities, in place.
func softmax(row []float32, temperature float64) {
	most := row[argmax(row)]
	sum := 0.0
	for i, v := range row {
		e := math.Exp(float64(v-most) / temperature)
		row[i] = float32(e)
		sum += e
	}
	for i, e := range row {
		row[i] = float32(float64(e) / sum)
	}
}

// ONNX is the head as a model of that opset (graph.MinOpset to graph.MaxOpset): input graph.Features [batch, Dim], output graph.Probabilities
// [batch, Classes].
func (h *Head) ONNX(opset int64) ([]byte, error) {
	if opset < graph.MinOpset || opset > graph.MaxOpset {
		return nil, fmt.Errorf("a head cannot be written for opset %d, only for %d to %d", opset, graph.MinOpset, graph.MaxOpset)
	}
	b := graph.NewBuilder("head", opset)
	features := b.Input(graph.Features, "batch", h.Dim)
	logits := h.scorer.build(b, features)
	scaled := b.Node("Mul", "scaled", []string{logits, b.Floats("inverse_temperature", []float32{float32(1 / h.Temperature)}, 1)})
	b.Node("Softmax", graph.Probabilities, []string{scaled}, graph.Int("axis", 1))
	b.Output(graph.Probabilities, "batch", h.Classes)
	return b.Model()
}

// Calibration is how far confidences are from the share of right answers.
type Calibration struct {
	// ECE is the expected calibration error over 15 equal bins of the confidence (Guo et al., "On calibration of modern neural networks", 2017), NLL the
	// mean negative log-likelihood.
	ECE      float64 `json:"ece"`
	NLL      float64 `json:"nll"`
	Accuracy float64 `json:"accuracy"`
}

// Calibrate measures probabilities (row after row) against labels.
func Calibrate(probabilities []float32, labels []int) (Calibration, error) {
	if len(labels) == 0 {
		return Calibration{}, errors.New("calibration: there are no examples")
	}
	if len(probabilities)%len(labels) != 0 || len(probabilities) == 0 {
		return Calibration{}, fmt.Errorf("calibration: %d probabilities for %d examples", len(probabilities), len(labels))
	}
	const bins = 15
	classes := len(probabilities) / len(labels)
	var c Calibration
	var confidence, right [bins]float64
	for i, label := range labels {
		row := probabilities[i*classes : (i+1)*classes]
		if label < 0 || label >= classes {
			return Calibration{}, fmt.Errorf("calibration: example %d is of class %d, of %d classes", i, label, classes)
		}
		best := argmax(row)
		bin := min(bins-1, max(0, int(float64(row[best])*bins)))
		confidence[bin] += float64(row[best])
		if best == label {
			right[bin]++
			c.Accuracy++
		}
		c.NLL -= math.Log(max(float64(row[label]), 1e-12))
	}
	n := float64(len(labels))
	for b := range bins {
		c.ECE += math.Abs(confidence[b]-right[b]) / n
	}
	c.NLL, c.Accuracy = c.NLL/n, c.Accuracy/n
	return c, nil
}

// fitTemperature finds the temperature with the least negative log-likelihood on the validation data, and measures the calibration without and
// with it. Where everything is right, the likelihood grows for ever as the temperature falls; one made-up observation that log T is about 0 stops
// that.
func (h *Head) fitTemperature(validation Dataset) error {
	logits, err := h.scorer.logits(validation.Features)
	if err != nil {
		return err
	}
	row := make([]float32, h.Classes)
	loss := func(logT float64) float64 {
		sum, inverse := logT*logT/2, math.Exp(-logT)
		for i, label := range validation.Labels {
			for c, v := range logits[i*h.Classes : (i+1)*h.Classes] {
				row[c] = float32(float64(v) * inverse)
			}
			sum += softmaxLoss(row, label)
		}
		return sum
	}
	measure := func() (Calibration, error) {
		probabilities, err := h.Predict(validation.Features)
		if err != nil {
			return Calibration{}, err
		}
		return Calibrate(probabilities, validation.Labels)
	}
	h.Temperature = 1
	if h.Before, err = measure(); err != nil {
		return err
	}
	h.Temperature = math.Exp(goldenSection(loss, math.Log(0.05), math.Log(20)))
	h.After, err = measure()
	return err
}

// goldenSection finds the minimum of a function that has one in an interval.
func goldenSection(f func(float64) float64, low, high float64) float64 {
	ratio := (math.Sqrt(5) - 1) / 2
	a, b := high-ratio*(high-low), low+ratio*(high-low)
	fa, fb := f(a), f(b)
	for high-low > 1e-4 {
		if fa < fb {
			high, b, fb = b, a, fa
			a = high - ratio*(high-low)
			fa = f(a)
		} else {
			low, a, fa = a, b, fb
			b = low + ratio*(high-low)
			fb = f(b)
		}
	}
	return (low + high) / 2
}
