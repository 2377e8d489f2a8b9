package object_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

var modelFiles = []string{"config.json", "model.onnx", "a.txt", "a/x", "a/deep/er/y", "a-b/z", "b/1", "b/2"}

func TestFS(t *testing.T) {
	objecttest.StartGS(t, "fs")
	for _, prefix := range []string{"mem://fs/models/m", "gs://fs/models/m", t.TempDir() + "/m"} {
		loc, err := object.Parse(prefix)
		if err != nil {
			t.Fatal(err)
		}
		store := open(t, prefix)
		for _, name := range modelFiles {
			if err := putText(t.Context(), store, loc.Join(name).Key, "the content of "+name); err != nil {
				t.Fatal(err)
			}
		}
		if err := putText(t.Context(), store, loc.Key+"other/not-below", ""); err != nil {
			t.Fatal(err)
		}
		fsys := object.FS(store, loc.Key)
		if err := fstest.TestFS(fsys, modelFiles...); err != nil {
			t.Errorf("%s: %v", prefix, err)
		}
		data, err := fs.ReadFile(fsys, "a/deep/er/y")
		if err != nil || string(data) != "the content of a/deep/er/y" {
			t.Errorf("%s: %q, %v", prefix, data, err)
		}
		entries, err := fs.ReadDir(fsys, "a")
		if len(entries) != 2 || entries[0].Name() != "deep" || !entries[0].IsDir() || entries[1].Name() != "x" || entries[1].IsDir() {
			t.Errorf("%s: %v, %v", prefix, entries, err)
		}
		f, err := fsys.Open("config.json")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.(io.Seeker).Seek(-6, io.SeekEnd); err != nil {
			t.Error(err)
		}
		if rest, err := io.ReadAll(f); string(rest) != "g.json" || err != nil {
			t.Errorf("%s: behind a seek: %q, %v", prefix, rest, err)
		}
		if err := errors.Join(f.Close()); err != nil {
			t.Error(err)
		}
		if _, err := f.Read(nil); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: read after close: %v", prefix, err)
		}
	}
}

func TestFSErrors(t *testing.T) {
	store := object.OpenMem(t.Name())
	store.Put("m/a/b", nil)
	store.Put("m//odd", nil)
	store.Put("m/", nil)
	denied := &object.Error{Op: "stat", Object: "m/x", Kind: object.ErrPermission}
	refusing := objecttest.Faulty(store, 0, objecttest.FaultOptions{Hook: func(objecttest.Op, string) error { return denied }})
	for _, test := range []struct {
		store object.Store
		name  string
		want  []error
	}{
		{store, "nope", []error{fs.ErrNotExist, object.ErrNotFound}},
		{store, "a/b/c", []error{fs.ErrNotExist}},
		{store, "../x", []error{fs.ErrInvalid}},
		{store, "/a", []error{fs.ErrInvalid}},
		{refusing, "x", []error{fs.ErrPermission, object.ErrPermission}},
	} {
		fsys := object.FS(test.store, "m")
		_, openErr := fsys.Open(test.name)
		_, statErr := fs.Stat(fsys, test.name)
		_, readErr := fs.ReadFile(fsys, test.name)
		_, dirErr := fs.ReadDir(fsys, test.name)
		for _, want := range test.want {
			for op, err := range map[string]error{"open": openErr, "stat": statErr, "read": readErr, "readdir": dirErr} {
				if !errors.Is(err, want) && !(op == "readdir" && want == object.ErrNotFound) {
					t.Errorf("%s %s: %v, want %v", op, test.name, err, want)
				}
			}
		}
	}
	entries, err := fs.ReadDir(object.FS(store, "m/"), ".")
	if err != nil || len(entries) != 1 || entries[0].Name() != "a" {
		t.Errorf("a folder with impossible names: %v, %v", entries, err)
	}
	if entries, err := fs.ReadDir(object.FS(store, "empty"), "."); err != nil || len(entries) != 0 {
		t.Errorf("an empty folder: %v, %v", entries, err)
	}
	if entries, err := fs.ReadDir(object.FS(object.OpenMem(t.Name()), ""), "."); err != nil || len(entries) != 1 {
		t.Errorf("a whole store: %v, %v", entries, err)
	}
}

func TestReaderAt(t *testing.T) {
	data := make([]byte, 5<<20+12345)
	rand.NewChaCha8([32]byte{}).Read(data)
	mem := object.OpenMem(t.Name())
	mem.Put("k", data)
	var mu sync.Mutex
	requests := 0
	store := objecttest.Faulty(mem, 0, objecttest.FaultOptions{Hook: func(objecttest.Op, string) error {
		mu.Lock()
		defer mu.Unlock()
		requests++
		return nil
	}})
	r := object.ReaderAt(t.Context(), store, "k", int64(len(data)))
	// Six columns, read side by side in pieces of 4 KiB.
	var group sync.WaitGroup
	const column = 900_000
	for c := range 6 {
		group.Go(func() {
			got, err := io.ReadAll(struct{ io.Reader }{io.NewSectionReader(r, int64(c*column), column)})
			if err != nil || !bytes.Equal(got, data[c*column:min((c+1)*column, len(data))]) {
				t.Errorf("column %d: %d bytes, %v", c, len(got), err)
			}
		})
	}
	group.Wait()
	if requests != 6 {
		t.Errorf("%d requests for 6 blocks", requests)
	}
	requests = 0
	big := make([]byte, 3<<20)
	if n, err := r.ReadAt(big, 1000); err != nil || n != len(big) || !bytes.Equal(big, data[1000:1000+n]) || requests != 1 {
		t.Errorf("large read: %d bytes, %v, %d requests", n, err, requests)
	}
	end := int64(len(data))
	for _, test := range []struct {
		offset int64
		length int
		want   int
		err    error
	}{{end - 10, 10, 10, nil}, {end - 10, 11, 10, io.EOF}, {end, 1, 0, io.EOF}, {end - 2<<20, 3 << 20, 2 << 20, io.EOF}, {1<<20 - 5, 10, 10, nil}} {
		p := make([]byte, test.length)
		n, err := r.ReadAt(p, test.offset)
		if n != test.want || err != test.err || !bytes.Equal(p[:n], data[test.offset:test.offset+int64(n)]) {
			t.Errorf("%d bytes from %d: %d, %v", test.length, test.offset, n, err)
		}
	}
	if _, err := r.ReadAt(big, -1); err == nil {
		t.Error("a negative offset is no error")
	}
}

