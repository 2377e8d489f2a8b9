package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/table"
)

// imageName is the name of the i-th made image.
func imageName(i int) string { return fmt.Sprintf("img-%04d.png", i) }

// pngImage is a small image, another one for each i: four fields of random colours, which the tiny model tells apart.
func pngImage(i int) []byte {
	rnd := rand.New(rand.NewPCG(uint64(i), 0))
	img := image.NewRGBA(image.Rect(0, 0, 10, 9))
	for field := range 4 {
		c := color.RGBA{uint8(rnd.IntN(256)), uint8(rnd.IntN(256)), uint8(rnd.IntN(256)), 255}
		corner := image.Pt(field%2*5, field/2*5)
		draw.Draw(img, image.Rectangle{corner, corner.Add(image.Pt(5, 5))}, image.NewUniform(c), image.Point{}, draw.Src)
	}
	return encodePNG(img)
}

func encodePNG(img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// imageFolder is a folder of n images.
func imageFolder(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		writeFile(t, filepath.Join(dir, imageName(i)), pngImage(i))
	}
	return dir
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var fiveLabels = []string{"ant", "bee", "cat", "dog", "elk"}

// tinyFiles are the files of a model folder around a graph of testdata/models: 8x8 pixels, five classes.
func tinyFiles(t *testing.T, graph string, labels []string) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"net.onnx":     readFile(t, filepath.Join("..", "..", "testdata", "models", graph)),
		"labels.txt":   []byte(strings.Join(labels, "\n") + "\n"),
		"tagbeam.json": []byte(`{"model": "net.onnx", "labels": "labels.txt", "preprocess": "unit"}`),
	}
}

// tinyModel is a model folder.
func tinyModel(t *testing.T, graph string, labels ...string) string {
	t.Helper()
	if labels == nil {
		labels = fiveLabels
	}
	dir := filepath.Join(t.TempDir(), "tiny")
	for name, data := range tinyFiles(t, graph, labels) {
		writeFile(t, filepath.Join(dir, name), data)
	}
	return dir
}

// shared is a path in the folder of test data that is not in git, or skips the test.
func shared(t *testing.T, elem ...string) string {
	t.Helper()
	root := os.Getenv("TAGBEAM_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	path, err := filepath.Abs(filepath.Join(append([]string{root, "data"}, elem...)...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared test data (set TAGBEAM_SHARED): %v", err)
	}
	return path
}

// job is a tag command: what is always the same in the tests of one output.
type job struct {
	input, model, output string
}

// newJob is a job over n made images with the tiny model and an output that is not there yet.
func newJob(t *testing.T, n int) job {
	t.Helper()
	return job{imageFolder(t, n), tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "out")}
}

// args are the command's, and more. One CPU: other tests run at the same time.
func (j job) args(more ...string) []string {
	return append([]string{"tag", "--input", j.input, "--model", j.model, "--output", j.output, "--cpu", "1"}, more...)
}

// store opens a path or URI.
func store(t *testing.T, uri string) (object.Store, object.Location) {
	t.Helper()
	loc, err := object.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	s, err := object.Open(context.Background(), loc)
	if err != nil {
		t.Fatal(err)
	}
	return s, loc
}

// objects are the versions of all objects below a folder of the output, by their names in the output.
func (j job) objects(t *testing.T, folder string) map[string]string {
	t.Helper()
	s, loc := store(t, j.output)
	found := map[string]string{}
	err := s.List(context.Background(), object.ListOptions{Prefix: loc.Join(folder).Key}, func(i object.Info) error {
		found[strings.TrimPrefix(i.Key, strings.TrimSuffix(loc.Key, "/")+"/")] = i.Version
		return nil
	})
	if err != nil && !errors.Is(err, object.ErrNotFound) {
		t.Fatal(err)
	}
	return found
}

// rows are all rows of the table, by (uri, member, run).
func (j job) rows(t *testing.T) []table.Row {
	t.Helper()
	s, loc := store(t, j.output)
	var rows []table.Row
	for name := range j.objects(t, "labels/") {
		if !strings.HasSuffix(name, ".parquet") {
			continue
		}
		data, _, err := s.Read(context.Background(), loc.Join(name).Key, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		part, err := table.ReadRows(bytes.NewReader(data), int64(len(data)), 0, 1<<20)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		rows = append(rows, part...)
	}
	slices.SortFunc(rows, func(a, b table.Row) int {
		return cmp.Or(strings.Compare(a.URI, b.URI), strings.Compare(a.Member, b.Member), cmp.Compare(a.RunID, b.RunID))
	})
	return rows
}

// row is the one row of a run for a file of the input.
func (j job) row(t *testing.T, name string, run int64) table.Row {
	t.Helper()
	for _, r := range j.rows(t) {
		if r.RunID == run && r.URI == strings.TrimSuffix(j.input, "/")+"/"+name {
			return r
		}
	}
	t.Fatalf("no row of %s in run %d", name, run)
	return table.Row{}
}

// wantRuns checks how many rows of each run an image has: wantRuns(t, 1, 1, 2) is run 1 for the first image, runs 1 and 2 for the second...
func (j job) wantRuns(t *testing.T, want map[string][]int64) {
	t.Helper()
	got := map[string][]int64{}
	for _, r := range j.rows(t) {
		name := strings.TrimPrefix(r.URI, strings.TrimSuffix(j.input, "/")+"/")
		got[name] = append(got[name], r.RunID)
	}
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("runs with a row, by image (-want +got):\n%s", diff)
	}
}

// wantEachOnce checks that the table has one row for each of n made images.
func (j job) wantEachOnce(t *testing.T, n int) {
	t.Helper()
	rows := j.rows(t)
	seen := map[string]int{}
	for _, r := range rows {
		seen[filepath.Base(r.URI)]++
		if r.Status != table.StatusOK {
			t.Errorf("%s: %s: %s", r.URI, r.ErrorCode, r.ErrorMessage)
		}
	}
	for i := range n {
		if seen[imageName(i)] != 1 {
			t.Errorf("%s has %d rows, want 1", imageName(i), seen[imageName(i)])
		}
	}
	if len(rows) != n {
		t.Errorf("%d rows, want %d", len(rows), n)
	}
}

// sameRows compares all columns but those that tell runs apart.
func sameRows(t *testing.T, want, got []table.Row) {
	t.Helper()
	if diff := gocmp.Diff(want, got, cmpopts.IgnoreFields(table.Row{}, "RunID", "TaggedAt")); diff != "" {
		t.Errorf("rows differ (-want +got):\n%s", diff)
	}
}

// summarised runs the command with --summary-json and returns both ends.
func summarised(t *testing.T, args ...string) (ended, summary) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "summary.json")
	e := tagbeam(t, append(args, "--summary-json", file)...)
	return e, e.readSummary(file)
}

// readSummary reads a --summary-json file and holds it to the exit code.
func (e ended) readSummary(file string) summary {
	e.t.Helper()
	var s summary
	decoder := json.NewDecoder(bytes.NewReader(readFile(e.t, file)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		e.t.Fatalf("%v\n%s", err, e)
	}
	if s.ExitCode != e.code {
		e.t.Errorf("the summary says exit code %d\n%s", s.ExitCode, e)
	}
	return s
}
