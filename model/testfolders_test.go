package model_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/tagbeam/tagbeam/model"
)

// files are the contents of a model folder. "@nchw.onnx" stands for a model of testdata/models.
type files map[string]string

func (f files) fs(t testing.TB) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	for name, content := range f {
		data := []byte(content)
		if len(content) > 0 && content[0] == '@' {
			data = tiny(t, content[1:])
		}
		out[name] = &fstest.MapFile{Data: data}
	}
	return out
}

// with is f and more; an empty string removes a file.
func (f files) with(more files) files {
	out := files{}
	for name, content := range f {
		out[name] = content
	}
	for name, content := range more {
		if out[name] = content; content == "" {
			delete(out, name)
		}
	}
	return out
}

func tiny(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "models", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func load(t testing.TB, f files, opts model.Options) *model.Bundle {
	t.Helper()
	b, err := model.Load(f.fs(t), "models/tiny", opts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	fiveIDs      = `{"model_type": "vit", "id2label": {"0": "ant", "1": "bee", "2": "cat", "3": "dog", "4": "elk"}}`
	fiveLines    = "ant\nbee\ncat\ndog\nelk\n"
	vitProcessor = `{"image_processor_type": "ViTImageProcessor", "size": {"height": 8, "width": 8}}`
)

var five = []string{"ant", "bee", "cat", "dog", "elk"}

// huggingFace, zoo and bare are whole folders of each kind.
var (
	huggingFace = files{"model.onnx": "@nchw.onnx", "config.json": fiveIDs, "preprocessor_config.json": vitProcessor}
	zoo         = files{"net.onnx": "@softmax.onnx", "synset.txt": "n01440764 ant\nn01443537 bee\nn01484850 cat\nn01491361 dog\nn01494475 elk, Alces\n"}
	timm        = files{"model.onnx": "@nchw.onnx", "config.json": `{"architecture": "tiny", "num_classes": 5, "label_names": ["ant", "bee", "cat", "dog", "elk"],
		"pretrained_cfg": {"input_size": [3, 8, 8], "interpolation": "bilinear", "crop_pct": 0.9, "tag": "a1", "pool_size": [7, 7]}}`}
)

// bareOptions make a whole model of a bare .onnx file.
func bareOptions(file string) model.Options {
	return model.Options{File: file, Labels: five, Preprocess: "unit"}
}
