package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
)

// TestWhatIsPlanned goes through nights over a changing world: what is planned, and why.
func TestWhatIsPlanned(t *testing.T) {
	type step struct {
		name  string
		world world
		edit  func(*command)
		want  PlanStats // Won and Bytes follow from Images
	}
	model := func(digest string) func(*command) { return func(c *command) { c.req.ModelDigest = digest } }
	failing := func(code string) func(*command) {
		return func(c *command) {
			c.maxErrorRatio = 1
			c.fail = func(i source.Item) string {
				if i.URI == "b" {
					return code
				}
				return ""
			}
		}
	}
	abc := func(versions string) world { return world{"a": versions[0:1], "b": versions[1:2], "c": versions[2:3]} }
	for _, tc := range []struct {
		name  string
		steps []step
	}{
		{"nothing twice", []step{
			{"first", abc("111"), nil, PlanStats{Listed: 3, Images: 3, New: 3}},
			{"again", abc("111"), nil, PlanStats{Listed: 3, Skipped: 3}},
			{"one more", abc("111").with(world{"bb": "1"}), nil, PlanStats{Listed: 4, Skipped: 3, Images: 1, New: 1}},
		}},
		{"members are images of their own", []step{
			{"first", world{"t|x": "1", "t|y": "1", "t": "1"}, nil, PlanStats{Listed: 3, Images: 3, New: 3}},
			{"one changed", world{"t|x": "1", "t|y": "2", "t": "1", "t|z": "1"}, nil, PlanStats{Listed: 4, Skipped: 2, Images: 2, New: 1, Changed: 1}},
		}},
		{"A to B to A", []step{
			{"A", abc("AAA"), nil, PlanStats{Listed: 3, Images: 3, New: 3}},
			{"B", abc("ABA"), nil, PlanStats{Listed: 3, Skipped: 2, Images: 1, Changed: 1}},
			{"A again", abc("AAA"), nil, PlanStats{Listed: 3, Skipped: 2, Images: 1, Changed: 1}},
			{"settled", abc("AAA"), nil, PlanStats{Listed: 3, Skipped: 3}},
		}},
		{"another model", []step{
			{"d1", abc("111"), model("d1"), PlanStats{Listed: 3, Images: 3, New: 3}},
			{"d2", abc("111").with(world{"d": "1"}), model("d2"), PlanStats{Listed: 4, Images: 4, OtherModel: 3, New: 1}},
			{"d1 again: what d2 did does not matter", abc("111"), model("d1"), PlanStats{Listed: 3, Skipped: 3}},
			{"d1, changed", abc("211"), model("d1"), PlanStats{Listed: 3, Skipped: 2, Images: 1, Changed: 1}},
			{"d2 has seen the old version", abc("211"), model("d2"), PlanStats{Listed: 3, Skipped: 2, Images: 1, Changed: 1}},
		}},
		{"errors worth another try", []step{
			{"fails", abc("111"), failing("~timeout"), PlanStats{Listed: 3, Images: 3, New: 3}},
			{"tried again", abc("111"), nil, PlanStats{Listed: 3, Skipped: 2, Images: 1, Retried: 1}},
			{"settled", abc("111"), nil, PlanStats{Listed: 3, Skipped: 3}},
		}},
		{"errors for good", []step{
			{"fails", abc("111"), failing("truncated"), PlanStats{Listed: 3, Images: 3, New: 3}},
			{"left alone", abc("111"), nil, PlanStats{Listed: 3, Skipped: 3}},
			{"retry errors", abc("111"), func(c *command) { c.req.RetryErrors = true }, PlanStats{Listed: 3, Skipped: 2, Images: 1, Retried: 1}},
		}},
		{"retag", []step{
			{"first", abc("111"), nil, PlanStats{Listed: 3, Images: 3, New: 3}},
			{"all once more", abc("111"), func(c *command) { c.req.Retag = true }, PlanStats{Listed: 3, Images: 3, Forced: 3}},
		}},
		{"limit", []step{
			{"two", abc("111"), func(c *command) { c.req.Limit = 2 }, PlanStats{Listed: 2, Images: 2, New: 2, Limited: true}},
			{"two new ones: there is one", abc("111"), func(c *command) { c.req.Limit = 2 }, PlanStats{Listed: 3, Skipped: 2, Images: 1, New: 1}},
		}},
		{"an aborted run leaves all new", []step{
			{"aborted", abc("111"), func(c *command) { failing("truncated")(c); c.maxErrorRatio = 0.2 }, PlanStats{Listed: 3, Images: 3, New: 3}},
			{"all", abc("111"), nil, PlanStats{Listed: 3, Images: 3, New: 3}},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			store := guarded(t, newMem(t))
			for i, s := range tc.steps {
				c := newCommand(s.world)
				if s.edit != nil {
					s.edit(&c)
				}
				o, ctx := New(store, outputAt), context.Background()
				latest, err := o.latestID(ctx)
				if err != nil {
					t.Fatal(err)
				}
				s.want.Bytes = 100 * s.want.Images
				before := keys(t, store, "")
				counted := c.req
				counted.CountOnly = true
				if plan, stats, err := o.PlanNext(ctx, latest+1, counted); plan != nil || err != nil || stats != s.want {
					t.Fatalf("step %d (%s), counted: plan %v, error %v, stats (-want +got):\n%s", i, s.name, plan, err, cmp.Diff(s.want, stats))
				}
				plan, stats, err := o.PlanNext(ctx, latest+1, c.req)
				if err != nil {
					t.Fatal(err)
				}
				if s.want.Images == 0 {
					if now := keys(t, store, ""); plan != nil || !slices.Equal(before, now) {
						t.Errorf("step %d (%s): nothing to do, but there is a plan, or something was written: %q", i, s.name, now)
					}
					if diff := cmp.Diff(s.want, stats); diff != "" {
						t.Fatalf("step %d (%s) (-want +got):\n%s", i, s.name, diff)
					}
					continue
				}
				s.want.Won = true
				if diff := cmp.Diff(s.want, stats); diff != "" {
					t.Fatalf("step %d (%s) (-want +got):\n%s", i, s.name, diff)
				}
				if err := c.finish(ctx, o, plan); err != nil {
					t.Fatal(err)
				}
			}
			published(t, store)
		})
	}
}

