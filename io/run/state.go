package run

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/tagbeam/tagbeam/io/object"
)

// Status is how far a run has come, and what it left on the way.
type Status struct {
	State    State
	Plan     *Plan
	Decision *Decision // nil when planned
	Manifest *Manifest // nil unless published
}

// Closed says that the run is over: published or aborted. The next one may be planned.
func (s State) Closed() bool { return s == StatePublished || s == StateAborted }

// Latest returns the status of the newest run, or nil when there is none.
func (o *Output) Latest(ctx context.Context) (*Status, error) {
	id, err := o.latestID(ctx)
	if err != nil || id == 0 {
		return nil, err
	}
	return o.Status(ctx, id)
}

// Runs returns the status of every run, in order.
func (o *Output) Runs(ctx context.Context) ([]*Status, error) {
	n, err := o.latestID(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]*Status, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.parallel)
	for i := range all {
		group.Go(func() (err error) {
			all[i], err = o.Status(ctx, int64(i)+1)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return all, nil
}

// Status returns the status of a run, or object.ErrNotFound.
func (o *Output) Status(ctx context.Context, id int64) (*Status, error) {
	plan, err := o.Plan(ctx, id)
	if err != nil {
		return nil, err
	}
	s := &Status{State: StatePlanned, Plan: plan}
	// The manifest first: it is written after the decision, so a decision that is read after it cannot be missing.
	if s.Manifest, err = o.manifest(ctx, id); err != nil {
		return nil, err
	}
	if s.Decision, err = o.decision(ctx, id); err != nil {
		return nil, err
	}
	s.State, err = stateOf(id, s.Manifest != nil, s.Decision)
	return s, err
}

// Closed returns the state of a run in two small requests at most, without reading its plan; a run that does not exist counts as planned.
func (o *Output) Closed(ctx context.Context, id int64) (State, error) {
	published, err := o.exists(ctx, runFolder(id)+manifestName)
	if err != nil {
		return "", fmt.Errorf("state of run %d: %w", id, err)
	}
	d, err := o.decision(ctx, id)
	if err != nil {
		return "", err
	}
	return stateOf(id, published, d)
}

// Plan returns the plan of a run, or object.ErrNotFound.
func (o *Output) Plan(ctx context.Context, id int64) (*Plan, error) {
	var p Plan
	path := runFolder(id) + planName
	if err := o.readRecord(ctx, path, &p); err != nil {
		return nil, fmt.Errorf("plan of run %d: %w", id, err)
	}
	if p.Format != layoutFormat {
		return nil, fmt.Errorf("%s has format %d, this tagbeam knows %d: use the tagbeam that wrote it, or a newer one", o.name(path), p.Format, layoutFormat)
	}
	if p.RunID != id {
		return nil, fmt.Errorf("%s is the plan of run %d: it has been copied here", o.name(path), p.RunID)
	}
	return &p, nil
}

// decision returns the decision of a run, or nil.
func (o *Output) decision(ctx context.Context, id int64) (*Decision, error) {
	var d Decision
	err := o.readRecord(ctx, runFolder(id)+decisionName, &d)
	if errors.Is(err, object.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("decision of run %d: %w", id, err)
	}
	return &d, nil
}

// manifest returns the manifest of a run, or nil.
func (o *Output) manifest(ctx context.Context, id int64) (*Manifest, error) {
	var m Manifest
	path := runFolder(id) + manifestName
	err := o.readRecord(ctx, path, &m)
	if errors.Is(err, object.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("manifest of run %d: %w", id, err)
	}
	if m.Format != layoutFormat {
		return nil, fmt.Errorf("%s has format %d, this tagbeam knows %d: use the tagbeam that wrote it, or a newer one", o.name(path), m.Format, layoutFormat)
	}
	return &m, nil
}

func stateOf(id int64, published bool, d *Decision) (State, error) {
	switch {
	case published && (d == nil || !d.Commit):
		return "", fmt.Errorf("run %d has a manifest but no decision to commit: somebody has changed its folder", id)
	case published:
		return StatePublished, nil
	case d == nil:
		return StatePlanned, nil
	case d.Commit:
		return StateCommitted, nil
	default:
		return StateAborted, nil
	}
}

// latestID returns the number of the newest run, or 0. Runs are numbered without gaps, so it is found by doubling and halving: some
// 2 log2(n) requests at first, one when nothing is new. (Listing _runs/ would go through every unit file.)
func (o *Output) latestID(ctx context.Context) (int64, error) {
	o.mu.Lock()
	known := o.known
	o.mu.Unlock()
	latest, err := o.probe(ctx, known)
	if err != nil {
		return 0, fmt.Errorf("find the newest run of %s: %w", o.URI(), err)
	}
	if known == 0 {
		if err := o.checkGap(ctx, latest); err != nil {
			return 0, err
		}
	}
	o.mu.Lock()
	o.known = max(o.known, latest)
	o.mu.Unlock()
	return latest, nil
}

// probe finds the last run from one that is known to exist.
func (o *Output) probe(ctx context.Context, known int64) (int64, error) {
	there, absent, step := known, int64(0), int64(1)
	for absent == 0 {
		ok, err := o.exists(ctx, runFolder(there+step)+planName)
		switch {
		case err != nil:
			return 0, err
		case ok:
			there, step = there+step, step*2
		default:
			absent = there + step
		}
	}
	for there+1 < absent {
		middle := there + (absent-there)/2
		ok, err := o.exists(ctx, runFolder(middle)+planName)
		switch {
		case err != nil:
			return 0, err
		case ok:
			there = middle
		default:
			absent = middle
		}
	}
	return there, nil
}

// checkGap makes sure that no run lies beyond the newest one found: a run folder that was deleted, or not copied, would make us number
// runs a second time, and tag everything again. Within the folder of latest+1 there may be chunks of a plan that was not elected.
func (o *Output) checkGap(ctx context.Context, latest int64) error {
	var beyond string
	found := errors.New("found")
	err := o.store.List(ctx, object.ListOptions{Prefix: o.key("_runs/"), StartAfter: o.key(runFolder(latest+1) + "~"), EndBefore: o.key("_runs/:")}, func(i object.Info) error {
		beyond = i.Key
		return found
	})
	switch {
	case err == nil, errors.Is(err, object.ErrNotFound):
		return nil
	case !errors.Is(err, found):
		return fmt.Errorf("find the newest run of %s: %w", o.URI(), err)
	}
	// It may have been planned since.
	now, err := o.probe(ctx, latest)
	if err != nil {
		return fmt.Errorf("find the newest run of %s: %w", o.URI(), err)
	}
	if now > latest {
		return o.checkGap(ctx, now)
	}
	return fmt.Errorf("%s has no plan of run %d, yet there is %s: the runs of an output are numbered without gaps; put back what is missing under _runs/, or remove what is left over beyond run %d",
		o.URI(), latest+1, beyond, latest)
}
