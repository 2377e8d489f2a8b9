package main

import (
	"archive/tar"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/table"
)

// member is a file in a test's archive.
type member struct {
	name string
	data []byte
	kind byte
}

func tarArchive(t *testing.T, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.data)), Typeflag: tar.TypeReg}
		if m.kind != 0 {
			h.Typeflag, h.Linkname, h.Size = m.kind, string(m.data), 0
			m.data = nil
		}
		if strings.ContainsRune(m.name, '\uFFFD') || m.name != strings.ToValidUTF8(m.name, "") {
			h.Format = tar.FormatGNU
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// byMember are the rows of a run by archive and member: "a.tar#1.png".
func (j job) byMember(t *testing.T, run int64) map[string]table.Row {
	t.Helper()
	rows := map[string]table.Row{}
	for _, r := range j.rows(t) {
		if r.RunID != run {
			continue
		}
		name := filepath.Base(r.URI) + "#" + r.Member
		if _, twice := rows[name]; twice {
			t.Errorf("run %d has %s twice", run, name)
		}
		rows[name] = r
	}
	return rows
}

// TestShards: WebDataset shards of CIFAR-10, held to their own labels and to the same images as files.
func TestShards(t *testing.T) {
	t.Parallel()
	j := job{filepath.Join(shared(t, "cifar10"), "*.tar"), shared(t, "models", "vit-cifar10"), filepath.Join(t.TempDir(), "out")}
	e, s := summarised(t, j.args()...)
	e.want(exitOK).prints("images     5000", "ok         5000", ".tar#")
	if s.Listed != 5000 || s.Images != 5000 {
		t.Errorf("listed %d, tagged %d, want 5000", s.Listed, s.Images)
	}
	shards := j.byMember(t, 1)
	if len(shards) != 5000 {
		t.Errorf("%d rows, want 5000", len(shards))
	}
	files := job{t.TempDir(), j.model, filepath.Join(t.TempDir(), "out")}
	truth := unpackAll(t, j.input, files.input)
	right := 0
	for name, r := range shards {
		if r.LabelID != nil && int(*r.LabelID) == truth[strings.TrimSuffix(name, ".jpg")] {
			right++
		}
		if !strings.HasPrefix(r.Version, "mtime:") || r.Width == nil || *r.Width != 32 {
			t.Fatalf("%+v", r)
		}
	}
	if right < 2750 { // 58.8 % of other images
		t.Errorf("top-1 right on %d of 5000, want 2750", right)
	}
	t.Logf("top-1 right on %d of 5000", right)

	// The same images as files: the same rows, but for where they are.
	tagbeam(t, files.args()...).want(exitOK)
	for _, r := range files.rows(t) {
		name := filepath.Base(filepath.Dir(r.URI)) + "#" + filepath.Base(r.URI)
		in, ok := shards[name]
		if !ok {
			t.Fatalf("no row of %s", name)
		}
		sum := md5.Sum(readFile(t, r.URI))
		if in.MD5 != hex.EncodeToString(sum[:]) || *in.Size != *r.Size {
			t.Errorf("%s: md5 %s, size %d", name, in.MD5, *in.Size)
		}
		in.URI, in.Member, in.Version, in.MD5, in.TaggedAt, r.MD5 = r.URI, "", r.Version, "", r.TaggedAt, ""
		if diff := gocmp.Diff(r, in); diff != "" {
			t.Fatalf("%s (-file +member):\n%s", name, diff)
		}
		delete(shards, name)
	}
	if len(shards) > 0 {
		t.Errorf("%d members have no file", len(shards))
	}
	again, s := summarised(t, j.args()...)
	again.want(exitOK).prints("nothing to do: 5000 images under the inputs, 5000 tagged before")
	if s.Planned != 0 || s.Skipped != 5000 {
		t.Errorf("second run: planned %d, skipped %d", s.Planned, s.Skipped)
	}
}

// unpackAll writes the images of archives into folders named as they are, and returns the classes by "archive#name".
func unpackAll(t *testing.T, pattern, dir string) map[string]int {
	t.Helper()
	archives, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	classes := map[string]int{}
	for _, file := range archives {
		r := tar.NewReader(bytes.NewReader(readFile(t, file)))
		for {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if name, ok := strings.CutSuffix(h.Name, ".cls"); ok {
				if classes[filepath.Base(file)+"#"+name], err = strconv.Atoi(string(data)); err != nil {
					t.Fatal(err)
				}
				continue
			}
			writeFile(t, filepath.Join(dir, filepath.Base(file), h.Name), data)
		}
	}
	return classes
}

// TestShardNights: an archive that is rewritten is tagged again as a whole, another one is not; an open run goes on with its members.
func TestShardNights(t *testing.T) {
	t.Parallel()
	j := job{filepath.Join(t.TempDir(), "*.tar"), tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "out")}
	archive := func(name string, numbers ...int) {
		var members []member
		for _, i := range numbers {
			members = append(members, member{name: imageName(i), data: pngImage(i)}, member{name: fmt.Sprintf("%d.json", i), data: []byte("{}")})
		}
		writeFile(t, filepath.Join(filepath.Dir(j.input), name), tarArchive(t, members...))
	}
	archive("a.tar", 1, 2, 3)
	archive("b.tar", 3, 2, 5)
	// A folder is not looked into for archives, and says so; counting writes nothing.
	tagbeam(t, "tag", "--input", filepath.Dir(j.input), "--model", j.model, "--output", j.output).want(exitOK).says("there are 2 archives", "/**/*.tar")
	tagbeam(t, j.args("--plan-only")...).want(exitOK).prints("to be tagged             6")
	if _, err := os.Stat(j.output); !os.IsNotExist(err) {
		t.Errorf("counting has written to %s: %v", j.output, err)
	}
	tagbeam(t, j.args("--limit", "4", "--unit-images", "2")...).want(exitOK)
	tagbeam(t, j.args("--unit-images", "2")...).want(exitOK)
	tagbeam(t, j.args()...).want(exitOK).prints("nothing to do: 6 images")
	want := map[string][]int64{
		"a.tar#" + imageName(1): {1}, "a.tar#" + imageName(2): {1}, "a.tar#" + imageName(3): {1},
		"b.tar#" + imageName(2): {1}, "b.tar#" + imageName(3): {2}, "b.tar#" + imageName(5): {2},
	}
	check := func() {
		t.Helper()
		got := map[string][]int64{}
		for _, r := range j.rows(t) {
			name := filepath.Base(r.URI) + "#" + r.Member
			got[name] = append(got[name], r.RunID)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("runs by member (-want +got):\n%s", diff)
		}
	}
	check()
	archive("b.tar", 2, 3, 5, 7)
	later := time.Now().Add(time.Hour) // another version, however coarse the clock
	if err := os.Chtimes(filepath.Join(filepath.Dir(j.input), "b.tar"), later, later); err != nil {
		t.Fatal(err)
	}
	tagbeam(t, j.args("--plan-only")...).want(exitOK).prints("tagged before            3", "to be tagged             4")
	tagbeam(t, j.args()...).want(exitOK).prints("images     4")
	for _, i := range []int{2, 3, 5, 7} {
		name := "b.tar#" + imageName(i)
		want[name] = append(want[name], 3)
	}
	check()
	tagbeam(t, j.args()...).want(exitOK).prints("nothing to do: 7 images")
}

