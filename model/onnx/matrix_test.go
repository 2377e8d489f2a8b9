package onnx

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/x448/float16"
)

// expectation is testdata/models/matrix/expected.json: images of bytes, channels last, and their logits.
type expectation struct {
	Images [][8][8][3]uint8
	Logits [][]float32
}

// batch is the first n images as a model of the matrix takes them, and the logits they give.
func (e expectation) batch(n int, layout, kind string) (images []byte, logits []float32) {
	for i := range n {
		for j := range image.Size() {
			y, x, c := j/24, j/3%8, j%3
			if layout == "nchw" {
				c, y, x = j/64, j/8%8, j%8
			}
			v := float32(e.Images[i][y][x][c])
			switch kind {
			case "uint8":
				images = append(images, uint8(v))
			case "float16":
				images = binary.NativeEndian.AppendUint16(images, float16.Fromfloat32(v/255).Bits())
			default:
				images = binary.NativeEndian.AppendUint32(images, math.Float32bits(v/255))
			}
		}
		logits = append(logits, e.Logits[i]...)
	}
	return images, logits
}

func readExpectation(t *testing.T) (e expectation) {
	t.Helper()
	if err := json.Unmarshal(tiny(t, "matrix/expected.json"), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// matrixCells are the models of testdata/models/matrix by what their names say: layout, batch, element type, output.
func matrixCells(t *testing.T) map[string][]string {
	t.Helper()
	paths, err := filepath.Glob(tinyPath("matrix/*.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	cells := map[string][]string{}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".onnx")
		cells[name] = strings.Split(name, "-")
	}
	if want := 2 * 2 * 3 * 2; len(cells) != want {
		t.Fatalf("%d models, want one for each of %d combinations", len(cells), want)
	}
	return cells
}

// Every layout, batch, element type and output computes the same function: what numpy says of the images.
func TestMatrix(t *testing.T) {
	start(t)
	expected := readExpectation(t)
	for name, cell := range matrixCells(t) {
		t.Run(name, func(t *testing.T) {
			layout, batch, kind, output := cell[0], cell[1], cell[2], cell[3]
			opts := SessionOptions{Input: image, Outputs: []Port{logits}}
			if layout == "nhwc" {
				opts.Input.Dims = []int64{8, 8, 3}
			}
			if output == "softmax" {
				opts.Outputs[0].Name = "probs"
			}
			graph := tiny(t, "matrix/"+name+".onnx")
			s, err := Open(graph, "", opts)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if want := map[string]int{"any": 0, "three": 3}[batch]; s.FixedBatch() != want {
				t.Errorf("fixed batch %d, want %d", s.FixedBatch(), want)
			}
			r, err := s.NewRunner(5)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for _, n := range []int{5, 1, 3, 4} {
				images, want := expected.batch(n, layout, kind)
				copy(r.Input(), images)
				if err := r.Run(n); err != nil {
					t.Fatal(err)
				}
				got := r.Output(0)[:n*5]
				if output == "softmax" {
					want = softmaxRows(want, 5)
				}
				margin := 1e-5
				if kind == "float16" {
					margin = 2e-3
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, margin)); diff != "" {
					t.Errorf("%d images (-want +got):\n%s", n, diff)
				}
			}
		})
	}
}

func softmaxRows(values []float32, classes int) []float32 {
	out := make([]float32, len(values))
	for i := 0; i < len(values); i += classes {
		sum := 0.0
		for _, v := range values[i : i+classes] {
			sum += math.Exp(float64(v))
		}
		for c, v := range values[i : i+classes] {
			out[i+c] = float32(math.Exp(float64(v)) / sum)
		}
	}
	return out
}
