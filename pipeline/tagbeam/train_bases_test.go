package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/model/head"
)

// Any classifier that tag takes can be the base, whatever its layout, batch, element type or last layer.
func TestTrainOnBases(t *testing.T) {
	t.Parallel()
	input := flagFolder(t, 8)
	for _, graph := range []string{"nhwc.onnx", "batch1.onnx", "batch4.onnx", "baked_batch.onnx", "softmax.onnx", "sigmoid.onnx", "float16.onnx", "nhwc_uint8.onnx",
		"qdq_int8.onnx", "open_rank.onnx", "conv1x1.onnx", "local_function.onnx", "logits_features.onnx", "external.onnx"} {
		c := course{input, tinyModel(t, graph), filepath.Join(t.TempDir(), "model")}
		if graph == "external.onnx" {
			writeFile(t, filepath.Join(c.base, "external.bin"), readFile(t, filepath.Join("..", "..", "testdata", "models", "external.bin")))
		}
		if graph == "nhwc_uint8.onnx" {
			writeFile(t, filepath.Join(c.base, "tagbeam.json"), []byte(`{"model": "net.onnx", "labels": "labels.txt", "preprocess": "none"}`))
		}
		enough := 0.9
		if graph == "baked_batch.onnx" {
			enough = 0.7 // of positions only the mean can be had
		}
		e, r := c.trained(t)
		e.want(exitOK)
		e, report := evaluated(t, "--input", input, "--model", c.output)
		e.want(exitOK)
		if r.Validation.Images != 6 || report.Images != 24 || report.Accuracy < enough {
			t.Errorf("%s: accuracy %v of %d images\n%s", graph, report.Accuracy, report.Images, e)
		}
	}
}

// What a base calls its classes does not matter: one without labels will do.
func TestTrainOnBaseWithoutLabels(t *testing.T) {
	t.Parallel()
	c := course{flagFolder(t, 6), filepath.Join(t.TempDir(), "bare.onnx"), filepath.Join(t.TempDir(), "model")}
	writeFile(t, c.base, readFile(t, filepath.Join("..", "..", "testdata", "models", "nchw.onnx")))
	tagbeam(t, "tag", "--input", c.input, "--model", c.base, "--preprocess", "unit", "--output", c.output+"-tags").want(exitUsage).says("--model-labels")
	e, _ := c.trained(t, "--preprocess", "unit")
	e.want(exitOK)
	if e, report := evaluated(t, "--input", c.input, "--model", c.output); report.Accuracy < 0.9 {
		t.Errorf("%s", e)
	}
	tagbeam(t, c.args("--overwrite")...).want(exitUsage).says("--preprocess")
}

// A trained model is a classifier that can be the base of another one, whichever heads they have; prism makes of it what direct does.
func TestTrainOnTrained(t *testing.T) {
	t.Parallel()
	first := newCourse(t, 8)
	for _, kind := range head.Kinds {
		e, _ := first.trained(t, "--head", string(kind), "--overwrite", "--quiet")
		e.want(exitOK)
		for _, second := range head.Kinds {
			c := course{first.input, first.output, filepath.Join(t.TempDir(), "second")}
			e, r := c.trained(t, "--head", string(second))
			e.want(exitOK)
			if r.Validation.Accuracy < 0.6 {
				t.Errorf("%s on %s: %+v", second, kind, r.Validation)
			}
			if kind != second {
				continue
			}
			direct := job{c.input, c.output, filepath.Join(t.TempDir(), "direct")}
			prism := job{c.input, c.output, filepath.Join(t.TempDir(), "prism")}
			tagbeam(t, direct.args("--batch", "4", "--embedding")...).want(exitOK)
			tagbeam(t, prism.args("--batch", "4", "--embedding", "--runner", "prism")...).want(exitOK)
			sameRows(t, direct.rows(t), prism.rows(t))
			if len(direct.rows(t)[0].Embedding) == 0 {
				t.Error("there are no embeddings")
			}
		}
	}
}

// Folders may be called anything.
func TestTrainStrangeNames(t *testing.T) {
	t.Parallel()
	names := []string{"n00000001 a|b", "c\nd\te", " before", "*star* <b>", "x=y,z", "ünï 日本", "--flag", "100%", "a\\b", "'q\"", "1"}
	dir := filepath.Join(t.TempDir(), "in put, #1")
	for i, name := range names {
		for k := range 4 {
			writeFile(t, filepath.Join(dir, name, fmt.Sprintf("im age %d.png", k)), pngImage(10*i+k))
		}
	}
	c := course{dir, tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "my model") + "/"}
	plots := filepath.Join(t.TempDir(), "plots")
	e, r := c.trained(t, "--plots", plots, "--class-weight", "x=y,z=2", "--class-weight", "c\nd\te=0.5")
	e.want(exitOK)
	if len(r.Classes) != len(names) {
		t.Errorf("%q", r.Classes)
	}
	for line := range strings.SplitSeq(string(readFile(t, filepath.Join(c.output, "MODEL_CARD.md"))), "\n") {
		if line == "d\te" || strings.HasPrefix(line, "d\te |") || strings.Contains(line, "| *star") || strings.Contains(line, "a|b") && !strings.HasPrefix(line, "tagbeam") {
			t.Errorf("the card has the line %q", line)
		}
	}
	e, report := evaluated(t, "--input", dir, "--model", c.output, "--plots", plots)
	e.want(exitOK)
	if report.Images != int64(4*len(names)) {
		t.Errorf("%d images", report.Images)
	}
	labels := map[string]bool{}
	j := job{dir, c.output, filepath.Join(t.TempDir(), "out")}
	tagbeam(t, j.args()...).want(exitOK)
	for _, row := range j.rows(t) {
		for _, g := range row.TopK {
			labels[g.Label] = true
		}
	}
	for _, name := range names {
		if !labels[name] {
			t.Errorf("no label %q in %v", name, labels)
		}
	}
	tagbeam(t, c.args("--overwrite", "--class-weight", "zebra=2")...).want(exitUsage).says("--class-weight", `no class "zebra"`, "100%")
}

// A thousand classes of two images each.
func TestTrainManyClasses(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("2,000 images")
	}
	dir := t.TempDir()
	for class := range 1000 {
		for k := range 2 {
			writeFile(t, filepath.Join(dir, fmt.Sprint(class), fmt.Sprintf("%d.png", k)), pngImage(2*class+k))
		}
	}
	c := course{dir, tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "model")}
	plots := filepath.Join(t.TempDir(), "plots")
	e, r := c.trained(t, "--plots", plots, "--l2", "0.1,0.01")
	e.want(exitOK).prints("1000 training, 1000 validation, of 1000 classes", "the 40 worst of 1000")
	if len(r.Classes) != 1000 || r.Classes[10] != "10" {
		t.Errorf("classes in the order %q ...", r.Classes[:11])
	}
	if n := strings.Count(e.stdout, "\n"); n > 120 {
		t.Errorf("%d lines are printed", n)
	}
}
