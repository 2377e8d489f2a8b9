package engine_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// photoFiles writes n JPEGs, no two of them the same, and lists them.
func photoFiles(t testing.TB, n int) []engine.Image {
	t.Helper()
	folder := t.TempDir()
	for i := range n {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, drawing(i, 40, 30), nil); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%05d.jpg", i)), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return listed(t, folder)
}

// photoShard is a tar archive of n JPEGs, listed.
func photoShard(t testing.TB, n int) []engine.Image {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range n {
		var image bytes.Buffer
		if err := jpeg.Encode(&image, drawing(i, 40, 30), nil); err != nil {
			t.Fatal(err)
		}
		header := &tar.Header{Name: fmt.Sprintf("%05d.jpg", i), Mode: 0o644, Size: int64(image.Len())}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(image.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "photos.tar")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return listed(t, file)
}

func listed(t testing.TB, input string) (images []engine.Image) {
	t.Helper()
	set, err := source.Open(t.Context(), []string{input}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Each(t.Context(), func(item source.Item) error {
		images = append(images, engine.Image{Item: item})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return images
}

// What is allocated for a task is allocated for all of its images at once, and everything that one image needs on its way from a file to its
// prediction is memory that another one had before. What remains is Go's own for an open file, and the strings that say what was read. Of
// an archive, a stretch of members is read at once, into memory of its own: one allocation for many images, of as many bytes as they have.
func TestAllocationsForAnImage(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates, and sync.Pool drops things at random under it")
	}
	const images = 512
	for _, tt := range []struct {
		name        string
		images      []engine.Image
		allocations float64 // for one image
		bytes       float64
	}{
		{"files", photoFiles(t, 2*images), 12, 1400},
		{"tar", photoShard(t, 2*images), 4, 2600},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := load(t, "nchw.onnx")
			e := start(t, engine.Config{CPU: 1, Fetchers: 4})
			once := func(n int) (mallocs, bytes float64) {
				task := engine.Task{Classifier: c, Images: tt.images[:n], TopK: 5, Batch: 8, Dedup: true}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				predictions, err := e.Run(t.Context(), task)
				runtime.ReadMemStats(&after)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range predictions {
					if p.Failure != nil {
						t.Fatal(p.Failure)
					}
				}
				return float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc - before.TotalAlloc)
			}
			defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties sync.Pools
			once(2 * images)                                 // warm
			few, fewBytes := once(images)
			many, manyBytes := once(2 * images)
			for range 4 { // what else goes on in the process only adds
				mallocs, bytes := once(images)
				few, fewBytes = min(few, mallocs), min(fewBytes, bytes)
				mallocs, bytes = once(2 * images)
				many, manyBytes = min(many, mallocs), min(manyBytes, bytes)
			}
			allocations, bytes := (many-few)/images, (manyBytes-fewBytes)/images
			t.Logf("%.2f allocations, %.0f bytes for an image", allocations, bytes)
			if allocations > tt.allocations || bytes > tt.bytes {
				t.Errorf("%.2f allocations of %.0f bytes for an image, more than %v of %v", allocations, bytes, tt.allocations, tt.bytes)
			}
		})
	}
}

func BenchmarkRunFiles(b *testing.B) { benchmarkRun(b, photoFiles(b, 1024)) }
func BenchmarkRunTar(b *testing.B)   { benchmarkRun(b, photoShard(b, 1024)) }

// benchmarkRun reports what one image takes, once everything is warm.
func benchmarkRun(b *testing.B, images []engine.Image) {
	if _, err := onnx.Find(""); err != nil {
		b.Skip(err)
	}
	r := engine.ModelRef{URI: filepath.Join("..", "..", "testdata", "models", "nchw.onnx"), Labels: []string{"a", "b", "c", "d", "e"}, Preprocess: "unit"}
	c, err := engine.LoadClassifier(b.Context(), r)
	if err != nil {
		b.Fatal(err)
	}
	e := engine.New(engine.Config{})
	defer e.Close()
	defer object.Close()
	task := engine.Task{Classifier: c, Images: images, TopK: 5, Batch: 8, Dedup: true}
	if _, err := e.Run(b.Context(), task); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += len(task.Images) { // an operation is one image
		task.Images = images[:min(len(images), b.N-done)]
		if _, err := e.Run(b.Context(), task); err != nil {
			b.Fatal(err)
		}
	}
}
