package main

import (
	"path/filepath"
	"testing"
)

// TestBuiltinModel: without --model, tag and inspect use the built-in model; the summary names the least sure images.
func TestBuiltinModel(t *testing.T) {
	t.Parallel()
	output := filepath.Join(t.TempDir(), "kinds")
	e, s := summarised(t, "tag", "--input", filepath.Join("..", "..", "testdata", "examples", "document"), "--output", output)
	e.want(exitOK).prints("least sure", "labels ", "document")
	if s.Model != "builtin" || s.Images != 10 || s.Labels["document"] < 5 {
		t.Errorf("model %s, %d images, labels %v", s.Model, s.Images, s.Labels)
	}
	if len(s.LeastSure) != 5 {
		t.Fatalf("least sure: %+v", s.LeastSure)
	}
	for i, u := range s.LeastSure {
		if u.URI == "" || u.Label == "" || i > 0 && u.Confidence < s.LeastSure[i-1].Confidence {
			t.Errorf("least sure: %+v", s.LeastSure)
		}
	}
	for _, args := range [][]string{nil, {"builtin"}} {
		tagbeam(t, append([]string{"model", "inspect"}, args...)...).want(exitOK).prints("builtin", "screenshot", s.ModelDigest, "# The built-in model", "--min-confidence")
	}
}