// TestShardErrors: each thing that can be wrong with an archive or a member is a row of its own, and no more than that.
func TestShardErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := job{filepath.Join(dir, "*.tar"), tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "out")}
	good := pngImage(1)
	whole := tarArchive(t,
		member{name: "odd #1.png", data: good}, member{name: "/abs/../x.png", data: good}, member{name: "latin\xe9.png", data: good},
		member{name: "large.png", data: append(bytes.Clone(good), make([]byte, 5000)...)}, member{name: "zero.png"},
		member{name: "garbage.png", data: []byte("garbage")}, member{name: "cut.png", data: good[:len(good)/2]},
		member{name: "hard.png", data: []byte("odd #1.png"), kind: tar.TypeLink},
		member{name: "soft.png", data: []byte("odd #1.png"), kind: tar.TypeSymlink},
		member{name: "twice.png", data: good}, member{name: "twice.png", data: pngImage(2)})
	writeFile(t, filepath.Join(dir, "a.tar"), whole)
	writeFile(t, filepath.Join(dir, "cut.tar"), tarArchive(t, member{name: "1.png", data: good}, member{name: "2.png", data: good})[:1024+512+10])
	writeFile(t, filepath.Join(dir, "empty.tar"), nil)
	writeFile(t, filepath.Join(dir, "text.tar"), []byte(strings.Repeat("no archive ", 100)))
	writeFile(t, filepath.Join(dir, "z.tar"), tarArchive(t, member{name: "last.png", data: good}))
	if err := os.Symlink("nowhere", filepath.Join(dir, "broken.tar")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"a.tar#odd #1.png": "ok", "a.tar#/abs/../x.png": "ok", `a.tar#latin\xe9.png`: "ok", "a.tar#large.png": "too_large", "a.tar#zero.png": "empty",
		"a.tar#garbage.png": "unsupported_format", "a.tar#cut.png": "truncated", "a.tar#hard.png": "unsupported_member", "a.tar#soft.png": "unsupported_member",
		"a.tar#twice.png": "ok", "a.tar#twice.png#2": "ok",
		"cut.tar#": "truncated", "cut.tar#1.png": "ok", "cut.tar#2.png": "truncated",
		"empty.tar#": "empty", "text.tar#": "corrupt", "broken.tar#": "invalid_name", "z.tar#last.png": "ok",
	}
	tagbeam(t, j.args("--max-bytes", "4000")...).want(exitPartial)
	got := map[string]string{}
	for name, r := range j.byMember(t, 1) {
		got[name] = r.Status
		if r.Status == table.StatusFailed {
			got[name] = r.ErrorCode
			if r.ErrorMessage == "" || r.Retryable == nil || *r.Retryable {
				t.Errorf("%s: %q, retryable %v", name, r.ErrorMessage, r.Retryable)
			}
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("outcome by member (-want +got):\n%s", diff)
	}
	tagbeam(t, j.args("--max-bytes", "4000")...).want(exitOK).prints("nothing to do: 18 images")
	tagbeam(t, "tag", "--input", filepath.Join(dir, "a.tar.gz"), "--model", j.model, "--output", j.output).want(exitUsage)
	writeFile(t, filepath.Join(dir, "a.tar.gz"), nil)
	tagbeam(t, "tag", "--input", filepath.Join(dir, "a.tar.gz"), "--model", j.model, "--output", j.output).want(exitUsage).says("a.tar.gz", "decompress it")
}
