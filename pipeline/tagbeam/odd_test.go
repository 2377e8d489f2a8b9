package main

import (
	"image"
	"image/color"
	"image/draw"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/table"
)

// TestOddImages: every input is one row, and one that cannot be tagged says why.
func TestOddImages(t *testing.T) {
	t.Parallel()
	j := job{shared(t, "odd"), tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "out")}
	e, s := summarised(t, j.args()...)
	e.want(exitPartial).prints("failed     9: too_large 5, truncated 2, empty 1, unsupported_format 1")
	if s.State != "published" || s.Images != 33 || s.OK != 24 || s.Failed != 9 || s.Errors["too_large"] != 5 {
		t.Errorf("summary: %+v", s)
	}
	want := map[string][2]string{ // error code, and a word of the message
		"bomb_header_100k.png":   {"too_large", "pixels"},
		"bomb_header_16383.webp": {"too_large", "pixels"},
		"bomb_header_65500.jpg":  {"too_large", "pixels"},
		"bomb_header_65535.gif":  {"too_large", "pixels"},
		"bomb_real_20000sq.png":  {"too_large", "pixels"},
		"empty.jpg":              {"empty", "0 bytes"},
		"text.jpg":               {"unsupported_format", "text/"},
		"truncated_eoi.jpg":      {"truncated", "ends"},
		"truncated_half.jpg":     {"truncated", "ends"},
	}
	rows := j.rows(t)
	if len(rows) != 33 {
		t.Errorf("%d rows, want 33", len(rows))
	}
	for _, r := range rows {
		name := filepath.Base(r.URI)
		w, bad := want[name]
		delete(want, name)
		switch {
		case !bad && (r.Status != table.StatusOK || r.ErrorCode != ""):
			t.Errorf("%s: %s %s: %s", name, r.Status, r.ErrorCode, r.ErrorMessage)
		case bad && (r.Status != table.StatusFailed || r.ErrorCode != w[0] || !strings.Contains(r.ErrorMessage, w[1])):
			t.Errorf("%s: %s %s: %q, want %s: ...%s...", name, r.Status, r.ErrorCode, r.ErrorMessage, w[0], w[1])
		case bad && (r.Retryable == nil || *r.Retryable || r.Label != "" || r.Confidence != nil || r.TopK != nil):
			t.Errorf("%s failed for good, and its row has %+v", name, r)
		}
	}
	if len(want) > 0 {
		t.Errorf("no rows of %v", want)
	}
}

// TestModelsWithFixedBatches: whatever the graph says of its batch, every image gets its row, and the same one.
func TestModelsWithFixedBatches(t *testing.T) {
	t.Parallel()
	j := newJob(t, 11)
	tagbeam(t, j.args()...).want(exitOK)
	rows := j.rows(t)
	labels := map[string]bool{}
	for _, r := range rows {
		labels[r.Label] = true
	}
	if len(labels) < 2 {
		t.Errorf("all images are %v: nothing could be mixed up", labels)
	}
	for _, graph := range []string{"baked_batch.onnx", "batch1.onnx", "batch4.onnx", "nhwc.onnx", "softmax.onnx", "conv1x1.onnx"} {
		t.Run(graph, func(t *testing.T) {
			t.Parallel()
			other := job{j.input, tinyModel(t, graph), filepath.Join(t.TempDir(), "out")}
			tagbeam(t, other.args()...).want(exitOK)
			got := other.rows(t)
			for i := range got {
				if got[i].ModelDigest == rows[i].ModelDigest {
					t.Fatal("another graph, the same digest")
				}
				got[i].ModelDigest = rows[i].ModelDigest
			}
			approximately(t, rows, got)
		})
	}
	for _, batch := range []string{"1", "3", "64"} {
		t.Run("batch "+batch, func(t *testing.T) {
			t.Parallel()
			other := job{j.input, j.model, filepath.Join(t.TempDir(), "out")}
			tagbeam(t, other.args("--batch", batch)...).want(exitOK)
			approximately(t, rows, other.rows(t))
		})
	}
}

// approximately compares rows: confidences may differ in the last digits between graphs.
func approximately(t *testing.T, want, got []table.Row) {
	t.Helper()
	near := gocmp.Comparer(func(a, b float32) bool { return a-b < 1e-5 && b-a < 1e-5 })
	other := gocmp.FilterPath(func(p gocmp.Path) bool {
		name := p.Last().String()
		return name == ".RunID" || name == ".TaggedAt"
	}, gocmp.Ignore())
	if diff := gocmp.Diff(want, got, near, other); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

// TestImageBreaksBatch: fails_on_white.onnx fails the whole batch in which there is a white image. It costs that image's row.
func TestImageBreaksBatch(t *testing.T) {
	t.Parallel()
	j := newJob(t, 0)
	j.model = tinyModel(t, "fails_on_white.onnx")
	for i := range 20 {
		c := color.RGBA{uint8(i * 10), 100, uint8(200 - i*10), 255}
		if i == 7 || i == 13 {
			c = color.RGBA{255, 255, 255, 255}
		}
		img := image.NewRGBA(image.Rect(0, 0, 8, 8))
		draw.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
		writeFile(t, filepath.Join(j.input, imageName(i)), encodePNG(img))
	}
	tagbeam(t, j.args("--batch", "20")...).want(exitPartial).prints("failed     2: inference_failed 2")
	failed := map[string]string{}
	rows := j.rows(t)
	for _, r := range rows {
		if r.Status != table.StatusOK {
			failed[filepath.Base(r.URI)] = r.ErrorCode
		}
	}
	want := map[string]string{imageName(7): "inference_failed", imageName(13): "inference_failed"}
	if diff := gocmp.Diff(want, failed); diff != "" || len(rows) != 20 {
		t.Errorf("%d rows; failed (-want +got):\n%s", len(rows), diff)
	}
}
