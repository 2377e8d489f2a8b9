package run

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/table"
)

// PutPart merges the unit files of a part, in order, into a part file of the table, or adopts the file when somebody else has written it.
// Only a run that is decided to commit has parts. When the run is published already, the part of its manifest is returned.
func (o *Output) PutPart(ctx context.Context, plan *Plan, part Part) (PublishedPart, error) {
	d, err := o.decision(ctx, plan.RunID)
	if err != nil {
		return PublishedPart{}, err
	}
	if d == nil || !d.Commit {
		return PublishedPart{}, fmt.Errorf("part %d of run %d: nothing is written to the table before the run is decided to commit", part.Index, plan.RunID)
	}
	want := plan.partRows(part)
	if p, err := o.adoptPart(ctx, plan, part, want); err == nil || !errors.Is(err, object.ErrNotFound) {
		return p, err
	}
	path := partPath(plan, part.Index)
	err = o.store.PutIfAbsent(ctx, o.key(path), func(w io.Writer) error { return o.writePart(ctx, w, plan, part, want) })
	if errors.Is(err, object.ErrNotFound) {
		// A unit file is gone: only when the run was published and its successor has cleaned up.
		m, merr := o.manifest(ctx, plan.RunID)
		if merr != nil {
			return PublishedPart{}, errors.Join(err, merr)
		}
		if m != nil {
			return m.part(path)
		}
	}
	if err != nil && !errors.Is(err, object.ErrExists) {
		return PublishedPart{}, fmt.Errorf("write part %d of run %d: %w", part.Index, plan.RunID, err)
	}
	return o.adoptPart(ctx, plan, part, want)
}

// adoptPart returns the part that stands in the table, or object.ErrNotFound.
func (o *Output) adoptPart(ctx context.Context, plan *Plan, part Part, want int64) (PublishedPart, error) {
	path := partPath(plan, part.Index)
	info, err := o.store.Stat(ctx, o.key(path))
	if err != nil {
		return PublishedPart{}, fmt.Errorf("part %d of run %d: %w", part.Index, plan.RunID, err)
	}
	counts, err := o.readCounts(ctx, path, info.Size)
	if err != nil {
		return PublishedPart{}, fmt.Errorf("part %d of run %d: %w", part.Index, plan.RunID, err)
	}
	if counts.Images != want {
		return PublishedPart{}, fmt.Errorf("part %d of run %d: %s has %d rows, planned are %d: it is not of this run; move it away, and run the command again",
			part.Index, plan.RunID, o.name(path), counts.Images, want)
	}
	return PublishedPart{Path: path, Rows: counts.Images, Bytes: info.Size}, nil
}

// writePart streams the unit files of a part into w.
func (o *Output) writePart(ctx context.Context, w io.Writer, plan *Plan, part Part, want int64) error {
	pw := table.NewPartWriter(w)
	units := plan.Units()[part.FirstUnit : part.FirstUnit+part.Units]
	err := o.eachUnitFile(ctx, plan.RunID, units, func(name string, r io.ReaderAt, size int64) error {
		if err := pw.AppendUnit(ctx, r, size); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	rows, _, err := pw.Close()
	if err != nil {
		return err
	}
	if rows != want {
		return fmt.Errorf("its units have %d rows, planned are %d", rows, want)
	}
	return nil
}

// partRows returns the number of rows a part will have.
func (p *Plan) partRows(part Part) int64 {
	n := int64(0)
	for _, u := range p.Units()[part.FirstUnit : part.FirstUnit+part.Units] {
		n += int64(u.Images)
	}
	return n
}

func (m *Manifest) part(path string) (PublishedPart, error) {
	for _, p := range m.Parts {
		if p.Path == path {
			return p, nil
		}
	}
	return PublishedPart{}, fmt.Errorf("run %d is published without %s", m.RunID, path)
}
