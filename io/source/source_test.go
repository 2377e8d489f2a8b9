package source_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/go-cmp/cmp"
	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/source"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	object.Close()
	if err := goleak.Find(goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// pngBytes is an image of one pixel.
var pngBytes = func() []byte {
	img := image.NewGray(image.Rect(0, 0, 1, 1))
	img.Set(0, 0, color.White)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}()

func write(t *testing.T, uri string, data []byte) {
	t.Helper()
	loc, err := object.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	store, err := object.Open(t.Context(), loc)
	if err != nil {
		t.Fatal(err)
	}
	err = store.PutIfAbsent(t.Context(), loc.Key, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// each gives the URIs of what the patterns match, without base.
func each(t *testing.T, base string, opts source.Options, patterns ...string) []string {
	t.Helper()
	set, err := source.Open(t.Context(), patterns, opts)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	err = set.Each(t.Context(), func(item source.Item) error {
		got = append(got, strings.TrimPrefix(item.URI, base))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// bases are a folder in each kind of store.
func bases(t *testing.T) map[string]string {
	objecttest.StartGS(t, "bucket")
	return map[string]string{
		"file": t.TempDir() + "/",
		"gs":   "gs://bucket/some/where/",
		"mem":  "mem://" + strings.ReplaceAll(t.Name(), "/", "-") + "/some/where/",
	}
}

func TestPatterns(t *testing.T) {
	for scheme, base := range bases(t) {
		for _, name := range []string{
			"a.jpg", "b.PNG", "notes.txt", "noext", ".hidden.gif", "sub/c.jpeg", "sub/d.dat", "sub/deep/e.webp", "sub/.dot/f.tif",
			"lit[1].jpg", "lit1.jpg", "star*.jpg", "starry.jpg", "a.jpg.d/g.jpg", "q?.bmp", "x{y}.jxl", "other/h.avif",
		} {
			data := []byte("just text")
			if name == "noext" || name == "sub/d.dat" {
				data = pngBytes
			}
			write(t, base+name, data)
		}
		for _, test := range []struct{ pattern, want string }{
			{"", ".hidden.gif a.jpg a.jpg.d/g.jpg b.PNG lit1.jpg lit[1].jpg noext other/h.avif q?.bmp star*.jpg starry.jpg sub/.dot/f.tif sub/c.jpeg sub/d.dat sub/deep/e.webp x{y}.jxl"},
			{"sub", "sub/.dot/f.tif sub/c.jpeg sub/d.dat sub/deep/e.webp"},
			{"sub/", "sub/.dot/f.tif sub/c.jpeg sub/d.dat sub/deep/e.webp"},
			{"a.jpg", "a.jpg"},
			{"notes.txt", "notes.txt"},
			{"*.jpg", "a.jpg lit1.jpg lit[1].jpg star*.jpg starry.jpg"},
			{"*", ".hidden.gif a.jpg b.PNG lit1.jpg lit[1].jpg noext q?.bmp star*.jpg starry.jpg x{y}.jxl"},
			{"*.txt", "notes.txt"},
			{"n*", "noext"},
			{"**/*.{jpg,jpeg}", "a.jpg a.jpg.d/g.jpg lit1.jpg lit[1].jpg star*.jpg starry.jpg sub/c.jpeg"},
			{"**/*.dat", "sub/d.dat"},
			{"*/*.avif", "other/h.avif"},
			{"s*/**", "star*.jpg starry.jpg sub/.dot/f.tif sub/c.jpeg sub/d.dat sub/deep/e.webp"},
			{"{sub/deep,other}/*", "other/h.avif sub/deep/e.webp"},
			{"lit[1].jpg", "lit[1].jpg"},
			{"lit[0-9].jpg", "lit1.jpg"},
			{"star*.jpg", "star*.jpg"},
			{`star\*.jp?`, "star*.jpg"},
			{"q?.bmp", "q?.bmp"},
			{"x{y}.jxl", "x{y}.jxl"},
			{"zzz*.jpg", ""},
		} {
			want := []string{}
			if test.want != "" {
				want = strings.Split(test.want, " ")
			}
			if diff := cmp.Diff(want, each(t, base, source.Options{}, base+test.pattern)); diff != "" {
				t.Errorf("%s, pattern %q (-want +got):\n%s", scheme, test.pattern, diff)
			}
		}
	}
}

func TestWholeBucket(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	for name, contentType := range map[string]string{
		"a.jpg": "", "dir/": "image/png", "dir/photo": "image/jpeg", "drawing": "image/svg+xml", "page": "text/html", "/b.jpg": "", "dir/empty.jpg": "",
	} {
		gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: name, ContentType: contentType}, nil)
	}
	want := []string{"/b.jpg", "a.jpg", "dir/empty.jpg", "dir/photo"}
	for _, pattern := range []string{"gs://bucket", "gs://bucket/"} {
		if diff := cmp.Diff(want, each(t, "gs://bucket/", source.Options{}, pattern)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, diff)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: "shard.tar"}, nil)
	dir := t.TempDir()
	write(t, dir+"/file", nil)
	write(t, dir+"/shard.tar.gz", nil)
	for _, test := range []struct {
		pattern  string
		notFound bool
		want     string
	}{
		{"", false, "empty"},
		{"@list.txt", true, "there is no such manifest"},
		{"ftp://x/y.jpg", false, "unknown scheme ftp://"},
		{dir + "/shard.tar.gz", false, "decompress it"},
		{"gs://bucket/shard-*.tar.gz", false, "decompress it"},
		{"gs://bucket/*.zip", false, "decompress it"},
		{dir + "/nope", true, "no such file or folder"},
		{dir + "/nope/", true, "no such file or folder"},
		{dir + "/file/", true, "no such file or folder"},
		{dir + "/nope/*.jpg", true, "there is no folder " + dir + "/nope/"},
		{dir + "/file/*.jpg", true, "there is no folder " + dir + "/file/"},
		{dir + "/[", false, "malformed glob"},
		{dir + "/{a", false, "malformed glob"},
		{"gs://nope", true, "there is no bucket gs://nope"},
		{"gs://nope/*.jpg", true, "there is no bucket gs://nope"},
		{"gs://nope/x.jpg", true, "there is no bucket gs://nope"},
		{"/dev/null", true, "not a regular file"},
	} {
		_, err := source.Open(t.Context(), []string{dir, test.pattern}, source.Options{})
		var mistake *source.PatternError
		if !errors.As(err, &mistake) || mistake.Pattern != test.pattern || !strings.Contains(err.Error(), test.want) || errors.Is(err, object.ErrNotFound) != test.notFound {
			t.Errorf("%q: %v", test.pattern, err)
		}
	}
	if _, err := source.Open(t.Context(), nil, source.Options{}); err == nil {
		t.Error("no input is no error")
	}
	for _, pattern := range []string{"gs://bucket/empty/", "gs://bucket/empty", "gs://bucket/empty/*.jpg", dir + "/*.jpg"} {
		set, err := source.Open(t.Context(), []string{pattern}, source.Options{})
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		if err := set.Each(t.Context(), func(source.Item) error { return nil }); err != nil || set.Counts()[0].Images != 0 {
			t.Errorf("%s: %v, %v", pattern, err, set.Counts())
		}
	}
}

// TestStoreErrors: what the store says is not the user's mistake.
func TestStoreErrors(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	gs.Inject(refuse(403))
	for _, pattern := range []string{"gs://bucket", "gs://bucket/x", "gs://bucket/*.jpg"} {
		_, err := source.Open(t.Context(), []string{pattern}, source.Options{})
		var mistake *source.PatternError
		if !errors.Is(err, object.ErrPermission) || errors.As(err, &mistake) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

func TestOddNames(t *testing.T) {
	for scheme, base := range bases(t) {
		want := slices.Clone(objecttest.OddNames)
		want = slices.DeleteFunc(want, func(name string) bool { return !strings.HasSuffix(name, ".jpg") })
		for _, name := range want {
			write(t, base+name, []byte(name))
		}
		slices.Sort(want)
		set, err := source.Open(t.Context(), []string{base}, source.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		err = set.Each(t.Context(), func(item source.Item) error {
			name := strings.TrimPrefix(item.URI, base)
			got = append(got, name)
			data, info, err := source.Fetch(t.Context(), item, 100)
			if err != nil || string(data) != name || info.Version != item.Version || item.Size != int64(len(name)) {
				t.Errorf("%s %q: %q, %+v, %v", scheme, item.URI, data, info, err)
			}
			if scheme != "file" && len(item.MD5) != 32 {
				t.Errorf("%s %q: MD5 %q", scheme, item.URI, item.MD5)
			}
			return nil
		})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", scheme, err, diff)
		}
	}
}

func TestFetchErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/x.jpg", []byte("12345"))
	for _, test := range []struct {
		item source.Item
		want error
		text string
	}{
		{source.Item{URI: dir + "/nope.jpg"}, object.ErrNotFound, dir + "/nope.jpg"},
		{source.Item{URI: dir + "/x.jpg"}, object.ErrTooLarge, "limit is 4"},
		{source.Item{URI: dir + "/x.jpg", Problem: "broken symbolic link"}, nil, "invalid_name: broken symbolic link"},
		{source.Item{URI: "foo://x"}, nil, "foo://"},
		{source.Item{URI: dir + "/x.jpg", Member: "m.jpg", Size: 5}, object.ErrTooLarge, "member m.jpg of " + dir + "/x.jpg"},
		{source.Item{URI: dir + "/nope.tar", Member: "m.jpg", Size: 3}, object.ErrNotFound, "member m.jpg: read " + dir + "/nope.tar"},
	} {
		_, _, err := source.Fetch(t.Context(), test.item, 4)
		if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%+v: %v", test.item, err)
		}
	}
}

func TestProblems(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/bad\\xff.txt", nil)
	for name, target := range map[string]string{"broken.jpg": "nowhere", "broken": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/raw\xff.jpg", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	set, err := source.Open(t.Context(), []string{dir}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err = set.Each(t.Context(), func(item source.Item) error {
		got[strings.TrimPrefix(item.URI, dir)] = item.Problem
		return nil
	})
	want := map[string]string{"/broken.jpg": "broken symbolic link", `/raw\xff.jpg`: "the file name is not valid UTF-8"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestExclude(t *testing.T) {
	for scheme, base := range bases(t) {
		for _, name := range []string{"a.jpg", "out/labels/x.jpg", "out/labels.jpg", "out/other.jpg", "out/_runs/1/y.jpg", "z.jpg"} {
			write(t, base+name, nil)
		}
		var opts source.Options
		for _, name := range []string{"out/labels", "out/_runs/", "z.jpg"} {
			loc, err := object.Parse(base + name)
			if err != nil {
				t.Fatal(err)
			}
			opts.Exclude = append(opts.Exclude, loc, object.Location{Scheme: "gs", Bucket: "elsewhere"})
		}
		want := []string{"a.jpg", "out/labels.jpg", "out/other.jpg"}
		for _, pattern := range []string{"", "**/*.jpg"} {
			if diff := cmp.Diff(want, each(t, base, opts, base+pattern, base+"z.jpg")); diff != "" {
				t.Errorf("%s, %q (-want +got):\n%s", scheme, pattern, diff)
			}
		}
	}
}

// TestExcludeLinked: OUTPUT is left out of INPUT also when the two are reached through different symbolic links.
func TestExcludeLinked(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/real/in/a.jpg", nil)
	write(t, dir+"/real/in/out/b.jpg", nil)
	for from, to := range map[string]string{"one": "real", "two": "real/in"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, in := range []string{"/real/in", "/one/in", "/two", "/two/**/*.jpg"} {
		for _, out := range []string{"/real/in/out", "/one/in/out", "/two/out"} {
			opts := source.Options{Exclude: []object.Location{{Scheme: "file", Key: dir + out}, {Scheme: "file", Key: dir + "/not-there-yet"}}}
			got := each(t, dir, opts, dir+in)
			if len(got) != 1 || !strings.HasSuffix(got[0], "/a.jpg") {
				t.Errorf("input %s, output %s: %q", in, out, got)
			}
		}
	}
}

// TestGlobLooksNoFurther: what a glob cannot match is not read, so a closed folder beside it does no harm.
func TestGlobPrunes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.jpg", nil)
	write(t, dir+"/x/1/b.jpg", nil)
	// Two directories with one key make every listing that looks into their parent fail.
	for _, name := range []string{"d\xff", `d\xff`} {
		if err := os.MkdirAll(filepath.Join(dir, "trap", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string]string{"/*.jpg": "/a.jpg", "/x/*/*.jpg": "/x/1/b.jpg", "/[a-x]/**": "/x/1/b.jpg", "/?/1/b.*": "/x/1/b.jpg"} {
		if diff := cmp.Diff([]string{want}, each(t, dir, source.Options{}, dir+pattern)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, diff)
		}
	}
	set, err := source.Open(t.Context(), []string{dir + "/**"}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Each(t.Context(), func(source.Item) error { return nil }); err == nil {
		t.Error("** did not look everywhere")
	}
}
