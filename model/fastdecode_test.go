package model_test

import (
	"bytes"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// What --fast-decode does to labels and confidences, on every real photo that is large enough for a model to be touched by it. The numbers
// are those of the README.
func TestFastDecodeLabels(t *testing.T) {
	start(t)
	for _, test := range []struct {
		name, folder string
		opts         model.Options
		same         float64 // share of labels, at least
	}{
		{"mobilenetv2", "large", model.Options{}, 1},
		{"mobilenetv2-int8", "large", model.Options{}, 0.6}, // of three
		{"squeezenet", "large", model.Options{Preprocess: "caffe"}, 1},
		{"vit-cifar10", "photos", model.Options{}, 0.95},
		{"vit-cifar10-p16", "photos", model.Options{}, 0.95},
	} {
		t.Run(test.name+" on "+test.folder, func(t *testing.T) {
			opts := test.opts
			classifiers := make([]*classifying, 2)
			for i := range classifiers {
				opts.FastDecode = i == 1
				classifiers[i] = newClassifying(t, test.name, opts)
			}
			files, touched, changed, sum, worst := filesBelow(t, sharedData(t, test.folder)), 0, 0, 0.0, 0.0
			for _, file := range files {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				exact, fast := classifiers[0].run(t, data), classifiers[1].run(t, data)
				if bytes.Equal(classifiers[0].runner.Input(), classifiers[1].runner.Input()) {
					continue
				}
				touched++
				label := slices.Index(exact, slices.Max(exact))
				if slices.Index(fast, slices.Max(fast)) != label {
					changed++
				}
				d := math.Abs(float64(exact[label] - fast[label]))
				sum, worst = sum+d, max(worst, d)
			}
			t.Logf("%d of %d images are decoded at a scale; %d labels change; the label's confidence by %.4f on average, %.3f at most",
				touched, len(files), changed, sum/float64(touched), worst)
			if touched == 0 || float64(changed) > (1-test.same)*float64(touched) {
				t.Errorf("of %d images, %d change their label", touched, changed)
			}
		})
	}
}

// classifying is a model ready for one image at a time.
type classifying struct {
	bundle *model.Bundle
	worker *preprocess.Worker
	runner interface {
		Input() []byte
		Run(n int) error
		Row(i, image int) []float32
	}
}

func newClassifying(t *testing.T, name string, opts model.Options) *classifying {
	t.Helper()
	b, err := model.Load(os.DirFS(sharedData(t, "models", name)), name, opts)
	if err != nil {
		t.Fatal(err)
	}
	program, err := b.Program()
	if err != nil {
		t.Fatal(err)
	}
	session, err := b.Session()
	if err != nil {
		t.Fatal(err)
	}
	runner, err := session.NewRunner(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { runner.Close() })
	return &classifying{b, program.NewWorker(), runner}
}

// run returns the probabilities of an image.
func (c *classifying) run(t *testing.T, data []byte) []float32 {
	t.Helper()
	if _, err := c.worker.Apply(data, preprocess.Limits{}, c.runner.Input()); err != nil {
		t.Fatal(err)
	}
	if err := c.runner.Run(1); err != nil {
		t.Fatal(err)
	}
	row := slices.Clone(c.runner.Row(0, 0))
	c.bundle.Probabilities(row)
	return row
}
