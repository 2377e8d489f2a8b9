package pipeline_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

func TestMain(m *testing.M) {
	flag.Parse()
	beam.Init()
	beamlog.SetLogger(&beamlog.Standard{Level: beamlog.SevError})
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // prism's
	if _, err := onnx.Find(""); err != nil && os.Getenv("CI") == "" {
		flag.Set("test.skip", "^Example") // the tests skip themselves
	}
	beam.RegisterRunner("fake", func(ctx context.Context, p *beam.Pipeline) (beam.PipelineResult, error) { return nil, fakeJob(ctx, p) })
	pipeline.Runners = append(pipeline.Runners, "fake")
	os.Exit(m.Run())
}

// fakeJob is what the runner named fake does.
var fakeJob func(ctx context.Context, p *beam.Pipeline) error

// errCluster is how a job of a fake runner fails.
var errCluster = errors.New("the cluster has burned down")

// withJob is o on a runner that does this.
func withJob(t *testing.T, o pipeline.Options, job func(ctx context.Context, p *beam.Pipeline) error) pipeline.Options {
	fakeJob = job
	t.Cleanup(func() { fakeJob = nil })
	o.Runner = "fake"
	return o
}

// failing is a job that fails before it has done anything.
func failing(context.Context, *beam.Pipeline) error { return errCluster }

// tiny is a model of testdata/models: 8x8 RGB, five classes.
func tiny(t testing.TB) engine.ModelRef {
	t.Helper()
	if _, err := onnx.Find(""); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return engine.ModelRef{
		URI: filepath.Join("..", "testdata", "models", "softmax.onnx"), Labels: []string{"ant", "bee", "cat", "dog", "elk"}, Preprocess: "unit",
	}
}

// inMemory are options to tag n pictures of a memory store, by units of 4, into an output of the same store.
func inMemory(t *testing.T, n int) (*object.Mem, pipeline.Options) {
	t.Helper()
	o := pipeline.DefaultOptions()
	o.Model = tiny(t)
	name := rand.Text() // also when a test is repeated
	o.Inputs = []string{"mem://" + name + "/images"}
	o.Output = "mem://" + name + "/out"
	o.CPU, o.UnitImages = 2, 4
	o.Command = []string{"tagbeam", "tag", "--input", "my images"}
	store := object.OpenMem(name)
	for i := range n {
		addPicture(store, i)
	}
	return store, o
}

func addPicture(store *object.Mem, n int) { store.Put(pictureKey(n), picture(n)) }

func pictureKey(n int) string { return fmt.Sprintf("images/%04d.png", n) }

// picture is a PNG whose colours depend on n.
func picture(n int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 16, 12))
	for y := range 12 {
		for x := range 16 {
			img.SetRGBA(x, y, color.RGBA{uint8(n * 7 % 200), uint8((x*9 + n*31) % 200), uint8((y*13 + n*3) % 200), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func mustRun(t *testing.T, o pipeline.Options) *pipeline.Result {
	t.Helper()
	res, err := pipeline.Run(t.Context(), o, pipeline.Observer{})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func open(t *testing.T, o pipeline.Options) *run.Output {
	t.Helper()
	out, err := run.Open(t.Context(), o.Output)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// states are the states of all runs of the output.
func states(t *testing.T, o pipeline.Options) []run.State {
	t.Helper()
	runs, err := open(t, o).Runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := []run.State{}
	for _, r := range runs {
		all = append(all, r.State)
	}
	return all
}

// rows reads the whole table, run by run, in the order of its files.
func rows(t *testing.T, o pipeline.Options) []table.Row {
	t.Helper()
	runs, err := open(t, o).Runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []table.Row
	for _, r := range runs {
		if r.Manifest == nil {
			continue
		}
		for _, part := range r.Manifest.Parts {
			data := read(t, o, part.Path)
			rows, err := table.ReadRows(bytes.NewReader(data), int64(len(data)), 0, int(part.Rows)+1)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, rows...)
		}
	}
	return all
}

// read reads an object below OUTPUT.
func read(t *testing.T, o pipeline.Options, path string) []byte {
	t.Helper()
	loc, err := object.Parse(o.Output)
	if err != nil {
		t.Fatal(err)
	}
	store, err := object.Open(t.Context(), loc)
	if err != nil {
		t.Fatal(err)
	}
	data, _, err := store.Read(t.Context(), loc.Join(path).Key, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// snapshot is every object of the output with its generation, which any write changes.
func snapshot(t *testing.T, store *object.Mem) map[string]string {
	t.Helper()
	versions := map[string]string{}
	err := store.List(t.Context(), object.ListOptions{Prefix: "out/"}, func(i object.Info) error {
		versions[i.Key] = i.Version
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return versions
}

// tagUnit tags one unit of a run as a worker does.
func tagUnit(ctx context.Context, o pipeline.Options, runID int64, u run.Unit) (table.Counts, error) {
	tag := transforms.Tag{
		Run: transforms.Run{Output: o.Output, RunID: runID}, Engine: engine.Config{CPU: o.CPU}, Model: o.Model,
		Rows: transforms.RowOptions{TopK: o.TopK}, Task: transforms.TaskOptions{Limits: o.Limits},
	}
	var counts table.Counts
	emit := func(t transforms.Total) { counts = t.Counts }
	err := tag.ProcessElement(ctx, u, emit)
	if err == nil {
		err = tag.FinishBundle(ctx, emit)
	}
	return counts, err
}
