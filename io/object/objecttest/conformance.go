// Package objecttest is what tests need of object stores: the contract of object.Store as a suite that every adapter runs,
// a store that fails as it is told, and an emulated Google Cloud Storage.
package objecttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tagbeam/tagbeam/io/object"
)

// Open gives a store to test and a prefix that ends in a slash, below which there is nothing.
type Open func(t *testing.T) (store object.Store, keyPrefix string)

// Conformance tests that a store keeps the contract of object.Store.
func Conformance(t *testing.T, open Open) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s subject)
	}{
		{"list in order", testListOrder},
		{"list passes on errors", testListCallbackError},
		{"list cancelled", testListCancelled},
		{"list nothing", testListNothing},
		{"odd names", testOddNames},
		{"read", testRead},
		{"read range", testReadRange},
		{"read of a version", testReadVersion},
		{"too large", testTooLarge},
		{"not found", testNotFound},
		{"cancelled", testCancelled},
		{"put if absent", testPutIfAbsent},
		{"put elects one winner", testPutRace},
		{"put fails", testPutFails},
		{"put cancelled", testPutCancelled},
		{"put large", testPutLarge},
		{"delete", testDelete},
	} {
		t.Run(test.name, func(t *testing.T) {
			store, prefix := open(t)
			test.run(t, subject{store, prefix})
		})
	}
}

// subject is a store under test.
type subject struct {
	object.Store
	prefix string
}