// TestManyNights: over any history of worlds and models, a night plans exactly the images whose newest row of that model has another version.
func TestManyNights(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		store := guarded(t, newMem(t))
		newest := make(map[string]string) // "model name" to version
		for range rapid.IntRange(1, 4).Draw(rt, "nights") {
			w := world(rapid.MapOfN(rapid.SampledFrom(numberedNames), rapid.SampledFrom([]string{"A", "B"}), 1, 12).Draw(rt, "world"))
			digest := rapid.SampledFrom([]string{"d1", "d2"}).Draw(rt, "model")
			want := int64(0)
			for name, version := range w {
				if newest[digest+" "+name] != version {
					want++
					newest[digest+" "+name] = version
				}
			}
			c := newCommand(w)
			c.req.ModelDigest = digest
			if got := mustNight(t, New(store, outputAt), c); got != want {
				rt.Fatalf("%d planned, want %d", got, want)
			}
		}
		published(t, store)
	})
}

var numberedNames = []string{"a", "a|m", "a|n", "ab", "a.jpg", "a/x", "a#1", "ä", "b", "b|m", "c", "c\nd", "c%20", "d"}

func TestSample(t *testing.T) {
	w := numbered(4000, "1")
	chosen := func(fraction float64) map[string]bool {
		set := make(map[string]bool)
		for _, i := range w.items() {
			if sampled(i, fraction) {
				set[i.URI] = true
			}
		}
		return set
	}
	few, more := chosen(0.1), chosen(0.3)
	if len(few) < 320 || len(few) > 480 || len(more) < 1080 || len(more) > 1320 {
		t.Errorf("samples of %d and %d, want about 400 and 1200", len(few), len(more))
	}
	for uri := range few {
		if !more[uri] {
			t.Fatalf("%s is in the small sample but not in the large one", uri)
		}
	}
	if n := len(chosen(1)); n != 4000 {
		t.Errorf("a sample of all has %d", n)
	}
	c := newCommand(w)
	c.req.Sample, c.req.UnitImages = 0.1, 100
	plan, stats, err := New(newMem(t), outputAt).PlanNext(context.Background(), 1, c.req)
	if err != nil || plan.Images != int64(len(few)) || stats.Unsampled != 4000-plan.Images || plan.Listed != 4000 {
		t.Errorf("plan of %+v, stats %+v, error %v", plan, stats, err)
	}
}

