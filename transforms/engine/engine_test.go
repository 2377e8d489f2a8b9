package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

func TestMain(m *testing.M) {
	// A process holds one library, and some tests have a user's cache of their own, where it may be found too.
	if library, err := onnx.Find(""); err == nil {
		os.Setenv(onnx.LibraryEnv, library)
	}
	goleak.VerifyTestMain(m,
		// ONNX Runtime's and OpenCensus's (by way of the storage client) goroutines live as long as the process.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// ref is a tiny model of testdata/models: 8x8 RGB, five classes.
func ref(t *testing.T, file string) engine.ModelRef {
	t.Helper()
	if _, err := onnx.Find(""); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return engine.ModelRef{
		URI:        filepath.Join("..", "..", "testdata", "models", file),
		Labels:     []string{"a", "b", "c", "d", "e"},
		Preprocess: "unit",
	}
}

func load(t *testing.T, file string) *engine.Classifier {
	t.Helper()
	c, err := engine.LoadClassifier(t.Context(), ref(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func start(t *testing.T, cfg engine.Config) *engine.Engine {
	e := engine.New(cfg)
	t.Cleanup(e.Close)
	return e
}

// picture is a PNG whose colours depend on n; none is white.
func picture(n int) []byte {
	return encode(drawing(n, 16, 12))
}

func drawing(n, width, height int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetRGBA(x, y, color.RGBA{uint8(n * 7 % 200), uint8((x*9 + n*31) % 200), uint8((y*13 + n*3) % 200), 255})
		}
	}
	return img
}

func white() []byte {
	img := image.NewGray(image.Rect(0, 0, 16, 12))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	return encode(img)
}

func encode(img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func inMemory(pictures ...[]byte) []engine.Image {
	images := make([]engine.Image, len(pictures))
	for i, p := range pictures {
		images[i] = engine.Image{Item: source.Item{URI: fmt.Sprint("picture ", i), Size: int64(len(p))}, Data: p}
	}
	return images
}

func many(n int) []engine.Image {
	pictures := make([][]byte, n)
	for i := range pictures {
		pictures[i] = picture(i)
	}
	return inMemory(pictures...)
}

// stored puts n pictures into a memory store and lists them.
func stored(t *testing.T, n int) []engine.Image {
	store := object.OpenMem(t.Name())
	images := make([]engine.Image, n)
	for i := range images {
		key := fmt.Sprintf("%04d.png", i)
		store.Put(key, picture(i))
		info, err := store.Stat(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		loc := object.Location{Scheme: "mem", Bucket: t.Name(), Key: key}
		images[i].Item = source.Item{URI: loc.String(), Version: info.Version, MD5: info.MD5, Size: info.Size}
	}
	return images
}

func run(t *testing.T, e *engine.Engine, task engine.Task) []engine.Prediction {
	t.Helper()
	if task.TopK == 0 {
		task.TopK = 5
	}
	predictions, err := e.Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	return predictions
}

func codes(predictions []engine.Prediction) []string {
	out := make([]string, len(predictions))
	for i, p := range predictions {
		if p.Failure != nil {
			out[i] = p.Failure.Code
		}
	}
	return out
}

// The numbers of an image must not depend on how many CPUs there are, on what else the engine does, or on where the bytes come from.
func TestResultsDoNotDependOnTiming(t *testing.T) {
	c := load(t, "nchw.onnx")
	want := tops(run(t, start(t, engine.Config{CPU: 1}), engine.Task{Classifier: c, Images: many(50), Batch: 8}))

	e := start(t, engine.Config{CPU: 4, Fetchers: 3, BytesInFlight: 64 << 10})
	images := stored(t, 50)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			got, err := e.Run(t.Context(), engine.Task{Classifier: c, Images: images, Batch: 8, TopK: 5})
			if err != nil {
				t.Error(err)
				return
			}
			if diff := cmp.Diff(want, tops(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
	group.Wait()
	if got := e.Stats.Images.Load(); got != 8*50 {
		t.Errorf("counted %d images of 400", got)
	}
}

func tops(predictions []engine.Prediction) [][]engine.Scored {
	out := make([][]engine.Scored, len(predictions))
	for i, p := range predictions {
		out[i] = p.Top
	}
	return out
}

// Confidences are probabilities over all classes, best first.
func TestConfidencesAreProbabilities(t *testing.T) {
	for _, file := range []string{"nchw.onnx", "nhwc.onnx", "softmax.onnx", "logsoftmax.onnx", "conv1x1.onnx", "cell.onnx"} {
		t.Run(file, func(t *testing.T) {
			for i, p := range run(t, start(t, engine.Config{CPU: 1}), engine.Task{Classifier: load(t, file), Images: many(6), Batch: 4}) {
				if len(p.Top) != 5 {
					t.Fatalf("image %d: %v, %v", i, p.Top, p.Failure)
				}
				sum := float32(0)
				for k, s := range p.Top {
					sum += s.Confidence
					if k > 0 && s.Confidence > p.Top[k-1].Confidence {
						t.Errorf("image %d: %v is not in order", i, p.Top)
					}
				}
				if sum < .9999 || sum > 1.0001 {
					t.Errorf("image %d: confidences add up to %v", i, sum)
				}
			}
		})
	}
}

func TestEveryImageHasAPrediction(t *testing.T) {
	damaged := picture(1)
	images := inMemory(picture(0), []byte{}, []byte("not an image"), damaged[:len(damaged)/2], picture(2), picture(3))
	images[5].Size = 1 << 40 // in memory, so what was listed does not matter
	missing := engine.Image{Item: source.Item{URI: "mem://nothing/here.png", Version: "gen:1", Size: 10}}
	large := engine.Image{Item: source.Item{URI: "mem://nothing/large.png", Version: "gen:1", Size: 1 << 30}}
	odd := engine.Image{Item: source.Item{URI: `/a\xff.png`, Problem: "name is not valid UTF-8"}}
	images = append(images, missing, large, odd)

	got := run(t, start(t, engine.Config{CPU: 2}), engine.Task{
		Classifier: load(t, "nchw.onnx"), Images: images, Batch: 4, Limits: preprocess.Limits{MaxBytes: 1 << 20}})

	want := []string{"", "empty", "unsupported_format", "truncated", "", "", "not_found", "too_large", "invalid_name"}
	if diff := cmp.Diff(want, codes(got)); diff != "" {
		t.Error(diff)
	}
	for i, p := range got {
		if (p.Failure == nil) != (len(p.Top) == 5) {
			t.Errorf("image %d: %v and %v", i, p.Top, p.Failure)
		}
	}
	if h := got[3].Header; h != (preprocess.Header{Format: "png", Width: 16, Height: 12}) {
		t.Errorf("of the truncated image's header only %v is known", h)
	}
	if r := got[7].Read; r.Version != "gen:1" || r.Size != 1<<30 {
		t.Errorf("the image that was too large was listed as %v", r)
	}
}

func TestLimitsAreCheckedOnTheHeader(t *testing.T) {
	c := load(t, "nchw.onnx")
	got := run(t, start(t, engine.Config{CPU: 1}), engine.Task{Classifier: c, Images: many(2), Limits: preprocess.Limits{MaxPixels: 16*12 - 1}})
	if diff := cmp.Diff([]string{"too_large", "too_large"}, codes(got)); diff != "" {
		t.Error(diff)
	}
}

// One image that makes the model fail takes no other with it.
func TestAnImageThatBreaksItsBatchCostsOneRow(t *testing.T) {
	c := load(t, "fails_on_white.onnx")
	e := start(t, engine.Config{CPU: 1})
	got := run(t, e, engine.Task{Classifier: c, Images: inMemory(picture(0), picture(1), white(), picture(3), picture(4)), Batch: 5})
	if diff := cmp.Diff([]string{"", "", "inference_failed", "", ""}, codes(got)); diff != "" {
		t.Fatal(diff)
	}
	alone := run(t, e, engine.Task{Classifier: c, Images: inMemory(picture(0), picture(1), picture(3), picture(4)), Batch: 1})
	if diff := cmp.Diff(tops(alone), [][]engine.Scored{got[0].Top, got[1].Top, got[3].Top, got[4].Top}); diff != "" {
		t.Error(diff)
	}
}

// Exporters bake the batch size into graphs, or leave it fixed; both are run all the same.
func TestModelsThatTakeNoBatches(t *testing.T) {
	want := tops(run(t, start(t, engine.Config{CPU: 1}), engine.Task{Classifier: load(t, "nchw.onnx"), Images: many(11), Batch: 1}))
	for _, file := range []string{"baked_batch.onnx", "batch1.onnx", "batch4.onnx"} {
		for _, batch := range []int{0, 1, 3, 4, 8} {
			t.Run(fmt.Sprint(file, batch), func(t *testing.T) {
				got := run(t, start(t, engine.Config{CPU: 2}), engine.Task{Classifier: load(t, file), Images: many(11), Batch: batch})
				if diff := cmp.Diff(want, tops(got), cmp.Comparer(func(a, b float32) bool { return a-b < 1e-6 && b-a < 1e-6 })); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestTensorsOnly(t *testing.T) {
	c, err := engine.NewPreprocessor(t.Context(), ref(t, "nhwc.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	images := inMemory(picture(0), []byte("no"), picture(2))
	got := run(t, start(t, engine.Config{CPU: 2}), engine.Task{Classifier: c, Images: images, TensorsOnly: true})
	if len(got[0].Tensor) != 4*8*8*3 || got[1].Failure == nil || got[1].Tensor != nil {
		t.Fatalf("%v", got)
	}
	want := make([]byte, c.Program.Size())
	if _, err := c.Program.NewWorker().Apply(images[2].Data, preprocess.DefaultLimits, want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got[2].Tensor); diff != "" {
		t.Error(diff)
	}
}

// However many callers there are at once, a process loads a model once.
func TestLoadClassifierLoadsOnce(t *testing.T) {
	r := ref(t, "two_outputs.onnx")
	r.Output = "a"
	before := onnx.Loads()
	var group sync.WaitGroup
	var news atomic.Int64
	engine.NewLoads() // those of other tests
	for range 32 {
		group.Go(func() {
			if _, err := engine.LoadClassifier(t.Context(), r); err != nil {
				t.Error(err)
			}
			news.Add(engine.NewLoads())
		})
	}
	group.Wait()
	if loads := onnx.Loads() - before; loads != 1 || news.Load() != 1 {
		t.Errorf("%d sessions, %d were reported as new", loads, news.Load())
	}
}

func TestLoadClassifierErrorsNameTheModel(t *testing.T) {
	for _, uri := range []string{"no/such/folder", "no/such/file.onnx", "ftp://host/model"} {
		_, err := engine.LoadClassifier(t.Context(), engine.ModelRef{URI: uri})
		if err == nil || !strings.Contains(err.Error(), "--model") || uri[:3] != "ftp" && !strings.Contains(err.Error(), uri) {
			t.Errorf("%q: %v", uri, err)
		}
	}
}

// Every image here is larger than the whole budget, so they go through one by one; that must not block, whatever the batch size.
func TestBudgetSmallerThanAnImage(t *testing.T) {
	e := start(t, engine.Config{CPU: 3, BytesInFlight: 100, PixelsInFlight: 10})
	c := load(t, "nchw.onnx")
	images := stored(t, 40)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			got, err := e.Run(t.Context(), engine.Task{Classifier: c, Images: images, Batch: 16, TopK: 1})
			if err != nil {
				t.Error(err)
			}
			for i, p := range got {
				if p.Failure != nil {
					t.Errorf("image %d: %v", i, p.Failure)
				}
			}
		})
	}
	group.Wait()
}

func TestRunEndsWithItsContext(t *testing.T) {
	e := start(t, engine.Config{CPU: 1})
	c := load(t, "nchw.onnx")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	cancel(why)
	if _, err := e.Run(ctx, engine.Task{Classifier: c, Images: stored(t, 100), TopK: 1}); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	// and the engine goes on
	for i, p := range run(t, e, engine.Task{Classifier: c, Images: stored(t, 100)}) {
		if p.Failure != nil {
			t.Fatalf("image %d: %v", i, p.Failure)
		}
	}
}

func TestInterruptEndsEverythingAndSharedStartsAnew(t *testing.T) {
	e := engine.Shared(engine.Config{CPU: 1})
	if e != engine.Shared(engine.Config{CPU: 7}) {
		t.Error("a process has two engines")
	}
	e.Interrupt()
	if _, err := e.Run(t.Context(), engine.Task{Classifier: load(t, "nchw.onnx"), Images: many(9), TopK: 1}); !errors.Is(err, engine.ErrInterrupted) {
		t.Errorf("got %v", err)
	}
	next := engine.Shared(engine.Config{CPU: 1})
	if next == e {
		t.Error("the interrupted engine is still shared")
	}
	run(t, next, engine.Task{Classifier: load(t, "nchw.onnx"), Images: many(9)})
	e.Close()
	next.Close()
}

func TestEmptyTask(t *testing.T) {
	if got := run(t, start(t, engine.Config{CPU: 1}), engine.Task{Classifier: load(t, "nchw.onnx")}); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestBatchSizeDependsOnTheModel(t *testing.T) {
	tests := []struct {
		file       string
		want, size int
	}{
		{"nchw.onnx", 0, 64}, {"nchw.onnx", 7, 7}, {"batch4.onnx", 0, 4}, {"batch1.onnx", 0, 1},
	}
	for _, tt := range tests {
		if got := load(t, tt.file).BatchSize(tt.want); got != tt.size {
			t.Errorf("%s, wanted %d: %d, not %d", tt.file, tt.want, got, tt.size)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	r := engine.ModelRef{URI: filepath.Join("..", "..", "testdata", "models", "nchw.onnx"), Labels: []string{"a", "b", "c", "d", "e"}, Preprocess: "unit"}
	c, err := engine.LoadClassifier(b.Context(), r)
	if err != nil {
		b.Skip(err)
	}
	e := engine.New(engine.Config{})
	defer e.Close()
	images := many(1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Run(b.Context(), engine.Task{Classifier: c, Images: images, TopK: 5}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(images))/b.Elapsed().Seconds(), "images/s")
}
