package model_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

func TestLayouts(t *testing.T) {
	half := [3]float32{0.5, 0.5, 0.5}
	ones := [3]float32{1, 1, 1}
	exact := &preprocess.Resize{Mode: "exact", Width: 8, Height: 8, Filter: "bilinear"}
	unit := preprocess.Spec{Resize: exact, Channels: "rgb", Normalize: preprocess.Normalize{Scale: 1.0 / 255, Std: ones}}
	vit := preprocess.Spec{Resize: exact, Channels: "rgb", Normalize: preprocess.Normalize{Scale: 1.0 / 255, Mean: half, Std: half}}
	for _, tt := range []struct {
		name       string
		files      files
		opts       model.Options
		layout     model.Layout
		file       string
		labels     []string
		output     string
		activation model.Activation
		spec       preprocess.Spec
	}{
		{"huggingface", huggingFace, model.Options{}, model.LayoutHuggingFace, "model.onnx", five, "logits", "softmax", vit},
		{"huggingface, onnx folder", huggingFace.with(files{"model.onnx": "", "onnx/model.onnx": "@softmax.onnx", "onnx/model_int8.onnx": "@nchw.onnx"}),
			model.Options{}, model.LayoutHuggingFace, "onnx/model.onnx", five, "probs", "none", vit},
		{"zoo", zoo, model.Options{Preprocess: "unit"}, model.LayoutModelZoo, "net.onnx", []string{"ant", "bee", "cat", "dog", "elk, Alces"}, "probs", "none", unit},
		{"zoo, labels.txt", files{"net.onnx": "@logsoftmax.onnx", "labels.txt": fiveLines, "tagbeam.json": `{"preprocess": "unit"}`}, model.Options{},
			model.LayoutModelZoo, "net.onnx", five, "log_probs", "exp", unit},
		{"tagbeam beside labels.txt", files{"net.onnx": "@logsoftmax.onnx", "labels.txt": fiveLines, "tagbeam.json": `{"labels": "labels.txt", "preprocess": "unit"}`}, model.Options{},
			model.LayoutTagbeam, "net.onnx", five, "log_probs", "exp", unit},
		{"timm", timm, model.Options{}, model.LayoutTimm, "model.onnx", five, "logits", "softmax", preprocess.Spec{
			Resize: &preprocess.Resize{Mode: "shortest_edge", Size: 8, Filter: "bilinear"}, Crop: &preprocess.Crop{Width: 8, Height: 8, Rounding: "half_even"}, Channels: "rgb",
			Normalize: preprocess.Normalize{Scale: 1.0 / 255, Mean: [3]float32{0.485, 0.456, 0.406}, Std: [3]float32{0.229, 0.224, 0.225}}}},
		{"tagbeam", files{"a.onnx": "@two_outputs.onnx", "b.onnx": "@nchw.onnx", "names": fiveLines, "tagbeam.json": `{"model": "a.onnx", "labels": "names", "input": "image", "output": "b",
			"activation": "sigmoid", "preprocess": {"resize": {"mode": "exact", "width": 8, "height": 8, "filter": "bilinear"}, "channels": "rgb",
			"normalize": {"scale": 0.00392156862745098, "mean": [0, 0, 0], "std": [1, 1, 1]}}}`},
			model.Options{}, model.LayoutTagbeam, "a.onnx", five, "b", "sigmoid", unit},
		{"tagbeam over huggingface", huggingFace.with(files{"tagbeam.json": `{"labels": ["v", "w", "x", "y", "z"], "preprocess": "unit", "activation": "none"}`}),
			model.Options{}, model.LayoutHuggingFace, "model.onnx", []string{"v", "w", "x", "y", "z"}, "logits", "none", unit},
		{"options over tagbeam", huggingFace.with(files{"tagbeam.json": `{"labels": ["v", "w", "x", "y", "z"], "preprocess": "none", "activation": "none", "output": "nowhere"}`}),
			model.Options{Labels: five, Preprocess: "unit", Activation: "exp", Output: "logits"}, model.LayoutHuggingFace, "model.onnx", five, "logits", "exp", unit},
		{"options make broken files unimportant", huggingFace.with(files{"preprocessor_config.json": `{"image_processor_type": "Unheard"}`, "config.json": `{"id2label": 5}`}),
			model.Options{Labels: five, Preprocess: "unit"}, model.LayoutHuggingFace, "model.onnx", five, "logits", "softmax", unit},
		{"bare", files{"x.onnx": "@sigmoid.onnx", "tagbeam.json": "broken", "synset.txt": "one", "config.json": "broken"}, bareOptions("x.onnx"),
			model.LayoutBare, "x.onnx", five, "scores", "none", unit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := load(t, tt.files, tt.opts)
			if b.Name != "tiny" || b.Layout != tt.layout || b.File != tt.file || b.Output.Name != tt.output || b.Activation != tt.activation {
				t.Errorf("read as %s %s, file %s, output %s, activation %s", b.Name, b.Layout, b.File, b.Output.Name, b.Activation)
			}
			if diff := cmp.Diff(tt.labels, b.Labels); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.spec, b.Preprocess); diff != "" {
				t.Errorf("preprocessing (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInputs(t *testing.T) {
	for _, tt := range []struct {
		model  string
		layout string // said
		want   model.Input
	}{
		{"nchw.onnx", "", model.Input{Name: "image", Layout: "NCHW", Height: 8, Width: 8, Type: onnx.Float32}},
		{"nhwc.onnx", "", model.Input{Name: "image", Layout: "NHWC", Height: 8, Width: 8, Type: onnx.Float32}},
		{"batch4.onnx", "", model.Input{Name: "image", Layout: "NCHW", Height: 8, Width: 8, Batch: 4, Type: onnx.Float32}},
		{"uint8.onnx", "", model.Input{Name: "image", Layout: "NCHW", Height: 8, Width: 8, Type: onnx.Uint8}},
		{"nhwc_uint8.onnx", "", model.Input{Name: "image", Layout: "NHWC", Height: 8, Width: 8, Type: onnx.Uint8}},
		{"int8.onnx", "", model.Input{Name: "image", Layout: "NCHW", Height: 8, Width: 8, Type: onnx.Int8}},
		{"float16_all.onnx", "", model.Input{Name: "image", Layout: "NCHW", Height: 8, Width: 8, Type: onnx.Float16}},
		{"open_size.onnx", "", model.Input{Name: "image", Layout: "NCHW", Height: 224, Width: 224, Type: onnx.Float32}},
		{"ambiguous.onnx", "NCHW", model.Input{Name: "image", Layout: "NCHW", Height: 8, Width: 3, Type: onnx.Float32}},
	} {
		opts := bareOptions("m.onnx")
		opts.InputLayout = tt.layout
		switch tt.want.Type {
		case onnx.Uint8:
			opts.Preprocess = "none"
		case onnx.Int8:
			opts.Preprocess = "none,offset=-128"
		}
		if diff := cmp.Diff(tt.want, load(t, files{"m.onnx": "@" + tt.model}, opts).Input); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.model, diff)
		}
	}
}

func TestOutputs(t *testing.T) {
	for _, tt := range []struct {
		model, said string
		want        model.Output
	}{
		{"nchw.onnx", "", model.Output{Name: "logits", Classes: 5, Dims: []int64{5}}},
		{"conv1x1.onnx", "", model.Output{Name: "cells", Classes: 5, Dims: []int64{5, 1, 1}}},
		{"cell.onnx", "", model.Output{Name: "cells", Classes: 5, Dims: []int64{1, 1, 5}}},
		{"open_classes.onnx", "", model.Output{Name: "logits", Classes: 5, Dims: []int64{5}}},
		{"open_rank.onnx", "", model.Output{Name: "logits", Classes: 5, Dims: []int64{5}}},
		{"two_outputs.onnx", "b", model.Output{Name: "b", Classes: 5, Dims: []int64{5}}},
		{"logits_features.onnx", "", model.Output{Name: "logits", Classes: 5, Dims: []int64{5}}},
	} {
		opts := bareOptions("m.onnx")
		opts.Output = tt.said
		if diff := cmp.Diff(tt.want, load(t, files{"m.onnx": "@" + tt.model}, opts).Output); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.model, diff)
		}
	}
}

