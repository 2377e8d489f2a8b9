package transforms_test

import (
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"

	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/transforms"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// tensorsOf is what package preprocess makes of images.
func tensorsOf(t *testing.T, images []transforms.Image, ref engine.ModelRef, shape ...int64) []transforms.Tensor {
	t.Helper()
	c, err := engine.NewPreprocessor(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	worker := c.Program.NewWorker()
	tensors := make([]transforms.Tensor, len(images))
	for i, img := range images {
		tensor := transforms.Tensor{URI: img.URI, Shape: shape, Values: make([]float32, c.Program.Len())}
		if _, err := worker.Apply(img.Bytes, preprocess.DefaultLimits, preprocess.Bytes(tensor.Values)); err != nil {
			bad := err.(*preprocess.Error)
			tensor = transforms.Tensor{URI: img.URI, ErrorCode: bad.Code, ErrorMessage: bad.Message}
		}
		tensors[i] = tensor
	}
	return tensors
}

func TestPreprocessGivesTheModelsInput(t *testing.T) {
	for _, test := range []struct {
		file  string
		shape []int64
	}{
		{"nchw.onnx", []int64{3, 8, 8}},
		{"nhwc.onnx", []int64{8, 8, 3}},
	} {
		t.Run(test.file, func(t *testing.T) {
			o := transforms.ClassifyOptions{Model: tiny(t, test.file), Engine: twoCPUs, Batch: 4}
			o.Model.ONNXRuntime = "not-there.so" // nor asked for
			want := tensorsOf(t, corpus(), o.Model, test.shape...)
			before := onnx.Loads()
			eachRunner(t, func(t *testing.T, runner string) {
				mustExecute(t, runner, func(s beam.Scope) {
					equals(s, transforms.Preprocess(s, beam.CreateList(s, corpus()), o), want)
				})
				mustExecute(t, runner, func(s beam.Scope) {
					passert.Empty(s, transforms.Preprocess(s, beam.CreateList(s, []transforms.Image{}), o))
				})
			})
			if n := onnx.Loads() - before; n != 0 {
				t.Errorf("%d sessions were created for tensors alone", n)
			}
		})
	}
}

func TestPreprocessErrors(t *testing.T) {
	o := transforms.ClassifyOptions{Model: tiny(t, "nchw.onnx"), Engine: twoCPUs}
	o.Model.URI = strings.Replace(o.Model.URI, "nchw", "not-there", 1)
	eachRunner(t, func(t *testing.T, runner string) {
		_, err := execute(runner, func(s beam.Scope) {
			transforms.Preprocess(s, beam.CreateList(s, pictures(2)), o)
		})
		contains(t, err, "not-there.onnx")
	})
}
