package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/table"
)

// Units returns the units of a plan, in order.
func (p *Plan) Units() []Unit {
	var units []Unit
	for _, chunk := range p.Chunks {
		for _, u := range chunk.Units {
			units = append(units, Unit{Index: len(units), Chunk: chunk.Name, Offset: u.Offset, Length: u.Length, Images: u.Images})
		}
	}
	return units
}

// UnitCounts returns the counts of a unit that is tagged, or object.ErrNotFound. It reads the end of the unit's file only.
func (o *Output) UnitCounts(ctx context.Context, runID int64, u Unit) (table.Counts, error) {
	path := runFolder(runID) + unitName(u.Index)
	info, err := o.store.Stat(ctx, o.key(path))
	if err != nil {
		return table.Counts{}, fmt.Errorf("unit %d of run %d: %w", u.Index, runID, err)
	}
	counts, err := o.readCounts(ctx, path, info.Size)
	if err != nil {
		return table.Counts{}, fmt.Errorf("unit %d of run %d: %w", u.Index, runID, err)
	}
	if counts.Images != int64(u.Images) {
		return table.Counts{}, fmt.Errorf("unit %d of run %d: %s has %d images, planned are %d: delete it, and run the command again",
			u.Index, runID, o.name(path), counts.Images, u.Images)
	}
	return counts, nil
}

// PutUnit writes the rows of a unit, in the order of its items, and returns their counts; when somebody else was first, the counts of what
// they wrote. When the run has been closed meanwhile, and its unit files are cleaned away, the error is ErrClosed.
func (o *Output) PutUnit(ctx context.Context, runID int64, u Unit, rows []table.Row) (table.Counts, error) {
	if len(rows) != u.Images {
		return table.Counts{}, fmt.Errorf("unit %d of run %d has %d images, but %d rows came: one row per image", u.Index, runID, u.Images, len(rows))
	}
	for i := range rows {
		if rows[i].RunID != runID {
			return table.Counts{}, fmt.Errorf("unit %d of run %d: the row of %s says run %d", u.Index, runID, rows[i].URI, rows[i].RunID)
		}
	}
	var file bytes.Buffer
	counts, err := table.WriteUnit(&file, rows)
	if err != nil {
		return table.Counts{}, fmt.Errorf("unit %d of run %d: %w", u.Index, runID, err)
	}
	err = o.putBytes(ctx, runFolder(runID)+unitName(u.Index), file.Bytes())
	if err == nil {
		return counts, nil
	}
	if !errors.Is(err, object.ErrExists) {
		return table.Counts{}, fmt.Errorf("write unit %d of run %d: %w", u.Index, runID, err)
	}
	counts, err = o.UnitCounts(ctx, runID, u)
	if errors.Is(err, object.ErrNotFound) {
		return table.Counts{}, o.orClosed(ctx, runID, err)
	}
	return counts, err
}

// orClosed returns ErrClosed for an object that is missing because its run is closed and cleaned, otherwise err.
func (o *Output) orClosed(ctx context.Context, runID int64, err error) error {
	state, serr := o.Closed(ctx, runID)
	if serr != nil {
		return errors.Join(err, serr)
	}
	if state.Closed() {
		return fmt.Errorf("run %d: %w", runID, ErrClosed)
	}
	return err
}
