package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// Nights of one output: everything, then nothing, then what is new.
func TestRunTagsWhatIsNew(t *testing.T) {
	store, o := inMemory(t, 10)
	o.Inputs = append(o.Inputs, strings.Replace(o.Inputs[0], "images", "empty", 1))
	var seen []string
	watch := pipeline.Observer{
		Started:  func(p *run.Plan, resumed bool) { seen = append(seen, fmt.Sprint("started ", p.RunID, " ", resumed)) },
		Finished: func(s *run.Status) { seen = append(seen, fmt.Sprint("finished ", s.Plan.RunID, " ", s.State)) },
	}
	res, err := pipeline.Run(t.Context(), o, watch)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"started 1 false", "finished 1 published"}, seen); diff != "" {
		t.Errorf("the observer was told (-want +got):\n%s", diff)
	}
	if len(res.Runs) != 1 || res.Nothing || res.Stats.New != 10 || res.Runs[0].Manifest.Counts.OK != 10 {
		t.Errorf("the first night: %+v", res)
	}
	if diff := cmp.Diff(o.Inputs[1:], res.Unmatched); diff != "" {
		t.Errorf("unmatched (-want +got):\n%s", diff)
	}

	before := snapshot(t, store)
	if res := mustRun(t, o); !res.Nothing || len(res.Runs) != 0 || res.Stats.Skipped != 10 {
		t.Errorf("the second night: %+v", res)
	}
	if diff := cmp.Diff(before, snapshot(t, store)); diff != "" {
		t.Errorf("a night without anything new changed (-before +after):\n%s", diff)
	}

	addPicture(store, 10)
	addPicture(store, 3) // changed: a new generation
	res = mustRun(t, o)
	if s := res.Stats; s.New != 1 || s.Changed != 1 || s.Skipped != 9 || len(res.Runs) != 1 || res.Runs[0].Plan.RunID != 2 {
		t.Errorf("the third night: %+v", res)
	}
	if n := len(rows(t, o)); n != 12 {
		t.Errorf("the table has %d rows", n)
	}
}

