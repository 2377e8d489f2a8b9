package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// modelFlags are the flags that say what a model is, for every command that takes one.
type modelFlags struct {
	engine.ModelRef
	labels string
}

func (m *modelFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&m.labels, "model-labels", "", "`FILE` with one label a line, for a model that has none of its own")
	f.StringVar(&m.Preprocess, "preprocess", "", "preprocessing, for a model that does not tell: a `PRESET` (torchvision, caffe, keras-tf ...),\nPRESET,key=value,... or a .json file; see README")
	f.BoolVar(&m.EXIFOrientation, "exif-orientation", false, "turn images as their EXIF data says before anything else; most models were trained without")
	f.BoolVar(&m.FastDecode, "fast-decode", false, "decode JPEGs that are far larger than the model needs at 1/2, 1/4 or 1/8 of their size:\nfaster, and not quite the same pixels")
	f.StringVar(&m.Output, "model-output", "", "`NAME` of the output to classify by, when the model has several")
	f.StringVar(&m.ONNXRuntime, "onnxruntime", "", "`FILE`: ONNX Runtime's shared library (default: $TAGBEAM_ONNXRUNTIME, beside the program,\nthe user's cache, the system's)")
}

// maxModelText bounds a label file and a preprocessing file.
const maxModelText = 16 << 20

// ref reads the files that the flags name: workers elsewhere do not have them.
func (m *modelFlags) ref(ctx context.Context, uri string) (engine.ModelRef, error) {
	ref := m.ModelRef
	ref.URI = uri
	if m.labels != "" {
		data, err := readText(ctx, m.labels)
		if err == nil {
			ref.Labels, err = model.ParseLabels(data)
		}
		if err != nil {
			return ref, &pipeline.UsageError{Err: fmt.Errorf("--model-labels %s: %w", m.labels, err)}
		}
	}
	if strings.HasSuffix(ref.Preprocess, ".json") {
		data, err := readText(ctx, ref.Preprocess)
		if err != nil {
			return ref, &pipeline.UsageError{Err: fmt.Errorf("--preprocess %s: %w", ref.Preprocess, err)}
		}
		ref.Preprocess = string(data)
	}
	return ref, nil
}

func readText(ctx context.Context, uri string) ([]byte, error) {
	loc, err := object.Parse(uri)
	if err != nil {
		return nil, err
	}
	store, err := object.Open(ctx, loc)
	if err != nil {
		return nil, err
	}
	data, _, err := store.Read(ctx, loc.Key, maxModelText)
	return data, err
}
