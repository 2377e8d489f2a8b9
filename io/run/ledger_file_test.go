package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
)

// nights runs n nights, each with new, changed and failing images, now and then of another model, or aborted.
func nights(t *testing.T, mem *object.Mem, n int) (w world) {
	t.Helper()
	w = world{}
	for i := range n {
		w = w.with(numbered(3+4*i, "A"))
		for name := range w {
			if chance("version", i, name) < 0.3 {
				w[name] = fmt.Sprint(i)
			}
		}
		c := newCommand(w)
		c.fail = func(item source.Item) string {
			switch x := chance("fail", i, item.URI); {
			case x < 0.1:
				return "~unavailable"
			case x < 0.2:
				return "corrupt"
			}
			return ""
		}
		if i%5 == 3 {
			c.req.ModelDigest = "other"
		}
		if i%7 == 6 {
			c.maxErrorRatio = 0
		}
		mustNight(t, New(mem, outputAt), c)
	}
	return w
}

// TestLedgerFilesSayTheSame: what is planned from ledger files is what is planned from the parts.
func TestLedgerFilesSayTheSame(t *testing.T) {
	mem := newMem(t)
	w := nights(t, mem, 15)
	files := keys(t, mem, root+ledgerFolder)
	if len(files) == 0 {
		t.Fatal("nothing was merged")
	}
	for _, digest := range []string{"digest", "other", "a third"} {
		for _, retry := range []bool{false, true} {
			c := newCommand(w.with(world{"gs://b/new.jpg": "1"}))
			c.req.CountOnly, c.req.ModelDigest, c.req.RetryErrors = true, digest, retry
			_, with, err := New(mem, outputAt).PlanNext(t.Context(), 16, c.req)
			if err != nil {
				t.Fatal(err)
			}
			without, err := New(mem, outputAt).planWithout(t.Context(), c.req)
			if diff := cmp.Diff(without, with); diff != "" || err != nil {
				t.Errorf("%s, retry %v: error %v (-parts +ledger files):\n%s", digest, retry, err, diff)
			}
		}
	}
}

// planWithout counts without ledger files.
func (o *Output) planWithout(ctx context.Context, req PlanRequest) (PlanStats, error) {
	last, err := o.latestID(ctx)
	if err != nil {
		return PlanStats{}, err
	}
	_, stats, err := o.planOnce(ctx, last+1, last, req.withDefaults(), false)
	return stats, err
}

