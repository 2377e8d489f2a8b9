package source_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/source"
)

// manifestOf writes names as a manifest of a format.
func manifestOf(t interface{ Fatal(...any) }, format string, names []string) []byte {
	var b bytes.Buffer
	switch strings.TrimSuffix(format, ".gz") {
	case "txt":
		b.WriteString(strings.Join(names, "\n"))
	case "csv", "tsv":
		w := csv.NewWriter(&b)
		if strings.HasPrefix(format, "tsv") {
			w.Comma = '\t'
		}
		w.Write([]string{"id", "Path", "label"})
		for i, name := range names {
			w.Write([]string{fmt.Sprint(i), name, "x"})
		}
		w.Flush()
	case "jsonl":
		for i, name := range names {
			line, _ := json.Marshal(map[string]any{"id": i, "uri": name, "more": map[string]int{"a": 1}})
			if i%2 == 1 {
				line, _ = json.Marshal(name)
			}
			b.Write(append(line, '\n'))
		}
	case "parquet":
		type row struct {
			ID  int    `parquet:"id"`
			URL string `parquet:"url,optional"`
		}
		w := parquet.NewGenericWriter[row](&b, parquet.MaxRowsPerRowGroup(7))
		for i, name := range names {
			if _, err := w.Write([]row{{i, name}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if strings.HasSuffix(format, ".gz") {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		w.Write(b.Bytes())
		w.Close()
		return z.Bytes()
	}
	return b.Bytes()
}

// TestManifests: every format, local and in stores, relative and absolute names, in any order, several times.
func TestManifests(t *testing.T) {
	for scheme, base := range bases(t) {
		for _, name := range []string{"in/b.jpg", "in/a.jpg", "in/sub/c,d \"e\".jpg", "up.jpg", "in/noext"} {
			write(t, base+name, pngBytes)
		}
		write(t, base+"in/x.tar", tarBytes(t, file{name: "2.jpg", data: "2"}, file{name: "1.jpg", data: "1"}))
		names := []string{"b.jpg", base + "in/a.jpg", "sub/c,d \"e\".jpg", "../up.jpg", "./a.jpg", "x.tar", "gone.jpg", "noext", "b.jpg", "sub", "../in/./b.jpg", "foo://bar"}
		if scheme != "file" {
			names = slices.DeleteFunc(names, func(n string) bool { return n == "../in/./b.jpg" })
		}
		want := []string{"foo://bar# invalid_name", "in/a.jpg#", "in/b.jpg#", "in/gone.jpg# not_found", "in/noext#", "in/sub# not_found", "in/sub/c,d \"e\".jpg#", "in/x.tar#1.jpg", "in/x.tar#2.jpg", "up.jpg#"}
		for _, format := range []string{"txt", "csv", "tsv", "jsonl", "parquet", "txt.gz", "csv.gz", "jsonl.gz"} {
			manifest := base + "in/list." + format
			write(t, manifest, manifestOf(t, format, names))
			var got []string
			for _, item := range listed(t, source.Options{}, "@"+manifest) {
				line := strings.TrimPrefix(item.URI, base) + "#" + item.Member
				if item.Problem != "" {
					line += " " + item.ProblemCode
				} else if item.Version == "" {
					t.Errorf("%s: %+v", manifest, item)
				}
				if item.Retryable != (item.ProblemCode == "not_found") {
					t.Errorf("%s: %+v", manifest, item)
				}
				got = append(got, line)
			}
			slices.Sort(got) // the base decides where foo:// stands
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", manifest, diff)
			}
		}
	}
}

// TestManifestMerges: manifests, globs and folders of the same images are one list.
func TestManifestMerges(t *testing.T) {
	many(t, "manifest-merge", 50)
	write(t, "mem://manifest-merge/list.txt", []byte("000049.jpg\r\n\r\n\n000003.jpg\nmissing.jpg"))
	set, err := source.Open(t.Context(), []string{"mem://manifest-merge/**/*1.jpg", "@mem://manifest-merge/list.txt", "mem://manifest-merge"}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := listSet(t, set)
		if err != nil || len(got) != 51 || got[50].ProblemCode != "not_found" {
			t.Errorf("%d items, %v", len(got), err)
		}
		if diff := cmp.Diff([]source.PatternCount{{Pattern: "mem://manifest-merge/**/*1.jpg", Images: 5}, {Pattern: "@mem://manifest-merge/list.txt", Images: 3}, {Pattern: "mem://manifest-merge", Images: 50}}, set.Counts()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	// What it says today counts.
	mem := object.OpenMem("manifest-merge")
	mem.Put("list.txt", []byte("000001.jpg"))
	if got, err := listSet(t, set); err != nil || len(got) != 50 {
		t.Errorf("%d items, %v", len(got), err)
	}
	if err := mem.Delete(t.Context(), "list.txt"); err != nil {
		t.Fatal(err)
	}
	if _, err := listSet(t, set); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("the manifest is gone: %v", err)
	}
}

// TestManifestSorted: lists in random order with repetitions come sorted, each name once, however little is held in memory.
func TestManifestSorted(t *testing.T) {
	many(t, "manifest-sorted", 100)
	mem := object.OpenMem("manifest-sorted-list")
	rapid.Check(t, func(r *rapid.T) {
		source.SetListMemory(t, rapid.SampledFrom([]int{1, 100, 1000, 1 << 20}).Draw(r, "memory"))
		numbers := rapid.SliceOfN(rapid.IntRange(0, 120), 0, 200).Draw(r, "numbers")
		var names, want []string
		for _, n := range numbers {
			names = append(names, fmt.Sprintf("mem://manifest-sorted/%06d.jpg", n))
		}
		want = slices.Compact(slices.Sorted(slices.Values(names)))
		format := rapid.SampledFrom([]string{"txt", "csv", "jsonl", "parquet"}).Draw(r, "format")
		mem.Put("list."+format, manifestOf(r, format, names))
		got := listed(t, source.Options{}, "@mem://manifest-sorted-list/list."+format)
		for i, item := range got {
			if i >= len(want) || item.URI != want[i] || (item.ProblemCode == "not_found") != (item.URI > "mem://manifest-sorted/000099.jpg") {
				r.Fatalf("item %d is %+v, want %q", i, item, want)
			}
		}
		if len(got) != len(want) {
			r.Fatalf("%d items, want %d", len(got), len(want))
		}
	})
}

// TestManifestColumns: which column holds the uris, and what is said when nobody can tell.
func TestManifestColumns(t *testing.T) {
	base := "mem://manifest-columns/"
	for name, data := range map[string]string{
		"two.csv": "a,image_url,Uri\n1,2,x.jpg\n", "none.csv": "a,b\n1,2\n", "bom.csv": "\ufeffuri\nx.jpg\n", "empty.csv": "", "gap.csv": "id,uri\n1,x.jpg\n2,\n",
		"ragged.csv": "id,uri\n1\n", "quote.csv": "uri\n\"x\n", "header.csv": "uri\n", "none.jsonl": `{"b":1,"a":"x"}`, "bad.jsonl": "\"x.jpg\"\n{", "number.jsonl": `{"uri":1}`,
		"later.jsonl": "{\"uri\":\"x.jpg\"}\n{\"id\":1}\n", "list.jsonl": "[1]", "binary.txt": "x.jpg\na\x00b\n", "long.txt": strings.Repeat("x", 2<<20), "bad.txt.gz": "no gzip",
		"cut.txt.gz": string(manifestOf(t, "txt.gz", []string{strings.Repeat("x.jpg\n", 1000)})[:30]), "bad.parquet": "no Parquet", "bom.txt": "\ufeffx.jpg\n", "zero.parquet": "",
	} {
		write(t, base+name, []byte(data))
	}
	write(t, base+"gap.parquet", manifestOf(t, "parquet", []string{"x.jpg", ""}))
	write(t, base+"id.parquet", manifestOf(t, "parquet", []string{"x.jpg"}))
	write(t, base+"x.jpg", nil)
	write(t, base+"2", nil)
	for _, test := range []struct {
		name, column string
		want         string // the error, or the number of images
	}{
		{"two.csv", "", "1"}, {"two.csv", "image_url", "1"}, {"bom.csv", "", "1"}, {"bom.txt", "", "1"}, {"empty.csv", "", "0"}, {"header.csv", "", "0"}, {"none.csv", "b", "1"},
		{"none.csv", "", `which column holds the uris? Name it with --uri-column; it has ["a" "b"]`},
		{"none.csv", "uri", `no column "uri" (--uri-column); it has ["a" "b"]`},
		{"none.jsonl", "", `it has ["a" "b"]`},
		{"gap.csv", "", `line 3: column "uri" is empty`}, {"ragged.csv", "", "line 2: wrong number of fields"}, {"quote.csv", "", `extraneous or missing " in quoted-field`},
		{"bad.jsonl", "", "line 2: neither a JSON object nor a string"}, {"number.jsonl", "", `line 1: "uri" is missing, empty or not a string`},
		{"later.jsonl", "", `line 2: "uri" is missing`}, {"list.jsonl", "", "line 1: neither"},
		{"binary.txt", "", "line 2: a NUL byte"}, {"long.txt", "", "a line of more than"},
		{"bad.txt.gz", "", "cannot be decompressed"}, {"cut.txt.gz", "", "cannot be decompressed"},
		{"bad.parquet", "", "not a whole Parquet file"}, {"zero.parquet", "", "not a whole Parquet file"}, {"gap.parquet", "", `row 1: column "url" is empty`},
		{"id.parquet", "id", `column "id" holds no texts`}, {"id.parquet", "nope", `no column "nope" (--uri-column); it has ["id" "url"]`},
		{"nope.txt", "", "there is no such manifest"}, {"", "", "there is no such manifest"},
	} {
		pattern := "@" + base + test.name
		set, err := source.Open(t.Context(), []string{pattern}, source.Options{URIColumn: test.column})
		n := 0
		if err == nil {
			var got []source.Item
			got, err = listSet(t, set)
			n = len(got)
		}
		if err == nil {
			if fmt.Sprint(n) != test.want {
				t.Errorf("%s, column %q: %d images, want %s", test.name, test.column, n, test.want)
			}
			continue
		}
		var mistake *source.PatternError
		if !errors.As(err, &mistake) || mistake.Pattern != pattern || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, column %q: %v; want %s", test.name, test.column, err, test.want)
		}
	}
}

// TestManifestStoreErrors: a store that does not answer is an error, not a list of missing images.
func TestManifestStoreErrors(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	write(t, "gs://bucket/list.txt", []byte("a.jpg\nb.jpg\n"))
	write(t, "gs://bucket/a.jpg", nil)
	write(t, "gs://bucket/b.jpg", nil)
	set, err := source.Open(t.Context(), []string{"@gs://bucket/list.txt"}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[int]string{403: "permission_denied", 404: "not_found", 400: ""} {
		gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, "b.jpg") {
				w.WriteHeader(code)
				return
			}
			next.ServeHTTP(w, r)
		})
		got, err := listSet(t, set)
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "gs://bucket/b.jpg") {
				t.Errorf("%d: %v, %v", code, got, err)
			}
			continue
		}
		if err != nil || len(got) != 2 || got[0].Problem != "" || got[1].ProblemCode != want || !got[1].Retryable {
			t.Errorf("%d: %+v, %v", code, got, err)
		}
	}
	gs.Inject(refuse(400))
	if _, err := listSet(t, set); err == nil || !strings.Contains(err.Error(), "list.txt") {
		t.Errorf("manifest: %v", err)
	}
	if _, err := source.Open(t.Context(), []string{"@gs://bucket/list.txt"}, source.Options{}); err == nil || errors.As(err, new(*source.PatternError)) {
		t.Errorf("manifest: %v", err)
	}
}

