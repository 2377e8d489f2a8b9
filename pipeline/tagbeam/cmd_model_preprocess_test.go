package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const repository = "../.."

// preprocessing runs `tagbeam model preprocess` on the model nchw.onnx (8 x 8 pixels, 5 classes) and returns its exit code and what it
// says on standard error.
func preprocessing(t *testing.T, args ...string) (code int, message string) {
	t.Helper()
	labels := filepath.Join(t.TempDir(), "labels.txt")
	if err := os.WriteFile(labels, []byte("ant\nbee\ncat\ndog\nelk\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = w
	defer func() { os.Stderr = stderr }()
	args = append([]string{"model", "preprocess", "--model-labels", labels, "--preprocess", "none", repository + "/testdata/models/nchw.onnx"}, args...)
	code = execute(context.Background(), args)
	w.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return code, string(text)
}

func testImage(name string) string { return filepath.Join(repository, "testdata", "images", name) }

// madeImage is one of those that Pillow made.
func madeImage(name string) string {
	return filepath.Join(repository, "testdata", "preprocess", "images", name)
}

func TestModelPreprocess(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.npy")
	if code, message := preprocessing(t, testImage("shapes.png"), testImage("landscape.jpg"), testImage("shapes.png"), "--output", out); code != exitOK {
		t.Fatalf("exit code %d: %s", code, message)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	const header, image = 128, 4 * 3 * 8 * 8
	if len(data) != header+3*image || !bytes.Contains(data[:header], []byte("'shape': (3, 3, 8, 8)")) {
		t.Fatalf("%d bytes, header %q", len(data), data[:min(header, len(data))])
	}
	first, second, third := data[header:][:image], data[header+image:][:image], data[header+2*image:]
	if !bytes.Equal(first, third) || bytes.Equal(first, second) {
		t.Error("the images are not in the order of the command line")
	}
}

// The flags that change pixels do.
func TestModelPreprocessFlags(t *testing.T) {
	turned, large := madeImage("orientation_6.jpg"), madeImage("wide_420.jpg")
	arrays := map[string][]byte{}
	for _, args := range [][]string{{turned}, {turned, "--exif-orientation"}, {large}, {large, "--fast-decode"}, {testImage("damaged-truncated.jpg"), "--allow-truncated"}} {
		out := filepath.Join(t.TempDir(), "x.npy")
		if code, message := preprocessing(t, append(args, "--output", out)...); code != exitOK {
			t.Fatalf("exit code %d: %s", code, message)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		arrays[strings.Join(args, " ")] = data
	}
	for _, pair := range [][2]string{{turned, turned + " --exif-orientation"}, {large, large + " --fast-decode"}} {
		if bytes.Equal(arrays[pair[0]], arrays[pair[1]]) {
			t.Errorf("%q and %q give the same", pair[0], pair[1])
		}
	}
}

func TestModelPreprocessErrors(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "x.npy")
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"corrupt", []string{testImage("shapes.png"), testImage("damaged-truncated.jpg"), "--output", out}, exitFailed, "damaged-truncated.jpg: truncated: "},
		{"too many pixels", []string{testImage("shapes.png"), "--max-pixels", "9", "--output", out}, exitFailed, "more than the limit of 9; raise --max-pixels"},
		{"too many bytes", []string{testImage("shapes.png"), "--max-bytes", "9", "--output", out}, exitFailed, "the limit is 9 (--max-bytes sets the limit)"},
		{"too many scans", []string{madeImage("flat_progressive.jpg"), "--max-scans", "2", "--output", out}, exitFailed, "more than 2 scans; raise --max-scans"},
		{"too many frames", []string{madeImage("animated.webp"), "--max-frames", "1", "--output", out}, exitFailed, "more than 1 frames; raise --max-frames"},
		{"too much metadata", []string{madeImage("orientation_1.jpg"), "--max-metadata", "9", "--output", out}, exitFailed, "more than 9 bytes of metadata; raise --max-metadata"},
		{"missing", []string{testImage("none.png"), "--output", out}, exitFailed, "none.png: not_found"},
		{"no image", []string{"--output", out}, exitUsage, "name a model and at least one image"},
		{"no output", []string{testImage("shapes.png")}, exitUsage, "name a file that ends in .npy"},
		{"other output", []string{testImage("shapes.png"), "--output", "x.txt"}, exitUsage, `--output "x.txt": name a file that ends in .npy`},
		{"empty name", []string{"", "--output", out}, exitUsage, `image "": empty path`},
		{"no folder", []string{testImage("shapes.png"), "--output", filepath.Join(dir, "missing", "x.npy")}, exitFailed, "--output: "},
		{"preset", []string{testImage("shapes.png"), "--preprocess", "imagenets", "--output", out}, exitUsage, `preset "imagenets" is not known`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, message := preprocessing(t, tt.args...)
			if code != tt.code || !strings.Contains(message, tt.want) {
				t.Errorf("exit code %d, %q; want %d and %q", code, message, tt.code, tt.want)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
				t.Errorf("it left %v, %v", entries, err)
			}
		})
	}
}
