package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/model/preprocess"
)

// The bytes are those that numpy.save writes.
func TestNPY(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.npy")
	n, err := createNPY(name, []int64{2, 1, 2}, preprocess.Float32)
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range [][]float32{{1, 2}, {-3, 0.5}} {
		if _, err := n.Write(preprocess.Bytes(values)); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	header := "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 2), }"
	want := []byte("\x93NUMPY\x01\x00\x76\x00" + header + strings.Repeat(" ", 0x76-1-len(header)) + "\n")
	want, err = binary.Append(want, binary.LittleEndian, []float32{1, 2, -3, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, shape := range [][]int64{{1}, {1, 3, 224, 224}, {123456, 3, 1024, 1024}} {
		if h := npyHeader(shape, preprocess.Uint8); len(h)%64 != 0 || !bytes.HasSuffix(h, []byte("\n")) {
			t.Errorf("header of %v has %d bytes: %q", shape, len(h), h)
		}
	}
}

// A file that is not complete leaves the one that was there, and nothing beside it.
func TestNPYIncomplete(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x.npy")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := createNPY(name, []int64{1, 3}, preprocess.Float16)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Write([]byte{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Write([]byte{5, 6, 7, 8}); err == nil || err.Error() != "4 bytes for an array that takes 2 more" {
		t.Errorf("too many values: %v", err)
	}
	if err := n.Close(); err == nil || err.Error() != "2 bytes are missing" {
		t.Errorf("too few values: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v; want x.npy only", entries, err)
	}
	if data, err := os.ReadFile(name); err != nil || string(data) != "old" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := createNPY(filepath.Join(dir, "missing", "x.npy"), []int64{1}, preprocess.Int8); err == nil {
		t.Error("a folder that does not exist is no error")
	}
}
