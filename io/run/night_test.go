package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
)

// world is what there is to tag: versions by uri, or by "uri|member".
type world map[string]string

// numbered makes n images of one version.
func numbered(n int, version string) world {
	w := world{}
	for i := range n {
		w[fmt.Sprintf("gs://b/%03d.jpg", i)] = version
	}
	return w
}

// with returns w with the images of other put over its own.
func (w world) with(other world) world {
	w = maps.Clone(w)
	maps.Copy(w, other)
	return w
}

func (w world) source(ctx context.Context, fn func(source.Item) error) error {
	for _, item := range w.items() {
		if err := fn(item); err != nil {
			return err
		}
	}
	return nil
}

func (w world) items() []source.Item {
	var items []source.Item
	for name, version := range w {
		uri, member, _ := strings.Cut(name, "|")
		items = append(items, source.Item{URI: uri, Member: member, Version: version, Size: 100})
	}
	slices.SortFunc(items, func(a, b source.Item) int { return compareKeys(a.URI, a.Member, b.URI, b.Member) })
	return items
}

// command is what the real command does, with a tagger that looks at nothing.
type command struct {
	world
	req PlanRequest
	// fail gives the error code of an image, "" for none; one that begins with "~" is retryable.
	fail          func(source.Item) string
	maxErrorRatio float64
	who           string // in the rows, to see whose they are
}

func newCommand(w world) command {
	return command{world: w, maxErrorRatio: 0.5, req: PlanRequest{
		ModelDigest: "digest", UnitImages: 3, PartRows: 7, Source: w.source,
		Now: time.Date(2026, 11, 23, 23, 0, 0, 0, time.UTC),
	}}
}

// night finishes an open run, plans what is new and finishes that; it returns the last run it saw, or nil when there was nothing to do.
func (c command) night(ctx context.Context, o *Output) (*Plan, error) {
	for {
		latest, err := o.Latest(ctx)
		if err != nil {
			return nil, err
		}
		id := int64(1)
		if latest != nil {
			id = latest.Plan.RunID + 1
			if !latest.State.Closed() {
				if err := c.finish(ctx, o, latest.Plan); err != nil {
					return nil, err
				}
				continue
			}
		}
		plan, stats, err := o.PlanNext(ctx, id, c.req)
		if err != nil || plan == nil {
			return nil, err
		}
		if !stats.Won {
			continue
		}
		if err := o.Clean(ctx, id); err != nil {
			return nil, err
		}
		return plan, c.finish(ctx, o, plan)
	}
}

func (c command) finish(ctx context.Context, o *Output, plan *Plan) error {
	var total table.Counts
	units := plan.Units()
	for _, u := range units {
		counts, err := c.tag(ctx, o, plan, u)
		if err != nil {
			return err
		}
		total.Add(counts)
	}
	d, err := o.Decide(ctx, plan, total, len(units), c.maxErrorRatio)
	if err != nil || !d.Commit {
		return err
	}
	var parts []PublishedPart
	for _, part := range plan.Parts {
		p, err := o.PutPart(ctx, plan, part)
		if err != nil {
			return err
		}
		parts = append(parts, p)
	}
	if _, err := o.Publish(ctx, plan, parts); err != nil {
		return err
	}
	return o.CompactLedger(ctx, plan.RunID)
}

func (c command) tag(ctx context.Context, o *Output, plan *Plan, u Unit) (table.Counts, error) {
	straggler := table.Counts{Images: int64(u.Images)}
	counts, err := o.UnitCounts(ctx, plan.RunID, u)
	if err == nil || !errors.Is(err, object.ErrNotFound) {
		return counts, err
	}
	state, err := o.Closed(ctx, plan.RunID)
	if err != nil || state.Closed() {
		return straggler, err
	}
	items, err := o.Items(ctx, plan.RunID, u)
	if err == nil {
		counts, err = o.PutUnit(ctx, plan.RunID, u, c.rows(plan, items))
	}
	if errors.Is(err, ErrClosed) {
		return straggler, nil
	}
	return counts, err
}

