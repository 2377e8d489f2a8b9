package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/table"
)

// gsNames have broken programs that take an object's name for a part of a URL.
var gsNames = []string{"a#1.png", "100%.png", "%41.png", "a b.png", "ünïcode-日本.png", "new\nline.png", "what?.png", "deep/er/[1].png", "+.png"}

func putGS(g *objecttest.GS, bucket, name string, data []byte) {
	g.Put(fakestorage.ObjectAttrs{BucketName: bucket, Name: name}, data)
}

// putImages writes n made images below gs://bucket/folder/.
func putImages(g *objecttest.GS, bucket, folder string, n int) {
	for i := range n {
		putGS(g, bucket, folder+"/"+imageName(i), pngImage(i))
	}
}

// putModel writes the tiny model to gs://bucket/folder.
func putModel(t *testing.T, g *objecttest.GS, bucket, folder string) {
	for name, data := range tinyFiles(t, "nchw.onnx", fiveLabels) {
		putGS(g, bucket, folder+"/"+name, data)
	}
}

// TestGS: buckets, emulated in this process, as input, model and output, and each of them with local ones.
func TestGS(t *testing.T) {
	g := objecttest.StartGS(t, "data", "models", "tags")
	t.Cleanup(func() { object.Close() })
	putImages(g, "data", "photos", 10)
	putModel(t, g, "models", "tiny")
	for i, name := range gsNames {
		putGS(g, "data", "odd names/"+name, pngImage(i))
	}

	local := newJob(t, 10)
	tagbeam(t, local.args()...).want(exitOK)
	want := local.rows(t)
	sameLabels := func(t *testing.T, got []table.Row) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%d rows, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i].Label != want[i].Label || *got[i].Confidence != *want[i].Confidence {
				t.Errorf("%s: %s %v, want %s %v", got[i].URI, got[i].Label, *got[i].Confidence, want[i].Label, *want[i].Confidence)
			}
		}
	}

	t.Run("everything", func(t *testing.T) {
		j := job{"gs://data/photos", "gs://models/tiny", "gs://tags/all"}
		tagbeam(t, j.args("--unit-images", "4")...).want(exitOK).prints("table      gs://tags/all/labels")
		rows := j.rows(t)
		sameLabels(t, rows)
		for i, r := range rows {
			if r.URI != "gs://data/photos/"+imageName(i) || !strings.HasPrefix(r.Version, "gen:") || len(r.MD5) != 32 {
				t.Errorf("row %d: %s %s md5 %q", i, r.URI, r.Version, r.MD5)
			}
		}
		tagbeam(t, j.args("--unit-images", "4")...).want(exitOK).prints("nothing to do")
		putGS(g, "data", "photos/"+imageName(3), pngImage(99)) // a new generation
		tagbeam(t, j.args()...).want(exitOK).prints("images     1 ", "skipped    9")
		if got := len(j.rows(t)); got != 11 {
			t.Errorf("%d rows, want 11", got)
		}
		putGS(g, "data", "photos/"+imageName(3), pngImage(3))
	})
	t.Run("model file", func(t *testing.T) {
		j := job{"gs://data/photos/**.png", "gs://models/tiny/net.onnx", "gs://tags/file"}
		labels := local.model + "/labels.txt"
		tagbeam(t, j.args("--model-labels", labels, "--preprocess", "unit")...).want(exitOK)
		sameLabels(t, j.rows(t))
	})
	t.Run("local in, gs out", func(t *testing.T) {
		j := job{local.input, local.model, "gs://tags/mixed/deep"}
		tagbeam(t, j.args()...).want(exitOK)
		sameLabels(t, j.rows(t))
	})
	t.Run("gs in, local out", func(t *testing.T) {
		j := job{"gs://data/photos/img-*", local.model, t.TempDir()}
		tagbeam(t, j.args("--runner", "prism")...).want(exitOK)
		sameLabels(t, j.rows(t))
	})
	t.Run("both kinds of input", func(t *testing.T) {
		j := job{"gs://data/photos", local.model, "gs://tags/both"}
		tagbeam(t, j.args("--input", local.input)...).want(exitOK)
		if got := len(j.rows(t)); got != 20 {
			t.Errorf("%d rows, want 20", got)
		}
	})
	t.Run("odd names", func(t *testing.T) {
		j := job{"gs://data/odd names", local.model, "gs://tags/odd #%é"}
		tagbeam(t, j.args()...).want(exitOK)
		uris := map[string]bool{}
		for _, r := range j.rows(t) {
			uris[r.URI] = r.Status == table.StatusOK
		}
		for _, name := range gsNames {
			if !uris["gs://data/odd names/"+name] {
				t.Errorf("%q is not tagged", name)
			}
		}
		if len(uris) != len(gsNames) {
			t.Errorf("%d images, want %d: %v", len(uris), len(gsNames), uris)
		}
		tagbeam(t, j.args()...).want(exitOK).prints("nothing to do")
	})
	t.Run("one object", func(t *testing.T) {
		j := job{"gs://data/odd names/a#1.png", local.model, "gs://tags/one"}
		tagbeam(t, j.args()...).want(exitOK).prints("images     1 ")
	})
	t.Run("model preprocess", func(t *testing.T) {
		dir := t.TempDir()
		arrays := map[string][]byte{}
		for where, args := range map[string][]string{
			"gs":    {"gs://models/tiny", "gs://data/photos/" + imageName(0), "gs://data/odd names/a#1.png"},
			"local": {local.model, filepath.Join(local.input, imageName(0)), filepath.Join(local.input, imageName(0))},
		} {
			out := filepath.Join(dir, where+".npy")
			tagbeam(t, append([]string{"model", "preprocess", "--output", out}, args...)...).want(exitOK).prints("float32 [2 3 8 8]")
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			arrays[where] = data
		}
		if !bytes.Equal(arrays["gs"], arrays["local"]) { // a#1.png is the first image, too
			t.Error("images of a bucket give another array than the same files")
		}
		tagbeam(t, "model", "preprocess", "--output", filepath.Join(dir, "x.npy"), "gs://models/tiny", "gs://data/none.png").want(exitFailed).says("gs://data/none.png: not_found")
	})
	t.Run("empty prefix", func(t *testing.T) {
		j := job{"gs://data/nothing/here", local.model, "gs://tags/empty"}
		e, s := summarised(t, j.args()...)
		e.want(exitOK).says("no images under", "gs://data/nothing/here").prints("nothing to do")
		if s.State != "nothing_to_do" || len(j.objects(t, "")) != 0 {
			t.Errorf("state %s, objects %v", s.State, j.objects(t, ""))
		}
	})
	for _, tc := range []struct{ name, input, model, output, says string }{
		{"no input bucket", "gs://nowhere/photos", local.model, "gs://tags/x", "gs://nowhere"},
		{"no output bucket", "gs://data/photos", local.model, "gs://nowhere/tags", "gs://nowhere"},
		{"no model bucket", "gs://data/photos", "gs://nowhere/model", "gs://tags/x", "gs://nowhere"},
		{"no model folder", "gs://data/photos", "gs://models/none", "gs://tags/x", "gs://models/none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := job{tc.input, tc.model, tc.output}
			tagbeam(t, j.args()...).want(exitUsage).says(tc.says)
		})
	}
	t.Run("vanishes between plan and fetch", func(t *testing.T) {
		j := job{"gs://data/photos", local.model, t.TempDir()}
		g.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, imageName(4)) {
				http.NotFound(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
		tagbeam(t, j.args()...).want(exitPartial).prints("not_found 1")
		g.Inject(nil)
		if r := j.row(t, imageName(4), 1); r.Retryable == nil || !*r.Retryable || !strings.Contains(r.ErrorMessage, imageName(4)) {
			t.Errorf("row: %+v", r)
		}
		tagbeam(t, j.args()...).want(exitOK).prints("images     1 ")
		if r := j.row(t, imageName(4), 2); r.Status != table.StatusOK {
			t.Errorf("row of the next run: %+v", r)
		}
	})
}

