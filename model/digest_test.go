package model_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/model"
)

// Whatever decides a prediction changes the digest.
func TestDigestChanges(t *testing.T) {
	whole := tiny(t, "nchw.onnx")
	other := bytes.Replace(whole, []byte("tagbeam-testdata"), []byte("tagbeam-testdatb"), 1)
	local := model.Options{LocalDir: "models/tiny"}
	external := huggingFace.with(files{"model.onnx": "@external.onnx", "external.bin": "@external.bin"})
	changed := tiny(t, "external.bin")
	changed[0] ^= 1
	seen := map[string]string{}
	for _, tt := range []struct {
		name  string
		files files
		opts  model.Options
	}{
		{"as it is", huggingFace, model.Options{}},
		{"graph", huggingFace.with(files{"model.onnx": string(other)}), model.Options{}},
		{"a label", huggingFace.with(files{"config.json": strings.Replace(fiveIDs, "ant", "aunt", 1)}), model.Options{}},
		{"two labels run together", huggingFace, model.Options{Labels: []string{"ant\",\"bee", "x", "cat", "dog", "elk"}}},
		{"order of labels", huggingFace.with(files{"config.json": strings.NewReplacer("ant", "bee", "bee", "ant").Replace(fiveIDs)}), model.Options{}},
		{"filter", huggingFace, model.Options{Preprocess: "unit,filter=bicubic"}},
		{"mean", huggingFace, model.Options{Preprocess: "unit,mean=0.5"}},
		{"turned", huggingFace, model.Options{EXIFOrientation: true}},
		{"fast", huggingFace, model.Options{FastDecode: true}},
		{"activation", huggingFace, model.Options{Activation: "none"}},
		{"output a", huggingFace.with(files{"model.onnx": "@two_outputs.onnx"}), model.Options{Output: "a"}},
		{"output b", huggingFace.with(files{"model.onnx": "@two_outputs.onnx"}), model.Options{Output: "b"}},
		{"weights elsewhere", external, local},
		{"other weights elsewhere", external.with(files{"external.bin": string(changed)}), local},
	} {
		b := load(t, tt.files, tt.opts)
		if len(b.Digest) != len("sha256:")+64 || !strings.HasPrefix(b.Digest, "sha256:") {
			t.Errorf("%s: digest %q", tt.name, b.Digest)
		}
		if same, ok := seen[b.Digest]; ok {
			t.Errorf("%q and %q have the same digest", tt.name, same)
		}
		seen[b.Digest] = tt.name
	}
}

// The same model by another road has the same digest: the table must not be tagged again because a folder was renamed.
func TestDigestStays(t *testing.T) {
	want := load(t, huggingFace, model.Options{})
	spec := `{"resize": {"mode": "exact", "width": 8, "height": 8, "filter": "bilinear"}, "channels": "rgb",
		"normalize": {"scale": 0.00392156862745098, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}`
	roads := map[string]*model.Bundle{
		"again":     load(t, huggingFace, model.Options{}),
		"bare file": load(t, files{"x.onnx": "@nchw.onnx"}, model.Options{File: "x.onnx", Labels: five, Preprocess: spec}),
		"tagbeam":   load(t, files{"y.onnx": "@nchw.onnx", "l": fiveLines, "tagbeam.json": `{"labels": "l", "preprocess": ` + spec + `}`}, model.Options{}),
	}
	renamed, err := model.Load(huggingFace.fs(t), "gs://bucket/elsewhere/", model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if renamed.Name != "elsewhere" {
		t.Errorf("name %q, want elsewhere", renamed.Name)
	}
	roads["renamed"] = renamed
	for name, b := range roads {
		if b.Digest != want.Digest {
			t.Errorf("%s: digest %s, want %s", name, b.Digest, want.Digest)
		}
	}
}