func (c command) rows(plan *Plan, items []source.Item) []table.Row {
	rows := make([]table.Row, len(items))
	for i, item := range items {
		rows[i] = table.Row{
			URI: item.URI, Member: item.Member, Version: item.Version, Status: table.StatusOK, Label: "label", Model: c.who,
			ModelDigest: plan.ModelDigest, RunID: plan.RunID, TaggedAt: plan.CreatedAt,
		}
		if c.fail == nil {
			continue
		}
		if code := c.fail(item); code != "" {
			retryable := strings.HasPrefix(code, "~")
			rows[i].Status, rows[i].Label, rows[i].ErrorCode, rows[i].Retryable = table.StatusFailed, "", strings.TrimPrefix(code, "~"), &retryable
		}
	}
	return rows
}

// mustNight runs a night that must succeed and returns the images it planned.
func mustNight(t testing.TB, o *Output, c command) (planned int64) {
	t.Helper()
	plan, err := c.night(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if plan == nil {
		return 0
	}
	return plan.Images
}

// published reads the table as people do, by everything below labels/, and holds it against the manifests: each part is named by one, sorted, whole,
// and no run has an image twice. It returns the rows of each image, "version digest", in the order of the runs.
func published(t testing.TB, store object.Store) map[string][]string {
	t.Helper()
	ctx := context.Background()
	runs, err := New(store, outputAt).Runs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	there := keys(t, store, root+"labels/")
	rows := make(map[string][]string)
	for _, s := range runs {
		if s.State != StatePublished {
			continue
		}
		var last table.Row
		n := int64(0)
		for _, part := range s.Manifest.Parts {
			if !slices.Contains(there, root+part.Path) {
				t.Errorf("run %d is published without %s", s.Plan.RunID, part.Path)
				continue
			}
			there = slices.DeleteFunc(there, func(k string) bool { return k == root+part.Path })
			for _, r := range readPart(t, store, root+part.Path) {
				if n > 0 && compareKeys(last.URI, last.Member, r.URI, r.Member) >= 0 {
					t.Errorf("%s: %q comes after %q", part.Path, r.URI, last.URI)
				}
				name := strings.TrimSuffix(r.URI+"|"+r.Member, "|")
				rows[name] = append(rows[name], r.Version+" "+r.ModelDigest)
				last = r
				n++
			}
		}
		if n != s.Plan.Images {
			t.Errorf("run %d has %d rows, planned were %d", s.Plan.RunID, n, s.Plan.Images)
		}
	}
	for _, key := range there {
		if !strings.HasSuffix(key, "/_SUCCESS") {
			t.Errorf("%s is in the table, but no manifest names it", key)
		}
	}
	return rows
}

func readPart(t testing.TB, store object.Store, key string) []table.Row {
	t.Helper()
	data, _, err := store.Read(context.Background(), key, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := table.ReadRows(bytes.NewReader(data), int64(len(data)), 0, 1<<30)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return rows
}

func keys(t testing.TB, store object.Store, prefix string) []string {
	t.Helper()
	var all []string
	err := store.List(context.Background(), object.ListOptions{Prefix: prefix}, func(i object.Info) error {
		all = append(all, i.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// checkOnce holds the rows against those that should be there, each exactly once.
func checkOnce(t testing.TB, rows map[string][]string, want map[string][]string) {
	t.Helper()
	for name := range want {
		if !slices.Equal(rows[name], want[name]) {
			t.Errorf("%s has rows %q, want %q", name, rows[name], want[name])
		}
	}
	if len(rows) != len(want) {
		t.Errorf("rows of %d images, want %d", len(rows), len(want))
	}
}

// onceEach is what a table has after nights over worlds, one after the other: a row for each change.
func onceEach(worlds ...world) map[string][]string {
	want := make(map[string][]string)
	for _, w := range worlds {
		for name, version := range w {
			row := version + " digest"
			if rows := want[name]; len(rows) == 0 || rows[len(rows)-1] != row {
				want[name] = append(rows, row)
			}
		}
	}
	return want
}

// chance is a number in [0, 1) that depends on its arguments alone.
func chance(parts ...any) float64 {
	h := fnv.New64a()
	fmt.Fprint(h, parts...)
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}
