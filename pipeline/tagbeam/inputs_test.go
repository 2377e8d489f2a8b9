package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/source/sourcetest"
)

// outcome is the status or error code of each row of a run, by the end of its uri and member.
func (j job) outcome(t *testing.T, run int64) map[string]string {
	t.Helper()
	got := map[string]string{}
	for name, r := range j.byMember(t, run) {
		got[name] = r.Status
		if r.ErrorCode != "" {
			got[name] = r.ErrorCode
		}
	}
	return got
}

// TestManifestNights: a manifest of images, archives and Parquet files in any order; what is missing is a row, and found by the run after.
func TestManifestNights(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := job{"@" + filepath.Join(dir, "list.csv"), tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "out")}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"id", "url"})
	for _, name := range []string{"x.parquet", imageName(3), filepath.Join(dir, imageName(1)), "shard.tar", "sub/../" + imageName(1), imageName(2)} {
		w.Write([]string{"1", name})
	}
	w.Flush()
	writeFile(t, filepath.Join(dir, "list.csv"), b.Bytes())
	writeFile(t, filepath.Join(dir, imageName(1)), pngImage(1))
	writeFile(t, filepath.Join(dir, imageName(2)), pngImage(2))
	writeFile(t, filepath.Join(dir, "not-listed.png"), pngImage(4))
	writeFile(t, filepath.Join(dir, "shard.tar"), tarArchive(t, member{name: "b.png", data: pngImage(5)}, member{name: "a.png", data: pngImage(6)}))
	rows := []struct {
		Image []byte `parquet:"image,optional"`
	}{{pngImage(7)}, {nil}, {[]byte("garbage")}}
	writeFile(t, filepath.Join(dir, "x.parquet"), sourcetest.Parquet(t, rows))
	want := map[string]string{
		imageName(1) + "#": "ok", imageName(2) + "#": "ok", imageName(3) + "#": "not_found", "shard.tar#a.png": "ok", "shard.tar#b.png": "ok",
		"x.parquet#0000000000": "ok", "x.parquet#0000000001": "empty", "x.parquet#0000000002": "unsupported_format",
	}
	tagbeam(t, j.args()...).want(exitPartial).prints("images     8")
	if diff := gocmp.Diff(want, j.outcome(t, 1)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, r := range j.byMember(t, 1) {
		if known := r.Size != nil; known == (name == "x.parquet#0000000001") {
			t.Errorf("%s has a size: %v", name, known)
		}
	}
	// The missing one is tried again, the others are not.
	tagbeam(t, j.args()...).want(exitPartial).prints("images     1", "skipped    7")
	writeFile(t, filepath.Join(dir, imageName(3)), pngImage(3))
	tagbeam(t, j.args()...).want(exitOK).prints("images     1", "ok         1")
	tagbeam(t, j.args()...).want(exitOK).prints("nothing to do: 8 images under the inputs, 8 tagged before")
	// A Parquet file that is rewritten.
	rows[1].Image = pngImage(8)
	writeFile(t, filepath.Join(dir, "x.parquet"), sourcetest.Parquet(t, rows))
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "x.parquet"), later, later); err != nil {
		t.Fatal(err)
	}
	tagbeam(t, j.args()...).want(exitPartial).prints("images     3")
	want = map[string]string{"x.parquet#0000000000": "ok", "x.parquet#0000000001": "ok", "x.parquet#0000000002": "unsupported_format"}
	if diff := gocmp.Diff(want, j.outcome(t, 4)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestInputsAgree: the same images as files, in a tar, in a Parquet file and by a manifest have the same rows but for where they are, in
// whatever units.
func TestInputsAgree(t *testing.T) {
	t.Parallel()
	const n = 60
	dir := t.TempDir()
	folder := imageFolder(t, n)
	var members []member
	rows := make([]struct {
		ID    int `parquet:"id"`
		Image struct {
			Bytes []byte `parquet:"bytes,optional"`
			Path  string `parquet:"path,optional"`
		} `parquet:"image"`
	}, n)
	var lines []string
	for i := range n {
		members = append(members, member{name: imageName(i), data: pngImage(i)})
		rows[i].Image.Bytes, rows[i].Image.Path = pngImage(i), imageName(i)
		lines = append(lines, filepath.Join(folder, imageName(i)))
	}
	rand.Shuffle(n, func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	rand.Shuffle(n, func(i, j int) { members[i], members[j] = members[j], members[i] })
	writeFile(t, filepath.Join(dir, "x.tar"), tarArchive(t, members...))
	writeFile(t, filepath.Join(dir, "x.parquet"), sourcetest.Parquet(t, rows))
	writeFile(t, filepath.Join(dir, "list.txt"), []byte(strings.Join(lines, "\n")))
	files := job{folder, tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "out")}
	tagbeam(t, files.args()...).want(exitOK)
	want := files.rows(t)
	for input, number := range map[string]func(i int) string{
		"x.tar":     imageName,
		"x.parquet": func(i int) string { return fmt.Sprintf("%010d", i) },
		"@list.txt": func(int) string { return "" },
	} {
		path := filepath.Join(dir, input)
		if rest, ok := strings.CutPrefix(input, "@"); ok {
			path = "@" + filepath.Join(dir, rest)
		}
		j := job{path, files.model, filepath.Join(t.TempDir(), "out")}
		tagbeam(t, j.args("--unit-images", "7")...).want(exitOK)
		got := j.rows(t)
		if len(got) != n {
			t.Errorf("%s: %d rows, want %d", input, len(got), n)
			continue
		}
		for i, r := range got {
			if r.Member != number(i) || r.Size == nil || *r.Size != *want[i].Size {
				t.Errorf("%s: row %d is of member %q, %v bytes", input, i, r.Member, r.Size)
			}
			r.URI, r.Member, r.Version, r.MD5, r.TaggedAt = want[i].URI, "", want[i].Version, want[i].MD5, want[i].TaggedAt
			if diff := gocmp.Diff(want[i], r); diff != "" {
				t.Errorf("%s, row %d (-file +got):\n%s", input, i, diff)
			}
		}
	}
}
