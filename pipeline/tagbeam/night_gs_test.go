package main

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/table"
)

// TestNightOverBucket: what a night asks of a bucket. A second run opens no image, and one that changes between plan and fetch is tagged as what was
// read, under the version of that, so that the night after finds nothing to do.
func TestNightOverBucket(t *testing.T) {
	g := objecttest.StartGS(t, "data")
	t.Cleanup(func() { object.Close() })
	putImages(g, "data", "photos", 6)
	j := job{"gs://data/photos", tinyModel(t, "nchw.onnx"), t.TempDir()}

	var opened atomic.Int64
	count := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".png") {
			opened.Add(1)
		}
		next.ServeHTTP(w, r)
	}
	var once sync.Once
	g.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, imageName(2)) {
			once.Do(func() { putGS(g, "data", "photos/"+imageName(2), pngImage(50)) })
		}
		count(w, r, next)
	})
	tagbeam(t, j.args()...).want(exitOK).prints("images     6 ")
	if opened.Load() < 6 {
		t.Fatalf("%d images opened: they are not counted", opened.Load())
	}
	opened.Store(0)
	g.Inject(count)
	e, s := summarised(t, j.args()...)
	e.want(exitOK).prints("nothing to do", "6 tagged before")
	if opened.Load() != 0 || s.Images != 0 || s.Skipped != 6 {
		t.Errorf("a second run opened %d images: %+v", opened.Load(), s)
	}

	stat, loc := store(t, "gs://data/photos/"+imageName(2))
	info, err := stat.Stat(t.Context(), loc.Key)
	if err != nil {
		t.Fatal(err)
	}
	var row table.Row
	for _, r := range j.rows(t) {
		if r.URI == loc.String() {
			row = r
		}
	}
	if row.Version != info.Version || row.Size == nil || *row.Size != info.Size || row.Status != table.StatusOK {
		t.Errorf("row of the image that changed: %+v; the bucket has %+v", row, info)
	}
}