// Where names tell nothing, the number of labels does.
func TestOutputByLabels(t *testing.T) {
	twelve := strings.Split("abcdefghijkl", "")
	b := load(t, files{"m.onnx": "@two_outputs.onnx"}, model.Options{File: "m.onnx", Labels: twelve, Preprocess: "unit"})
	if b.Output.Name != "features" || b.Output.Classes != 12 {
		t.Errorf("output %+v, want features, the one with 12 classes", b.Output)
	}
}

func TestLoadErrors(t *testing.T) {
	bare := func(name string) files { return files{"m.onnx": "@" + name} }
	opts := bareOptions("m.onnx")
	with := func(change func(*model.Options)) model.Options {
		o := bareOptions("m.onnx")
		change(&o)
		return o
	}
	whole := string(tiny(t, "nchw.onnx"))
	for _, tt := range []struct {
		name  string
		files files
		opts  model.Options
		want  string
	}{
		// the model file
		{"no onnx", files{"readme": "x"}, model.Options{}, "there is no model.onnx, onnx/model.onnx or other .onnx file"},
		{"several", files{"a.onnx": "x", "b.onnx": "y"}, model.Options{}, `several .onnx files (a.onnx, b.onnx): name one in tagbeam.json, {"model": "a.onnx"}`},
		{"missing file", files{}, opts, "m.onnx does not exist"},
		{"lfs pointer", files{"m.onnx": "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"}, opts, "m.onnx: the model file is a Git LFS pointer, not the model itself: run `git lfs pull`"},
		{"truncated", files{"m.onnx": whole[:len(whole)-40]}, opts, "m.onnx: not an ONNX model or truncated"},
		// input
		{"rank 2 input", bare("rank2.onnx"), opts, "input image: float32 [batch, 12] is not a batch of images"},
		{"grey input", bare("grey.onnx"), opts, "is not a batch of colour images"},
		{"ambiguous input", bare("ambiguous.onnx"), opts, `say which in tagbeam.json, {"input_layout": "NCHW"}`},
		{"unknown layout", bare("nchw.onnx"), with(func(o *model.Options) { o.InputLayout = "CHW" }), `input layout "CHW" is not known`},
		{"wrong layout", bare("nchw.onnx"), with(func(o *model.Options) { o.InputLayout = "NHWC" }), "cannot be NHWC"},
		{"two inputs", bare("two_inputs.onnx"), opts, "the model has 2 inputs, where an image classifier has one: left"},
		{"float64 input", bare("float64.onnx"), opts, "input image is float64, which tagbeam cannot feed: export the model with float32 inputs"},
		{"uint8 input of units", bare("uint8.onnx"), opts, "the model's input is uint8, and preprocess.normalize makes 0 to 1 of the bytes, which leaves 2 steps of 256"},
		{"wrong input name", files{"m.onnx": "@nchw.onnx", "tagbeam.json": `{"input": "img"}`}, model.Options{}, `no input "img"; its inputs are: image`},
		// output
		{"rank 3 output", bare("rank3.onnx"), opts, "output grid: float32 [batch, 4, 5] is not a classifier's"},
		{"argmax", bare("argmax.onnx"), opts, "output class is int64 (class numbers?)"},
		{"which output", bare("two_outputs.onnx"), opts, `--model-output, or "output" in tagbeam.json; the model has: a:`},
		{"wrong output name", bare("nchw.onnx"), with(func(o *model.Options) { o.Output = "x" }), `no output "x"; its outputs are: logits`},
		{"activation", bare("nchw.onnx"), with(func(o *model.Options) { o.Activation = "relu" }), `activation "relu" is not known`},
		// labels
		{"too few labels", bare("nchw.onnx"), with(func(o *model.Options) { o.Labels = five[:4] }), "there are 4 labels, but output logits of the model has 5 classes"},
		{"empty label", bare("nchw.onnx"), with(func(o *model.Options) { o.Labels = []string{"a", "b", " ", "d", "e"} }), "label 2 (line 3) is empty"},
		{"no labels", bare("nchw.onnx"), with(func(o *model.Options) { o.Labels = nil }), "--model-labels FILE"},
		{"no id2label", huggingFace.with(files{"config.json": "{}"}), model.Options{}, "config.json has no id2label"},
		{"gap in id2label", huggingFace.with(files{"config.json": `{"id2label": {"0": "a", "2": "b"}}`}), model.Options{}, `2 labels need the class numbers 0 to 1, each once; "2" is not one`},
		{"id2label not a number", huggingFace.with(files{"config.json": `{"id2label": {"x": "a"}}`}), model.Options{}, `class number "x" is not a number`},
		{"id2label of numbers", huggingFace.with(files{"config.json": `{"id2label": {"0": 1}}`}), model.Options{}, "config.json: id2label: a JSON object from class number to label"},
		{"label_names of numbers", timm.with(files{"config.json": `{"architecture": "x", "pretrained_cfg": {}, "label_names": [1]}`}), model.Options{}, "config.json: label_names: json"},
		{"config.json broken", huggingFace.with(files{"config.json": "{"}), model.Options{}, "config.json: unexpected end"},
		{"config.json pointer", huggingFace.with(files{"config.json": "version https://git-lfs.github.com/spec/v1"}), model.Options{}, "config.json is a Git LFS pointer"},
		{"empty label file", zoo.with(files{"synset.txt": "\n"}), model.Options{}, "synset.txt: no labels in it"},
		{"label file pointer", zoo.with(files{"synset.txt": "version https://git-lfs.github.com/spec/v1"}), model.Options{}, "synset.txt: a Git LFS pointer"},
		{"no timm labels", timm.with(files{"config.json": `{"architecture": "x", "pretrained_cfg": {}}`}), model.Options{}, "config.json has no label_names"},
		// preprocessing
		{"no preprocessing", zoo, model.Options{}, "`--preprocess torchvision`"},
		{"no preprocessing either", zoo, model.Options{}, "`--preprocess caffe`"},
		{"no preprocessor_config.json", huggingFace.with(files{"preprocessor_config.json": ""}), model.Options{}, "preprocessor_config.json is missing"},
		{"wrong size", huggingFace.with(files{"preprocessor_config.json": `{"image_processor_type": "ViTImageProcessor"}`}), model.Options{}, "makes 224 x 224 pixels"},
		{"unknown preset", bare("nchw.onnx"), with(func(o *model.Options) { o.Preprocess = "magic" }), `--preprocess: preset "magic" is not known`},
		{"misspelt spec", bare("nchw.onnx"), with(func(o *model.Options) { o.Preprocess = `{"resise": {}}` }), `--preprocess: json: unknown field "resise"`},
		{"more after the spec", bare("nchw.onnx"), with(func(o *model.Options) { o.Preprocess = `{} {}` }), "more after the JSON value"},
		// tagbeam.json
		{"unknown key", huggingFace.with(files{"tagbeam.json": `{"label": "x"}`}), model.Options{}, `tagbeam.json: json: unknown field "label" (known keys: model, labels,`},
		{"model outside", huggingFace.with(files{"tagbeam.json": `{"model": "../x.onnx"}`}), model.Options{}, `model "../x.onnx" is not a path within the folder`},
		{"labels of no kind", huggingFace.with(files{"tagbeam.json": `{"labels": 5}`}), model.Options{}, "labels must be a list of labels or the name of a file"},
		{"missing label file", huggingFace.with(files{"tagbeam.json": `{"labels": "names"}`}), model.Options{}, "names does not exist"},
		{"preprocess of no kind", huggingFace.with(files{"tagbeam.json": `{"preprocess": 5}`}), model.Options{}, "tagbeam.json: preprocess:"},
		// weights in other files
		{"weights missing", bare("external.onnx"), opts, "its weights are in external.bin, which is missing"},
		{"weights pointer", bare("external.onnx").with(files{"external.bin": "version https://git-lfs.github.com/spec/v1"}), opts, "external.bin, which is a Git LFS pointer"},
		{"weights far away", bare("external.onnx").with(files{"external.bin": "@external.bin"}), opts, "can be loaded from a local folder only"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := model.Load(tt.files.fs(t), "models/tiny", tt.opts)
			if err == nil {
				t.Fatalf("Load succeeded, want an error with %q", tt.want)
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "model models/tiny: ") {
				t.Errorf("error %q, want one with %q", err, tt.want)
			}
		})
	}
}