// TestLedgerFilesAreFew: a year of nights is read from a handful of files, and few are left lying about.
func TestLedgerFilesAreFew(t *testing.T) {
	ctx, mem := t.Context(), newMem(t)
	o := New(mem, outputAt)
	o.ledgerRuns = 8
	nights := 120
	if killStride > 1 {
		nights = 40
	}
	for i := range nights {
		mustNight(t, o, newCommand(numbered(10+i, "A")))
	}
	parts, err := o.partsThere(ctx, int64(nights))
	if err != nil {
		t.Fatal(err)
	}
	files, err := o.ledgerFiles(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if items := ledgerItems(parts, files); len(items) > 8+8 || len(files) > 10 {
		t.Errorf("%d streams, %d files", len(items), len(files))
	}
	opened := 0
	counting := New(hooked{mem, func(op, key string, done bool) error {
		if !done && op == "read" && strings.Contains(key, "/labels/") {
			opened++
		}
		return nil
	}}, outputAt)
	counting.ledgerRuns = 8
	if n := mustNight(t, counting, newCommand(numbered(9+nights, "A"))); n != 0 || opened > 8*8 {
		t.Errorf("%d images planned, %d reads of parts", n, opened)
	}
}

// TestLedgerFileUnusable: a ledger file that is damaged, gone or of something else is not used, and made anew.
func TestLedgerFileUnusable(t *testing.T) {
	for _, tc := range []struct {
		name   string
		damage func(m *object.Mem, key string, data []byte)
	}{
		{"truncated", func(m *object.Mem, key string, data []byte) { m.Put(key, data[:len(data)/2]) }},
		{"garbage", func(m *object.Mem, key string, data []byte) { m.Put(key, make([]byte, len(data))) }},
		{"empty", func(m *object.Mem, key string, data []byte) { m.Put(key, nil) }},
		{"a part", func(m *object.Mem, key string, data []byte) {
			part, _, _ := m.Read(context.Background(), root+"labels/dt=2026-11-23/run-000001-part-00000.parquet", 1<<20)
			m.Put(key, part)
		}},
		{"gone", func(m *object.Mem, key string, data []byte) { m.Delete(context.Background(), key) }},
		{"all gone", func(m *object.Mem, key string, data []byte) {
			for _, k := range []string{key} {
				m.Delete(context.Background(), k)
			}
		}},
		{"other things there", func(m *object.Mem, key string, data []byte) {
			m.Put(root+ledgerFolder+"notes.txt", nil)
			m.Put(root+ledgerFolder+"000001-000009-00000000000000000000000000000000.parquet", data)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mem := newMem(t)
			w := numbered(10, "A")
			mustNight(t, New(mem, outputAt), newCommand(w))
			w = w.with(numbered(4, "B"))
			mustNight(t, New(mem, outputAt), newCommand(w))
			files := keys(t, mem, root+ledgerFolder)
			if len(files) != 1 {
				t.Fatalf("ledger files %q", files)
			}
			data, _, _ := mem.Read(t.Context(), files[0], 1<<20)
			tc.damage(mem, files[0], data)
			if n := mustNight(t, New(mem, outputAt), newCommand(w)); n != 0 {
				t.Errorf("%d images planned", n)
			}
			o := New(mem, outputAt)
			if err := o.CompactLedger(t.Context(), 2); err != nil {
				t.Fatal(err)
			}
			again, _, err := mem.Read(t.Context(), files[0], 1<<20)
			if err != nil || !slices.Equal(again, data) {
				t.Errorf("not made anew: %v", err)
			}
		})
	}
}

// TestLedgerFileTransient: a store that does not answer is no damage.
func TestLedgerFileTransient(t *testing.T) {
	mem := newMem(t)
	nights(t, mem, 4)
	files := keys(t, mem, root+ledgerFolder)
	o := New(hooked{mem, func(op, key string, done bool) error {
		if op == "read" && slices.Contains(files, key) {
			return object.ErrTransient
		}
		return nil
	}}, outputAt)
	if _, _, err := o.PlanNext(t.Context(), 5, newCommand(numbered(3, "A")).req); !errors.Is(err, object.ErrTransient) {
		t.Errorf("error %v", err)
	}
	if left := keys(t, mem, root+ledgerFolder); !slices.Equal(left, files) {
		t.Errorf("ledger files %q, were %q", left, files)
	}
}

// TestForgetMissing: a part that is taken out of the table stops planning; once it is forgotten its images are new, and only they.
func TestForgetMissing(t *testing.T) {
	mem, w := newMem(t), numbered(14, "A")
	mustNight(t, New(mem, outputAt), newCommand(w))
	mustNight(t, New(mem, outputAt), newCommand(w.with(numbered(2, "B")))) // merged by now
	w = w.with(numbered(2, "B"))
	const part = root + "labels/dt=2026-11-23/run-000001-part-00001.parquet"
	data, _, _ := mem.Read(t.Context(), part, 1<<20)
	lost := readPart(t, mem, part)
	mem.Delete(t.Context(), part)
	_, err := newCommand(w).night(t.Context(), New(mem, outputAt))
	if !errors.Is(err, object.ErrNotFound) || !strings.Contains(err.Error(), "--forget-missing") || !strings.Contains(err.Error(), "run-000001-part-00001.parquet") {
		t.Fatalf("error %v", err)
	}
	for range 2 {
		forgotten, err := New(mem, outputAt).ForgetMissing(t.Context())
		if err != nil || len(forgotten) != 1 || root+forgotten[0].Path != part {
			t.Fatalf("%v, %v", forgotten, err)
		}
	}
	if n := mustNight(t, New(mem, outputAt), newCommand(w)); n != int64(len(lost)) {
		t.Errorf("%d images planned, want the %d of the part", n, len(lost))
	}
	if n := mustNight(t, New(mem, outputAt), newCommand(w)); n != 0 {
		t.Errorf("%d images planned", n)
	}
	mem.Put(part, data) // it counts again, and nothing is new
	if n := mustNight(t, New(mem, outputAt), newCommand(w)); n != 0 {
		t.Errorf("%d images planned", n)
	}
	if _, err := New(newMem(t), outputAt).ForgetMissing(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMergeFrom(t *testing.T) {
	f := &ledgerFile{}
	for _, tc := range []struct {
		rows string // of the items; f is a file
		want int
	}{
		{"", 0}, {"9", 1}, {"9 9", 2}, {"9 9 9", 0}, {"900 9 9 9", 1}, {"900f 9 9 9", 1}, {"60f 9 9 9", 1}, {"50f 9 9 9", 0}, {"900f 50f 9 9 9", 1}, {"9 9 9f", 3}, {"9 9 9f 9 9", 5},
	} {
		var items []ledgerItem
		for text := range strings.FieldsSeq(tc.rows) {
			item := ledgerItem{rows: atoi(strings.TrimSuffix(text, "f"))}
			if strings.HasSuffix(text, "f") {
				item.file = f
			}
			items = append(items, item)
		}
		if got := mergeFrom(items, 3); got != tc.want {
			t.Errorf("%q: merged from %d, want %d", tc.rows, got, tc.want)
		}
	}
}

func TestNewestOfEachModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var keys []table.LedgerKey
		want := make(map[string]int64)
		for i := range rapid.IntRange(0, 10).Draw(r, "n") {
			k := table.LedgerKey{ModelDigest: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "digest"), RunID: int64(i + 1)}
			keys, want[k.ModelDigest] = append(keys, k), k.RunID
		}
		got := make(map[string]int64)
		for _, k := range newestOfEachModel(rapid.Permutation(keys).Draw(r, "order")) {
			got[k.ModelDigest] += k.RunID
		}
		if !maps.Equal(got, want) {
			r.Errorf("got %v, want %v", got, want)
		}
	})
}
