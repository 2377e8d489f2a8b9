package model_test

import (
	"os"
	"sync"
	"testing"

	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/onnx"
)

var startONNX = sync.OnceValue(func() error {
	path, err := onnx.Find("")
	if err != nil {
		return err
	}
	return onnx.Init(path)
})

// start starts ONNX Runtime, or skips the test where there is none; in CI a missing library is a failure.
func start(t testing.TB) {
	t.Helper()
	if err := startONNX(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func TestRealModels(t *testing.T) {
	start(t)
	for _, tt := range []struct {
		name       string
		opts       model.Options
		layout     model.Layout
		classes    int
		first      string
		side       int
		activation model.Activation
	}{
		{"mobilenetv2", model.Options{}, model.LayoutHuggingFace, 1000, "tench", 224, model.ActivationSoftmax},
		{"mobilenetv2-int8", model.Options{}, model.LayoutHuggingFace, 1000, "tench", 224, model.ActivationSoftmax},
		{"squeezenet", model.Options{Preprocess: "caffe"}, model.LayoutModelZoo, 1000, "tench", 224, model.ActivationNone},
		{"vit-cifar10", model.Options{}, model.LayoutHuggingFace, 10, "airplane", 32, model.ActivationSoftmax},
		{"vit-cifar10-p16", model.Options{}, model.LayoutHuggingFace, 10, "airplane", 32, model.ActivationSoftmax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := model.Load(os.DirFS(sharedData(t, "models", tt.name)), tt.name, tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			if b.Layout != tt.layout || b.Output.Classes != tt.classes || b.Labels[0] != tt.first || b.Input.Height != tt.side || b.Activation != tt.activation {
				t.Errorf("read as %s, %d classes, first %q, %d pixels, %s; want %+v", b.Layout, b.Output.Classes, b.Labels[0], b.Input.Height, b.Activation, tt)
			}
			s, err := b.Session()
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.NewRunner(3)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if err := r.Run(3); err != nil {
				t.Fatal(err)
			}
			row := r.Row(0, 2)
			b.Probabilities(row)
			var sum float32
			for _, p := range row {
				sum += p
			}
			if len(row) != tt.classes || sum < 0.999 || sum > 1.001 {
				t.Errorf("%d probabilities add up to %v", len(row), sum)
			}
		})
	}
}