// TestManifestLeavesNothing: a listing that breaks off leaves no file behind.
func TestManifestLeavesNothing(t *testing.T) {
	source.SetListMemory(t, 100)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var names []string
	for _, i := range rand.Perm(1000) {
		names = append(names, fmt.Sprintf("%d.jpg", i))
	}
	write(t, "mem://manifest-leaves/list.txt", manifestOf(t, "txt", names))
	set, err := source.Open(t.Context(), []string{"@mem://manifest-leaves/list.txt"}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mine := errors.New("mine")
	if err := set.Each(t.Context(), func(source.Item) error { return mine }); err != mine {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestRanges: {000..009} is ten names, whether they exist or not; within a glob it is what exists of them.
func TestRanges(t *testing.T) {
	for scheme, base := range bases(t) {
		for _, name := range []string{"s-008.tar", "s-010.tar", "s-11.tar"} {
			write(t, base+name, tarBytes(t, file{name: "1.jpg", data: "1"}))
		}
		write(t, base+"lit{1..2}.jpg", nil)
		for _, name := range []string{"p-1-x.jpg", "p-2-y.jpg", "p-12-z.jpg", "p-3"} {
			write(t, base+name, nil)
		}
		for pattern, want := range map[string]string{
			"s-{008..010}.tar":   "s-008.tar#1.jpg s-009.tar#not_found s-010.tar#1.jpg",
			"s-{010..8}.tar":     "s-008.tar#1.jpg s-009.tar#not_found s-010.tar#1.jpg",
			"s-{8..010}.tar":     "s-008.tar#1.jpg s-009.tar#not_found s-010.tar#1.jpg",
			"s-{9..11}.tar":      "s-10.tar#not_found s-11.tar#1.jpg s-9.tar#not_found",
			"s-0{0..1}{8..8}.*":  "s-008.tar#1.jpg",
			"s-{00..01}{8..8}.*": "s-008.tar#1.jpg",
			"lit{1..2}.jpg":      "lit{1..2}.jpg#",
			"p-{1..2}-*.jpg":     "p-1-x.jpg# p-2-y.jpg#",
			"p-{1..2}{0..2}-*":   "p-12-z.jpg#",
			"p-{1..3}":           "p-1#not_found p-2#not_found p-3#",
		} {
			if strings.HasSuffix(pattern, ".*") {
				want = "" // a glob takes archives only by its extension
			}
			var got []string
			for _, item := range listed(t, source.Options{}, base+pattern) {
				got = append(got, strings.TrimPrefix(item.URI, base)+"#"+item.Member+item.ProblemCode)
			}
			if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", scheme, pattern, diff)
			}
		}
	}
	for pattern, want := range map[string]string{
		"mem://ranges/{0..99999999}.jpg":                        "more than 10000000 names",
		"mem://ranges/{0..9999}{0..9999}.jpg":                   "more than 10000000 names",
		"mem://ranges/{0..1}{0..999999999999999999}{0..99}.jpg": "more than 10000000 names",
		"mem://ranges/{0..5000}-*.jpg":                          "write * in its place",
		"/nowhere/at/all/{0..9}.tar":                            "there is no folder /nowhere/at/all/",
		"mem://ranges/{0..999999999999999999}[.x":               "names",
	} {
		_, err := source.Open(t.Context(), []string{pattern}, source.Options{})
		if !errors.As(err, new(*source.PatternError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}
