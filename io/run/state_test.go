package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/object"
)

func TestStates(t *testing.T) {
	ctx := context.Background()
	mem := newMem(t)
	o, c := New(mem, outputAt), newCommand(numbered(5, "1"))
	check := func(id int64, want State) {
		t.Helper()
		latest, err := o.Latest(ctx)
		if err != nil || latest == nil || latest.Plan.RunID != id || latest.State != want {
			t.Fatalf("latest %+v, error %v, want run %d %s", latest, err, id, want)
		}
		if state, err := o.Closed(ctx, id); err != nil || state != want {
			t.Errorf("state %v, error %v, want %s", state, err, want)
		}
	}
	if latest, err := o.Latest(ctx); latest != nil || err != nil {
		t.Fatalf("latest of nothing: %v, %v", latest, err)
	}
	plan, _, err := o.PlanNext(ctx, 1, c.req)
	if err != nil {
		t.Fatal(err)
	}
	check(1, StatePlanned)
	if _, err := o.Decide(ctx, plan, tagged(t, c, o, plan), 2, 1); err != nil {
		t.Fatal(err)
	}
	check(1, StateCommitted)
	mustNight(t, o, c)
	check(1, StatePublished)
	if _, _, err := o.PlanNext(ctx, 2, newCommand(numbered(5, "2")).req); err != nil {
		t.Fatal(err)
	}
	check(2, StatePlanned)
	if _, err := o.Abandon(ctx, 2); err != nil {
		t.Fatal(err)
	}
	check(2, StateAborted)
	runs, err := o.Runs(ctx)
	if err != nil || len(runs) != 2 || runs[0].Manifest == nil || runs[1].Decision == nil || runs[1].Manifest != nil {
		t.Errorf("runs %+v, %v", runs, err)
	}
	if _, err := o.Status(ctx, 3); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("status of no run: %v", err)
	}
}

// TestLatestIsCheap: however many runs there are, and whatever is in their folders, the newest is found with a few requests.
func TestLatestIsCheap(t *testing.T) {
	for _, n := range []int64{0, 1, 2, 3, 7, 8, 365, 100_000} {
		mem := newMem(t)
		requests := 0
		counting := hooked{object.Store(mem), func(op, key string, done bool) error {
			if !done {
				requests++
			}
			return nil
		}}
		// Plans are made up: a hundred thousand puts into a memory store are slow.
		var store object.Store = counting
		store = madeUp{counting, n}
		o := New(store, outputAt)
		id, err := o.latestID(context.Background())
		if err != nil || id != n {
			t.Errorf("latest %d, %v, want %d", id, err, n)
		}
		if requests > 40 {
			t.Errorf("%d requests to find run %d", requests, n)
		}
		requests = 0
		if id, err := o.latestID(context.Background()); err != nil || id != n || requests != 1 && n > 0 {
			t.Errorf("again: %d, %v in %d requests", id, err, requests)
		}
	}
}

// madeUp has the plans of n runs and nothing else.
type madeUp struct {
	object.Store
	n int64
}

func (m madeUp) Stat(ctx context.Context, key string) (object.Info, error) {
	_, err := m.Store.Stat(ctx, key)
	if match := runObject.FindStringSubmatch(strings.TrimPrefix(key, root)); match != nil && match[2] == planName && atoi(match[1]) <= m.n {
		return object.Info{Key: key}, nil
	}
	return object.Info{}, err
}

func TestGap(t *testing.T) {
	ctx := context.Background()
	mem := newMem(t)
	for i := range 3 {
		mustNight(t, New(mem, outputAt), newCommand(numbered(5, fmt.Sprint(i))))
	}
	// Chunks of a plan that was not elected are no gap.
	mem.Put(root+runFolder(4)+"plan-aaaaaaaaaaaa-00000.jsonl.zst", nil)
	if s, err := New(mem, outputAt).Latest(ctx); err != nil || s.Plan.RunID != 3 {
		t.Errorf("%+v, %v", s, err)
	}
	remove := func(id int64) {
		for _, key := range keys(t, mem, root+runFolder(id)) {
			mem.Delete(ctx, key)
		}
	}
	remove(2)
	_, _, err := New(mem, outputAt).PlanNext(ctx, 4, newCommand(numbered(5, "1")).req)
	if err == nil || !strings.Contains(err.Error(), "run 2 of mem://test/out is neither published nor aborted") {
		t.Errorf("run 2 is missing: %v", err)
	}
	remove(1)
	_, err = New(mem, outputAt).Latest(ctx)
	if err == nil || !strings.Contains(err.Error(), "has no plan of run 1, yet there is out/_runs/000003/") {
		t.Errorf("runs 1 and 2 are missing: %v", err)
	}
}

