package run

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/tagbeam/tagbeam/io/object"
)

// Publish writes the manifest of a run whose parts all stand in the table, then _SUCCESS. It may be called again after a crash at any
// point, also when the run is published: then parts do not matter, and the manifest that is there is returned.
func (o *Output) Publish(ctx context.Context, plan *Plan, parts []PublishedPart) (*Manifest, error) {
	m, err := o.manifest(ctx, plan.RunID)
	if err != nil {
		return nil, err
	}
	if m == nil {
		if m, err = o.putManifest(ctx, plan, parts); err != nil {
			return nil, err
		}
	}
	return m, o.putSuccess(ctx, partFolder(m.Date)+successName)
}

func (o *Output) putManifest(ctx context.Context, plan *Plan, parts []PublishedPart) (*Manifest, error) {
	d, err := o.decision(ctx, plan.RunID)
	if err != nil {
		return nil, err
	}
	if d == nil || !d.Commit {
		return nil, fmt.Errorf("publish run %d: it is not decided to commit", plan.RunID)
	}
	if parts, err = plan.complete(parts); err != nil {
		return nil, fmt.Errorf("publish run %d: %w; run the command again", plan.RunID, err)
	}
	m := &Manifest{
		Format: layoutFormat, RunID: plan.RunID, Date: plan.Date, Parts: parts, Counts: d.Counts, Options: plan.Options, Inputs: plan.Inputs,
		Model: plan.Model, ModelDigest: plan.ModelDigest, Fingerprint: plan.Fingerprint, Attempt: o.newAttempt(),
		PlannedAt: plan.CreatedAt, PublishedAt: now(),
	}
	err = o.putRecord(ctx, runFolder(plan.RunID)+manifestName, m)
	if err == nil {
		return m, nil
	}
	if !errors.Is(err, object.ErrExists) {
		return nil, fmt.Errorf("publish run %d: %w", plan.RunID, err)
	}
	m, err = o.manifest(ctx, plan.RunID)
	if err == nil && m == nil {
		err = fmt.Errorf("manifest of run %d: it was there and is not any more", plan.RunID)
	}
	return m, err
}

// complete holds parts against the plan and returns them in its order, each once.
func (p *Plan) complete(parts []PublishedPart) ([]PublishedPart, error) {
	there := make(map[string]PublishedPart, len(parts))
	for _, part := range parts {
		there[part.Path] = part
	}
	ordered, rows := make([]PublishedPart, 0, len(p.Parts)), int64(0)
	for _, planned := range p.Parts {
		part, ok := there[partPath(p, planned.Index)]
		if !ok {
			return nil, fmt.Errorf("part %d of %d is not written", planned.Index, len(p.Parts))
		}
		ordered, rows = append(ordered, part), rows+part.Rows
	}
	if len(there) != len(ordered) {
		return nil, fmt.Errorf("%d parts came, planned are %d", len(there), len(ordered))
	}
	if rows != p.Images {
		return nil, fmt.Errorf("its parts have %d rows, planned are %d", rows, p.Images)
	}
	return ordered, nil
}

// finishSuccess marks the partition of a closed run, in case that it was published by a command that was killed before its last step.
func (o *Output) finishSuccess(ctx context.Context, id int64) error {
	parts, err := o.publishedParts(ctx, id, id)
	if err != nil || len(parts[0]) == 0 {
		return err
	}
	mark := path.Dir(parts[0][0].Path) + "/" + successName
	if there, err := o.exists(ctx, mark); err != nil || there {
		return err
	}
	return o.putSuccess(ctx, mark)
}

// putSuccess marks a partition as holding at least one published run, for readers that wait for it.
func (o *Output) putSuccess(ctx context.Context, mark string) error {
	err := o.putBytes(ctx, mark, nil)
	if err != nil && !errors.Is(err, object.ErrExists) {
		return fmt.Errorf("mark %s: %w", o.name(mark), err)
	}
	return nil
}
