package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/model/head"
)

// Every head learns what there is to learn; the model runs in tag and evaluate; a second training does not run the network again, and with the same
// seed gives the same model.
func TestTrain(t *testing.T) {
	t.Parallel()
	for _, kind := range head.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			c := newCourse(t, 20)
			plots := filepath.Join(t.TempDir(), "plots")
			e, r := c.trained(t, "--head", string(kind), "--plots", plots)
			e.want(exitOK).prints("base       tiny, cut at features", "images     48 training, 12 validation, of 3 classes", "features   60 new", "head       "+string(kind), "model      "+c.output)
			e.says("val_loss", "val_accuracy")
			if r.Validation == nil || r.Validation.Images != 12 || r.Validation.Accuracy < 0.9 || r.NewFeatures != 60 || r.Seed != 1 || len(r.History) == 0 {
				t.Errorf("%+v", r)
			}
			if r.Before == nil || r.After == nil || r.Temperature <= 0 {
				t.Errorf("calibration %+v, %+v, temperature %v", r.Before, r.After, r.Temperature)
			}
			for _, name := range []string{"learning", "confusion", "reliability", "coverage"} {
				if !bytes.Contains(readFile(t, filepath.Join(plots, name+".svg")), []byte("<svg")) {
					t.Errorf("%s is no SVG", name)
				}
			}
			card := string(readFile(t, filepath.Join(c.output, "MODEL_CARD.md")))
			for _, words := range append([]string{"tiny", c.input, "österreich"}, flagClasses...) {
				if !strings.Contains(card, words) {
					t.Errorf("the card lacks %q:\n%s", words, card)
				}
			}
			// It is a model like any other.
			_, report := evaluated(t, "--input", c.input, "--model", c.output)
			if report.Images != 60 || report.Accuracy < 0.9 {
				t.Errorf("%+v", report.Report)
			}
			j := job{c.input, c.output, filepath.Join(t.TempDir(), "out")}
			tagbeam(t, j.args()...).want(exitOK)
			// What the report says of the validation images is what tag says: calibrated, of the same features.
			for _, row := range j.rows(t) {
				if row.Confidence == nil || *row.Confidence < 1./3-1e-4 || *row.Confidence > 1+1e-4 {
					t.Errorf("%s: %v", row.URI, row.Confidence)
				}
			}

			runsInPython(t, c.output, j.output)

			same, features := c.again(t)
			e, second := same.trained(t, "--head", string(kind), "--keep-features", features)
			e.want(exitOK)
			if second.NewFeatures != 0 {
				t.Errorf("the network was run on %d images again", second.NewFeatures)
			}
			if !bytes.Equal(readFile(t, filepath.Join(c.output, "model.onnx")), readFile(t, filepath.Join(same.output, "model.onnx"))) {
				t.Error("the same seed gave another model")
			}
			all, _ := c.again(t)
			e, third := all.trained(t, "--head", string(kind), "--keep-features", features, "--refit")
			e.want(exitOK)
			if third.Setting != second.Setting+", refit on all images" || third.Temperature != second.Temperature || third.Validation.Accuracy != second.Validation.Accuracy {
				t.Errorf("%+v, not refit %+v", third, second)
			}
			if bytes.Equal(readFile(t, filepath.Join(c.output, "model.onnx")), readFile(t, filepath.Join(all.output, "model.onnx"))) {
				t.Error("--refit changes nothing")
			}
			if _, report := evaluated(t, "--input", c.input, "--model", all.output); report.Accuracy < 0.9 {
				t.Errorf("refit: %+v", report.Report)
			}
			other, _ := c.again(t)
			e, _ = other.trained(t, "--head", string(kind), "--keep-features", features, "--seed", "2", "--quiet")
			e.want(exitOK)
			if e.stdout+e.stderr != "" {
				t.Errorf("--quiet: %s", e)
			}
			if bytes.Equal(readFile(t, filepath.Join(c.output, "model.onnx")), readFile(t, filepath.Join(other.output, "model.onnx"))) {
				t.Error("another seed gave the same model")
			}
		})
	}
}