// Plan says what Run would do, and does none of it.
func TestPlanWritesNothing(t *testing.T) {
	store, o := inMemory(t, 10)
	o.Limit = 7
	for _, night := range []struct {
		images  int64
		nothing bool
	}{{7, false}, {3, false}, {0, true}} {
		before := snapshot(t, store)
		res, err := pipeline.Plan(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if res.Stats.Images != night.images || res.Nothing != night.nothing {
			t.Errorf("planned %+v, nothing is %t; expected %+v", res.Stats, res.Nothing, night)
		}
		if diff := cmp.Diff(before, snapshot(t, store)); diff != "" {
			t.Errorf("Plan changed (-before +after):\n%s", diff)
		}
		if got := mustRun(t, o); got.Stats.Images != night.images {
			t.Errorf("%d images were tagged", got.Stats.Images)
		}
	}
}

// The rows are those of the images and the model, whatever runs the graph.
func TestDirectAndPrismMakeTheSameRows(t *testing.T) {
	tables := map[string][]table.Row{}
	_, o := inMemory(t, 40)
	folder, err := filepath.Abs(filepath.Join("..", "testdata", "images"))
	if err != nil {
		t.Fatal(err)
	}
	o.Inputs = append(o.Inputs, folder)
	o.UnitImages, o.MinConfidence = 8, 0.3
	output := o.Output
	for _, runner := range []string{"direct", "prism"} {
		o.Runner, o.Output = runner, output+"-"+runner
		res := mustRun(t, o)
		if res.Runs[0].State != run.StatePublished {
			t.Fatalf("%s: %s", runner, res.Runs[0].State)
		}
		tables[runner] = rows(t, o)
		if diff := cmp.Diff(res.Runs[0].Manifest.Counts, table.CountRows(tables[runner])); diff != "" {
			t.Errorf("%s: the manifest's counts are not the rows' (-manifest +rows):\n%s", runner, diff)
		}
	}
	if diff := cmp.Diff(tables["direct"], tables["prism"], cmpopts.IgnoreFields(table.Row{}, "TaggedAt")); diff != "" {
		t.Errorf("rows differ (-direct +prism):\n%s", diff)
	}
	counts := table.CountRows(tables["direct"])
	if counts.Images != 55 || counts.Failed != 3 || counts.OK == 0 || counts.Abstained == 0 {
		t.Errorf("the comparison says little: %+v", counts)
	}
}

// The direct runner runs one bundle after the other; the engine has all CPUs at work all the same.
func TestDirectUsesAllCPUs(t *testing.T) {
	var large bytes.Buffer
	if err := jpeg.Encode(&large, image.NewGray(image.Rect(0, 0, 1200, 900)), nil); err != nil {
		t.Fatal(err)
	}
	for _, cpu := range []int{1, 2} {
		t.Run(fmt.Sprint(cpu), func(t *testing.T) {
			store, o := inMemory(t, 200)
			for n := range 40 { // long work, so that on a busy machine, too, no worker is done before the other begins
				store.Put(pictureKey(n), large.Bytes())
			}
			o.CPU, o.Batch, o.UnitImages = cpu, 2, 0
			engine.Shared(engine.Config{}).Interrupt() // what follows starts a new engine
			defer func() { engine.Shared(engine.Config{}).Interrupt() }()
			res := mustRun(t, o)
			if n := len(res.Runs[0].Plan.Units()); n != 1 {
				t.Fatalf("%d units: the runner could do them at once", n)
			}
			e := engine.Shared(engine.Config{})
			if e.CPU() != cpu || e.Stats.Peak.Load() != int64(cpu) || e.Stats.Images.Load() != 200 {
				t.Errorf("%d workers; at work at once were %d, on %d images", e.CPU(), e.Stats.Peak.Load(), e.Stats.Images.Load())
			}
		})
	}
}

// An aborted run publishes nothing and is not tried again by the same call.
func TestRunStopsAfterAnAbortedRun(t *testing.T) {
	store, o := inMemory(t, 10)
	store.Put("images/text.png", []byte("no image"))
	o.MaxErrorRatio = 0
	check := func(res *pipeline.Result, resumed bool, want ...run.State) {
		t.Helper()
		if len(res.Runs) != 1 || res.Runs[0].State != run.StateAborted || res.Runs[0].Resumed != resumed {
			t.Errorf("result %+v", res)
		}
		if diff := cmp.Diff(want, states(t, o)); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
		for key := range snapshot(t, store) {
			if strings.HasPrefix(key, "out/labels/") {
				t.Errorf("there is %s", key)
			}
		}
	}
	check(mustRun(t, o), false, run.StateAborted)
	if _, err := pipeline.Run(t.Context(), withJob(t, o, failing), pipeline.Observer{}); !errors.Is(err, errCluster) {
		t.Fatal(err)
	}
	check(mustRun(t, o), true, run.StateAborted, run.StateAborted)
	o.MaxErrorRatio = 1
	if res := mustRun(t, o); res.Runs[0].State != run.StatePublished || res.Stats.New != 11 {
		t.Errorf("the run after aborted ones: %+v", res)
	}
}

// A runner's word is not taken for it, neither way.
func TestRunnersAreNotBelieved(t *testing.T) {
	direct := func(ctx context.Context, p *beam.Pipeline) error {
		_, err := beam.Run(ctx, "direct", p)
		return err
	}
	for name, test := range map[string]struct {
		job    func(context.Context, *beam.Pipeline) error
		says   string // error; empty: none
		warns  string
		states []run.State
	}{
		"success, and nothing done": {
			job:    func(context.Context, *beam.Pipeline) error { return nil },
			says:   "runner fake said that the job of run 1 had succeeded, but the run is not published (it is planned)",
			states: []run.State{run.StatePlanned},
		},
		"failure": {job: failing, says: errCluster.Error(), states: []run.State{run.StatePlanned}},
		"success": {job: direct, states: []run.State{run.StatePublished}},
		"failure, and all done": {
			job:    func(ctx context.Context, p *beam.Pipeline) error { return errors.Join(direct(ctx, p), errCluster) },
			warns:  "run 1 is published, although its job failed here: " + errCluster.Error(),
			states: []run.State{run.StatePublished},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, o := inMemory(t, 5)
			var warnings []string
			res, err := pipeline.Run(t.Context(), withJob(t, o, test.job), pipeline.Observer{Warn: func(m string) { warnings = append(warnings, m) }})
			switch {
			case test.says == "" && err != nil:
				t.Errorf("error %v", err)
			case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
				t.Errorf("error %v; expected %q", err, test.says)
			case test.says != "" && len(res.Runs) != 0:
				t.Errorf("result %+v", res)
			}
			if got := strings.Join(warnings, "; "); got != test.warns {
				t.Errorf("warned %q; expected %q", got, test.warns)
			}
			if diff := cmp.Diff(test.states, states(t, o)); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
		})
	}
}

