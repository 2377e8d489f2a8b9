package object

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// pagedKeys is a store that can list sorted keys, as one that answers page by page does, and counts what it is asked.
type pagedKeys struct {
	Store
	keys  []string
	page  int
	pages atomic.Int64 // given
	round func()       // called for each page
}

func (s *pagedKeys) List(ctx context.Context, opts ListOptions, fn func(Info) error) error {
	from, _ := slices.BinarySearch(s.keys, max(opts.Prefix, opts.StartAfter))
	for given := 0; ; given++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if given%s.page == 0 {
			s.pages.Add(1)
			if s.round != nil {
				s.round()
			}
		}
		if from < len(s.keys) && opts.StartAfter != "" && s.keys[from] == opts.StartAfter {
			from++
		}
		if from == len(s.keys) || !strings.HasPrefix(s.keys[from], opts.Prefix) || opts.EndBefore != "" && s.keys[from] >= opts.EndBefore {
			return nil
		}
		if err := fn(Info{Key: s.keys[from]}); err != nil {
			return err
		}
		from++
	}
}

func collect(list func(fn func(Info) error) error) (keys []string, err error) {
	keys = []string{}
	err = list(func(i Info) error {
		keys = append(keys, i.Key)
		return nil
	})
	return keys, err
}

// TestListParallel: the sequence is that of a plain listing, whatever the keys, the pages, the bounds and the sizes of the segments.
func TestListParallel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		keys := drawKeys(r)
		s := &pagedKeys{keys: keys, page: rapid.IntRange(1, 20).Draw(r, "page")}
		opts := ListOptions{Prefix: drawBound(r, "prefix", keys), StartAfter: drawBound(r, "start after", keys), EndBefore: drawBound(r, "end before", keys)}
		p := parallelism{
			workers: rapid.IntRange(1, 8).Draw(r, "workers"), segment: rapid.IntRange(1, 40).Draw(r, "segment"),
			first: rapid.IntRange(1, 20).Draw(r, "first"), ahead: rapid.IntRange(1, 10).Draw(r, "ahead"),
		}
		want, err := collect(func(fn func(Info) error) error { return s.List(t.Context(), opts, fn) })
		if err != nil {
			r.Fatal(err)
		}
		got, err := collect(func(fn func(Info) error) error { return listParallel(t.Context(), s, opts, p, fn) })
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			r.Fatalf("%+v, %+v: error %v (-want +got):\n%s", opts, p, err, diff)
		}
	})
}

