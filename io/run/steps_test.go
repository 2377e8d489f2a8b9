package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
)

// planned returns an output with one planned run.
func planned(t *testing.T, c command) (*object.Mem, *Output, *Plan) {
	t.Helper()
	mem := newMem(t)
	o := New(guarded(t, mem), outputAt)
	plan, _, err := o.PlanNext(context.Background(), 1, c.req)
	if err != nil {
		t.Fatal(err)
	}
	return mem, o, plan
}

// tagged tags all units of a plan.
func tagged(t *testing.T, c command, o *Output, plan *Plan) table.Counts {
	t.Helper()
	var total table.Counts
	for _, u := range plan.Units() {
		counts, err := c.tag(context.Background(), o, plan, u)
		if err != nil {
			t.Fatal(err)
		}
		total.Add(counts)
	}
	return total
}

func TestDecide(t *testing.T) {
	errors := map[string]int64{"truncated": 8, "not_found": 2, "a": 1, "b": 1}
	for _, tc := range []struct {
		failed int64
		ratio  float64
		errors map[string]int64
		commit bool
		reason string
	}{
		{0, 0, nil, true, ""},
		{1, 0, map[string]int64{"too_large": 1}, false, "1 of 20 images failed (5.0 %), more than --max-error-ratio 0; most frequent: too_large 1"},
		{12, 0.5, errors, false, "12 of 20 images failed (60.0 %), more than --max-error-ratio 0.5; most frequent: truncated 8, not_found 2, a 1"},
		{10, 0.5, errors, true, ""},
		{14, 0.7, errors, true, ""},
		{20, 1, errors, true, ""},
	} {
		t.Run(fmt.Sprint(tc.failed, tc.ratio), func(t *testing.T) {
			_, o, plan := planned(t, newCommand(numbered(20, "1")))
			total := table.Counts{Images: 20, OK: 20 - tc.failed, Failed: tc.failed, Errors: tc.errors}
			d, err := o.Decide(context.Background(), plan, total, len(plan.Units()), tc.ratio)
			if err != nil || d.Commit != tc.commit || d.Reason != tc.reason {
				t.Errorf("%+v, error %v", d, err)
			}
			// Whatever comes later, it stays.
			again, err := o.Decide(context.Background(), plan, table.Counts{Images: 1}, 1, 1)
			if diff := cmp.Diff(d, again); diff != "" || err != nil {
				t.Errorf("decided twice (error %v; -first +second):\n%s", err, diff)
			}
		})
	}
}

func TestDecideNeedsAll(t *testing.T) {
	_, o, plan := planned(t, newCommand(numbered(20, "1")))
	for _, tc := range []struct{ images, units int }{{19, 7}, {20, 6}, {21, 7}, {20, 8}} {
		_, err := o.Decide(context.Background(), plan, table.Counts{Images: int64(tc.images)}, tc.units, 1)
		if err == nil || !strings.Contains(err.Error(), "planned are 7 with 20") {
			t.Errorf("%+v: error %v", tc, err)
		}
	}
	if state, err := o.Closed(context.Background(), 1); err != nil || state != StatePlanned {
		t.Errorf("state %v, error %v", state, err)
	}
}

func TestAbandon(t *testing.T) {
	ctx := context.Background()
	c := newCommand(numbered(5, "1"))
	t.Run("before the decision", func(t *testing.T) {
		mem, o, plan := planned(t, c)
		total := tagged(t, c, o, plan)
		d, err := o.Abandon(ctx, 1)
		if err != nil || d.Commit || d.Reason != "abandoned" {
			t.Fatalf("%+v, %v", d, err)
		}
		// A straggler decides nothing any more, and writes nothing to the table.
		if d, err := o.Decide(ctx, plan, total, len(plan.Units()), 1); err != nil || d.Commit {
			t.Errorf("%+v, %v", d, err)
		}
		if _, err := o.PutPart(ctx, plan, plan.Parts[0]); err == nil || !strings.Contains(err.Error(), "before the run is decided to commit") {
			t.Errorf("part: %v", err)
		}
		if _, err := o.Publish(ctx, plan, nil); err == nil {
			t.Error("published")
		}
		if s, err := o.Latest(ctx); err != nil || s.State != StateAborted || s.Decision.Reason != "abandoned" {
			t.Errorf("%+v, %v", s, err)
		}
		if n := mustNight(t, o, c); n != 5 {
			t.Errorf("%d images planned, want all 5", n)
		}
		if left := keys(t, mem, root+"_runs/000001/"); len(left) != 2 {
			t.Errorf("left of the aborted run: %q", left)
		}
	})
	t.Run("after a commit", func(t *testing.T) {
		_, o, plan := planned(t, c)
		if _, err := o.Decide(ctx, plan, tagged(t, c, o, plan), len(plan.Units()), 1); err != nil {
			t.Fatal(err)
		}
		if d, err := o.Abandon(ctx, 1); err != nil || !d.Commit {
			t.Errorf("%+v, %v", d, err)
		}
	})
	t.Run("no such run", func(t *testing.T) {
		if _, err := New(newMem(t), outputAt).Abandon(ctx, 3); !errors.Is(err, object.ErrNotFound) {
			t.Errorf("error %v", err)
		}
	})
}