// Features are made of what is new, by image and by network.
func TestTrainKeepsFeatures(t *testing.T) {
	t.Parallel()
	c := newCourse(t, 6)
	_, r := c.trained(t)
	for _, step := range []struct {
		what string
		do   func()
		more []string
		want int64
	}{
		{"nothing", func() {}, nil, 0},
		{"an image more", func() { writeFile(t, filepath.Join(c.input, flagClasses[0], "new.png"), flagImage(0, 100)) }, nil, 1},
		{"another image of a name", func() { writeFile(t, filepath.Join(c.input, flagClasses[1], "000.png"), flagImage(1, 101)) }, nil, 1},
		{"another tensor", func() {}, []string{"--features", "logits"}, 19},
		{"mirrored, too", func() {}, []string{"--augment", "flip"}, 19},
		{"another runner", func() {}, []string{"--runner", "prism"}, 0},
		{"all views", func() {}, []string{"--augment", "flip,crop"}, 8 * 19},
		{"an image less", func() { os.Remove(filepath.Join(c.input, flagClasses[0], "001.png")) }, nil, 0},
		{"another preprocessing", func() {}, []string{"--preprocess", "keras-tf"}, 18},
	} {
		step.do()
		var e ended
		e, r = c.trained(t, append(step.more, "--overwrite")...)
		e.want(exitOK)
		if r.NewFeatures != step.want {
			t.Errorf("%s: features of %d images were made, want %d", step.what, r.NewFeatures, step.want)
		}
	}
	if r.TrainingImages[0]+r.TrainingImages[1]+r.TrainingImages[2] != 15 {
		t.Errorf("%+v", r.TrainingImages)
	}
}

// Further views are trained on, not validated on.
func TestTrainOnViews(t *testing.T) {
	t.Parallel()
	c := newCourse(t, 10)
	e, r := c.trained(t, "--augment", "flip,crop", "--head", "mlp")
	e.want(exitOK).prints("24 training, 10 views each, 6 validation").says("view 2 of 10: mirrored", "view 10 of 10: bottom-right mirrored")
	if r.Views != 10 || r.NewFeatures != 300 || r.Validation.Images != 6 || r.Validation.Accuracy < 0.8 {
		t.Errorf("%+v", r)
	}
}

// A manifest says classes and splits; what is for testing is kept aside.
func TestTrainByManifest(t *testing.T) {
	t.Parallel()
	c := newCourse(t, 10)
	var list strings.Builder
	list.WriteString("file,kind,part\n")
	for class, name := range flagClasses {
		for i := range 10 {
			part := "train"
			if i >= 6 {
				part = "val"
			}
			if i == 9 {
				part = "test"
			}
			fmt.Fprintf(&list, "%s,%s,%s\n", filepath.Join(c.input, name, fmt.Sprintf("%03d.png", i)), strings.ToUpper(name), part)
			_ = class
		}
	}
	csv := filepath.Join(t.TempDir(), "labels.csv")
	writeFile(t, csv, []byte(list.String()))
	c.input = "@" + csv
	columns := []string{"--label-column", "kind", "--split-column", "part"}
	e, r := c.trained(t, columns...)
	e.want(exitOK).prints("18 training, 9 validation")
	if r.KeptAside != 3 || r.Classes[0] != "NORGE" {
		t.Errorf("%+v", r)
	}
	if r.NewFeatures != 27 {
		t.Errorf("features of %d images were made: those for testing are none of training's business", r.NewFeatures)
	}
	output := filepath.Join(t.TempDir(), "tested")
	_, report := evaluated(t, append(columns, "--input", c.input, "--model", c.output, "--split", "test", "--output", output)...)
	if tested := (job{output: output}).rows(t); report.Images != 3 || len(tested) != 3 {
		t.Errorf("%d images tagged, %+v", len(tested), report.Report)
	}
}

func TestTrainWithValidationInput(t *testing.T) {
	t.Parallel()
	c := newCourse(t, 8)
	held := filepath.Join(t.TempDir(), "held")
	for class, name := range flagClasses {
		for i := range 3 {
			writeFile(t, filepath.Join(held, name, fmt.Sprintf("%d.png", i)), flagImage(class, 50+i))
		}
	}
	writeFile(t, filepath.Join(held, flagClasses[0], "copy.png"), flagImage(0, 5)) // leaks
	e, r := c.trained(t, "--validation-input", held)
	e.want(exitOK).prints("23 training, 10 validation").says("training and validation have images in common", "1 image is not trained on", "norge/005.png", "norge/copy.png")
	if r.Leaking != 1 {
		t.Errorf("%+v", r)
	}
	e, r = c.trained(t, "--overwrite", "--validation-split", "0")
	e.want(exitOK).prints("24 training, 0 validation")
	if r.Validation != nil || r.Before != nil {
		t.Errorf("%+v", r)
	}
	tagbeam(t, c.args("--overwrite", "--validation-input", filepath.Join(c.input, flagClasses[0]))...).want(exitUsage).
		says("under --input and under --validation-input", "norge/000.png")
	strange := filepath.Join(t.TempDir(), "strange")
	writeFile(t, filepath.Join(strange, "suomi", "1.png"), flagImage(0, 70))
	tagbeam(t, c.args("--overwrite", "--validation-input", strange)...).want(exitUsage).says(`class "suomi" has validation images`, "no training images")
}