func TestReaderAtErrors(t *testing.T) {
	mem := object.OpenMem(t.Name())
	mem.Put("k", make([]byte, 100))
	fail := true
	store := objecttest.Faulty(mem, 0, objecttest.FaultOptions{Hook: func(objecttest.Op, string) error {
		if fail {
			return object.ErrTransient
		}
		return nil
	}})
	r := object.ReaderAt(t.Context(), store, "k", 100)
	p := make([]byte, 10)
	if _, err := r.ReadAt(p, 0); !errors.Is(err, object.ErrTransient) {
		t.Error(err)
	}
	fail = false
	if n, err := r.ReadAt(p, 0); err != nil || n != 10 {
		t.Errorf("after an error: %d, %v", n, err)
	}
	short := object.ReaderAt(t.Context(), mem, "k", 200)
	if _, err := short.ReadAt(p, 150); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an object that has shrunk: %v", err)
	}
}

// TestFaulty: the same seed gives the same faults, in whatever order the keys are used, and none of them is a lie.
func TestFaulty(t *testing.T) {
	play := func(seed uint64, keys []string) (map[string][]bool, map[objecttest.Op]int) {
		mem := object.OpenMem(fmt.Sprintf("%s-%d", t.Name(), rand.Uint64()))
		all := objecttest.Rates{}
		for _, op := range []objecttest.Op{objecttest.OpList, objecttest.OpStat, objecttest.OpRead, objecttest.OpReadRange, objecttest.OpPutIfAbsent, objecttest.OpDelete} {
			all[op] = 0.2
		}
		store := objecttest.Faulty(mem, seed, objecttest.FaultOptions{Before: all, After: all, BrokenBody: 0.3})
		failed := map[string][]bool{}
		for _, key := range keys {
			note := func(err error) bool {
				failed[key] = append(failed[key], err != nil)
				if err != nil && !errors.Is(err, object.ErrTransient) {
					t.Errorf("%s: %v", key, err)
				}
				return err == nil
			}
			exists := func() bool { _, err := mem.Stat(t.Context(), key); return err == nil }
			for range 20 {
				if err := putText(t.Context(), store, key, "0123456789"); err != nil && !errors.Is(err, object.ErrExists) {
					note(err)
				} else if !exists() {
					t.Errorf("%s: written, and not there", key)
				}
				if !exists() {
					continue
				}
				_, _, err := store.Read(t.Context(), key, 100)
				note(err)
				_, err = store.Stat(t.Context(), key)
				note(err)
				body, err := store.ReadRange(t.Context(), key, 0, -1)
				if note(err) {
					_, err = io.ReadAll(body)
					note(err)
				}
				note(store.List(t.Context(), object.ListOptions{Prefix: key}, func(object.Info) error { return nil }))
				if note(store.Delete(t.Context(), key)) && exists() {
					t.Errorf("%s: deleted, and there", key)
				}
			}
		}
		return failed, store.Injected()
	}
	keys := []string{"a", "b", "c"}
	forward, counts := play(7, keys)
	slices.Reverse(keys)
	backward, _ := play(7, keys)
	if diff := cmp.Diff(forward, backward); diff != "" {
		t.Errorf("the same seed, another order (-forward +backward):\n%s", diff)
	}
	other, _ := play(8, keys)
	if cmp.Equal(forward, other) {
		t.Error("another seed gives the same faults")
	}
	if len(counts) != 6 {
		t.Errorf("not every operation met a fault: %v", counts)
	}
}

func TestFaultyHooks(t *testing.T) {
	mem := object.OpenMem(t.Name())
	mine := errors.New("mine")
	var calls []string
	store := objecttest.Faulty(mem, 0, objecttest.FaultOptions{
		Hook: func(op objecttest.Op, key string) error {
			calls = append(calls, fmt.Sprintf("%s %s", op, key))
			if key == "before" {
				return mine
			}
			return nil
		},
		HookAfter: func(op objecttest.Op, key string) error {
			if key == "after" {
				return mine
			}
			return nil
		},
	})
	for key, there := range map[string]bool{"before": false, "after": true} {
		if err := putText(t.Context(), store, key, ""); err != mine {
			t.Errorf("%s: %v", key, err)
		}
		if _, err := mem.Stat(t.Context(), key); (err == nil) != there {
			t.Errorf("%s: %v", key, err)
		}
	}
	slices.Sort(calls)
	if diff := cmp.Diff([]string{"put after", "put before"}, calls); diff != "" {
		t.Error(diff)
	}
}

func TestFaultyConformance(t *testing.T) {
	objecttest.Conformance(t, func(t *testing.T) (object.Store, string) {
		return objecttest.Faulty(object.OpenMem(t.Name()), 1, objecttest.FaultOptions{}), "p/"
	})
}
