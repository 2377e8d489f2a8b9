package model_test

import (
	"os"
	"path/filepath"
	"testing"
)

// sharedData is a path in the folder of test data that is not in git, or skips the test.
func sharedData(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("TAGBEAM_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	path := filepath.Join(append([]string{root, "data"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared test data (set TAGBEAM_SHARED): %v", err)
	}
	return path
}
