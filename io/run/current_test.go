package run

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/table"
)

// TestCurrent: the newest row of each image, in order, in one pass or several.
func TestCurrent(t *testing.T) {
	mem := newMem(t)
	nights(t, mem, 12)
	newest := make(map[string]table.Row)
	for _, key := range keys(t, mem, root+"labels/") {
		if strings.HasSuffix(key, ".parquet") {
			for _, r := range readPart(t, mem, key) {
				if old, ok := newest[r.URI]; !ok || r.RunID > old.RunID {
					newest[r.URI] = r
				}
			}
		}
	}
	var want []table.Row
	for _, r := range newest {
		want = append(want, r)
	}
	slices.SortFunc(want, func(a, b table.Row) int { return strings.Compare(a.URI, b.URI) })
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	for _, streams := range []int{2, 3, 16} {
		var b bytes.Buffer
		counts, err := New(mem, outputAt).writeCurrent(t.Context(), &b, streams)
		if err != nil {
			t.Fatal(err)
		}
		got, err := table.ReadRows(bytes.NewReader(b.Bytes()), int64(b.Len()), 0, 1<<20)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || counts.Images != int64(len(want)) {
			t.Errorf("%d streams, %d counted: error %v (-want +got):\n%s", streams, counts.Images, err, diff)
		}
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestCurrentErrors(t *testing.T) {
	mem := newMem(t)
	if counts, err := New(mem, outputAt).WriteCurrent(t.Context(), io.Discard); err != nil || counts.Images != 0 {
		t.Errorf("no runs: %+v, %v", counts, err)
	}
	nights(t, mem, 3)
	const part = root + "labels/dt=2026-11-23/run-000001-part-00000.parquet"
	data, info, _ := mem.Read(t.Context(), part, 1<<20)
	mem.Put(part, make([]byte, info.Size))
	if _, err := New(mem, outputAt).WriteCurrent(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "run-000001-part-00000") {
		t.Errorf("damaged: %v", err)
	}
	mem.Put(part, data)
	failing := New(hooked{mem, func(op, key string, done bool) error {
		if op == "read" && key == part {
			return object.ErrTransient
		}
		return nil
	}}, outputAt)
	if _, err := failing.writeCurrent(t.Context(), io.Discard, 2); err == nil || !strings.Contains(err.Error(), "run-000001-part-00000") {
		t.Errorf("unavailable: %v", err)
	}
	mem.Delete(t.Context(), part)
	if _, err := New(mem, outputAt).WriteCurrent(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("gone: %v", err)
	}
}