// gate holds up the requests that it matches, so that a command stands still at a known point.
type gate struct {
	match func(r *http.Request) bool
	// answered lets the service do what it is asked, and holds up the answer.
	answered bool

	once    sync.Once
	reached chan struct{}
}

// hold sets a gate before g.
func hold(g *objecttest.GS, answered bool, match func(*http.Request) bool) *gate {
	x := &gate{match: match, answered: answered, reached: make(chan struct{})}
	g.Inject(x.handle)
	return x
}

// handle holds a request until the client is gone.
func (x *gate) handle(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if !x.match(r) {
		next.ServeHTTP(w, r)
		return
	}
	if x.answered {
		next.ServeHTTP(nowhere{http.Header{}}, r)
	} else {
		io.Copy(io.Discard, r.Body) // or the server does not see the client go
	}
	x.once.Do(func() { close(x.reached) })
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// nowhere is a client that does not hear the answer.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header       { return n.header }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

// uploads matches the upload of an object whose name ends, or begins, as given.
func uploads(prefix, suffix string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		name := r.URL.Query().Get("name")
		return strings.Contains(r.URL.Path, "/upload/") && strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix)
	}
}

// reads matches the requests for the bytes of an object.
func reads(name string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		path, err := url.PathUnescape(r.URL.EscapedPath())
		return err == nil && r.Method == http.MethodGet && strings.HasSuffix(path, "/"+name)
	}
}