func (s subject) put(t *testing.T, name string, data []byte) {
	t.Helper()
	err := s.PutIfAbsent(t.Context(), s.prefix+name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s subject) list(t *testing.T, opts object.ListOptions) []object.Info {
	t.Helper()
	var infos []object.Info
	opts.Prefix = s.prefix + opts.Prefix
	for _, bound := range []*string{&opts.StartAfter, &opts.EndBefore} {
		if *bound != "" {
			*bound = s.prefix + *bound
		}
	}
	err := s.List(t.Context(), opts, func(info object.Info) error {
		infos = append(infos, info)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return infos
}

func (s subject) names(t *testing.T, opts object.ListOptions) []string {
	t.Helper()
	names := []string{}
	for _, info := range s.list(t, opts) {
		names = append(names, strings.TrimPrefix(info.Key, s.prefix))
	}
	return names
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

func testListCallbackError(t *testing.T, s subject) {
	s.put(t, "a", nil)
	s.put(t, "b", nil)
	want := errors.New("mine")
	calls := 0
	err := s.List(t.Context(), object.ListOptions{Prefix: s.prefix}, func(object.Info) error {
		calls++
		return want
	})
	if err != want || calls != 1 {
		t.Errorf("got %v after %d calls, want the callback's error as it is after one", err, calls)
	}
}

func testListCancelled(t *testing.T, s subject) {
	for i := range 20 {
		s.put(t, fmt.Sprintf("%02d", i), nil)
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := s.List(ctx, object.ListOptions{Prefix: s.prefix}, func(object.Info) error {
		calls++
		cancel()
		return nil
	})
	wantError(t, "list", err, context.Canceled)
	if calls != 1 {
		t.Errorf("%d objects after the context ended", calls-1)
	}
}

func testListNothing(t *testing.T, s subject) {
	s.put(t, "a/b", nil)
	for _, prefix := range []string{"nope", "nope/deeper/", "a/b/c", "a/b/c/d"} {
		if diff := cmp.Diff([]string{}, s.names(t, object.ListOptions{Prefix: prefix})); diff != "" {
			t.Errorf("prefix %q (-want +got):\n%s", prefix, diff)
		}
	}
}

// OddNames are file names that have broken programs.
var OddNames = []string{
	"a#1.jpg", "100%.jpg", "%41.jpg", "what?.jpg", "a b.jpg", "new\nline.jpg", "tab\t.jpg", "ünïcode-日本.jpg", "e\u0301.jpg",
	"[1].jpg", "*.jpg", "{a,b}.jpg", `back\slash.jpg`, "a&b=c.jpg", "'quote\".jpg", ".hidden.jpg", "a:b.jpg", "a+b.jpg", "~.jpg", "-.jpg", "...",
}

func testOddNames(t *testing.T, s subject) {
	var names []string
	for _, name := range OddNames {
		err := s.PutIfAbsent(t.Context(), s.prefix+name, func(w io.Writer) error {
			_, err := io.WriteString(w, name)
			return err
		})
		switch {
		case errors.Is(err, errors.ErrUnsupported): // a name that the service would change
			_, err := s.Stat(t.Context(), s.prefix+name)
			wantError(t, fmt.Sprintf("stat %q", name), err, object.ErrNotFound)
		case err != nil:
			t.Fatal(err)
		default:
			names = append(names, name)
		}
	}
	if len(names) < len(OddNames)-1 {
		t.Errorf("only %q can be written", names)
	}
	for _, info := range s.list(t, object.ListOptions{}) {
		data, read, err := s.Read(t.Context(), info.Key, 1000)
		if err != nil {
			t.Errorf("%q: %v", info.Key, err)
			continue
		}
		if name := strings.TrimPrefix(info.Key, s.prefix); string(data) != name || read.Key != info.Key || info.Problem != "" {
			t.Errorf("%q holds %q, %+v", info.Key, data, info)
		}
	}
	for _, name := range names {
		if _, err := s.Stat(t.Context(), s.prefix+name); err != nil {
			t.Errorf("stat %q: %v", name, err)
		}
		if err := s.Delete(t.Context(), s.prefix+name); err != nil {
			t.Errorf("delete %q: %v", name, err)
		}
	}
	if left := s.names(t, object.ListOptions{}); len(left) > 0 {
		t.Errorf("not deleted: %q", left)
	}
}

func testRead(t *testing.T, s subject) {
	for _, size := range []int{0, 1, 100_000} {
		name := fmt.Sprint(size)
		data := pattern(size)
		s.put(t, name, data)
		stat, err := s.Stat(t.Context(), s.prefix+name)
		if err != nil {
			t.Fatal(err)
		}
		listed := s.list(t, object.ListOptions{Prefix: name})[0]
		if listed.ContentType == "" {
			listed.ContentType = stat.ContentType // not every store lists it
		}
		if diff := cmp.Diff(stat, listed); diff != "" {
			t.Errorf("stat and list differ (-stat +list):\n%s", diff)
		}
		for _, limit := range []int64{int64(size), 1 << 40, 1<<63 - 1} {
			got, info, err := s.Read(t.Context(), s.prefix+name, limit)
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("size %d, limit %d: read %d bytes, %v", size, limit, len(got), err)
			}
			if info.Key != stat.Key || info.Version != stat.Version || info.Size != int64(size) || stat.Size != int64(size) || info.Version == "" {
				t.Errorf("size %d: read says %+v, stat %+v", size, info, stat)
			}
		}
		if age := time.Since(stat.Modified); age < -time.Hour || age > time.Hour {
			t.Errorf("size %d: modified %v", size, stat.Modified)
		}
	}
}

func testReadRange(t *testing.T, s subject) {
	data := pattern(1000)
	s.put(t, "r", data)
	s.put(t, "empty", nil)
	for _, test := range []struct {
		name           string
		offset, length int64
		want           []byte
	}{
		{"r", 0, -1, data}, {"r", 0, 10, data[:10]}, {"r", 10, 20, data[10:30]}, {"r", 990, 10, data[990:]}, {"r", 990, 100, data[990:]},
		{"r", 500, -1, data[500:]}, {"r", 500, 0, nil}, {"r", 0, 0, nil}, {"r", 1000, 5, nil}, {"r", 5000, -1, nil}, {"empty", 0, -1, nil}, {"empty", 0, 5, nil},
	} {
		what := fmt.Sprintf("%s from %d, %d bytes", test.name, test.offset, test.length)
		body, err := s.ReadRange(t.Context(), s.prefix+test.name, test.offset, test.length)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		got, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(got, test.want) {
			t.Errorf("%s: got %d bytes, want %d; %v", what, len(got), len(test.want), err)
		}
		if err := body.Close(); err != nil {
			t.Errorf("%s: close: %v", what, err)
		}
	}
	if _, err := s.ReadRange(t.Context(), s.prefix+"r", -1, 5); err == nil {
		t.Error("a negative offset is no error")
	}
}

func testReadVersion(t *testing.T, s subject) {
	readRange := func(ctx context.Context) error {
		body, err := s.ReadRange(ctx, s.prefix+"v", 1, 2)
		if err == nil {
			body.Close()
		}
		return err
	}
	read := func(ctx context.Context) error {
		_, _, err := s.Read(ctx, s.prefix+"v", 100)
		return err
	}
	s.put(t, "v", []byte("first"))
	first, err := s.Stat(t.Context(), s.prefix+"v")
	if err != nil {
		t.Fatal(err)
	}
	pinned := object.AtVersion(t.Context(), first.Version)
	if err := errors.Join(read(pinned), readRange(pinned)); err != nil {
		t.Error(err)
	}
	if err := s.Delete(t.Context(), s.prefix+"v"); err != nil {
		t.Fatal(err)
	}
	s.put(t, "v", []byte("the second"))
	wantError(t, "read", read(pinned), object.ErrChanged)
	wantError(t, "read range", readRange(pinned), object.ErrChanged)
	if err := errors.Join(read(t.Context()), readRange(t.Context())); err != nil {
		t.Error(err)
	}
}

func testTooLarge(t *testing.T, s subject) {
	s.put(t, "big", pattern(1000))
	_, _, err := s.Read(t.Context(), s.prefix+"big", 999)
	wantError(t, "read", err, object.ErrTooLarge)
	if err == nil || !strings.Contains(err.Error(), "1000 bytes") || !strings.Contains(err.Error(), "999") {
		t.Errorf("%v does not say how large and what the limit is", err)
	}
}

func testNotFound(t *testing.T, s subject) {
	s.put(t, "dir/file", nil)
	for _, name := range []string{"nope", "no/such/thing", "dir", "dir/file/below", "slash/", "dir/file/"} {
		key := s.prefix + name
		_, err := s.Stat(t.Context(), key)
		wantError(t, "stat "+name, err, object.ErrNotFound)
		_, _, err = s.Read(t.Context(), key, 10)
		wantError(t, "read "+name, err, object.ErrNotFound)
		_, err = s.ReadRange(t.Context(), key, 0, 10)
		wantError(t, "read range "+name, err, object.ErrNotFound)
		if err != nil && !strings.Contains(err.Error(), key) {
			t.Errorf("%v does not name %s", err, key)
		}
	}
}

func testCancelled(t *testing.T, s subject) {
	s.put(t, "a", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	key := s.prefix + "a"
	_, err := s.Stat(ctx, key)
	wantError(t, "stat", err, context.Canceled)
	_, _, err = s.Read(ctx, key, 10)
	wantError(t, "read", err, context.Canceled)
	_, err = s.ReadRange(ctx, key, 0, 10)
	wantError(t, "read range", err, context.Canceled)
	wantError(t, "delete", s.Delete(ctx, key), context.Canceled)
	wantError(t, "list", s.List(ctx, object.ListOptions{Prefix: s.prefix}, func(object.Info) error { return nil }), context.Canceled)
	wantError(t, "put", s.PutIfAbsent(ctx, key+"b", func(io.Writer) error { return nil }), context.Canceled)
	if got := s.names(t, object.ListOptions{}); len(got) != 1 {
		t.Errorf("what was cancelled had an effect: %q", got)
	}
}

func testPutIfAbsent(t *testing.T, s subject) {
	s.put(t, "deep/er/key", []byte("first"))
	before, err := s.Stat(t.Context(), s.prefix+"deep/er/key")
	if err != nil {
		t.Fatal(err)
	}
	err = s.PutIfAbsent(t.Context(), s.prefix+"deep/er/key", func(w io.Writer) error {
		_, err := w.Write([]byte("second"))
		return err
	})
	wantError(t, "second put", err, object.ErrExists)
	data, info, err := s.Read(t.Context(), s.prefix+"deep/er/key", 100)
	if err != nil || string(data) != "first" || info.Version != before.Version {
		t.Errorf("after a lost put: %q, %+v, %v", data, info, err)
	}
}

func testPutRace(t *testing.T, s subject) {
	const contenders = 16
	for round := range 5 {
		key := fmt.Sprintf("%srace-%d", s.prefix, round)
		errs := make([]error, contenders)
		var group sync.WaitGroup
		start := make(chan struct{})
		for i := range contenders {
			group.Go(func() {
				<-start
				errs[i] = s.PutIfAbsent(t.Context(), key, func(w io.Writer) error {
					_, err := fmt.Fprint(w, i)
					return err
				})
			})
		}
		close(start)
		group.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				t.Errorf("round %d: %d and %d both won", round, winner, i)
			case err == nil:
				winner = i
			default:
				wantError(t, fmt.Sprintf("round %d, loser %d", round, i), err, object.ErrExists)
			}
		}
		data, _, err := s.Read(t.Context(), key, 100)
		if err != nil || string(data) != fmt.Sprint(winner) {
			t.Errorf("round %d: %d won, the object holds %q, %v", round, winner, data, err)
		}
	}
}

func testPutFails(t *testing.T, s subject) {
	mine := errors.New("mine")
	for _, size := range []int{0, 10, largeSize} {
		err := s.PutIfAbsent(t.Context(), s.prefix+"dir/failed", func(w io.Writer) error {
			if _, err := w.Write(pattern(size)); err != nil {
				t.Errorf("size %d: %v", size, err)
			}
			return mine
		})
		wantError(t, "put", err, mine)
		if got := s.names(t, object.ListOptions{}); len(got) > 0 {
			t.Errorf("size %d: a failed write left %q", size, got)
		}
	}
	// A failure that looks transient is the callback's all the same, and it is not called again.
	calls := 0
	err := s.PutIfAbsent(t.Context(), s.prefix+"failed", func(io.Writer) error {
		calls++
		return object.ErrTransient
	})
	if !errors.Is(err, object.ErrTransient) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

func testPutCancelled(t *testing.T, s subject) {
	for _, size := range []int{0, 10, largeSize} {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.PutIfAbsent(ctx, s.prefix+"cancelled", func(w io.Writer) error {
			if _, err := w.Write(pattern(size)); err != nil {
				return err
			}
			cancel()
			_, err := w.Write([]byte("more"))
			if err == nil {
				t.Errorf("size %d: a write after the context ended succeeded", size)
			}
			return nil // a callback that does not care
		})
		wantError(t, "put", err, context.Canceled)
		if got := s.names(t, object.ListOptions{}); len(got) > 0 {
			t.Errorf("size %d: a cancelled write left %q", size, got)
		}
		cancel()
	}
}

// largeSize is more than any adapter keeps in its buffers.
const largeSize = 20 << 20

func testPutLarge(t *testing.T, s subject) {
	data := pattern(largeSize)
	put := func(data []byte) error {
		return s.PutIfAbsent(t.Context(), s.prefix+"large", func(w io.Writer) error {
			for chunk := data; len(chunk) > 0; chunk = chunk[min(len(chunk), 700_001):] {
				if _, err := w.Write(chunk[:min(len(chunk), 700_001)]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := put(data); err != nil {
		t.Fatal(err)
	}
	wantError(t, "second put", put(data[1:]), object.ErrExists)
	got, _, err := s.Read(t.Context(), s.prefix+"large", largeSize)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

func testDelete(t *testing.T, s subject) {
	s.put(t, "dir/a", nil)
	for range 2 { // the second time it is gone already
		if err := s.Delete(t.Context(), s.prefix+"dir/a"); err != nil {
			t.Error(err)
		}
	}
	if err := s.Delete(t.Context(), s.prefix+"never/was"); err != nil {
		t.Error(err)
	}
	if got := s.names(t, object.ListOptions{}); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
	s.put(t, "dir/a", []byte("again"))
}

// pattern gives bytes of which no part looks like another.
func pattern(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return data
}
