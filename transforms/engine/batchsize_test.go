package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// cached is the folder of the batch sizes that were measured, in a cache of the test's own.
func cached(t *testing.T) string {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache) // where os.UserCacheDir goes by it
	folder, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, "tagbeam", "batch")
}

func files(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func choose(t *testing.T, e *engine.Engine, c *engine.Classifier, images []engine.Image, total int64) (int, string) {
	t.Helper()
	n, how, err := e.ChooseBatch(t.Context(), c, images, total, preprocess.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return n, how
}

func TestBatchSizeIsMeasuredOnceAndKept(t *testing.T) {
	folder := cached(t)
	e, c := start(t, engine.Config{CPU: 2}), load(t, "nchw.onnx")
	if n, how := choose(t, e, c, many(20), 20); n != c.BatchSize(0) || len(files(t, folder)) != 0 {
		t.Errorf("for a small run it is %d (%s), and kept are %v", n, how, files(t, folder))
	}
	n, how := choose(t, e, c, many(20), 5000)
	if !slices.Contains(engine.BatchSizes, n) || how != "measured on the first images" {
		t.Errorf("for a large run it is %d (%s)", n, how)
	}
	kept := files(t, folder)
	if len(kept) != 1 || !strings.HasSuffix(kept[0], ".json") {
		t.Fatalf("kept are %v", kept)
	}
	// What was kept is taken, also by a small run: another number tells that it was not measured again.
	file := filepath.Join(folder, kept[0])
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := 16
	if n == 16 {
		other = 8
	}
	record := string(text)
	at := strings.Index(record, `"batch": `)
	end := at + strings.IndexAny(record[at:], ",\n")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(record[:at] + `"batch": ` + strconv.Itoa(other) + record[end:])
	for _, total := range []int64{20, 5000} {
		if got, how := choose(t, e, c, many(20), total); got != other || how != "measured before" {
			t.Errorf("%d was kept; it is %d (%s)", other, got, how)
		}
	}
	// What is not a record of this model on this machine is as if it were not there.
	for name, content := range map[string]string{
		"empty": "", "no JSON": "{", "no size": `{"batch": 4}`, "no candidate": record[:at] + `"batch": 5` + record[end:],
		"another model": strings.Replace(string(text), "sha256:", "sha256:0", 1), "too large": string(text) + strings.Repeat(" ", 1<<20),
	} {
		write(content)
		if n, how := choose(t, e, c, many(20), 20); how == "measured before" {
			t.Errorf("%s: %d (%s)", name, n, how)
		}
		if _, how := choose(t, e, c, many(20), 5000); how != "measured on the first images" {
			t.Errorf("%s: %s", name, how)
		}
		if _, how := choose(t, e, c, many(20), 5000); how != "measured before" {
			t.Errorf("%s: it was not mended", name)
		}
	}
	// On another number of CPUs it is another matter.
	if _, how := choose(t, start(t, engine.Config{CPU: 3}), c, many(20), 5000); how != "measured on the first images" || len(files(t, folder)) != 2 {
		t.Errorf("on 3 CPUs: %s, kept are %v", how, files(t, folder))
	}
}

func TestBatchSizeWithoutACache(t *testing.T) {
	e, c := start(t, engine.Config{CPU: 1}), load(t, "nchw.onnx")
	t.Run("a file in its place", func(t *testing.T) {
		folder := cached(t)
		if err := os.WriteFile(filepath.Dir(folder), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if n, how := choose(t, e, c, many(3), 5000); how != "measured on the first images" {
			t.Errorf("%d (%s)", n, how)
		}
	})
	t.Run("no home", func(t *testing.T) {
		t.Setenv("XDG_CACHE_HOME", "")
		t.Setenv("HOME", "")
		if n, how := choose(t, e, c, many(3), 5000); how != "measured on the first images" {
			t.Errorf("%d (%s)", n, how)
		}
	})
}

// Images that cannot be read are not measured with; when there is none left, made-up pixels serve.
func TestBatchSizeIsMeasuredWithWhatThereIs(t *testing.T) {
	e, c := start(t, engine.Config{CPU: 3}), load(t, "nchw.onnx")
	_, images := place(t, t.Name(), true, []byte("no"), picture(1), []byte{})
	images[0].URI = "mem://nothing/here.png"
	for _, some := range [][]engine.Image{images, images[:1], nil} {
		cached(t)
		if n, how := choose(t, e, c, some, 5000); how != "measured on the first images" {
			t.Errorf("%d (%s)", n, how)
		}
	}
}

func TestBatchSizeOfModelsThatTakeOne(t *testing.T) {
	folder := cached(t)
	e := start(t, engine.Config{CPU: 1})
	for file, want := range map[string]int{"batch1.onnx": 1, "batch4.onnx": 4, "baked_batch.onnx": 1} {
		if n, _ := choose(t, e, load(t, file), many(20), 5000); n != want {
			t.Errorf("%s: %d", file, n)
		}
		speeds, best, err := e.Benchmark(t.Context(), load(t, file))
		if err != nil || len(speeds) != 1 || best != want {
			t.Errorf("%s: %v, %d, %v", file, speeds, best, err)
		}
	}
	if kept := files(t, folder); len(kept) != 0 {
		t.Errorf("kept are %v", kept)
	}
}

func TestBenchmarkMeasuresEverySizeAndKeepsTheBest(t *testing.T) {
	cached(t)
	e, c := start(t, engine.Config{CPU: 2}), load(t, "nchw.onnx")
	speeds, best, err := e.Benchmark(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, s := range speeds {
		sizes = append(sizes, s.Batch)
		if s.PerImage <= 0 || s.ImagesPerSecond(2) <= 0 {
			t.Errorf("%v", s)
		}
	}
	if !slices.Equal(sizes, engine.BatchSizes) {
		t.Errorf("measured are %v", sizes)
	}
	if n, how := choose(t, e, c, many(20), 20); n != best || how != "measured before" {
		t.Errorf("the best is %d; chosen is %d (%s)", best, n, how)
	}
}

func TestMeasuringEndsWithTheEngine(t *testing.T) {
	cached(t)
	e, c := start(t, engine.Config{CPU: 2}), load(t, "nchw.onnx")
	e.Interrupt()
	if _, _, err := e.ChooseBatch(t.Context(), c, many(20), 5000, preprocess.Limits{}); !errors.Is(err, engine.ErrInterrupted) {
		t.Errorf("%v", err)
	}
}