// A file system that fails for another reason than a missing file is not taken for one without the file.
func TestUnreadableFiles(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}
	external := huggingFace.with(files{"model.onnx": "@external.onnx", "external.bin": "@external.bin"})
	for _, tt := range []struct {
		files files
		name  string
	}{
		{huggingFace, "config.json"}, {huggingFace, "tagbeam.json"}, {huggingFace, "model.onnx"}, {huggingFace, "preprocessor_config.json"},
		{zoo, "synset.txt"}, {external, "external.bin"},
	} {
		for _, stat := range []bool{false, true} {
			_, err := model.Load(failing{tt.files.fs(t), tt.name, stat, denied}, "tiny", model.Options{LocalDir: "."})
			if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "reading "+tt.name) {
				t.Errorf("with %s unreadable (stat too: %v): %v", tt.name, stat, err)
			}
		}
	}
	if _, err := model.Load(failing{zoo.fs(t), ".", false, denied}, "tiny", model.Options{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a folder that cannot be listed: %v", err)
	}
}

// failing is a file system in which one file cannot be opened.
type failing struct {
	fs.FS
	name string
	stat bool // fails in Stat too
	err  error
}

func (f failing) Open(name string) (fs.File, error) {
	if name == f.name {
		return nil, f.err
	}
	return f.FS.Open(name)
}

func (f failing) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == f.name {
		return nil, f.err
	}
	return fs.ReadDir(f.FS, name)
}

func (f failing) Stat(name string) (fs.FileInfo, error) {
	if name == f.name && f.stat {
		return nil, f.err
	}
	return fs.Stat(f.FS, name)
}

func TestWarnings(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files files
		opts  model.Options
		want  string
	}{
		{"duplicates", files{"m.onnx": "@nchw.onnx"}, model.Options{File: "m.onnx", Labels: []string{"crane", "b", "c", "d", "crane"}, Preprocess: "unit"},
			`1 labels are names of several classes ("crane" is class 0 and 4)`},
		{"dynamic quantisation", files{"m.onnx": "@dynamic_quant.onnx"}, bareOptions("m.onnx"), "dynamically quantised"},
		{"fast processor", huggingFace.with(files{"preprocessor_config.json": `{"image_processor_type": "ViTImageProcessorFast", "size": 8}`}), model.Options{}, "resizes with torchvision"},
	} {
		b := load(t, tt.files, tt.opts)
		if len(b.Warnings) != 1 || !strings.Contains(b.Warnings[0], tt.want) {
			t.Errorf("%s: warnings %q, want one with %q", tt.name, b.Warnings, tt.want)
		}
	}
}
