package model_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// A bundle finds out by itself what each model of testdata/models/matrix takes and gives, and takes an image from its file to the
// probabilities that numpy computes, whatever the model's layout, batch, element type and output.
func TestMatrix(t *testing.T) {
	start(t)
	var expected struct {
		Images [][8][8][3]uint8
		Logits [][]float32
	}
	if err := json.Unmarshal(tiny(t, "matrix/expected.json"), &expected); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "models", "matrix", "*.onnx"))
	if err != nil || len(paths) != 24 {
		t.Fatalf("%d models (%v), want 24", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".onnx")
		t.Run(name, func(t *testing.T) {
			cell := strings.Split(name, "-")
			layout, batch, kind, output := strings.ToUpper(cell[0]), cell[1], cell[2], cell[3]
			opts := model.Options{File: "m.onnx", Labels: five, Preprocess: "unit"}
			if kind == "uint8" {
				opts.Preprocess = "none"
			}
			folder := files{"m.onnx": "@matrix/" + name + ".onnx"}
			b := load(t, folder, opts)
			want := model.Input{Name: "image", Layout: layout, Height: 8, Width: 8, Type: onnx.Float32}
			if batch == "three" {
				want.Batch = 3
			}
			margin := 1e-5
			switch kind {
			case "uint8":
				want.Type = onnx.Uint8
			case "float16":
				want.Type, margin = onnx.Float16, 2e-3
			}
			if diff := cmp.Diff(want, b.Input); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
			activation := model.ActivationSoftmax
			if output == "softmax" {
				activation = model.ActivationNone
			}
			if b.Activation != activation || b.Output.Classes != 5 {
				t.Errorf("%d classes, activation %s, want 5 and %s", b.Output.Classes, b.Activation, activation)
			}
			for i, got := range tag(t, b, expected.Images) {
				want := slices.Clone(expected.Logits[i])
				(&model.Bundle{Activation: model.ActivationSoftmax}).Probabilities(want)
				if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, margin)); diff != "" {
					t.Errorf("image %d (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

// tag runs images, each written as a PNG, through a bundle in one batch, and returns their probabilities.
func tag(t *testing.T, b *model.Bundle, images [][8][8][3]uint8) [][]float32 {
	t.Helper()
	program, err := b.Program()
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Session()
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewRunner(len(images))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	worker := program.NewWorker()
	for i, pixels := range images {
		if _, err := worker.Apply(encodePNG(t, pixels), preprocess.Limits{}, r.Image(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Run(len(images)); err != nil {
		t.Fatal(err)
	}
	rows := make([][]float32, len(images))
	for i := range rows {
		rows[i] = slices.Clone(r.Row(0, i))
		b.Probabilities(rows[i])
	}
	return rows
}

func encodePNG(t *testing.T, pixels [8][8][3]uint8) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	for y, row := range pixels {
		for x, p := range row {
			img.SetNRGBA(x, y, color.NRGBA{p[0], p[1], p[2], 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
