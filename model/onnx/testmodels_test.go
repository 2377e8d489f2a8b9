package onnx

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

var startOnce = sync.OnceValue(func() error {
	path, err := Find("")
	if err != nil {
		return err
	}
	return Init(path)
})

// start starts ONNX Runtime, or skips the test where there is none; in CI a missing library is a failure.
func start(t testing.TB) {
	t.Helper()
	if err := startOnce(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// tiny reads a model of testdata/models.
func tiny(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(tinyPath(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func tinyPath(name string) string {
	return filepath.Join("..", "..", "testdata", "models", name)
}

// image and logits are the ports of most of the tiny models.
var (
	image  = Port{Name: "image", Dims: []int64{3, 8, 8}}
	logits = Port{Name: "logits", Dims: []int64{5}}
	usual  = SessionOptions{Input: image, Outputs: []Port{logits}}
)

func open(t testing.TB, name string, opts SessionOptions) *Session {
	t.Helper()
	start(t)
	s, err := Open(tiny(t, name), "", opts)
	if err != nil {
		t.Fatalf("opening %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
