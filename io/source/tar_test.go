package source_test

import (
	"archive/tar"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/source"
)

// file is a member of a test's archive; a zero header is that of a regular file.
type file struct {
	name string
	data string
	tar.Header
}

func tarBytes(t interface{ Fatal(...any) }, files ...file) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := f.Header
		h.Name = f.name
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Size == 0 {
			h.Size = int64(len(f.data))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func listed(t testing.TB, opts source.Options, patterns ...string) []source.Item {
	t.Helper()
	set, err := source.Open(t.Context(), patterns, opts)
	if err != nil {
		t.Fatal(err)
	}
	got, err := listSet(t, set)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func listSet(t testing.TB, set *source.Set) ([]source.Item, error) {
	var got []source.Item
	err := set.Each(t.Context(), func(item source.Item) error {
		got = append(got, item)
		return nil
	})
	return got, err
}

// names are the members, with the code of their problem.
func names(items []source.Item) []string {
	var got []string
	for _, item := range items {
		name := item.Member
		if item.Problem != "" {
			name += " " + item.ProblemCode
		}
		got = append(got, name)
	}
	return got
}

// wantRead reads all items, through a Reader and one by one, and compares with the bytes of the members.
func wantRead(t testing.TB, items []source.Item, want map[string]string) {
	t.Helper()
	r := source.NewReader(len(items), func(i int) *source.Item { return &items[i] })
	for i, item := range items {
		if item.Problem != "" {
			continue
		}
		data, info, err := r.Read(t.Context(), i, 1<<20)
		alone, alsoInfo, alsoErr := source.Fetch(t.Context(), item, 1<<20)
		sum := md5.Sum([]byte(want[item.Member]))
		if err != nil || alsoErr != nil || string(data) != want[item.Member] || string(alone) != want[item.Member] || info != alsoInfo {
			t.Errorf("%s, member %q: read %.20q, %v, alone %.20q, %v; want %.20q", item.URI, item.Member, data, err, alone, alsoErr, want[item.Member])
		} else if info.Size != item.Size || info.Version != item.Version || info.MD5 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s, member %q: read as %+v, listed as %+v", item.URI, item.Member, info, item)
		}
		if again, _, err := r.Read(t.Context(), i, 1<<20); err != nil || string(again) != want[item.Member] {
			t.Errorf("%s, member %q, read again: %.20q, %v", item.URI, item.Member, again, err)
		}
	}
	r.Close()
}

// TestTar: what of an archive is an image, under which names, and that its bytes are found.
func TestTar(t *testing.T) {
	long := strings.Repeat("long/", 60) + "name.jpg"
	files := []file{
		{name: "b.jpg", data: "bytes of b"}, {name: "b.cls", data: "3"}, {name: "b.json", data: "{}"}, {name: "b.txt", data: "text"},
		{name: "dir.png/", Header: tar.Header{Typeflag: tar.TypeDir}},
		{name: "dir.png/A.PNG", data: "upper case"},
		{name: long, data: "long name, PAX", Header: tar.Header{Format: tar.FormatPAX}},
		{name: "gnu-" + long, data: "long name, GNU", Header: tar.Header{Format: tar.FormatGNU}},
		{name: "#1 100%?.jpg", data: "odd name"}, {name: "ünï\n.jpg", data: "newline"},
		{name: "/etc/absolute.jpg", data: "absolute"}, {name: "../../up.jpg", data: "up"}, {name: "./here.jpg", data: "here"},
		{name: "latin\xe9.jpg", data: "not UTF-8", Header: tar.Header{Format: tar.FormatGNU}},
		{name: "zero.jpg"}, {name: "hidden/.x.webp", data: "hidden"},
		{name: "device.jpg", Header: tar.Header{Typeflag: tar.TypeFifo}},
		{name: "big.jpg", data: strings.Repeat("x", 300_000)},
		{name: "a.jpg", data: "last"},
	}
	want := map[string]string{
		"b.jpg": "bytes of b", "dir.png/A.PNG": "upper case", long: "long name, PAX", "gnu-" + long: "long name, GNU", "#1 100%?.jpg": "odd name",
		"ünï\n.jpg": "newline", "/etc/absolute.jpg": "absolute", "../../up.jpg": "up", "./here.jpg": "here", `latin\xe9.jpg`: "not UTF-8",
		"zero.jpg": "", "hidden/.x.webp": "hidden", "big.jpg": strings.Repeat("x", 300_000), "a.jpg": "last",
	}
	wantNames := make([]string, 0, len(want))
	for name := range want {
		wantNames = append(wantNames, name)
	}
	slices.Sort(wantNames)
	for scheme, base := range bases(t) {
		write(t, base+"shard-000.tar", tarBytes(t, files...))
		for _, pattern := range []string{"shard-000.tar", "*.tar", "shard-*.{tar,jpg}", "**/*.TAR", "**/*.{png,tar}"} {
			if pattern == "**/*.TAR" {
				if got := listed(t, source.Options{}, base+pattern); len(got) != 0 {
					t.Errorf("%s: a glob in other case matched %v", scheme, names(got))
				}
				continue
			}
			got := listed(t, source.Options{}, base+pattern)
			if diff := cmp.Diff(wantNames, names(got)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", scheme, pattern, diff)
				continue
			}
			for _, item := range got {
				if item.URI != base+"shard-000.tar" || item.Version == "" || item.Version != got[0].Version || item.MD5 != "" {
					t.Errorf("%s: %+v", scheme, item)
				}
			}
			wantRead(t, got, want)
		}
		// A folder is its images; archives are looked into where they are named.
		for _, pattern := range []string{base, base + "**", base + "sh*"} {
			set, err := source.Open(t.Context(), []string{pattern}, source.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := listSet(t, set)
			if want := (source.PatternCount{Pattern: pattern, PassedOver: 1}); err != nil || len(got) != 0 || set.Counts()[0] != want {
				t.Errorf("%s: the folder has %v, %+v, %v", scheme, names(got), set.Counts(), err)
			}
		}
	}
}

// TestTarMixed: archives and images under one pattern, and several, in the order of (uri, member).
func TestTarMixed(t *testing.T) {
	base := "mem://tar-mixed/"
	for _, name := range []string{"a.tar", "c.tar", "c.tar.jpg"} {
		data := []byte("image")
		if strings.HasSuffix(name, ".tar") {
			data = tarBytes(t, file{name: "2.jpg", data: "2"}, file{name: "1.jpg", data: "1"})
		}
		write(t, base+name, data)
	}
	write(t, base+"b.jpg", []byte("image"))
	want := []string{"a.tar#1.jpg", "a.tar#2.jpg", "b.jpg#", "c.tar#1.jpg", "c.tar#2.jpg", "c.tar.jpg#"}
	for _, patterns := range [][]string{{"*.{tar,jpg}"}, {"*.tar", "*.jpg"}, {"c.tar", "**/*.tar", "b.jpg", "*.jpg", "c.tar"}} {
		for i := range patterns {
			patterns[i] = base + patterns[i]
		}
		var got []string
		for _, item := range listed(t, source.Options{}, patterns...) {
			got = append(got, strings.TrimPrefix(item.URI, base)+"#"+item.Member)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", patterns, diff)
		}
	}
}

// TestTarLinks: members whose bytes do not stand behind their header are problems, not images, and not silently missing.
func TestTarLinks(t *testing.T) {
	write(t, "mem://tar-links/x.tar", tarBytes(t,
		file{name: "a.jpg", data: "a"},
		file{name: "hard.jpg", Header: tar.Header{Typeflag: tar.TypeLink, Linkname: "a.jpg"}},
		file{name: "soft.jpg", Header: tar.Header{Typeflag: tar.TypeSymlink, Linkname: "/b\xff.jpg", Format: tar.FormatGNU}},
		file{name: "soft.txt", Header: tar.Header{Typeflag: tar.TypeSymlink, Linkname: "x"}},
		file{name: "z.jpg", data: "z"}))
	got := listed(t, source.Options{}, "mem://tar-links/x.tar")
	if diff := cmp.Diff([]string{"a.jpg", "hard.jpg unsupported_member", "soft.jpg unsupported_member", "z.jpg"}, names(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantRead(t, got, map[string]string{"a.jpg": "a", "z.jpg": "z"})
	for i, say := range map[int]string{1: "hard link to a.jpg", 2: `symbolic link to /b\xff.jpg`} {
		if !strings.Contains(got[i].Problem, say) || got[i].Retryable {
			t.Errorf("%+v", got[i])
		}
		var p *source.Problem
		if _, _, err := source.Fetch(t.Context(), got[i], 10); !errors.As(err, &p) || p.Code != source.CodeUnsupportedMember {
			t.Errorf("fetch: %v", err)
		}
	}
}

// TestTarSparse: files as GNU tar --sparse writes them, in all of its formats.
func TestTarSparse(t *testing.T) {
	for _, name := range []string{"gnu", "0.0", "0.1", "1.0"} {
		data, err := os.ReadFile("testdata/sparse-" + name + ".tar")
		if err != nil {
			t.Fatal(err)
		}
		base := "mem://tar-sparse-" + strings.ReplaceAll(name, ".", "-") + "/"
		write(t, base+"x.tar", data)
		got := listed(t, source.Options{}, base+"x.tar")
		if diff := cmp.Diff([]string{"after.jpg", "holes.jpg unsupported_member", "last.jpg unsupported_member"}, names(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		wantRead(t, got, map[string]string{"after.jpg": "after\n"})
	}
}

// TestTarCut cuts an archive at every byte: members before the cut stay, and what is lost is said.
func TestTarCut(t *testing.T) {
	want := map[string]string{"1.jpg": strings.Repeat("1", 700), "2.jpg": "22", "3.jpg": strings.Repeat("3", 513)}
	whole := tarBytes(t, file{name: "1.jpg", data: want["1.jpg"]}, file{name: "1.cls", data: "0"}, file{name: "2.jpg", data: want["2.jpg"]}, file{name: "3.jpg", data: want["3.jpg"]})
	ends := map[string]int{"1.jpg": 512 + 700, "2.jpg": 512 + 1024 + 1024 + 512 + 2, "3.jpg": 512 + 1024 + 1024 + 1024 + 512 + 513}
	mem := object.OpenMem("tar-cut")
	for cut := range len(whole) {
		mem.Put("x.tar", whole[:cut])
		got := listed(t, source.Options{}, "mem://tar-cut/x.tar")
		wantRead(t, got, want)
		readable := map[string]bool{}
		problems := 0
		for _, item := range got {
			if item.Problem == "" {
				readable[item.Member] = true
				continue
			}
			problems++
			if item.ProblemCode != source.CodeTruncated && cut > 0 || cut == 0 && item.ProblemCode != source.CodeEmpty || item.Retryable {
				t.Errorf("cut at %d: %+v", cut, item)
			}
		}
		missing := false
		for name, end := range ends {
			if readable[name] != (end <= cut) {
				t.Errorf("cut at %d: %s, which ends at %d: listed %v", cut, name, end, readable[name])
			}
			missing = missing || end > cut
		}
		if (missing || cut < len(whole)-1024) && problems == 0 {
			t.Errorf("cut at %d: nobody is told: %v", cut, names(got))
		}
	}
}

// TestTarDamage: what is no tar, or no longer.
func TestTarDamage(t *testing.T) {
	two := tarBytes(t, file{name: "1.jpg", data: "1"}, file{name: "2.jpg", data: "2"}, file{name: "3.jpg", data: "3"})
	broken := bytes.Clone(two)
	broken[2*1024+148] ^= 1 // a digit of the third header's checksum
	var gz bytes.Buffer
	gz.WriteString("\x1f\x8b\x08\x00")
	gz.Write(bytes.Repeat([]byte("compressed"), 100))
	for name, test := range map[string]struct {
		data []byte
		want []string
		say  string
	}{
		"text":    {bytes.Repeat([]byte("no tar "), 1000), []string{" corrupt"}, "not a tar archive"},
		"gzip":    {gz.Bytes(), []string{" corrupt"}, "compressed"},
		"short":   {[]byte("x"), []string{" truncated"}, "cut off at byte 1"},
		"empty":   {nil, []string{" empty"}, "0 bytes"},
		"zeros":   {make([]byte, 1024), nil, ""},
		"damaged": {broken, []string{" corrupt", "1.jpg", "2.jpg"}, "damaged after 2 members"},
	} {
		base := "mem://tar-damage-" + name + "/"
		write(t, base+"x.tar", test.data)
		got := listed(t, source.Options{}, base+"*.tar")
		if diff := cmp.Diff(test.want, names(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
			continue
		}
		if len(got) > 0 && !strings.Contains(got[0].Problem, test.say) {
			t.Errorf("%s: %s", name, got[0].Problem)
		}
		wantRead(t, got, map[string]string{"1.jpg": "1", "2.jpg": "2"})
	}
}

// TestTarRepeats: members of random names, many of them the same, against numbering and sorting them in memory.
func TestTarRepeats(t *testing.T) {
	mem := object.OpenMem("tar-repeats")
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom([]string{"a.jpg", "a.jpg!.jpg", "a.jpg#.jpg", "a.jpg#2.jpg", "a.jpg$.jpg", "a.png", "b.jpg", "a.jpg#2", "a.txt"})
		var files []file
		want := map[string]string{}
		seen := map[string]int{}
		for i, name := range rapid.SliceOfN(name, 0, 30).Draw(r, "names") {
			data := fmt.Sprint("data ", i)
			files = append(files, file{name: name, data: data})
			if !strings.HasSuffix(name, "g") {
				continue
			}
			if seen[name]++; seen[name] > 1 {
				name = fmt.Sprintf("%s#%d", name, seen[name])
			}
			want[name] = data
		}
		var wantNames []string
		for name := range want {
			wantNames = append(wantNames, name)
		}
		slices.Sort(wantNames)
		mem.Put("x.tar", tarBytes(r, files...))
		got := listed(t, source.Options{}, "mem://tar-repeats/x.tar")
		if diff := cmp.Diff(wantNames, names(got), cmpopts.EquateEmpty()); diff != "" {
			r.Fatalf("(-want +got):\n%s", diff)
		}
		wantRead(t, got, want)
	})
}

// TestTarSpills: more members than are sorted in memory.
func TestTarSpills(t *testing.T) {
	const n = 40_000
	seed := rand.Uint64()
	t.Log("seed", seed)
	order := rand.New(rand.NewPCG(seed, 0)).Perm(n)
	files := make([]file, 0, n)
	for _, i := range order {
		files = append(files, file{name: fmt.Sprintf("%s%06d.jpg", strings.Repeat("d/", 40), i/2)})
	}
	write(t, "mem://tar-spills/x.tar", tarBytes(t, files...))
	last, repeated := "", 0
	for _, item := range listed(t, source.Options{}, "mem://tar-spills/x.tar") {
		if item.Member <= last {
			t.Fatalf("%s after %s", item.Member, last)
		}
		last = item.Member
		if strings.HasSuffix(last, "#2") {
			repeated++
		}
	}
	if repeated != n/2 {
		t.Errorf("%d members have an ordinal, want %d", repeated, n/2)
	}
}

// requests counts what is asked of the emulator about archives.
type requests struct {
	suffix string // of the archives

	n, bytes atomic.Int64
}

func (q *requests) fault(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if strings.Contains(r.URL.Path, q.suffix) && !strings.Contains(r.URL.Path, "*") && !strings.Contains(r.URL.Path, "/upload/") {
		q.n.Add(1)
		w = &countingWriter{w, &q.bytes}
	}
	next.ServeHTTP(w, r)
}

func (q *requests) take() (n, bytes int64) { return q.n.Swap(0), q.bytes.Swap(0) }

// countingWriter counts before it writes: who has the answer finds it counted.
type countingWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.n.Add(int64(len(p)))
	return w.ResponseWriter.Write(p)
}

// TestTarRequests: small members are read past in a few large requests, large ones are skipped, and neighbours are read together.
func TestTarRequests(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	var small, large []file
	want := map[string]string{}
	for i := range 2000 {
		name := fmt.Sprintf("%04d.jpg", i)
		want[name] = strings.Repeat(name, 100)
		small = append(small, file{name: name, data: want[name]}, file{name: fmt.Sprintf("%04d.cls", i), data: "1"})
	}
	for i := range 8 {
		large = append(large, file{name: fmt.Sprintf("%04d.jpg", i), data: strings.Repeat("x", 3<<20)})
	}
	write(t, "gs://bucket/small.tar", tarBytes(t, small...))
	write(t, "gs://bucket/large.tar", tarBytes(t, large...))
	q := requests{suffix: ".tar"}
	gs.Inject(q.fault)
	got := listed(t, source.Options{}, "gs://bucket/small.tar")
	if n, _ := q.take(); len(got) != 2000 || n > 12 {
		t.Errorf("listed %d members with %d requests", len(got), n)
	}
	r := source.NewReader(len(got), func(i int) *source.Item { return &got[i] })
	for i, item := range got {
		if data, _, err := r.Read(t.Context(), i, 1<<20); err != nil || string(data) != want[item.Member] {
			t.Fatalf("%s: %d bytes, %v", item.Member, len(data), err)
		}
	}
	if n, bytes := q.take(); n > 6 || bytes > 5<<20 {
		t.Errorf("read 2000 members with %d requests, %d bytes", n, bytes)
	}
	got = listed(t, source.Options{}, "gs://bucket/*.tar")
	if n, bytes := q.take(); len(got) != 2008 || bytes > 6<<20 {
		t.Errorf("listed %d members with %d requests and %d bytes: bodies of 24 MiB were not skipped", len(got), n, bytes)
	}
}

// TestListings: an archive that has not changed is not opened again; one that has is, and its old listing goes.
func TestListings(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	put := func(name string, files ...file) {
		gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: name}, tarBytes(t, files...))
	}
	put("in/a.tar", file{name: "2.jpg", data: "2"}, file{name: "1.jpg", data: "1"}, file{name: "2.jpg", data: "two"}, file{name: "l.jpg", Header: tar.Header{Typeflag: tar.TypeSymlink, Linkname: "x"}})
	put("in/b.tar", file{name: "3.jpg", data: "3"})
	whole := tarBytes(t, file{name: "4.jpg", data: "4"}, file{name: "5.jpg", data: strings.Repeat("5", 2000)})
	gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: "in/cut.tar"}, whole[:3000])
	gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: "in/bad.tar"}, []byte("no tar"))
	for _, kept := range []string{"gs://bucket/out/_members", t.TempDir() + "/out/_members"} {
		loc, err := object.Parse(kept)
		if err != nil {
			t.Fatal(err)
		}
		store, err := object.Open(t.Context(), loc)
		if err != nil {
			t.Fatal(err)
		}
		count := func() (keys []string) {
			err := store.List(t.Context(), object.ListOptions{Prefix: loc.Join("").Key}, func(i object.Info) error { keys = append(keys, i.Key); return nil })
			if err != nil {
				t.Fatal(err)
			}
			return keys
		}
		q := requests{suffix: ".tar"}
		gs.Inject(q.fault)
		opts := source.Options{Listings: &source.Listings{At: loc, ReadOnly: true}}
		first := listed(t, opts, "gs://bucket/in/*.tar")
		if len(count()) != 0 {
			t.Errorf("%s: kept although read-only: %v", kept, count())
		}
		q.take()
		opts.Listings.ReadOnly = false
		for round := range 3 {
			got := listed(t, opts, "gs://bucket/in/*.tar")
			if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("%s, round %d (-want +got):\n%s", kept, round, diff)
			}
			if n, _ := q.take(); (n > 0) != (round == 0) {
				t.Errorf("%s, round %d: %d requests for archives", kept, round, n)
			}
			if n := len(count()); n != 4 {
				t.Errorf("%s: %d listings are kept, want 4", kept, n)
			}
		}
		// Another version of one archive.
		put("in/b.tar", file{name: "3.jpg", data: "33"}, file{name: "6.jpg", data: "6"})
		changed := listed(t, opts, "gs://bucket/in/*.tar")
		if n, _ := q.take(); n == 0 || len(changed) != len(first)+1 || len(count()) != 4 {
			t.Errorf("%s: %d requests, %q, %d listings", kept, n, names(changed), len(count()))
		}
		// Damaged listings are made anew.
		for _, key := range count() {
			if err := store.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			write(t, object.Location{Scheme: loc.Scheme, Bucket: loc.Bucket, Key: key}.String(), []byte("damaged"))
		}
		for round := range 2 {
			if diff := cmp.Diff(changed, listed(t, opts, "gs://bucket/in/*.tar")); diff != "" {
				t.Errorf("%s, damaged, round %d (-want +got):\n%s", kept, round, diff)
			}
			if n, _ := q.take(); (n > 0) != (round == 0) {
				t.Errorf("%s, damaged, round %d: %d requests", kept, round, n)
			}
		}
		// One that is of another archive, whole as it is, is not believed.
		keys := count()
		data, _, err := store.Read(t.Context(), keys[0], 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys[1:] {
			if err := store.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			write(t, object.Location{Scheme: loc.Scheme, Bucket: loc.Bucket, Key: key}.String(), data)
		}
		if diff := cmp.Diff(changed, listed(t, opts, "gs://bucket/in/*.tar")); diff != "" {
			t.Errorf("%s, mixed up (-want +got):\n%s", kept, diff)
		}
		put("in/b.tar", file{name: "3.jpg", data: "3"})
	}
}