// drawKeys gives sorted keys as buckets have them: numbered, hashed, in folders of very different sizes, and any text.
func drawKeys(r *rapid.T) []string {
	var keys []string
	for range rapid.IntRange(0, 4).Draw(r, "folders") {
		folder := rapid.SampledFrom([]string{"", "a/", "a/b/", "photos/2026-11-23/", "日本/", "z"}).Draw(r, "folder")
		n := rapid.SampledFrom([]int{0, 1, 5, 50, 400}).Draw(r, "keys")
		switch rapid.IntRange(0, 3).Draw(r, "kind") {
		case 0:
			for i := range n {
				keys = append(keys, fmt.Sprintf("%simg-%06d.jpg", folder, i))
			}
		case 1:
			for i := range n {
				keys = append(keys, fmt.Sprintf("%s%x.jpg", folder, uint32(i)*2654435761))
			}
		case 2:
			for i := range n {
				keys = append(keys, folder+strings.Repeat("x", i%100)+fmt.Sprint(i))
			}
		default:
			keys = append(keys, rapid.SliceOfN(rapid.StringN(1, 8, -1), 0, 60).Draw(r, "any")...)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func drawBound(r *rapid.T, label string, keys []string) string {
	if len(keys) == 0 || rapid.Bool().Draw(r, "no "+label) {
		return ""
	}
	key := rapid.SampledFrom(keys).Draw(r, label)
	return key[:rapid.IntRange(0, len(key)).Draw(r, label+" length")]
}

// TestListParallelErrors: a listing that fails gives everything before the place, nothing behind it, and the store's error.
func TestListParallelErrors(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		keys := drawKeys(r)
		if len(keys) == 0 {
			return
		}
		broken := rapid.SampledFrom(keys).Draw(r, "broken")
		want := &Error{Op: "list", Object: "gs://bucket/", Kind: ErrTransient}
		s := &failingAt{pagedKeys: pagedKeys{keys: keys, page: 3}, key: broken, err: want}
		got, err := collect(func(fn func(Info) error) error {
			return listParallel(t.Context(), s, ListOptions{}, parallelism{workers: 4, segment: 10, first: 5, ahead: 6}, fn)
		})
		at, _ := slices.BinarySearch(keys, broken)
		if diff := cmp.Diff(keys[:at], got); diff != "" || err != error(want) {
			r.Fatalf("error %v (-want +got):\n%s", err, diff)
		}
	})
}

// failingAt cannot list one key.
type failingAt struct {
	pagedKeys
	key string
	err error
}

func (s *failingAt) List(ctx context.Context, opts ListOptions, fn func(Info) error) error {
	return s.pagedKeys.List(ctx, opts, func(i Info) error {
		if i.Key == s.key {
			return s.err
		}
		return fn(i)
	})
}

func TestListParallelStops(t *testing.T) {
	s := &pagedKeys{keys: numberedKeys(5000), page: 10}
	p := parallelism{workers: 8, segment: 40, first: 10, ahead: 12}
	mine := errors.New("mine")
	n := 0
	err := listParallel(t.Context(), s, ListOptions{}, p, func(Info) error {
		if n++; n == 300 {
			return mine
		}
		return nil
	})
	if err != mine || n != 300 {
		t.Errorf("error %v after %d objects", err, n)
	}
	// What is ahead is bounded: 12 segments of 4 pages, and as many requests for their borders.
	if most := int64(300/10 + 12*4 + 12*2 + 16); s.pages.Load() > most {
		t.Errorf("%d pages listed for 300 objects, want at most %d", s.pages.Load(), most)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n = 0
	err = listParallel(ctx, s, ListOptions{}, p, func(Info) error {
		n++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("cancelled: error %v after %d objects", err, n)
	}
}

// TestListParallelFew: what fits on a page takes the one request it took before.
func TestListParallelFew(t *testing.T) {
	for _, n := range []int{0, 1, 999} {
		s := &pagedKeys{keys: numberedKeys(n), page: 1000}
		got, err := collect(func(fn func(Info) error) error { return ListParallel(t.Context(), s, ListOptions{}, fn) })
		if err != nil || len(got) != n || s.pages.Load() != 1 {
			t.Errorf("%d keys: %d given in %d requests, error %v", n, len(got), s.pages.Load(), err)
		}
	}
}

// TestListParallelIsParallel takes the time on a clock that only moves on when everybody waits, with 20 ms for each page.
func TestListParallelIsParallel(t *testing.T) {
	for name, keys := range map[string][]string{
		"numbered": numberedKeys(200_000),
		"hashed":   hashedKeys(200_000),
		"folders":  folderKeys(200, 1000),
		"skewed":   append(folderKeys(50, 20), folderKeys(3, 60_000)...),
	} {
		t.Run(name, func(t *testing.T) {
			slices.Sort(keys)
			keys = slices.Compact(keys)
			synctest.Test(t, func(t *testing.T) {
				const latency = 20 * time.Millisecond
				s := &pagedKeys{keys: keys, page: 1000, round: func() { time.Sleep(latency) }}
				start := time.Now()
				got, err := collect(func(fn func(Info) error) error { return ListParallel(t.Context(), s, ListOptions{}, fn) })
				if err != nil || !slices.Equal(got, keys) {
					t.Fatalf("%d keys of %d, error %v", len(got), len(keys), err)
				}
				plain := int64(len(keys)/1000 + 1)
				took := time.Since(start)
				t.Logf("%d requests in the time of %d; a plain listing takes %d", s.pages.Load(), took/latency, plain)
				if s.pages.Load() > plain*2 {
					t.Errorf("%d requests, more than twice the %d of a plain listing", s.pages.Load(), plain)
				}
				if took > time.Duration(plain)*latency/2 {
					t.Errorf("took the time of %d requests; a plain listing takes %d", took/latency, plain)
				}
			})
		})
	}
}

func numberedKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("photos/%08d.jpg", i)
	}
	return keys
}

func hashedKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("photos/%08x.jpg", uint32(i)*2654435761)
	}
	return keys
}

func folderKeys(folders, each int) []string {
	var keys []string
	for f := range folders {
		for i := range each {
			keys = append(keys, fmt.Sprintf("data/n%08d-%d/%05d.jpg", f*7919, each, i))
		}
	}
	return keys
}
