package model_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update accepts):\n%s", name, diff)
	}
}

func TestDescribe(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files files
		opts  model.Options
	}{
		{"huggingface", huggingFace, model.Options{}},
		{"zoo-caffe", zoo.with(files{"net.onnx": "@conv1x1.onnx"}), model.Options{Preprocess: "caffe,filter=bicubic"}},
		{"border", zoo, model.Options{Preprocess: `{"resize": {"mode": "fit", "width": 10, "height": 8, "filter": "box"},
			"crop": {"width": 8, "height": 8, "rounding": "trunc", "fill": [1, 2, 3]}, "channels": "rgb",
			"normalize": {"scale": 1, "offset": -1, "mean": [0, 0, 0], "std": [1, 1, 1], "divide": [2, 3, 4]}}`}},
		{"quantised", files{"m.onnx": "@dynamic_quant.onnx"}, bareOptions("m.onnx")},
		{"batch4", files{"m.onnx": "@batch4.onnx"}, model.Options{File: "m.onnx", Labels: append(five[:4:4], "ant"), Preprocess: "keras-tf", Activation: "sigmoid"}},
		{"turned", huggingFace, model.Options{EXIFOrientation: true, FastDecode: true}},
		{"features", files{"m.onnx": "@logits_features.onnx"}, model.Options{File: "m.onnx", Labels: five, Preprocess: "none", Activation: "exp"}},
		{"external", files{"m.onnx": "@external.onnx", "external.bin": "@external.bin"}, model.Options{File: "m.onnx", Labels: five, Preprocess: "none", LocalDir: "."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := load(t, tt.files, tt.opts)
			var text, object bytes.Buffer
			if err := errors.Join(model.Describe(&text, b), model.DescribeJSON(&object, b)); err != nil {
				t.Fatal(err)
			}
			golden(t, "describe-"+tt.name+".txt", text.Bytes())
			golden(t, "describe-"+tt.name+".json", object.Bytes())
			if !json.Valid(object.Bytes()) {
				t.Error("not JSON")
			}
		})
	}
}

func TestDescribeManyLabels(t *testing.T) {
	b := load(t, huggingFace, model.Options{})
	b.Labels = []string{"a", "b", "c", "d", "e", "f"}
	var text bytes.Buffer
	if err := model.Describe(&text, b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text.Bytes(), []byte("6: a, b, c, d, e, ...\n")) {
		t.Errorf("six labels are described as:\n%s", text.Bytes())
	}
}

// A reader that goes away is an error, not a description cut short.
func TestDescribeErrors(t *testing.T) {
	b := load(t, files{"m.onnx": "@dynamic_quant.onnx"}, bareOptions("m.onnx"))
	gone := errors.New("broken pipe")
	for after := range 2 {
		if err := model.Describe(&closing{after: after, err: gone}, b); !errors.Is(err, gone) {
			t.Errorf("Describe to a writer that fails after %d writes: %v", after, err)
		}
	}
	if err := model.DescribeJSON(&closing{err: gone}, b); !errors.Is(err, gone) {
		t.Errorf("DescribeJSON: %v", err)
	}
}

// closing is a writer that takes so many writes and fails then.
type closing struct {
	after int
	err   error
}

func (c *closing) Write(p []byte) (int, error) {
	if c.after--; c.after < 0 {
		return 0, c.err
	}
	return len(p), nil
}
