package transforms_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/transforms"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// A run keeps the batch size it began with, whatever this process would choose; one that is given goes before, and is not kept.
func TestTagTakesTheBatchSizeOfTheRun(t *testing.T) {
	model := tiny(t, "nchw.onnx")
	stats := &engine.Shared(twoCPUs).Stats
	batches := func(p *planned, u run.Unit) int64 {
		before := stats.Batches.Load()
		p.tagged(t, u)
		return stats.Batches.Load() - before
	}
	p := plan(t, 7, model)
	if _, err := p.output.ElectSettings(t.Context(), 1, run.Settings{Batch: 2}); err != nil {
		t.Fatal(err)
	}
	if n := batches(p, p.plan.Units()[0]); n != 2 {
		t.Errorf("4 images in %d batches, of 2", n)
	}
	p.tag.Task.Batch = 1
	if n := batches(p, p.plan.Units()[1]); n != 3 {
		t.Errorf("3 images and a text in %d batches, of 1", n)
	}
	if s, err := p.output.Settings(t.Context(), 1); err != nil || s.Batch != 2 {
		t.Errorf("the run's settings are %v, %v", s, err)
	}

	p = plan(t, 3, model)
	p.tag.Task.Batch = 3
	p.tagged(t, p.plan.Units()[0])
	if s, err := p.output.Settings(t.Context(), 1); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("the given batch size was made the run's: %v, %v", s, err)
	}

	p = plan(t, 3, model)
	p.tagged(t, p.plan.Units()[0])
	s, err := p.output.Settings(t.Context(), 1)
	if err != nil || s.Batch < 1 || s.BatchFrom == "" {
		t.Errorf("the chosen batch size is not the run's: %v, %v", s, err)
	}
	// The next run cleans it away, as it does unit files.
	if _, err := p.output.Abandon(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := p.output.Clean(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if _, err := p.output.Settings(t.Context(), 1); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("after the clean-up: %v", err)
	}

	p = plan(t, 3, model)
	object.OpenMem(p.name).Put("out/_runs/000001/settings.json", []byte("{"))
	contains(t, tagUnit(t.Context(), &p.tag, p.plan.Units()[0], func(transforms.Total) {}), "unit 0 of run 1", "settings.json")
}

// Units overlap, and yet each is emitted once, in order, by the bundle that was given it.
func TestTagOverlapsUnits(t *testing.T) {
	p := plan(t, 17, tiny(t, "nchw.onnx"))
	var emitted []int64
	emit := func(got transforms.Total) { emitted = append(emitted, got.Counts.Images) }
	units := p.plan.Units()
	for range 2 { // the second time they are only counted
		p.tag.StartBundle(t.Context(), emit)
		for i, u := range units {
			if err := p.tag.ProcessElement(t.Context(), u, emit); err != nil {
				t.Fatal(err)
			}
			if len(emitted) != i {
				t.Errorf("%d units were emitted when %d had begun", len(emitted), i+1)
			}
		}
		if err := p.tag.FinishBundle(t.Context(), emit); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int64{4, 4, 4, 4, 2}, emitted); diff != "" {
			t.Errorf("images (-want +got):\n%s", diff)
		}
		emitted = nil
	}
}

// The unit that comes after one that failed is given up, and a bundle that was given up says nothing in the next.
func TestTagGivesUpTheUnitAfterAFailure(t *testing.T) {
	p := plan(t, 11, tiny(t, "nchw.onnx"))
	object.OpenMem(p.name).Put("out/_runs/000001/unit-000001.parquet", []byte("PAR1 and no more"))
	var emitted int
	emit := func(transforms.Total) { emitted++ }
	units := p.plan.Units()
	err := p.tag.ProcessElement(t.Context(), units[0], emit)
	for _, u := range units[1:] {
		err = errors.Join(err, p.tag.ProcessElement(t.Context(), u, emit))
	}
	contains(t, err, "unit 1 of run 1")
	if emitted != 1 {
		t.Errorf("%d units were emitted", emitted)
	}
	if err := p.tag.FinishBundle(t.Context(), emit); err != nil || emitted != 1 {
		t.Errorf("the bundle that failed emits: %d, %v", emitted, err)
	}

	if err := p.tag.ProcessElement(t.Context(), units[0], emit); err != nil {
		t.Fatal(err)
	}
	p.tag.StartBundle(t.Context(), emit)
	if err := p.tag.FinishBundle(t.Context(), emit); err != nil || emitted != 1 {
		t.Errorf("a bundle that was given up emits in the next: %d, %v", emitted, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p2 := plan(t, 3, p.tag.Model)
	if err := tagUnit(ctx, &p2.tag, p2.plan.Units()[0], emit); !errors.Is(err, context.Canceled) {
		t.Errorf("a bundle that is cancelled: %v", err)
	}
}
