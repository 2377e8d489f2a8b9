package pipeline_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/pipeline"
)

// BenchmarkLatency compares whole runs over a bucket whose reads of images take 30 ms longer with runs over the same bucket without that, in turn.
// 1 is what it should be: as many reads at once as hide the latency. The bucket is a server in this process, so that it takes its share of the
// CPUs in both; -benchtime 5x and more are rounds to take a median of.
func BenchmarkLatency(b *testing.B) {
	if _, err := onnx.Find(""); err != nil {
		b.Skip(err)
	}
	const n, latency = 2048, 30 * time.Millisecond
	gs := objecttest.StartGS(b, "photos")
	for i := range n {
		gs.Put(fakestorage.ObjectAttrs{BucketName: "photos", Name: fmt.Sprintf("%04d.jpg", i), ContentType: "image/jpeg"}, photoOf(b, i))
	}
	tables := b.TempDir()
	var runs int
	rate := func(latency time.Duration) float64 {
		gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".jpg") {
				time.Sleep(latency)
			}
			next.ServeHTTP(w, r)
		})
		runs++
		o := pipeline.DefaultOptions()
		o.Model.URI, o.Inputs, o.Output = "builtin", []string{"gs://photos/*.jpg"}, filepath.Join(tables, fmt.Sprint(runs))
		start := time.Now()
		res, err := pipeline.Run(b.Context(), o, pipeline.Observer{})
		if err != nil || res.Runs[0].Manifest.Counts.Failed > 0 || res.Stats.New != n {
			b.Fatalf("%+v, %v", res, err)
		}
		return n / time.Since(start).Seconds()
	}
	rate(0) // what is only done once in a process
	var without, with, ratios []float64
	for b.Loop() {
		without = append(without, rate(0))
		with = append(with, rate(latency))
		ratios = append(ratios, with[len(with)-1]/without[len(without)-1])
	}
	median := func(f []float64) float64 { slices.Sort(f); return f[len(f)/2] }
	b.ReportMetric(median(without), "images/s")
	b.ReportMetric(median(with), "images/s-at-30ms")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(0, "ns/op")
}
