package graph_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/tagbeam/tagbeam/model/graph"
	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/onnx/onnxpb"
)

// Weights in a file of their own come into the model, which then computes what it computed, and can be cut.
func TestInline(t *testing.T) {
	n := tiny(t, "external.onnx")
	folder := filepath.Join("..", "..", "testdata", "models")
	read := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(folder, name)) }
	whole, err := graph.Inline(n.bytes, read)
	if err != nil {
		t.Fatal(err)
	}
	images := noise(n.image, 2)
	s, err := onnx.Open(nil, filepath.Join(folder, "external.onnx"), onnx.SessionOptions{Input: onnx.Port{Name: n.image.Name, Dims: n.image.Dims}, Outputs: []onnx.Port{n.output}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := s.NewRunner(2)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	write(t, s.InputType(), r.Input(), images)
	if err := r.Run(2); err != nil {
		t.Fatal(err)
	}
	closeTo(t, "output", rows(t, whole, n.image, images, n.output)[0], r.Output(0))
	n.bytes = whole
	top, err := graph.Top(whole, n.image, n.output.Name, "")
	if err != nil {
		t.Fatal(err)
	}
	checkCut(t, n, top)
}

func TestInlineMistakes(t *testing.T) {
	n := tiny(t, "external.onnx")
	weights, err := os.ReadFile(filepath.Join("..", "..", "testdata", "models", "external.bin"))
	if err != nil {
		t.Fatal(err)
	}
	all := func(string) ([]byte, error) { return weights, nil }
	external := func(key, value string) []byte {
		return edit(t, n.bytes, func(m *onnxpb.ModelProto) {
			for _, w := range m.Graph.Initializer {
				for _, e := range w.ExternalData {
					if e.GetKey() == key {
						e.Value = proto.String(value)
					}
				}
			}
		})
	}
	for _, tt := range []struct {
		name  string
		model []byte
		read  func(string) ([]byte, error)
		want  string
	}{
		{"no file", n.bytes, func(name string) ([]byte, error) { return nil, os.ErrNotExist }, "file does not exist"},
		{"cut short", n.bytes, func(string) ([]byte, error) { return weights[:len(weights)/2], nil }, "it is truncated"},
		{"no location", external("location", ""), all, "names no file"},
		{"far out", external("offset", "9223372036854775807"), all, "it is truncated"},
		{"before the file", external("offset", "-8"), all, "it is truncated"},
		{"no number", external("offset", "x"), all, "offset"},
		{"no model", []byte("no model"), all, "reading the model"},
	} {
		if _, err := graph.Inline(tt.model, tt.read); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
