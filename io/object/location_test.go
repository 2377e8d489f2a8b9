package object_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tagbeam/tagbeam/io/object"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	file := func(key string) object.Location { return object.Location{Scheme: "file", Key: key} }
	gs := func(key string) object.Location { return object.Location{Scheme: "gs", Bucket: "b", Key: key} }
	for _, test := range []struct {
		in   string
		want object.Location
		text string // of the parsed location; in, where empty
	}{
		{"/data/a.jpg", file("/data/a.jpg"), ""},
		{"/data/", file("/data/"), ""},
		{"/", file("/"), ""},
		{"/data/../x//y", file("/x/y"), "/x/y"},
		{"rel/a#1%20?.jpg", file(wd + "/rel/a#1%20?.jpg"), wd + "/rel/a#1%20?.jpg"},
		{".", file(wd), wd},
		{"./", file(wd + "/"), wd + "/"},
		{"./gs://b/x", file(wd + "/gs:/b/x"), wd + "/gs:/b/x"},
		{"file:///data/100%.jpg", file("/data/100%.jpg"), "/data/100%.jpg"},
		{"file:x", file(wd + "/file:x"), wd + "/file:x"},
		{"gs://b", gs(""), ""},
		{"gs://b/", gs(""), "gs://b"},
		{"GS://b/k", gs("k"), "gs://b/k"},
		{"gs://b/dir/", gs("dir/"), ""},
		{"gs://b//k", gs("/k"), ""},
		{"gs://b/a#1.jpg", gs("a#1.jpg"), ""},
		{"gs://b/100%.jpg", gs("100%.jpg"), ""},
		{"gs://b/a%20b?x=1&y\n.jpg", gs("a%20b?x=1&y\n.jpg"), ""},
		{"gs://b/../x", gs("../x"), ""},
		{"https://h.org:8443/a/b%20c.jpg?w=1#x", object.Location{Scheme: "https", Bucket: "h.org:8443", Key: "a/b%20c.jpg?w=1#x"}, ""},
		{"HTTP://[::1]:80/x", object.Location{Scheme: "http", Bucket: "[::1]:80", Key: "x"}, "http://[::1]:80/x"},
		{"mem://store/k", object.Location{Scheme: "mem", Bucket: "store", Key: "k"}, ""},
	} {
		got, err := object.Parse(test.in)
		if err != nil {
			t.Errorf("%q: %v", test.in, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.in, diff)
		}
		if test.text == "" {
			test.text = test.in
		}
		if got.String() != test.text {
			t.Errorf("%q prints as %q, want %q", test.in, got, test.text)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", "empty"},
		{"ftp://b/k", "ftp://; known are local paths, file:///, gs://, s3://, az://, https:// and mem://"},
		{"https:///y", "not a host"},
		{"https://a b/y", "not a host"},
		{"https://h:port/y", "not a host"},
		{"https://h?x/y", "not a host"},
		{"https://me:secret@h/y", `host "h" holds a user name or password`},
		{"file://host/x", "absolute"},
		{"gs:///k", "not a bucket name"},
		{"gs://my-*/k", `"my-*" is not a bucket name`},
		{"mem://", "not a bucket name"},
		{"/a\x00b", "NUL"},
		{"/a\xff", "UTF-8"},
		{"gs://b/\xff", "UTF-8"},
	} {
		_, err := object.Parse(test.in)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got error %v, want one with %q", test.in, err, test.want)
		}
	}
	if _, err := object.Open(t.Context(), object.Location{Scheme: "ftp", Bucket: "x"}); err == nil || !strings.Contains(err.Error(), "ftp") {
		t.Errorf("open of an unknown scheme: %v", err)
	}
}

// TestParseRoundTrip: what a location prints parses as the location, whatever stands in the key.
func TestParseRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		key := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune("a/.#%?&= \n:*[]{}\\")), rapid.Rune())).Draw(r, "key")
		loc := object.Location{
			Scheme: rapid.SampledFrom([]string{"gs", "mem"}).Draw(r, "scheme"),
			Bucket: rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,8}`).Draw(r, "bucket"), Key: key,
		}
		back, err := object.Parse(loc.String())
		if err != nil || back != loc {
			r.Fatalf("%#v prints as %q and parses as %#v, %v", loc, loc, back, err)
		}
		if strings.ContainsRune(key, 0) {
			return
		}
		local, err := object.Parse("/" + key)
		if err != nil {
			r.Fatal(err)
		}
		if back, err = object.Parse(local.String()); err != nil || back != local {
			r.Fatalf("%#v prints as %q and parses as %#v, %v", local, local, back, err)
		}
	})
}

func TestJoin(t *testing.T) {
	for in, want := range map[string]string{"gs://b": "gs://b/x/y", "gs://b/k": "gs://b/k/x/y", "gs://b/k/": "gs://b/k/x/y", "/": "/x/y", "/d": "/d/x/y"} {
		loc, err := object.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := loc.Join("x/y").String(); got != want {
			t.Errorf("%s joined: %s, want %s", in, got, want)
		}
	}
}

func TestOpenShares(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:1")
	for _, uri := range []string{"/x", "mem://m/k", "gs://b/k"} {
		if open(t, uri) != open(t, uri+"2") {
			t.Errorf("%s: two stores for one bucket", uri)
		}
	}
	if open(t, "gs://b/k") == open(t, "gs://c/k") {
		t.Error("one store for two buckets")
	}
}