func TestDamagedRecords(t *testing.T) {
	ctx := context.Background()
	for _, tc := range []struct {
		name, content, want string
	}{
		{planName, `{"format":`, "plan.json is damaged"},
		{planName, `{"format":2,"run_id":1}`, "format 2, this tagbeam knows 1"},
		{planName, `{"format":1,"run_id":7}`, "is the plan of run 7"},
		{decisionName, `[]`, "decision.json is damaged"},
		{manifestName, `x`, "manifest.json is damaged"},
		{manifestName, `{"format":9}`, "format 9"},
		{decisionName, `{"commit":false}`, "a manifest but no decision to commit"},
	} {
		mem := newMem(t)
		mustNight(t, New(mem, outputAt), newCommand(numbered(5, "1")))
		mem.Put(root+runFolder(1)+tc.name, []byte(tc.content))
		if _, err := New(mem, outputAt).Latest(ctx); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s with %s: error %v, want one with %q", tc.name, tc.content, err, tc.want)
		}
	}
}

// TestRefused: a store that refuses or does not answer is no empty output.
func TestRefused(t *testing.T) {
	ctx := context.Background()
	mem := newMem(t)
	mustNight(t, New(mem, outputAt), newCommand(numbered(5, "1")))
	for _, op := range []string{"list", "stat", "read"} {
		refusing := hooked{mem, func(o, _ string, _ bool) error {
			if o == op {
				return object.ErrPermission
			}
			return nil
		}}
		if _, err := New(refusing, outputAt).Latest(ctx); !errors.Is(err, object.ErrPermission) {
			t.Errorf("%s refused: %v", op, err)
		}
		if _, _, err := New(refusing, outputAt).PlanNext(ctx, 2, newCommand(numbered(9, "1")).req); !errors.Is(err, object.ErrPermission) {
			t.Errorf("%s refused, planning: %v", op, err)
		}
	}
}

func TestOpen(t *testing.T) {
	o, err := Open(context.Background(), "mem://some/where/")
	if err != nil || o.URI() != "mem://some/where/" || o.key("x") != "where/x" {
		t.Errorf("%v, %v", o, err)
	}
	if _, err := Open(context.Background(), "ftp://x/y"); err == nil || !strings.Contains(err.Error(), "output: ") {
		t.Errorf("error %v", err)
	}
}

func TestFingerprint(t *testing.T) {
	a := Fingerprint(map[string]string{"a": "1", "b": "2"})
	if len(a) != 64 || a != Fingerprint(map[string]string{"b": "2", "a": "1"}) {
		t.Errorf("%q is not of the fields alone", a)
	}
	seen := map[string]bool{}
	for _, fields := range []map[string]string{nil, {"": ""}, {"a": ""}, {"": "a"}, {"a": "b"}, {"ab": ""}, {"a": "1", "b": "2"}, {"a": "1b2"}, {"a1": "b2"}} {
		seen[Fingerprint(fields)] = true
	}
	if len(seen) != 9 {
		t.Errorf("different fields have the same fingerprint: %d of 9", len(seen))
	}
}

func TestOptionsDiff(t *testing.T) {
	there := map[string]string{"--top-k": "5", "--limit": "", "same": "x", "--sample": "0.1"}
	here := map[string]string{"--top-k": "3", "--limit": "9", "same": "x", "--model": "m"}
	want := []string{`--limit: "" there, 9 here`, "--model: unset there, m here", "--sample: 0.1 there, unset here", "--top-k: 5 there, 3 here"}
	if diff := cmp.Diff(want, OptionsDiff(there, here)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
