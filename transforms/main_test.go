package transforms_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	//lint:ignore SA1019 it is one of ours
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/direct"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"

	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/transforms"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

func TestMain(m *testing.M) {
	flag.Parse()
	beam.Init()
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // prism and the harness say a lot
	os.Exit(m.Run())
}

// twoCPUs is the configuration of this process's engine: the first transform to run sets it.
var twoCPUs = engine.Config{CPU: 2}

// eachRunner runs a test on the local runners.
func eachRunner(t *testing.T, test func(t *testing.T, runner string)) {
	for _, runner := range []string{"direct", "prism"} {
		t.Run(runner, func(t *testing.T) { test(t, runner) })
	}
}

// execute runs the pipeline that build makes. One that is to fail should be a single stage, without passert: when a job fails while another
// bundle is at work, Beam's harness sends on the channel it closes, a data race of its own (harness.go, MainWithOptions).
func execute(runner string, build func(s beam.Scope)) (beam.PipelineResult, error) {
	p, s := beam.NewPipelineWithRoot()
	build(s)
	return beam.Run(context.Background(), runner, p)
}

func mustExecute(t *testing.T, runner string, build func(s beam.Scope)) beam.PipelineResult {
	t.Helper()
	res, err := execute(runner, build)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// counter sums a counter of a finished job over its steps.
func counter(res beam.PipelineResult, name string) int64 {
	n := int64(0)
	for _, c := range res.Metrics().AllMetrics().Counters() {
		if c.Name() == name {
			n += c.Result()
		}
	}
	return n
}

// tiny is a model of testdata/models: 8x8 RGB, five classes. No two calls give the same model: its labels, which are in its digest, are new.
func tiny(t testing.TB, file string) engine.ModelRef {
	t.Helper()
	needONNXRuntime(t)
	labels := make([]string, 5)
	for i := range labels {
		labels[i] = fmt.Sprint("class ", i, " ", rand.Text())
	}
	return engine.ModelRef{URI: filepath.Join("..", "testdata", "models", file), Labels: labels, Preprocess: "unit"}
}

func needONNXRuntime(t testing.TB) {
	t.Helper()
	if _, err := onnx.Find(""); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// pictures are n PNG files whose colours differ; none is white.
func pictures(n int) []transforms.Image {
	images := make([]transforms.Image, n)
	for i := range images {
		img := image.NewRGBA(image.Rect(0, 0, 16, 12))
		for y := range 12 {
			for x := range 16 {
				img.SetRGBA(x, y, color.RGBA{uint8(i * 7 % 200), uint8((x*9 + i*31) % 200), uint8((y*13 + i*3) % 200), 255})
			}
		}
		images[i] = transforms.Image{URI: fmt.Sprintf("picture %04d", i), Bytes: encode(img)}
	}
	return images
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

// corpus is testdata/images: photos of every format, some of them damaged.
var corpus = sync.OnceValue(func() []transforms.Image {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "images", "*"))
	if err != nil || len(files) < 10 {
		panic(fmt.Sprint("testdata/images: ", files, err))
	}
	images := make([]transforms.Image, len(files))
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		images[i] = transforms.Image{URI: filepath.Base(file), Bytes: data}
	}
	return images
})

func contains(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; one with %q was expected", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
}