// TestTarSpans: what lies between two members is read with them when it is short, and what is read at once is bounded.
func TestTarSpans(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	for name, test := range map[string]struct {
		size, gap, together int // bytes of a member, of what follows it, and how many are to be read at once
	}{
		"close": {1000, 60_000, 17}, "contiguous": {100_000, 0, 10}, "apart": {1000, 70_000, 1}, "large": {1_100_000, 0, 1},
	} {
		var files []file
		want := map[string]string{}
		for i := range 40 {
			name := fmt.Sprintf("%02d.jpg", i)
			want[name] = strings.Repeat(name, test.size/6+1)[:test.size]
			files = append(files, file{name: name, data: want[name]}, file{name: "x.npy", data: strings.Repeat("x", test.gap)})
		}
		write(t, "gs://bucket/"+name+".tar", tarBytes(t, files...))
		gs.Inject(nil)
		got := listed(t, source.Options{}, "gs://bucket/"+name+".tar")
		q := requests{suffix: ".tar"}
		gs.Inject(q.fault)
		r := source.NewReader(len(got), func(i int) *source.Item { return &got[i] })
		for i, item := range got {
			data, _, err := r.Read(t.Context(), i, 2<<20)
			if err != nil || string(data) != want[item.Member] {
				t.Errorf("%s: %s: %d bytes, %v", name, item.Member, len(data), err)
			}
			if n, bytes := q.take(); (i%test.together == 0) != (n == 1) || n > 1 || bytes > max(1<<20, int64(test.size)) {
				t.Errorf("%s: %s took %d requests, %d bytes", name, item.Member, n, bytes)
			}
		}
		r.Close()
	}
}
