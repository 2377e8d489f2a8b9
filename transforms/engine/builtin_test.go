package engine_test

import (
	"testing"

	"github.com/tagbeam/tagbeam/transforms/engine"
)

// No model, and the built-in one by its name, are the same; what a model is told applies to it too.
func TestBuiltinModel(t *testing.T) {
	unnamed, err := engine.LoadBundle(t.Context(), engine.ModelRef{})
	if err != nil {
		t.Fatal(err)
	}
	named, err := engine.LoadBundle(t.Context(), engine.ModelRef{URI: "builtin"})
	if err != nil {
		t.Fatal(err)
	}
	if unnamed.Name != "builtin" || named.Name != "builtin" || unnamed.Digest != named.Digest {
		t.Errorf("%s %s, %s %s", unnamed.Name, unnamed.Digest, named.Name, named.Digest)
	}
	told, err := engine.LoadBundle(t.Context(), engine.ModelRef{Labels: []string{"a", "b", "c", "d", "e", "f"}})
	if err != nil || told.Labels[0] != "a" || told.Digest == named.Digest {
		t.Errorf("with labels of its own: %v, %v", told, err)
	}
	if _, err := engine.LoadBundle(t.Context(), engine.ModelRef{URI: "./builtin"}); err == nil {
		t.Error("./builtin is a folder, which is not here")
	}
}
