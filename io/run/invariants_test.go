package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/table"
)

// invariants hold an output to what is true after every single request, whoever makes it:
//
//   - what is in the table, and every record of a run, is written once: never replaced, never deleted;
//   - a run is planned when the one before it is closed, decided when each of its units is there, and published when its parts hold exactly one row
//     for each image that was planned; nothing stands in the table before the decision to commit;
//   - unit files and plan chunks go only when their run is closed;
//   - no version of an image is published twice for a model, unless that was asked for.
type invariants struct {
	store object.Store
	// again allows to tag a version again: --retag, and what failed.
	again func(table.Row) bool
	kept  map[string]string // immutable objects and their versions
	// rows of the published runs, by image.
	rows     map[string][]table.Row
	adopting bool
}

func newInvariants(store object.Store) *invariants {
	return &invariants{store: store, kept: map[string]string{}, rows: map[string][]table.Row{}, again: func(r table.Row) bool { return r.Status == table.StatusFailed }}
}

// adopt takes in what a scenario was set up with: records, and the rows of published runs, which may have been cleaned since.
func (v *invariants) adopt() error {
	v.adopting = true
	defer func() { v.adopting = false }()
	var puts []string
	err := v.store.List(context.Background(), object.ListOptions{}, func(i object.Info) error { puts = append(puts, i.Key); return nil })
	if err != nil {
		return err
	}
	slices.SortStableFunc(puts, func(a, b string) int { return strings.Compare(lastName(a), lastName(b)) }) // manifests by run
	for _, key := range puts {
		if err := v.put(key); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func lastName(key string) string { return key[strings.LastIndex(key, "/")+1:] }

// check is to be called after each request.
func (v *invariants) check(s objecttest.Step) error {
	if !s.Changed {
		return nil
	}
	if s.Op == objecttest.OpDelete {
		if err := v.unchanged(); err != nil {
			return err
		}
		return allowed(v.store, "delete", strings.TrimPrefix(s.Key, root))
	}
	if err := allowed(v.store, "put", strings.TrimPrefix(s.Key, root)); err != nil {
		return err
	}
	return v.put(s.Key)
}

// put takes in a new object.
func (v *invariants) put(key string) error {
	path := strings.TrimPrefix(key, root)
	if strings.HasPrefix(path, "labels/") || strings.HasSuffix(path, ".json") {
		info, err := v.store.Stat(context.Background(), key)
		if err != nil {
			return err
		}
		v.kept[key] = info.Version
	}
	if err := v.unchanged(); err != nil {
		return err
	}
	m := runObject.FindStringSubmatch(path)
	switch {
	case m == nil:
		return nil
	case v.adopting && m[2] != manifestName:
		return nil
	case m[2] == planName:
		return v.planned(atoi(m[1]))
	case m[2] == decisionName:
		return v.decided(atoi(m[1]))
	case m[2] == manifestName:
		return v.published(atoi(m[1]))
	}
	return nil
}

// unchanged: what is immutable is as it was.
func (v *invariants) unchanged() error {
	for key, version := range v.kept {
		if info, err := v.store.Stat(context.Background(), key); err != nil || info.Version != version {
			return fmt.Errorf("%s was written again, or is gone: version %q, was %q (%v)", key, info.Version, version, err)
		}
	}
	return nil
}

// planned: the elected chunks are there and hold what the plan says, each image once.
func (v *invariants) planned(id int64) error {
	_, err := v.items(id)
	return err
}

// items are the images of a plan with their versions, as long as its chunks are there.
func (v *invariants) items(id int64) (map[string]string, error) {
	o := New(v.store, outputAt)
	plan, err := o.Plan(context.Background(), id)
	if err != nil {
		return nil, err
	}
	images := map[string]string{}
	for _, u := range plan.Units() {
		items, err := o.Items(context.Background(), id, u)
		if err != nil {
			return nil, fmt.Errorf("run %d is planned without its chunks: %w", id, err)
		}
		for _, i := range items {
			images[strings.TrimSuffix(i.URI+"|"+i.Member, "|")] = i.Version
		}
	}
	if int64(len(images)) != plan.Images {
		return nil, fmt.Errorf("run %d has %d images in its chunks, planned are %d", id, len(images), plan.Images)
	}
	return images, nil
}

// decided: a run that is not abandoned has all its units.
func (v *invariants) decided(id int64) error {
	o := New(v.store, outputAt)
	plan, err := o.Plan(context.Background(), id)
	if err != nil {
		return err
	}
	d, err := o.decision(context.Background(), id)
	if err != nil || !d.Commit {
		return err
	}
	var total table.Counts
	for _, u := range plan.Units() {
		counts, err := o.UnitCounts(context.Background(), id, u)
		if err != nil {
			return fmt.Errorf("run %d is decided: %w", id, err)
		}
		total.Add(counts)
	}
	if diff := cmp.Diff(total, d.Counts); diff != "" {
		return fmt.Errorf("run %d is decided on other counts than its units have (-units +decision):\n%s", id, diff)
	}
	return nil
}

// published: the parts of the manifest are there and have one row for each image that was planned, of the version that was planned; the table has
// no version twice.
func (v *invariants) published(id int64) error {
	ctx := context.Background()
	m, err := New(v.store, outputAt).manifest(ctx, id)
	if err != nil {
		return err
	}
	seen := map[string]string{}
	var counts []table.Row
	for _, p := range m.Parts {
		data, info, err := v.store.Read(ctx, root+p.Path, 1<<30)
		if err != nil {
			return fmt.Errorf("run %d is published without a part: %w", id, err)
		}
		rows, err := table.ReadRows(bytes.NewReader(data), int64(len(data)), 0, 1<<30)
		if err != nil {
			return fmt.Errorf("run %d: %s: %w", id, p.Path, err)
		}
		if p.Bytes != info.Size || p.Rows != int64(len(rows)) {
			return fmt.Errorf("run %d: %s has %d rows in %d bytes, its manifest says %+v", id, p.Path, len(rows), info.Size, p)
		}
		for _, r := range rows {
			name := strings.TrimSuffix(r.URI+"|"+r.Member, "|")
			if _, twice := seen[name]; twice {
				return fmt.Errorf("run %d has %s twice", id, name)
			}
			if r.RunID != id || r.ModelDigest != m.ModelDigest {
				return fmt.Errorf("run %d of model %s has a row of run %d and model %s", id, m.ModelDigest, r.RunID, r.ModelDigest)
			}
			seen[name] = r.Version
			for _, old := range v.rows[name] {
				if old.Version == r.Version && old.ModelDigest == r.ModelDigest && v.newest(name, r.ModelDigest).Version == r.Version && !v.again(old) {
					return fmt.Errorf("run %d has %s %s again: it is of run %d", id, name, r.Version, old.RunID)
				}
			}
			v.rows[name] = append(v.rows[name], r)
		}
		counts = append(counts, rows...)
	}
	if diff := cmp.Diff(table.CountRows(counts), m.Counts); diff != "" {
		return fmt.Errorf("run %d has other rows than its manifest counts (-rows +manifest):\n%s", id, diff)
	}
	planned, err := v.items(id)
	if v.adopting && errors.Is(err, ErrClosed) {
		return nil // cleaned since
	}
	if err != nil {
		return err
	}
	if !maps.Equal(planned, seen) {
		return fmt.Errorf("run %d was to tag %v, and published %v", id, planned, seen)
	}
	return nil
}

// newest is the last row of an image for a model.
func (v *invariants) newest(name, digest string) (newest table.Row) {
	for _, r := range v.rows[name] {
		if r.ModelDigest == digest && r.RunID >= newest.RunID {
			newest = r
		}
	}
	return newest
}

// settled holds the table against what there is to tag: each image has a current row of its version, and nothing else stands in the table.
func (v *invariants) settled(w world, digest string) error {
	for name, version := range w {
		if r := v.newest(name, digest); r.Version != version || r.Status == table.StatusFailed && !v.again(r) {
			return fmt.Errorf("LOST: %s of version %s has the current row %+v", name, version, r)
		}
	}
	named := map[string]bool{}
	for id := int64(1); ; id++ {
		data, _, err := v.store.Read(context.Background(), root+runFolder(id)+planName, 1<<20)
		if errors.Is(err, object.ErrNotFound) {
			break
		}
		if err != nil || !json.Valid(data) {
			return fmt.Errorf("plan of run %d: %w", id, err)
		}
		m, err := New(v.store, outputAt).manifest(context.Background(), id)
		if err != nil {
			return err
		}
		if m != nil {
			for _, p := range m.Parts {
				named[root+p.Path] = true
			}
		}
	}
	return v.store.List(context.Background(), object.ListOptions{Prefix: root + "labels/"}, func(i object.Info) error {
		if !named[i.Key] && lastName(i.Key) != successName {
			return fmt.Errorf("DOUBLED: %s is in the table, but no manifest names it", i.Key)
		}
		return nil
	})
}
