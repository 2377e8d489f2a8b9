package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/pipeline"
)

// A run whose command died is gone on with: what is tagged stays as it is.
func TestRunResumesAnOpenRun(t *testing.T) {
	store, o := inMemory(t, 10)
	_, err := pipeline.Run(t.Context(), withJob(t, o, func(ctx context.Context, _ *beam.Pipeline) error {
		plan, err := open(t, o).Plan(ctx, 1)
		if err != nil {
			return err
		}
		if _, err := tagUnit(ctx, o, 1, plan.Units()[0]); err != nil {
			return err
		}
		return errCluster
	}), pipeline.Observer{})
	if !errors.Is(err, errCluster) {
		t.Fatal(err)
	}
	unit := "out/_runs/000001/unit-000000.parquet"
	before, ok := snapshot(t, store)[unit]
	if !ok {
		t.Fatal("the first unit was not tagged")
	}
	addPicture(store, 10) // is for the next run
	var started []bool
	res, err := pipeline.Run(t.Context(), o, pipeline.Observer{Started: func(p *run.Plan, resumed bool) {
		started = append(started, resumed)
		if after := snapshot(t, store)[unit]; p.RunID == 2 && after != "" {
			t.Errorf("%s was not cleaned away when the next run was planned", unit)
		}
	}, Finished: func(s *run.Status) {
		if after := snapshot(t, store)[unit]; s.Plan.RunID == 1 && after != before {
			t.Errorf("%s was written again", unit)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Runs) != 2 || !res.Runs[0].Resumed || res.Runs[1].Resumed || res.Runs[1].Plan.Images != 1 || res.Nothing {
		t.Errorf("result %+v", res)
	}
	if diff := cmp.Diff([]bool{true, false}, started); diff != "" {
		t.Errorf("started (-want +got):\n%s", diff)
	}
	if n := len(rows(t, o)); n != 11 {
		t.Errorf("%d rows", n)
	}
}

// An open run of other options stops the command, which then names both ways out.
func TestOpenRunError(t *testing.T) {
	_, o := inMemory(t, 10)
	planOnly(t, o)
	o.TopK, o.MinConfidence, o.Command = 3, 0.5, nil
	for name, do := range map[string]func() error{
		"Run":     func() error { _, err := pipeline.Run(t.Context(), o, pipeline.Observer{}); return err },
		"Prepare": func() error { _, err := pipeline.Prepare(t.Context(), o); return err },
	} {
		err := do()
		var usage *pipeline.UsageError
		var other *pipeline.OpenRunError
		if !errors.As(err, &usage) || !errors.As(err, &other) {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff([]string{"--min-confidence: 0 there, 0.5 here", "--top-k: 5 there, 3 here"}, other.Differ); diff != "" {
			t.Errorf("%s: options that differ (-want +got):\n%s", name, diff)
		}
		for _, want := range []string{"run 1 of " + o.Output, "--top-k: 5 there, 3 here", "tagbeam tag --input 'my images'", "--abandon"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the message does not say %q:\n%v", name, want, err)
			}
		}
	}
	if diff := cmp.Diff([]run.State{run.StatePlanned}, states(t, o)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if res, err := pipeline.Plan(t.Context(), o); err != nil || res.Stats.New != 10 {
		t.Errorf("Plan beside an open run: %+v, %v", res, err)
	}
}

func TestAbandon(t *testing.T) {
	_, o := inMemory(t, 10)
	planOnly(t, o)
	o.TopK, o.Abandon = 3, true
	var warnings []string
	watch := pipeline.Observer{Warn: func(m string) { warnings = append(warnings, m) }}
	res, err := pipeline.Run(t.Context(), o, watch)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Runs) != 1 || res.Runs[0].Plan.RunID != 2 || res.Stats.New != 10 {
		t.Errorf("result %+v", res)
	}
	if diff := cmp.Diff([]run.State{run.StateAborted, run.StatePublished}, states(t, o)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"run 1 given up (--abandon): its images are new again"}, warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	// With the same options --abandon has nothing to give up.
	_, o = inMemory(t, 10)
	o.Output += "2"
	planOnly(t, o)
	o.Abandon = true
	if res := mustRun(t, o); !res.Runs[0].Resumed || res.Runs[0].State != run.StatePublished {
		t.Errorf("result %+v", res)
	}
}

// What is decided to commit is finished, with any options, --abandon or not.
func TestACommittedRunIsFinishedFirst(t *testing.T) {
	for name, abandon := range map[string]bool{"abandon": true, "plain": false} {
		t.Run(name, func(t *testing.T) {
			store, o := inMemory(t, 10)
			planOnly(t, o)
			decideOnly(t, o, 1)
			addPicture(store, 10)
			o.TopK, o.Abandon = 3, abandon
			res := mustRun(t, o)
			if len(res.Runs) != 2 || !res.Runs[0].Resumed || res.Runs[1].Plan.Images != 1 {
				t.Fatalf("result %+v", res)
			}
			all := rows(t, o)
			if len(all) != 11 || len(all[0].TopK) != 5 || len(all[10].TopK) != 3 {
				t.Errorf("%d rows; the first has %d classes, the last %d", len(all), len(all[0].TopK), len(all[len(all)-1].TopK))
			}
		})
	}
}

// --abandon comes too late when a worker decides to commit between our look at the run and our decision.
func TestAbandonThatComesTooLate(t *testing.T) {
	_, o := inMemory(t, 10)
	planOnly(t, o)
	stale, err := open(t, o).Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	decideOnly(t, o, 1)
	o.TopK, o.Abandon = 3, true
	var warnings []string
	gone, err := pipeline.GiveUp(t.Context(), o, stale, pipeline.Observer{Warn: func(m string) { warnings = append(warnings, m) }})
	if gone || err != nil {
		t.Errorf("gone is %t, %v", gone, err)
	}
	if diff := cmp.Diff([]string{"run 1 was decided to commit before it could be given up: it is finished first"}, warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// The limit is for one call of Run: what it resumes counts.
func TestLimitCountsWhatIsResumed(t *testing.T) {
	for _, test := range []struct {
		name           string
		before, after  int // images when the open run was planned, and now
		resumed, fresh int64
	}{
		{"used up", 10, 10, 4, 0},
		{"left over", 3, 10, 3, 1},
		{"nothing to plan", 3, 3, 3, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			store, o := inMemory(t, test.before)
			o.Limit = 4
			planOnly(t, o)
			for i := test.before; i < test.after; i++ {
				addPicture(store, i)
			}
			res := mustRun(t, o)
			var resumed, fresh int64
			for _, r := range res.Runs {
				if r.Resumed {
					resumed += r.Plan.Images
				} else {
					fresh += r.Plan.Images
				}
			}
			if resumed != test.resumed || fresh != test.fresh || res.Stats.Images != test.fresh {
				t.Errorf("resumed %d images, tagged %d, planned %d; expected %+v", resumed, fresh, res.Stats.Images, test)
			}
			if want := test.resumed + test.fresh; int64(len(rows(t, o))) != want {
				t.Errorf("%d rows, expected %d", len(rows(t, o)), want)
			}
		})
	}
}

// Prepare gives the run to be worked on, the same one until it is done.
func TestPrepare(t *testing.T) {
	_, o := inMemory(t, 10)
	first, second := planOnly(t, o), planOnly(t, o)
	if first.RunID != 1 || first.Attempt != second.Attempt || first.Images != 10 {
		t.Errorf("prepared run %d, then run %d", first.RunID, second.RunID)
	}
	for _, runner := range []string{"direct", "prism"} {
		p, s := beam.NewPipelineWithRoot()
		pipeline.Tag(s, o, first.RunID)
		if _, err := beam.Run(t.Context(), runner, p); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]run.State{run.StatePublished}, states(t, o)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if plan, err := pipeline.Prepare(t.Context(), o); plan != nil || err != nil {
		t.Errorf("prepared %v, %v although nothing is new", plan, err)
	}
}
