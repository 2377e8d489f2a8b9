package engine_test

import (
	"math"
	"slices"
	"testing"

	"github.com/tagbeam/tagbeam/transforms/engine"
)

// A model says the same of an image whatever type and layout its input has, or whether it is quantised; and what a dynamically quantised one
// says of it does not depend on the batch that is asked for.
func TestTypesOfInput(t *testing.T) {
	e := start(t, engine.Config{CPU: 2})
	classify := func(file, preset string, batch int) []engine.Prediction {
		r := ref(t, file)
		r.Preprocess = preset
		c, err := engine.LoadClassifier(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return run(t, e, engine.Task{Classifier: c, Images: many(11), TopK: 5, Batch: batch})
	}
	want := classify("nchw.onnx", "unit", 4)
	for _, test := range []struct {
		file, preset string
		within       float64
	}{
		{"uint8.onnx", "none", 1e-6}, {"nhwc_uint8.onnx", "none", 1e-6}, {"int8.onnx", "none,offset=-128", 1e-6},
		{"float16.onnx", "unit", 1e-3}, {"float16_all.onnx", "unit", 1e-2}, {"qdq_int8.onnx", "unit", 2e-2}, {"dynamic_quant.onnx", "unit", 2e-2},
	} {
		got := classify(test.file, test.preset, 4)
		for i := range want {
			if got[i].Failure != nil {
				t.Fatalf("%s: image %d: %v", test.file, i, got[i].Failure)
			}
			for _, w := range want[i].Top {
				k := slices.IndexFunc(got[i].Top, func(s engine.Scored) bool { return s.LabelID == w.LabelID })
				if d := math.Abs(float64(got[i].Top[k].Confidence - w.Confidence)); d > test.within {
					t.Errorf("%s: image %d: %+v, float32 has %+v", test.file, i, got[i].Top[k], w)
				}
			}
		}
	}
	alone := classify("dynamic_quant.onnx", "unit", 1)
	for i, p := range classify("dynamic_quant.onnx", "unit", 8) {
		if p.Top[0] != alone[i].Top[0] {
			t.Errorf("image %d: %+v among 8, %+v alone", i, p.Top[0], alone[i].Top[0])
		}
	}
}
