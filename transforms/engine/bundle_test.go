package engine_test

import (
	"os"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// A model may be anywhere in a bucket, also at its top.
func TestLoadBundleFromABucket(t *testing.T) {
	graph, err := os.ReadFile(ref(t, "nchw.onnx").URI)
	if err != nil {
		t.Fatal(err)
	}
	store := object.OpenMem("bundles")
	for _, key := range []string{"net.onnx", "models/net.onnx", "models/net/net.onnx"} {
		store.Put(key, graph)
	}
	labels := []byte("ant\nbee\ncat\ndog\nelk\n")
	store.Put("synset.txt", labels)
	store.Put("models/net/synset.txt", labels)
	for uri, name := range map[string]string{
		"mem://bundles/net.onnx":        "net",
		"mem://bundles/models/net.onnx": "net",
		"mem://bundles":                 "bundles",
		"mem://bundles/":                "bundles",
		"mem://bundles/models/net":      "net",
		"mem://bundles/models/net/":     "net",
	} {
		b, err := engine.LoadBundle(t.Context(), engine.ModelRef{URI: uri, Preprocess: "unit", Labels: []string{"a", "b", "c", "d", "e"}})
		switch {
		case err != nil:
			t.Errorf("%s: %v", uri, err)
		case b.Name != name:
			t.Errorf("%s is named %q, not %q", uri, b.Name, name)
		}
	}
}
