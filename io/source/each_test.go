package source_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/go-cmp/cmp"
	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/source"
	"pgregory.net/rapid"
)

func refuse(code int) objecttest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(code) }
}

// TestEachAgainstNaive compares the stream of random patterns over random names with matching, sorting and dropping
// duplicates in memory.
func TestEachAgainstNaive(t *testing.T) {
	root := t.TempDir()
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		element := rapid.SampledFrom([]string{"a", "b", "a.b", "a-", "é", "x y", "#1", "100%"})
		path := rapid.Custom(func(r *rapid.T) string {
			return strings.Join(rapid.SliceOfN(element, 1, 3).Draw(r, "path"), "/")
		})
		local := rapid.Bool().Draw(r, "local")
		base := fmt.Sprintf("mem://naive-%d/", round)
		if local {
			base = fmt.Sprintf("%s/%d/", root, round)
			write(t, base+"a/keep.txt", []byte("x")) // the folders in which globs start
		}
		names := rapid.SliceOfNDistinct(path, 0, 10, rapid.ID).Draw(r, "names")
		for i := range names {
			names[i] += ".jpg"
			write(t, base+names[i], nil)
		}
		globs := []string{"**/*.jpg", "a*.jpg", "*/*.jpg", "a/**", "**/a*/*.jpg", "{a,b}/*", "?.jpg", "**/[a-b].jpg", "a**.jpg", "**", "*/**/*.jpg"}
		patterns := rapid.SliceOfN(rapid.SampledFrom(globs), 1, 4).Draw(r, "patterns")
		var want []string
		counts := make([]int64, len(patterns))
		for i, p := range patterns {
			for _, name := range names {
				if doublestar.MatchUnvalidated(p, name) {
					want = append(want, base+name)
					counts[i]++
				}
			}
			patterns[i] = base + p
		}
		slices.Sort(want)
		want = slices.Compact(want)

		set, err := source.Open(t.Context(), patterns, source.Options{})
		if err != nil {
			r.Fatal(err)
		}
		var got []string
		if err := set.Each(t.Context(), func(item source.Item) error {
			got = append(got, item.URI)
			return nil
		}); err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("%q of %q (-want +got):\n%s", patterns, names, diff)
		}
		for i, c := range set.Counts() {
			if c.Images != counts[i] || c.Pattern != patterns[i] {
				r.Fatalf("counts %v, want %v", set.Counts(), counts)
			}
		}
	})
}

func many(t *testing.T, store string, n int) {
	t.Helper()
	mem := object.OpenMem(store)
	for i := range n {
		mem.Put(fmt.Sprintf("%06d.jpg", i), nil)
	}
}

func TestEachMergesStores(t *testing.T) {
	many(t, "each-one", 2000)
	many(t, "each-two", 3000)
	set, err := source.Open(t.Context(), []string{"mem://each-two", "mem://each-one", "mem://each-two/**/*5.jpg", "mem://each-one/000007.jpg"}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a Set can be listed again
		n, last := 0, ""
		err = set.Each(t.Context(), func(item source.Item) error {
			if item.URI <= last {
				t.Fatalf("%s after %s", item.URI, last)
			}
			n, last = n+1, item.URI
			return nil
		})
		want := []source.PatternCount{
			{Pattern: "mem://each-two", Images: 3000}, {Pattern: "mem://each-one", Images: 2000},
			{Pattern: "mem://each-two/**/*5.jpg", Images: 300}, {Pattern: "mem://each-one/000007.jpg", Images: 1},
		}
		if diff := cmp.Diff(want, set.Counts()); diff != "" || n != 5000 || err != nil {
			t.Errorf("%d items, %v (-want +got):\n%s", n, err, diff)
		}
	}
}

func TestEachStops(t *testing.T) {
	many(t, "stops", 10_000)
	set, err := source.Open(t.Context(), []string{"mem://stops", "mem://stops/**"}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mine := errors.New("mine")
	n := 0
	err = set.Each(t.Context(), func(source.Item) error {
		if n++; n == 100 {
			return mine
		}
		return nil
	})
	if err != mine || n != 100 {
		t.Errorf("after %d items: %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n = 0
	err = set.Each(ctx, func(source.Item) error {
		if n++; n == 100 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestEachListingError: a listing that breaks off in the middle is an error, not the end.
func TestEachListingError(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	for i := range 25 {
		gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: fmt.Sprintf("%04d.jpg", i)}, nil)
	}
	set, err := source.Open(t.Context(), []string{"gs://bucket"}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var pages atomic.Int32
	gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if pages.Add(1) > 1 {
			w.WriteHeader(403)
			return
		}
		query := r.URL.Query()
		query.Set("maxResults", "10")
		r.URL.RawQuery = query.Encode()
		next.ServeHTTP(w, r)
	})
	n := 0
	err = set.Each(t.Context(), func(source.Item) error { n++; return nil })
	if !errors.Is(err, object.ErrPermission) || n >= 25 {
		t.Errorf("%d items, then %v", n, err)
	}
}

// TestSniffing: local files tell by their content what their names do not.
func TestSniffing(t *testing.T) {
	dir := t.TempDir()
	for name, head := range map[string]string{
		"png": string(pngBytes), "tiff-le": "II*\x00....", "tiff-be": "MM\x00*....", "bigtiff": "II+\x00", "heic": "\x00\x00\x00\x18ftypheic....",
		"avif": "\x00\x00\x00\x1cftypavif....", "jxl": "\x00\x00\x00\x0cJXL \r\n\x87\n", "jp2": "\x00\x00\x00\x0cjP  \r\n\x87\n", "gif": "GIF89a.....",
		"mp4": "\x00\x00\x00\x18ftypmp42....", "text": "text", "empty": "", "svg": "<svg></svg>", "short": "I",
	} {
		write(t, dir+"/"+name, []byte(head))
	}
	want := []string{"avif", "bigtiff", "gif", "heic", "jp2", "jxl", "png", "tiff-be", "tiff-le"}
	if diff := cmp.Diff(want, each(t, dir+"/", source.Options{}, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
