package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// flags of three countries that the tiny network's features, the mean colours of an image's quarters, tell apart.
var flagClasses = []string{"norge", "polska", "österreich"}

// flagImage is a small image of a class, another one for each i.
func flagImage(class, i int) []byte {
	rnd := rand.New(rand.NewPCG(uint64(i), uint64(class)))
	noisy := func(r, g, b int) color.RGBA {
		n := func(v int) uint8 { return uint8(min(max(v+rnd.IntN(60)-30, 0), 255)) }
		return color.RGBA{n(r), n(g), n(b), 255}
	}
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	fill := func(x0, y0, x1, y1 int, c color.RGBA) {
		draw.Draw(img, image.Rect(x0, y0, x1, y1), image.NewUniform(c), image.Point{}, draw.Src)
	}
	switch class {
	case 0:
		fill(0, 0, 16, 16, noisy(200, 40, 40))
		fill(0, 0, 8, 8, noisy(40, 40, 160))
	case 1:
		fill(0, 0, 16, 8, noisy(220, 220, 220))
		fill(0, 8, 16, 16, noisy(200, 40, 40))
	case 2:
		fill(0, 0, 16, 16, noisy(200, 40, 40))
		fill(0, 5, 16, 11, noisy(220, 220, 220))
	}
	return encodePNG(img)
}

// flagFolder is a folder of n images of each class.
func flagFolder(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "flags")
	for class, name := range flagClasses {
		for i := range n {
			writeFile(t, filepath.Join(dir, name, fmt.Sprintf("%03d.png", i)), flagImage(class, i))
		}
	}
	return dir
}

// course is a train command.
type course struct {
	input, base, output string
}

func newCourse(t *testing.T, n int) course {
	t.Helper()
	return course{flagFolder(t, n), tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "model")}
}

func (c course) args(more ...string) []string {
	return append([]string{"train", "--input", c.input, "--model", c.base, "--output", c.output, "--cpu", "1"}, more...)
}

// trained runs train and reads its report.
func (c course) trained(t *testing.T, more ...string) (ended, trainReport) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	e := tagbeam(t, c.args(append(more, "--report-json", file)...)...)
	var r trainReport
	if data, err := os.ReadFile(file); err == nil {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&r); err != nil {
			t.Fatal(err)
		}
	}
	return e, r
}

// again is the same course with another output and the same features.
func (c course) again(t *testing.T) (course, string) {
	features := c.output + ".features"
	c.output = filepath.Join(t.TempDir(), "again")
	return c, features
}

// runsInPython holds a table against what Python's onnxruntime makes of the model's one file.
func runsInPython(t *testing.T, model, output string) {
	t.Helper()
	python := os.Getenv("TAGBEAM_PYTHON")
	if python == "" {
		t.Log("TAGBEAM_PYTHON is not set: the model is not run in Python")
		return
	}
	script := `
import glob, json, sys
import numpy as np, onnxruntime, pyarrow.parquet as pq
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[1] + "/model.onnx")
names = json.load(open(sys.argv[1] + "/config.json"))["id2label"]
for row in pq.read_table(glob.glob(sys.argv[2] + "/labels/*/*.parquet")[0]).to_pylist():
    pixels = np.asarray(Image.open(row["uri"]).convert("RGB").resize((8, 8), Image.BILINEAR), dtype=np.float32) / 255
    got = session.run(["probabilities"], {session.get_inputs()[0].name: pixels.transpose(2, 0, 1)[None]})[0][0]
    assert abs(got.sum() - 1) < 1e-5, got
    for guess in row["top_k"]:
        assert names[str(guess["label_id"])] == guess["label"]
        assert abs(got[guess["label_id"]] - guess["confidence"]) < 1e-5, (row, got)
print("the same")
`
	out, err := exec.Command(python, "-c", script, model, output).CombinedOutput()
	if err != nil || string(out) != "the same\n" {
		t.Errorf("%v\n%s", err, out)
	}
}
