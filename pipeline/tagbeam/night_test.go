package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNights: night after night over one folder, each run touches only what is new.
func TestNights(t *testing.T) {
	t.Parallel()
	j := newJob(t, 3)
	path := func(i int) string { return filepath.Join(j.input, imageName(i)) }
	want := map[string][]int64{imageName(0): {1}, imageName(1): {1}, imageName(2): {1}}

	tagbeam(t, j.args()...).want(exitOK)
	j.wantRuns(t, want)

	nothing := func(listed int64) {
		t.Helper()
		before := j.identities(t)
		e, s := summarised(t, j.args()...)
		e.want(exitOK).prints("nothing to do", "3 tagged before")
		if s.State != "nothing_to_do" || s.Listed != listed || s.Skipped != listed || len(s.Runs) != 0 {
			t.Errorf("summary: %+v", s)
		}
		checkKept(t, before, j.identities(t))
		if len(before) != len(j.identities(t)) {
			t.Error("a run of nothing has written something")
		}
	}
	nothing(3)
	nothing(3)

	// New images after nights without any; one in a folder that sorts before the others.
	writeFile(t, path(7), pngImage(7))
	writeFile(t, filepath.Join(j.input, "a/b c.png"), pngImage(8))
	tagbeam(t, j.args()...).want(exitOK).prints("run 2 published", "images     2 ", "skipped    3")
	want[imageName(7)], want["a/b c.png"] = []int64{2}, []int64{2}
	j.wantRuns(t, want)

	// Other content; the same content under a new time; a file that is gone keeps its row.
	writeFile(t, path(0), pngImage(100))
	if err := os.Chtimes(path(1), time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path(2)); err != nil {
		t.Fatal(err)
	}
	tagbeam(t, j.args()...).want(exitOK).prints("images     2 ")
	want[imageName(0)], want[imageName(1)] = []int64{1, 3}, []int64{1, 3}
	j.wantRuns(t, want)

	// Content A, B, and A again, with A's own time: B's row must not stay the current one.
	info, err := os.Stat(path(7))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path(7), pngImage(101))
	tagbeam(t, j.args()...).want(exitOK).prints("images     1 ")
	writeFile(t, path(7), pngImage(7))
	if err := os.Chtimes(path(7), time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	tagbeam(t, j.args()...).want(exitOK).prints("images     1 ")
	want[imageName(7)] = []int64{2, 4, 5}
	j.wantRuns(t, want)
	if a, b := j.row(t, imageName(7), 2), j.row(t, imageName(7), 5); a.Version != b.Version || a.Label != b.Label {
		t.Errorf("the same content came out as %s %s and %s %s", a.Version, a.Label, b.Version, b.Label)
	}

	// --retag tags all that is there, once.
	tagbeam(t, j.args("--retag")...).want(exitOK).prints("images     4 ")
	for _, name := range []string{imageName(0), imageName(1), imageName(7), "a/b c.png"} {
		want[name] = append(want[name], 6)
	}
	j.wantRuns(t, want)
	tagbeam(t, j.args()...).want(exitOK).prints("nothing to do")
}

// TestAnotherModel: other labels make another model, which tags everything again and leaves the rows of the first; back to the first, there is nothing to
// do.
func TestAnotherModel(t *testing.T) {
	t.Parallel()
	first := newJob(t, 4)
	second := first
	second.model = tinyModel(t, "nchw.onnx", "apple", "bread", "cake", "dates", "eggs")
	tagbeam(t, first.args()...).want(exitOK)
	tagbeam(t, second.args()...).want(exitOK).prints("run 2 published", "images     4 ")
	tagbeam(t, first.args()...).want(exitOK).prints("nothing to do")
	tagbeam(t, second.args()...).want(exitOK).prints("nothing to do")
	// Not a part of the model: how many classes are kept, and from which confidence on.
	tagbeam(t, second.args("--top-k", "2", "--min-confidence", "0.9")...).want(exitOK).prints("nothing to do")
	want := map[string][]int64{}
	for i := range 4 {
		want[imageName(i)] = []int64{1, 2}
		a, b := first.row(t, imageName(i), 1), first.row(t, imageName(i), 2)
		if a.ModelDigest == b.ModelDigest || a.Label == b.Label || *a.LabelID != *b.LabelID {
			t.Errorf("rows of two models: %s %s, %s %s", a.Label, a.ModelDigest, b.Label, b.ModelDigest)
		}
	}
	first.wantRuns(t, want)
}

// TestOtherPreprocessing: the same network on other pixels is another model.
func TestOtherPreprocessing(t *testing.T) {
	t.Parallel()
	j := newJob(t, 3)
	tagbeam(t, j.args()...).want(exitOK)
	for i, flag := range []string{"--exif-orientation", "--fast-decode"} {
		tagbeam(t, j.args(flag)...).want(exitOK).prints(fmt.Sprintf("run %d published", i+2), "images     3 ")
		tagbeam(t, j.args(flag)...).want(exitOK).prints("nothing to do")
	}
	tagbeam(t, j.args()...).want(exitOK).prints("nothing to do")
	want := map[string][]int64{}
	for i := range 3 {
		want[imageName(i)] = []int64{1, 2, 3}
	}
	j.wantRuns(t, want)
}

// TestErrorsOfTheNightBefore: what failed for good is not tried again, unless it has changed, or with --retry-errors. (What may heal: TestGS.)
func TestErrorsOfTheNightBefore(t *testing.T) {
	t.Parallel()
	j := newJob(t, 2)
	writeFile(t, filepath.Join(j.input, "damaged.png"), pngImage(2)[:40])
	link, target := filepath.Join(j.input, "link.png"), filepath.Join(t.TempDir(), "target.png")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	e, s := summarised(t, j.args()...)
	e.want(exitPartial)
	if s.Failed != 2 || s.Retryable != 0 {
		t.Fatalf("%d failed, of which %d may heal; want 2, 0\n%s", s.Failed, s.Retryable, e)
	}
	want := map[string][]int64{imageName(0): {1}, imageName(1): {1}, "damaged.png": {1}, "link.png": {1}}
	j.wantRuns(t, want)
	if r := j.row(t, "link.png", 1); !strings.Contains(r.ErrorMessage, "link") {
		t.Errorf("a link to nothing: %+v", r)
	}
	tagbeam(t, j.args()...).want(exitOK).prints("nothing to do")

	writeFile(t, target, pngImage(3)) // the link leads somewhere now
	tagbeam(t, j.args()...).want(exitOK).prints("images     1 ")
	want["link.png"] = []int64{1, 2}
	j.wantRuns(t, want)

	tagbeam(t, j.args("--retry-errors")...).want(exitPartial).prints("images     1 ", "failed     1: truncated 1")
	want["damaged.png"] = []int64{1, 3}
	j.wantRuns(t, want)

	writeFile(t, filepath.Join(j.input, "damaged.png"), pngImage(2))
	tagbeam(t, j.args()...).want(exitOK).prints("images     1 ")
	want["damaged.png"] = []int64{1, 3, 4}
	j.wantRuns(t, want)
	tagbeam(t, j.args("--retry-errors")...).want(exitOK).prints("nothing to do")
}

// TestOutputWithinInput: the table's own folders are no input.
func TestOutputWithinInput(t *testing.T) {
	t.Parallel()
	j := newJob(t, 2)
	j.output = j.input
	tagbeam(t, j.args()...).want(exitOK).prints("images     2 ")
	writeFile(t, filepath.Join(j.output, "labels", "picture.png"), pngImage(5))
	tagbeam(t, j.args()...).want(exitOK).prints("nothing to do", "2 images under the inputs")
}