func TestPutUnit(t *testing.T) {
	ctx := context.Background()
	c := newCommand(numbered(5, "1"))
	mem, o, plan := planned(t, c)
	u := plan.Units()[0]
	items, err := o.Items(ctx, 1, u)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.UnitCounts(ctx, 1, u); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("counts of a unit that is not tagged: %v", err)
	}
	rows := c.rows(plan, items)
	if _, err := o.PutUnit(ctx, 1, u, rows[1:]); err == nil || !strings.Contains(err.Error(), "3 images, but 2 rows") {
		t.Errorf("a row missing: %v", err)
	}
	other := c.rows(&Plan{RunID: 2}, items)
	if _, err := o.PutUnit(ctx, 1, u, other); err == nil || !strings.Contains(err.Error(), "says run 2") {
		t.Errorf("rows of another run: %v", err)
	}
	first, err := o.PutUnit(ctx, 1, u, rows)
	if err != nil || first.OK != 3 {
		t.Fatalf("%+v, %v", first, err)
	}
	for i := range rows {
		rows[i].Status, rows[i].ErrorCode = table.StatusFailed, "timeout"
	}
	second, err := o.PutUnit(ctx, 1, u, rows)
	if diff := cmp.Diff(first, second); diff != "" || err != nil {
		t.Errorf("the second does not adopt the first's counts (error %v):\n%s", err, diff)
	}
	if got, err := o.UnitCounts(ctx, 1, u); err != nil || !cmp.Equal(first, got) {
		t.Errorf("%+v, %v", got, err)
	}

	key := root + runFolder(1) + unitName(0)
	data, _, _ := mem.Read(ctx, key, 1<<20)
	mem.Put(key, data[:len(data)/2])
	if _, err := o.UnitCounts(ctx, 1, u); !errors.Is(err, table.ErrDamaged) || !strings.Contains(err.Error(), "unit-000000.parquet") {
		t.Errorf("truncated: %v", err)
	}
	mem.Put(key, data)
	wrong := u
	wrong.Images = 4
	if _, err := o.UnitCounts(ctx, 1, wrong); err == nil || !strings.Contains(err.Error(), "has 3 images, planned are 4: delete it") {
		t.Errorf("wrong count: %v", err)
	}
}

