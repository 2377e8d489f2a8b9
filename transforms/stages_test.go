package transforms_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/transforms"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

func init() {
	beam.RegisterFunction(numberAndState)
}

func numberAndState(id int64, state string) string { return fmt.Sprint(id, " ", state) }

// planned is a run of an output in memory, and the stages that work on it.
type planned struct {
	name   string // of the store
	output *run.Output
	plan   *run.Plan

	units   transforms.Units
	tag     transforms.Tag
	decide  transforms.Decide
	compact transforms.Compact
	publish transforms.Publish
}

// plan puts n pictures and a text into a memory store and plans to tag them by units of 4.
func plan(t *testing.T, n int, model engine.ModelRef) *planned {
	t.Helper()
	name := rand.Text() // also when a test is repeated
	store := object.OpenMem(name)
	for _, p := range pictures(n) {
		store.Put("images/"+p.URI+".png", p.Bytes)
	}
	store.Put("images/text.jpg", []byte("no image"))
	return nextPlan(t, name, model)
}

// nextPlan plans the next run of the output.
func nextPlan(t *testing.T, name string, model engine.ModelRef) *planned {
	t.Helper()
	ctx := t.Context()
	images, err := source.Open(ctx, []string{"mem://" + name + "/images"}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := engine.LoadBundle(ctx, model)
	if err != nil {
		t.Fatal(err)
	}
	p := &planned{name: name}
	if p.output, err = run.Open(ctx, "mem://"+name+"/out"); err != nil {
		t.Fatal(err)
	}
	latest, err := p.output.Latest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	id := int64(1)
	if latest != nil {
		id = latest.Plan.RunID + 1
	}
	p.plan, _, err = p.output.PlanNext(ctx, id, run.PlanRequest{
		Source: images.Each, Model: bundle.Name, ModelDigest: bundle.Digest, Fingerprint: "f", UnitImages: 4, PartRows: 8,
	})
	if err != nil || p.plan == nil {
		t.Fatal(p.plan, err)
	}
	r := transforms.Run{Output: p.output.URI(), RunID: id}
	p.units, p.compact, p.publish = transforms.Units{Run: r}, transforms.Compact{Run: r}, transforms.Publish{Run: r}
	p.tag = transforms.Tag{Run: r, Engine: twoCPUs, Model: model, Rows: transforms.RowOptions{TopK: 2},
		Task: transforms.TaskOptions{Limits: preprocess.Limits{MaxBytes: 1 << 20, MaxPixels: 1 << 20}}}
	p.decide = transforms.Decide{Run: r, MaxErrorRatio: 1}
	return p
}

// Each stage gets a copy: an instance keeps what it has opened.
func (p *planned) tagged(t *testing.T, u run.Unit) transforms.Total {
	t.Helper()
	tag, total := p.tag, transforms.Total{}
	if err := tagUnit(t.Context(), &tag, u, func(got transforms.Total) { total = got }); err != nil {
		t.Fatal(err)
	}
	return total
}

// tagUnit runs a bundle of one unit.
func tagUnit(ctx context.Context, tag *transforms.Tag, u run.Unit, emit func(transforms.Total)) error {
	tag.StartBundle(ctx, emit)
	if err := tag.ProcessElement(ctx, u, emit); err != nil {
		return err
	}
	return tag.FinishBundle(ctx, emit)
}

// all makes every stage of the run, in order, and returns the part files.
func (p *planned) all(t *testing.T) []run.PublishedPart {
	t.Helper()
	ctx := t.Context()
	var sum transforms.Total
	for _, u := range p.plan.Units() {
		total := p.tagged(t, u)
		sum.Units += total.Units
		sum.Counts.Add(total.Counts)
	}
	decide, compact, publish := p.decide, p.compact, p.publish
	var parts []run.Part
	if err := decide.ProcessElement(ctx, sum, func(part run.Part) { parts = append(parts, part) }); err != nil {
		t.Fatal(err)
	}
	var published []run.PublishedPart
	for _, part := range parts {
		if err := compact.ProcessElement(ctx, part, func(_ int64, p run.PublishedPart) { published = append(published, p) }); err != nil {
			t.Fatal(err)
		}
	}
	if len(parts) > 0 {
		if err := publish.ProcessElement(ctx, p.plan.RunID, each(published), func(int64, string) {}); err != nil {
			t.Fatal(err)
		}
	}
	return published
}

// each is an iterator as Beam gives it to a DoFn.
func each[T any](all []T) func(*T) bool {
	return func(next *T) bool {
		if len(all) == 0 {
			return false
		}
		*next, all = all[0], all[1:]
		return true
	}
}

// snapshot is every object below OUTPUT with its generation, which any write changes.
func (p *planned) snapshot(t *testing.T) map[string]string {
	t.Helper()
	versions := map[string]string{}
	err := object.OpenMem(p.name).List(t.Context(), object.ListOptions{Prefix: "out/"}, func(i object.Info) error {
		versions[i.Key] = i.Version
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return versions
}

// Each stage on its own, in the order of a run, in a pipeline.
func TestStages(t *testing.T) {
	model := tiny(t, "nchw.onnx")
	eachRunner(t, func(t *testing.T, runner string) {
		p := plan(t, 17, model) // 18 images: units of 4, 4, 4, 4, 2; parts of 8, 8, 2 rows
		units := p.plan.Units()
		if len(units) != 5 || len(p.plan.Parts) != 3 {
			t.Fatalf("%d units, %d parts", len(units), len(p.plan.Parts))
		}
		mustExecute(t, runner, func(s beam.Scope) {
			passert.EqualsList(s, beam.ParDo(s, &p.units, beam.Impulse(s)), units)
		})

		res := mustExecute(t, runner, func(s beam.Scope) {
			passert.Count(s, beam.ParDo(s, &p.tag, beam.CreateList(s, units)), "totals", 5)
		})
		got := map[string]int64{}
		for _, name := range []string{"units_tagged", "units_adopted", "images", "images_failed"} {
			got[name] = counter(res, name)
		}
		if diff := cmp.Diff(map[string]int64{"units_tagged": 5, "units_adopted": 0, "images": 18, "images_failed": 1}, got); diff != "" {
			t.Errorf("counters (-want +got):\n%s", diff)
		}

		var totals []transforms.Total
		var sum transforms.Total
		for _, u := range units {
			counts, err := p.output.UnitCounts(t.Context(), 1, u)
			if err != nil {
				t.Fatal(err)
			}
			totals = append(totals, transforms.Total{Units: 1, Counts: counts})
			sum.Units++
			sum.Counts.Add(counts)
		}
		if sum.Counts.Images != 18 || sum.Counts.OK != 17 || sum.Counts.Errors["unsupported_format"] != 1 {
			t.Errorf("the unit files hold %+v", sum.Counts)
		}
		before := p.snapshot(t)
		res = mustExecute(t, runner, func(s beam.Scope) {
			again := beam.ParDo(s, &p.tag, beam.CreateList(s, units))
			passert.EqualsList(s, again, totals)
			passert.Equals(s, transforms.Sum(s, again), sum)
		})
		if n := counter(res, "units_adopted"); n != 5 {
			t.Errorf("%d of 5 units with a file were adopted", n)
		}
		if diff := cmp.Diff(before, p.snapshot(t)); diff != "" {
			t.Errorf("tagging again changed (-before +after):\n%s", diff)
		}

		mustExecute(t, runner, func(s beam.Scope) {
			passert.EqualsList(s, beam.ParDo(s, &p.decide, beam.Create(s, sum)), p.plan.Parts)
		})
		mustExecute(t, runner, func(s beam.Scope) {
			parts := beam.ParDo(s, &p.compact, beam.CreateList(s, p.plan.Parts))
			states := beam.ParDo(s, &p.publish, beam.GroupByKey(s, parts))
			passert.Equals(s, beam.ParDo(s, numberAndState, states), "1 published")
		})
		status, err := p.output.Status(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		var rows []int64
		for _, part := range status.Manifest.Parts {
			rows = append(rows, part.Rows)
		}
		if diff := cmp.Diff([]int64{8, 8, 2}, rows); diff != "" || status.State != run.StatePublished {
			t.Errorf("the run is %s; rows of its parts (-want +got):\n%s", status.State, diff)
		}
	})
}

// A decision to abort makes no part.
func TestDecideAborts(t *testing.T) {
	p := plan(t, 3, tiny(t, "nchw.onnx"))
	p.decide.MaxErrorRatio = 0.2
	if parts := p.all(t); len(parts) != 0 {
		t.Errorf("parts %v", parts)
	}
	status, err := p.output.Status(t.Context(), 1)
	if err != nil || status.State != run.StateAborted {
		t.Fatal(status.State, err)
	}
	contains(t, errors.New(status.Decision.Reason), "1 of 4 images failed", "unsupported_format")
}

// Bundles that come again when the run is published, or long gone, change nothing and do not fail.
func TestStragglersChangeNothing(t *testing.T) {
	model := tiny(t, "nchw.onnx")
	for name, ratio := range map[string]float64{"of a published run": 1, "of an aborted run": 0} {
		t.Run(name, func(t *testing.T) {
			old := plan(t, 9, model)
			old.decide.MaxErrorRatio = ratio
			parts := old.all(t)
			again := func(when string) {
				t.Helper()
				before := old.snapshot(t)
				if diff := cmp.Diff(parts, old.all(t)); diff != "" {
					t.Errorf("%s other parts were published (-want +got):\n%s", when, diff)
				}
				if diff := cmp.Diff(before, old.snapshot(t)); diff != "" {
					t.Errorf("%s stragglers changed (-before +after):\n%s", when, diff)
				}
			}
			again("after the run")

			object.OpenMem(old.name).Put("images/new.png", pictures(11)[10].Bytes)
			next := nextPlan(t, old.name, model)
			if err := next.output.Clean(t.Context(), 2); err != nil {
				t.Fatal(err)
			}
			for key := range old.snapshot(t) {
				if strings.HasPrefix(key, "out/_runs/000001/unit-") {
					t.Fatalf("%s is not cleaned away", key)
				}
			}
			again("after its files were cleaned away,")
			next.all(t)
			again("after the next run")
		})
	}
}

// A unit whose run is closed, and cleaned away, while its model is being loaded is a straggler as well.
func TestTagOfARunThatIsClosedMeanwhile(t *testing.T) {
	model := tiny(t, "nchw.onnx")
	graph, err := os.ReadFile(model.URI)
	if err != nil {
		t.Fatal(err)
	}
	gs := objecttest.StartGS(t, "models")
	gs.Put(fakestorage.ObjectAttrs{BucketName: "models", Name: "tiny.onnx"}, graph)
	model.URI = "gs://models/tiny.onnx"
	p := plan(t, 3, model)
	var before map[string]string
	closeRun := sync.OnceFunc(func() {
		if _, err := p.output.Abandon(context.Background(), 1); err != nil {
			t.Error(err)
		}
		if err := p.output.Clean(context.Background(), 2); err != nil {
			t.Error(err)
		}
		before = p.snapshot(t)
	})
	gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		closeRun()
		next.ServeHTTP(w, r)
	})
	got := p.tagged(t, p.plan.Units()[0])
	if diff := cmp.Diff(transforms.Total{Units: 1, Counts: table.Counts{Images: 4}}, got); diff != "" {
		t.Errorf("total (-want +got):\n%s", diff)
	}
	if before == nil {
		t.Error("the model was not loaded, so nothing was closed meanwhile")
	}
	if diff := cmp.Diff(before, p.snapshot(t)); diff != "" {
		t.Errorf("the straggler changed (-before +after):\n%s", diff)
	}
}

// A run that was given up is not worked on any more, although its files are still there.
func TestTagOfAnAbandonedRun(t *testing.T) {
	p := plan(t, 3, tiny(t, "nchw.onnx"))
	if _, err := p.output.Abandon(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	before := p.snapshot(t)
	p.tagged(t, p.plan.Units()[0])
	if diff := cmp.Diff(before, p.snapshot(t)); diff != "" {
		t.Errorf("the straggler changed (-before +after):\n%s", diff)
	}
}

// stages calls each stage of a run with an element of its own.
func (p *planned) stages(ctx context.Context) map[string]func() error {
	p2 := *p // instances of their own
	return map[string]func() error{
		"Units": func() error { return p2.units.ProcessElement(ctx, nil, func(run.Unit) {}) },
		"Tag":   func() error { return tagUnit(ctx, &p2.tag, p.plan.Units()[0], func(transforms.Total) {}) },
		"Decide": func() error {
			return p2.decide.ProcessElement(ctx, transforms.Total{Units: 1}, func(run.Part) {})
		},
		"Compact": func() error {
			return p2.compact.ProcessElement(ctx, p.plan.Parts[0], func(int64, run.PublishedPart) {})
		},
		"Publish": func() error {
			return p2.publish.ProcessElement(ctx, 1, each([]run.PublishedPart{}), func(int64, string) {})
		},
	}
}

func (p *planned) setRun(r transforms.Run) {
	p.units.Run, p.tag.Run, p.decide.Run, p.compact.Run, p.publish.Run = r, r, r, r, r
}

// The stages of a run end with their caller's context, and those of another run do not.
func TestStagesEndWithTheirCaller(t *testing.T) {
	p := plan(t, 3, tiny(t, "nchw.onnx"))
	plain := p.units.Run
	cause := errors.New("the caller has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	stopped, release := plain.Within(ctx)
	p.setRun(stopped)
	for name, stage := range p.stages(t.Context()) {
		if err := stage(); !errors.Is(err, cause) && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other, releaseOther := plain.Within(t.Context())
	defer releaseOther()
	p.setRun(other)
	if err := p.stages(t.Context())["Tag"](); err != nil {
		t.Errorf("Tag of another caller: %v", err)
	}
	release()
	p.setRun(stopped)
	if err := p.stages(t.Context())["Tag"](); err != nil {
		t.Errorf("Tag after the caller's release: %v", err)
	}
}

func TestStageErrors(t *testing.T) {
	model := tiny(t, "nchw.onnx")
	tests := []struct {
		name  string
		spoil func(p *planned)
		stage string
		says  []string
	}{
		{"no such run", func(p *planned) { p.setRun(transforms.Run{Output: p.output.URI(), RunID: 7}) }, "Units", []string{"plan of run 7"}},
		{"no such output", func(p *planned) { p.setRun(transforms.Run{Output: "ftp://x/y", RunID: 1}) }, "Units", []string{"ftp"}},
		{"no such output", func(p *planned) { p.setRun(transforms.Run{Output: "ftp://x/y", RunID: 1}) }, "Tag", []string{"ftp"}},
		{"no such output", func(p *planned) { p.setRun(transforms.Run{Output: "ftp://x/y", RunID: 1}) }, "Decide", []string{"ftp"}},
		{"no such output", func(p *planned) { p.setRun(transforms.Run{Output: "ftp://x/y", RunID: 1}) }, "Compact", []string{"ftp"}},
		{"no such output", func(p *planned) { p.setRun(transforms.Run{Output: "ftp://x/y", RunID: 1}) }, "Publish", []string{"ftp"}},
		{"no model", func(p *planned) { p.tag.Model.URI = "models/not-there" }, "Tag", []string{"unit 0 of run 1", "models/not-there"}},
		{"another model", func(p *planned) { p.tag.Model.Labels = []string{"1", "2", "3", "4", "5"} }, "Tag",
			[]string{"unit 0 of run 1", "has changed since the run was planned", "sha256:", "--abandon"}},
		{"no top-k", func(p *planned) { p.tag.Rows.TopK = 0 }, "Tag", []string{"unit 0 of run 1", "top-k"}},
		{"units missing", func(*planned) {}, "Decide", []string{"run 1: 1 units", "planned are 1 with 4"}},
		{"not decided", func(*planned) {}, "Compact", []string{"run 1", "decided to commit"}},
		{"not decided", func(*planned) {}, "Publish", []string{"run 1", "decided to commit"}},
	}
	for _, test := range tests {
		t.Run(test.stage+" "+test.name, func(t *testing.T) {
			p := plan(t, 3, model)
			test.spoil(p)
			contains(t, p.stages(t.Context())[test.stage](), test.says...)
		})
	}
	t.Run("damaged unit file", func(t *testing.T) {
		p := plan(t, 3, model)
		object.OpenMem(p.name).Put("out/_runs/000001/unit-000000.parquet", []byte("PAR1 and no more"))
		contains(t, p.stages(t.Context())["Tag"](), "unit 0 of run 1", "unit-000000.parquet")
	})
}

// Stages of a run that was removed and planned anew, in the same process, go by the new plan.
func TestStagesDoNotRememberRemovedRuns(t *testing.T) {
	model := tiny(t, "nchw.onnx")
	old := plan(t, 3, model)
	old.all(t)
	store := object.OpenMem(old.name)
	for key := range old.snapshot(t) {
		if err := store.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	store.Put("images/new.png", pictures(4)[3].Bytes)
	p := nextPlan(t, old.name, model)
	rows := int64(0)
	for _, part := range p.all(t) {
		rows += part.Rows
	}
	if rows != 5 {
		t.Errorf("%d rows of 5 images", rows)
	}
}