// TestCut checks how a plan is cut into frames, units, chunks and parts.
func TestCut(t *testing.T) {
	images := func(plan *Plan) (n []int) {
		for _, u := range plan.Units() {
			n = append(n, u.Images)
		}
		return n
	}
	for _, tc := range []struct {
		name  string
		edit  func(*PlanRequest)
		units []int
		parts []Part
	}{
		{"by images", func(r *PlanRequest) { r.UnitImages = 4; r.PartRows = 8 }, []int{4, 4, 3}, []Part{{0, 0, 2}, {1, 2, 1}}},
		{"by bytes", func(r *PlanRequest) { r.UnitImages = 100; r.UnitBytes = 250; r.PartRows = 5 }, []int{2, 2, 2, 2, 2, 1}, []Part{{0, 0, 2}, {1, 2, 2}, {2, 4, 2}}},
		{"an image above the bytes is a unit", func(r *PlanRequest) { r.UnitBytes = 1; r.Limit = 3; r.PartRows = 100 }, []int{1, 1, 1}, []Part{{0, 0, 3}}},
		{"at most so many units", func(r *PlanRequest) { r.UnitImages = 1; r.MaxUnits = 4; r.PartRows = 100 }, []int{3, 3, 3, 2}, []Part{{0, 0, 4}}},
		{"a unit above the rows is a part", func(r *PlanRequest) { r.UnitImages = 6; r.PartRows = 2 }, []int{6, 5}, []Part{{0, 0, 1}, {1, 1, 1}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := numbered(11, "1")
			c, o := newCommand(w), New(newMem(t), outputAt)
			tc.edit(&c.req)
			plan, _, err := o.PlanNext(context.Background(), 1, c.req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.units, images(plan)); diff != "" {
				t.Errorf("units (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.parts, plan.Parts); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			var all []source.Item
			for _, u := range plan.Units() {
				items, err := o.Items(context.Background(), 1, u)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, items...)
			}
			if diff := cmp.Diff(w.items()[:len(all)], all); diff != "" || int64(len(all)) != plan.Images {
				t.Errorf("%d items, planned are %d (-want +got):\n%s", len(all), plan.Images, diff)
			}
			read, err := o.Plan(context.Background(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plan, read); diff != "" {
				t.Errorf("plan, as returned and as read (-want +got):\n%s", diff)
			}
		})
	}
}

// TestChunks: a large plan has several chunks, and units do not cross their borders.
func TestChunks(t *testing.T) {
	const images = 8000
	o := New(newMem(t), outputAt)
	o.chunkImages = 5000
	req := newCommand(nil).req
	req.UnitImages, req.MaxUnits, req.PartRows = 10, 40, 0
	req.Source = many(images)
	plan, _, err := o.PlanNext(context.Background(), 1, req)
	if err != nil {
		t.Fatal(err)
	}
	units := plan.Units()
	if len(plan.Chunks) != 2 || len(units) > 41 || plan.Images != images || len(plan.Parts) != 1 {
		t.Errorf("%d chunks, %d units, %d images, %d parts", len(plan.Chunks), len(units), plan.Images, len(plan.Parts))
	}
	n, last := 0, ""
	for _, u := range units {
		items, err := o.Items(context.Background(), 1, u)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range items {
			if i.URI <= last {
				t.Fatalf("%s after %s", i.URI, last)
			}
			last = i.URI
			n++
		}
	}
	if n != images {
		t.Errorf("%d items, want %d", n, images)
	}
}

// many lists the first n images, and manyFrom those from one number to another, without holding them.
func many(n int) func(context.Context, func(source.Item) error) error { return manyFrom(0, n) }

func manyFrom(from, to int) func(context.Context, func(source.Item) error) error {
	return func(_ context.Context, fn func(source.Item) error) error {
		for i := from; i < to; i++ {
			item := source.Item{URI: fmt.Sprintf("gs://bucket/images/%09d.jpg", i), Version: fmt.Sprintf("gen:%d", 1_700_000_000_000_000+i), Size: 100_000}
			if err := fn(item); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestPlanErrors(t *testing.T) {
	items := func(items ...source.Item) func(*PlanRequest) {
		return func(r *PlanRequest) {
			r.Source = func(_ context.Context, fn func(source.Item) error) error {
				for _, i := range items {
					if err := fn(i); err != nil {
						return err
					}
				}
				return nil
			}
		}
	}
	broken := errors.New("the bucket is on fire")
	for _, tc := range []struct {
		name string
		id   int64
		edit func(*PlanRequest)
		want string
	}{
		{"not sorted", 1, items(source.Item{URI: "b"}, source.Item{URI: "a"}), `the listing is not in ascending order: "a" "" comes after "b" ""`},
		{"twice", 1, items(source.Item{URI: "a", Member: "m"}, source.Item{URI: "a", Member: "m"}), `"a" "m" comes after "a" "m"`},
		{"not UTF-8", 1, items(source.Item{URI: "a\xff"}), `"a\xff" is not valid UTF-8`},
		{"source fails", 1, func(r *PlanRequest) {
			r.Source = func(context.Context, func(source.Item) error) error { return broken }
		}, "plan run 1: the bucket is on fire"},
		{"too far on", 2, nil, "plan run 2: the newest run is 0"},
		{"not from 1", 0, nil, "numbered from 1"},
		{"no source", 1, func(r *PlanRequest) { r.Source = nil }, "no source"},
		{"no model", 1, func(r *PlanRequest) { r.ModelDigest = "" }, "no model digest"},
		{"sample", 1, func(r *PlanRequest) { r.Sample = 1.5 }, "sample of 1.5"},
		{"negative", 1, func(r *PlanRequest) { r.Limit = -1 }, "negative"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			store := newMem(t)
			req := newCommand(numbered(3, "1")).req
			if tc.edit != nil {
				tc.edit(&req)
			}
			_, _, err := New(store, outputAt).PlanNext(context.Background(), tc.id, req)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if left := keys(t, store, ""); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestPlanLeavesNothing: a plan that comes to nothing after its first chunk was written takes it away again, also when its context has ended.
func TestPlanLeavesNothing(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(cancel context.CancelFunc) error
	}{
		{"source fails", func(context.CancelFunc) error { return errors.New("broken") }},
		{"interrupted", func(cancel context.CancelFunc) error { cancel(); return context.Canceled }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			store := newMem(t)
			req := newCommand(nil).req
			o := New(store, outputAt)
			o.chunkImages = 2000
			req.Source = func(ctx context.Context, fn func(source.Item) error) error {
				if err := many(3000)(ctx, fn); err != nil {
					return err
				}
				if len(keys(t, store, "")) != 1 {
					t.Error("the first chunk is not written yet")
				}
				return tc.end(cancel)
			}
			if _, _, err := o.PlanNext(ctx, 1, req); err == nil {
				t.Error("no error")
			}
			if left := keys(t, store, ""); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestPlanNotReady: what is to be made sure of before a plan is asked once there is something to do, and only then; when it fails nothing is planned.
func TestPlanNotReady(t *testing.T) {
	store := newMem(t)
	o := New(store, outputAt)
	asked, broken := 0, errors.New("the model does not run")
	req := newCommand(nil).req
	req.Ready = func(context.Context) error { asked++; return broken }
	if plan, _, err := o.PlanNext(context.Background(), 1, req); plan != nil || err != nil || asked != 0 {
		t.Errorf("nothing to do: plan %v, %v, asked %d times", plan, err, asked)
	}
	req.Source = many(10)
	if plan, _, err := o.PlanNext(context.Background(), 1, req); plan != nil || !errors.Is(err, broken) || asked != 1 {
		t.Errorf("not ready: plan %v, %v, asked %d times", plan, err, asked)
	}
	if left := keys(t, store, ""); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	req.CountOnly = true
	if _, stats, err := o.PlanNext(context.Background(), 1, req); stats.Images != 10 || err != nil || asked != 1 {
		t.Errorf("counted %d, %v, asked %d times", stats.Images, err, asked)
	}
}

// TestPlanLost: of two plans for one run, one is elected; the other planner gets it, and takes its own chunks away.
func TestPlanLost(t *testing.T) {
	store := guarded(t, newMem(t))
	ours, theirs := newCommand(numbered(5, "1")), newCommand(numbered(9, "1"))
	var rival *Plan
	list := ours.req.Source
	ours.req.Source = func(ctx context.Context, fn func(source.Item) error) (err error) {
		if rival, _, err = New(store, outputAt).PlanNext(ctx, 1, theirs.req); err != nil {
			return err
		}
		return list(ctx, fn)
	}
	plan, stats, err := New(store, outputAt).PlanNext(context.Background(), 1, ours.req)
	if err != nil {
		t.Fatal(err)
	}
	if stats.Won {
		t.Error("both won")
	}
	if diff := cmp.Diff(rival, plan); diff != "" {
		t.Errorf("the plan is not the rival's (-want +got):\n%s", diff)
	}
	if got := keys(t, store, root+"_runs/000001/plan-"); len(got) != 1 {
		t.Errorf("chunks: %q, want the rival's only", got)
	}
	// Planning a run that is planned gives its plan at once.
	if plan, stats, err := New(store, outputAt).PlanNext(context.Background(), 1, ours.req); err != nil || stats.Won || plan.Attempt != rival.Attempt {
		t.Errorf("plan %v, stats %+v, error %v", plan, stats, err)
	}
}

// TestPlanReplyLost: a plan.json that was written, although the store said otherwise, elects its plan, and its chunks stay.
func TestPlanReplyLost(t *testing.T) {
	store := guarded(t, newMem(t))
	lossy := hooked{store, func(op, key string, done bool) error {
		if done && op == "put" && strings.HasSuffix(key, planName) {
			return fmt.Errorf("put %s: %w", key, object.ErrTransient)
		}
		return nil
	}}
	c := newCommand(numbered(5, "1"))
	if _, _, err := New(lossy, outputAt).PlanNext(context.Background(), 1, c.req); !errors.Is(err, object.ErrTransient) {
		t.Errorf("error %v", err)
	}
	if n := mustNight(t, New(store, outputAt), c); n != 0 {
		t.Errorf("%d images planned once more", n)
	}
	checkOnce(t, published(t, store), onceEach(c.world))
}

func TestOpenRunFirst(t *testing.T) {
	ctx, store := context.Background(), newMem(t)
	o, c := New(store, outputAt), newCommand(numbered(5, "1"))
	if _, _, err := o.PlanNext(ctx, 1, c.req); err != nil {
		t.Fatal(err)
	}
	if _, _, err := o.PlanNext(ctx, 2, c.req); err == nil || !strings.Contains(err.Error(), "run 1 is not closed, it is planned: finish or abandon it first") {
		t.Errorf("error %v", err)
	}
	count := c.req
	count.CountOnly = true
	if _, stats, err := o.PlanNext(ctx, 2, count); err != nil || stats.New != 5 {
		t.Errorf("counted beside an open run: %+v, %v", stats, err)
	}
}

// TestLedgerDamaged: a ledger that cannot be trusted stops planning, and says which part is the matter; --retag does without.
func TestLedgerDamaged(t *testing.T) {
	const part = root + "labels/dt=2026-11-23/run-000001-part-00001.parquet"
	for _, tc := range []struct {
		name   string
		damage func(*object.Mem)
		want   string
	}{
		{"gone", func(m *object.Mem) { m.Delete(context.Background(), part) }, "which is gone"},
		{"truncated", func(m *object.Mem) {
			data, _, _ := m.Read(context.Background(), part, 1<<20)
			m.Put(part, data[:len(data)-20])
		}, "part-00001.parquet: "},
		{"garbage", func(m *object.Mem) {
			_, info, _ := m.Read(context.Background(), part, 1<<20)
			m.Put(part, make([]byte, info.Size))
		}, "not a whole label table file"},
		{"another part", func(m *object.Mem) {
			data, _, _ := m.Read(context.Background(), strings.Replace(part, "00001.parquet", "00000.parquet", 1), 1<<20)
			m.Put(part, data)
			rewriteManifest(m, int64(len(data)))
		}, "not sorted by uri and member"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mem, c := newMem(t), newCommand(numbered(14, "1"))
			mustNight(t, New(mem, outputAt), c)
			tc.damage(mem)
			_, _, err := New(mem, outputAt).PlanNext(context.Background(), 2, c.req)
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "mem://test/out/labels") {
				t.Errorf("error %v, want one with %q and the name", err, tc.want)
			}
			c.req.Retag = true
			if plan, _, err := New(mem, outputAt).PlanNext(context.Background(), 2, c.req); err != nil || plan == nil {
				t.Errorf("retag: %v", err)
			}
		})
	}
}

// rewriteManifest sets the size of all parts of run 1.
func rewriteManifest(m *object.Mem, size int64) {
	o := New(m, outputAt)
	manifest, _ := o.manifest(context.Background(), 1)
	for i := range manifest.Parts {
		manifest.Parts[i].Bytes = size
	}
	m.Delete(context.Background(), root+runFolder(1)+manifestName)
	if err := o.putRecord(context.Background(), runFolder(1)+manifestName, manifest); err != nil {
		panic(err)
	}
}

func TestItemsDamaged(t *testing.T) {
	ctx := context.Background()
	mem := newMem(t)
	o := New(mem, outputAt)
	plan, _, err := o.PlanNext(ctx, 1, newCommand(numbered(5, "1")).req)
	if err != nil {
		t.Fatal(err)
	}
	u := plan.Units()[0]
	chunk := root + runFolder(1) + u.Chunk
	wrong := u
	wrong.Images++
	if _, err := o.Items(ctx, 1, wrong); err == nil || !strings.Contains(err.Error(), "3 images, planned are 4") {
		t.Errorf("wrong count: %v", err)
	}
	data, _, _ := mem.Read(ctx, chunk, 1<<20)
	mem.Put(chunk, data[:u.Length/2])
	if _, err := o.Items(ctx, 1, u); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("truncated: %v", err)
	}
	mem.Put(chunk, make([]byte, len(data)))
	if _, err := o.Items(ctx, 1, u); err == nil || !strings.Contains(err.Error(), u.Chunk) {
		t.Errorf("garbage: %v", err)
	}
	mem.Delete(ctx, chunk)
	if _, err := o.Items(ctx, 1, u); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("gone: %v", err)
	}
}