// TestStragglers: whoever comes late to a run that is published and cleaned up finds that out, and stops.
func TestStragglers(t *testing.T) {
	ctx := context.Background()
	c := newCommand(numbered(5, "1"))
	mem, o, plan := planned(t, c)
	u := plan.Units()[0]
	items, err := o.Items(ctx, 1, u)
	if err != nil {
		t.Fatal(err)
	}
	mustNight(t, New(mem, outputAt), c)
	want := published(t, mem)
	if err := o.Clean(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if left := keys(t, mem, root+"_runs/000001/"); len(left) != 3 {
		t.Fatalf("not clean: %q", left)
	}
	if _, err := o.Items(ctx, 1, u); !errors.Is(err, ErrClosed) {
		t.Errorf("items: %v", err)
	}
	if state, err := o.Closed(ctx, 1); err != nil || state != StatePublished {
		t.Errorf("state %v, %v", state, err)
	}
	if _, err := o.PutUnit(ctx, 1, u, c.rows(plan, items)); err != nil {
		t.Errorf("a unit file that nobody wants does no harm, but: %v", err)
	}
	for _, part := range plan.Parts {
		if _, err := o.PutPart(ctx, plan, part); err != nil {
			t.Errorf("part: %v", err)
		}
	}
	if m, err := o.Publish(ctx, plan, nil); err != nil || len(m.Parts) != 1 {
		t.Errorf("publish: %+v, %v", m, err)
	}
	if diff := cmp.Diff(want, published(t, mem)); diff != "" {
		t.Errorf("the table has changed (-want +got):\n%s", diff)
	}
	// Someone has moved the part away, and the units are cleaned: the manifest has the last word.
	mem.Delete(ctx, root+partPath(plan, 0))
	mem.Delete(ctx, root+runFolder(1)+unitName(0))
	if p, err := o.PutPart(ctx, plan, plan.Parts[0]); err != nil || p.Rows != 5 {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestPutUnitOnceCleaned: the winner's file is cleaned away between losing to it and reading it.
func TestPutUnitOnceCleaned(t *testing.T) {
	ctx := context.Background()
	c := newCommand(numbered(3, "1"))
	mem, o, plan := planned(t, c)
	u := plan.Units()[0]
	items, _ := o.Items(ctx, 1, u)
	mustNight(t, o, c)
	cleaning := hooked{mem, func(op, key string, done bool) error {
		if op == "stat" && strings.HasSuffix(key, unitName(0)) && !done {
			return o.Clean(ctx, 2)
		}
		return nil
	}}
	if _, err := New(cleaning, outputAt).PutUnit(ctx, 1, u, c.rows(plan, items)); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}

func TestPutPart(t *testing.T) {
	ctx := context.Background()
	c := newCommand(numbered(20, "1"))
	mem, o, plan := planned(t, c)
	total := tagged(t, c, o, plan)
	if _, err := o.PutPart(ctx, plan, plan.Parts[0]); err == nil || !strings.Contains(err.Error(), "before the run is decided to commit") {
		t.Errorf("a part before the decision: %v", err)
	}
	if _, err := o.Decide(ctx, plan, total, len(plan.Units()), 1); err != nil {
		t.Fatal(err)
	}
	unit := root + runFolder(1) + unitName(1)
	data, _, _ := mem.Read(ctx, unit, 1<<20)
	mem.Delete(ctx, unit)
	if _, err := o.PutPart(ctx, plan, plan.Parts[0]); !errors.Is(err, object.ErrNotFound) || !strings.Contains(err.Error(), "unit 1 of run 1") {
		t.Errorf("a unit is missing: %v", err)
	}
	mem.Put(unit, data[:100])
	if _, err := o.PutPart(ctx, plan, plan.Parts[0]); !errors.Is(err, table.ErrDamaged) || !strings.Contains(err.Error(), "unit-000001.parquet") {
		t.Errorf("a unit is damaged: %v", err)
	}
	if left := keys(t, mem, root+"labels/"); len(left) > 0 {
		t.Errorf("something was written: %q", left)
	}
	mem.Put(unit, data)
	first, err := o.PutPart(ctx, plan, plan.Parts[0])
	if err != nil {
		t.Fatal(err)
	}
	info, _ := mem.Stat(ctx, root+first.Path)
	if want := (PublishedPart{"labels/dt=2026-11-23/run-000001-part-00000.parquet", 6, info.Size}); first != want {
		t.Errorf("%+v, want %+v", first, want)
	}
	if again, err := o.PutPart(ctx, plan, plan.Parts[0]); err != nil || again != first {
		t.Errorf("%+v, %v, want %+v", again, err, first)
	}
	foreign, _, _ := mem.Read(ctx, unit, 1<<20)
	mem.Put(root+partPath(plan, 1), foreign)
	if _, err := o.PutPart(ctx, plan, plan.Parts[1]); err == nil || !strings.Contains(err.Error(), "it is not of this run") {
		t.Errorf("a foreign part: %v", err)
	}
}

// TestLargeUnits: unit files that are too large to be read at once are read piece by piece.
func TestLargeUnits(t *testing.T) {
	ctx := context.Background()
	c := newCommand(numbered(4, "1"))
	c.req.UnitImages = 2
	_, o, plan := planned(t, c)
	var total table.Counts
	random := rand.New(rand.NewPCG(1, 2))
	for _, u := range plan.Units() {
		items, err := o.Items(ctx, 1, u)
		if err != nil {
			t.Fatal(err)
		}
		rows := c.rows(plan, items)
		for i := range rows {
			rows[i].Embedding = make([]float32, 700_000)
			for k := range rows[i].Embedding {
				rows[i].Embedding[k] = random.Float32()
			}
		}
		counts, err := o.PutUnit(ctx, 1, u, rows)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := o.store.Stat(ctx, o.key(runFolder(1)+unitName(u.Index))); err != nil || info.Size <= wholeUnitBytes/2 {
			t.Fatalf("a unit file of %d bytes (%v)", info.Size, err)
		}
		total.Add(counts)
	}
	if err := c.finish(ctx, o, plan); err != nil {
		t.Fatal(err)
	}
	if s, err := o.Latest(ctx); err != nil || s.State != StatePublished || s.Manifest.Counts.Images != total.Images {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestPublish(t *testing.T) {
	ctx := context.Background()
	c := newCommand(numbered(20, "1"))
	c.fail = func(i source.Item) string {
		return map[bool]string{true: "truncated"}[strings.HasSuffix(i.URI, "007.jpg")]
	}
	mem, o, plan := planned(t, c)
	total := tagged(t, c, o, plan)
	if _, err := o.Publish(ctx, plan, nil); err == nil || !strings.Contains(err.Error(), "not decided to commit") {
		t.Errorf("error %v", err)
	}
	if _, err := o.Decide(ctx, plan, total, len(plan.Units()), 1); err != nil {
		t.Fatal(err)
	}
	var parts []PublishedPart
	for _, p := range plan.Parts {
		part, err := o.PutPart(ctx, plan, p)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	short := slices.Clone(parts)
	short[0].Rows--
	foreign := slices.Concat(parts, []PublishedPart{{Path: "labels/x"}})
	for _, tc := range []struct {
		parts []PublishedPart
		want  string
	}{
		{parts[1:], "part 0 of 4 is not written"},
		{short, "19 rows, planned are 20"},
		{foreign, "5 parts came, planned are 4"},
	} {
		if _, err := o.Publish(ctx, plan, tc.parts); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %v, want one with %q", err, tc.want)
		}
	}
	slices.Reverse(parts)
	parts = append(parts, parts[0]) // a part that was made twice comes twice
	m, err := o.Publish(ctx, plan, parts)
	if err != nil {
		t.Fatal(err)
	}
	if m.Counts.Failed != 1 || m.Parts[0].Path >= m.Parts[1].Path {
		t.Errorf("%+v", m)
	}
	s, err := o.Latest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, s.Manifest); diff != "" {
		t.Errorf("manifest, as returned and as read (-want +got):\n%s", diff)
	}

	// Killed between the manifest and _SUCCESS: publishing again repairs it, and so does the next planning.
	const success = root + "labels/dt=2026-11-23/_SUCCESS"
	mem.Delete(ctx, success)
	if _, err := o.Publish(ctx, plan, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := mem.Stat(ctx, success); err != nil {
		t.Errorf("published again: %v", err)
	}
	mem.Delete(ctx, success)
	mustNight(t, o, c)
	if _, err := mem.Stat(ctx, success); err != nil {
		t.Errorf("next night: %v", err)
	}
}

func TestClean(t *testing.T) {
	ctx := context.Background()
	mem := newMem(t)
	o := New(guarded(t, mem), outputAt)
	for i := range 6 {
		mustNight(t, o, newCommand(numbered(5, fmt.Sprint(i))))
	}
	leftovers := func() (left []string) {
		for _, k := range keys(t, mem, root+"_runs/") {
			if strings.Contains(k, "unit-") || strings.Contains(k, "plan-") {
				left = append(left, k)
			}
		}
		return left
	}
	for _, k := range leftovers() {
		if !strings.HasPrefix(k, root+"_runs/000006/") {
			t.Errorf("left of an earlier run: %s", k)
		}
	}
	if len(leftovers()) != 3 {
		t.Errorf("of the last run there are %q", leftovers())
	}
	// What a straggler leaves in an earlier run is found a run later; what is two clean runs back is not looked for.
	mem.Put(root+runFolder(5)+unitName(9), nil)
	mem.Put(root+runFolder(4)+unitName(9), nil)
	lists := 0
	counting := hooked{mem, func(op, _ string, done bool) error {
		if op == "list" && !done {
			lists++
		}
		return nil
	}}
	if err := New(counting, outputAt).Clean(ctx, 7); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(); len(left) > 0 || lists != 5 {
		t.Errorf("left %q after %d listings", left, lists)
	}
	lists = 0
	if err := New(counting, outputAt).Clean(ctx, 7); err != nil || lists != 2 {
		t.Errorf("%d listings when there is nothing to do, error %v", lists, err)
	}
	// A run that is open is left alone.
	if _, _, err := o.PlanNext(ctx, 7, newCommand(numbered(5, "x")).req); err != nil {
		t.Fatal(err)
	}
	if err := o.Clean(ctx, 8); err != nil || len(leftovers()) != 1 {
		t.Errorf("of an open run there is left %q, error %v", leftovers(), err)
	}
	broken := hooked{mem, func(op, _ string, _ bool) error {
		if op == "delete" {
			return object.ErrPermission
		}
		return nil
	}}
	if _, err := o.Abandon(ctx, 7); err != nil {
		t.Fatal(err)
	}
	if err := New(broken, outputAt).Clean(ctx, 8); !errors.Is(err, object.ErrPermission) || !strings.Contains(err.Error(), "clean up after run 7") {
		t.Errorf("error %v", err)
	}
}