// Two commands at once make one table.
func TestRivals(t *testing.T) {
	_, o := inMemory(t, 60)
	results := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := pipeline.Run(t.Context(), o, pipeline.Observer{})
			results <- err
		}()
	}
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	seen := map[string]int{}
	for _, r := range rows(t, o) {
		seen[r.URI]++
	}
	want := map[string]int{}
	for i := range 60 {
		want[strings.Replace(o.Inputs[0], "images", pictureKey(i), 1)] = 1
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("rows by image (-want +got):\n%s", diff)
	}
}

// The graph of a run may come again when it is published, and when it is long gone.
func TestTheGraphOfAFinishedRunChangesNothing(t *testing.T) {
	store, o := inMemory(t, 10)
	mustRun(t, o)
	again := func(when string) {
		t.Helper()
		before := snapshot(t, store)
		for _, runner := range []string{"direct", "prism"} {
			p, s := beam.NewPipelineWithRoot()
			pipeline.Tag(s, o, 1)
			if _, err := beam.Run(t.Context(), runner, p); err != nil {
				t.Errorf("%s, on %s: %v", when, runner, err)
			}
		}
		if diff := cmp.Diff(before, snapshot(t, store)); diff != "" {
			t.Errorf("%s the graph changed (-before +after):\n%s", when, diff)
		}
	}
	again("after its run")
	addPicture(store, 10)
	mustRun(t, o)
	for key := range snapshot(t, store) {
		if strings.HasPrefix(key, "out/_runs/000001/unit-") {
			t.Fatalf("%s was not cleaned away", key)
		}
	}
	again("after the next run")
}

// decideOnly tags all units of a run and decides it, as workers do that die then.
func decideOnly(t *testing.T, o pipeline.Options, runID int64) {
	t.Helper()
	out := open(t, o)
	plan, err := out.Plan(t.Context(), runID)
	if err != nil {
		t.Fatal(err)
	}
	total := transforms.Total{}
	for _, u := range plan.Units() {
		counts, err := tagUnit(t.Context(), o, runID, u)
		if err != nil {
			t.Fatal(err)
		}
		total.Units++
		total.Counts.Add(counts)
	}
	decide := transforms.Decide{Run: transforms.Run{Output: o.Output, RunID: runID}, MaxErrorRatio: o.MaxErrorRatio}
	if err := decide.ProcessElement(t.Context(), total, func(run.Part) {}); err != nil {
		t.Fatal(err)
	}
}

// planOnly plans a run as a command does that is killed then.
func planOnly(t *testing.T, o pipeline.Options) *run.Plan {
	t.Helper()
	plan, err := pipeline.Prepare(t.Context(), o)
	if err != nil || plan == nil {
		t.Fatal(plan, err)
	}
	return plan
}
