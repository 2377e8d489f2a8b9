package model

import (
	"fmt"
	"strings"

	"github.com/tagbeam/tagbeam/model/onnx"
)

// outputNames are names by which exporters call the output that has the classes, the most telling first.
var outputNames = []string{"logits", "probs", "probabilities", "probability", "output_probability", "output"}

// chooseOutput finds the output that has the classes: the one said; or the only one that can; or the one whose name says so; or the only one
// that has as many classes as there are labels.
func (b *Bundle) chooseOutput(said string) error {
	if said != "" {
		out, ok := b.Info.Output(said)
		if !ok {
			return fmt.Errorf("the model has no output %q; its outputs are: %s", said, list(b.Info.Outputs))
		}
		return b.takeOutput(out)
	}
	if len(b.Info.Outputs) == 1 {
		return b.takeOutput(b.Info.Outputs[0])
	}
	var able []onnx.Value
	for _, out := range b.Info.Outputs {
		if _, _, err := classesOf(out, len(b.Labels)); err == nil {
			able = append(able, out)
		}
	}
	if len(able) == 1 {
		return b.takeOutput(able[0])
	}
	if out, ok := byName(able); ok {
		return b.takeOutput(out)
	}
	var matching []onnx.Value
	for _, out := range able {
		if _, classes, _ := classesOf(out, len(b.Labels)); classes == len(b.Labels) {
			matching = append(matching, out)
		}
	}
	if len(matching) == 1 {
		return b.takeOutput(matching[0])
	}
	return fmt.Errorf(`which output has the classes cannot be told: name it by --model-output, or "output" in tagbeam.json; the model has: %s`, list(b.Info.Outputs))
}

func (b *Bundle) takeOutput(out onnx.Value) error {
	dims, classes, err := classesOf(out, len(b.Labels))
	if err != nil {
		return err
	}
	b.Output = Output{Name: out.Name, Classes: classes, Dims: dims}
	return nil
}

func byName(values []onnx.Value) (onnx.Value, bool) {
	for _, name := range outputNames {
		for _, v := range values {
			if strings.EqualFold(v.Name, name) {
				return v, true
			}
		}
	}
	for _, v := range values {
		if strings.HasPrefix(strings.ToLower(v.Name), "prob") {
			return v, true
		}
	}
	return onnx.Value{}, false
}

// classesOf tells the shape of a row and the number of classes in it: [batch, C], [batch, C, 1, 1] or [batch, 1, 1, C]. Where the model leaves
// C open it is the number of labels, and the session finds out whether that is so.
func classesOf(out onnx.Value, labels int) (dims []int64, classes int, err error) {
	if err := out.CheckOutputType(); err != nil {
		return nil, 0, err
	}
	size := func(d onnx.Dim) int64 {
		if d.Fixed() {
			return d.Size
		}
		return int64(labels)
	}
	one := func(d onnx.Dim) bool { return d.Size == 1 }
	d := out.Dims
	switch {
	case d == nil:
		dims = []int64{int64(labels)}
	case len(d) == 2:
		dims = []int64{size(d[1])}
	case len(d) == 4 && one(d[2]) && one(d[3]):
		dims = []int64{size(d[1]), 1, 1}
	case len(d) == 4 && one(d[1]) && one(d[2]):
		dims = []int64{1, 1, size(d[3])}
	default:
		return nil, 0, fmt.Errorf("output %s is not a classifier's: that is [batch, classes], [batch, classes, 1, 1] or [batch, 1, 1, classes]", out)
	}
	classes = 1
	for _, n := range dims {
		classes *= int(n)
	}
	return dims, classes, nil
}
