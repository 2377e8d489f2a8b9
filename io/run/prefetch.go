package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/tagbeam/tagbeam/io/object"
)

const (
	// unitsAhead is the largest number of unit files that are read while one is merged: a part has about a thousand of them.
	unitsAhead = 8
	// wholeUnitBytes is the size up to which a unit file is read at once. A larger one is read piece by piece.
	wholeUnitBytes = 8 << 20
)

// unitFile is a unit file that has been read, or opened.
type unitFile struct {
	r    io.ReaderAt
	size int64
	err  error
}

// eachUnitFile calls fn for each unit file, in order, and reads those to come meanwhile.
func (o *Output) eachUnitFile(ctx context.Context, runID int64, units []Unit, fn func(name string, r io.ReaderAt, size int64) error) error {
	ctx, stop := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer stop()
	var ahead []chan unitFile
	for i, u := range units {
		for len(ahead) < len(units) && len(ahead) < i+min(1+unitsAhead, o.parallel) {
			file, u := make(chan unitFile, 1), units[len(ahead)]
			ahead = append(ahead, file)
			reading.Go(func() { file <- o.openUnit(ctx, runID, u) })
		}
		f := <-ahead[i]
		if f.err != nil {
			return f.err
		}
		if err := fn(o.name(runFolder(runID)+unitName(u.Index)), f.r, f.size); err != nil {
			return err
		}
	}
	return nil
}

func (o *Output) openUnit(ctx context.Context, runID int64, u Unit) unitFile {
	key := o.key(runFolder(runID) + unitName(u.Index))
	data, _, err := o.store.Read(ctx, key, wholeUnitBytes)
	if err == nil {
		return unitFile{r: bytes.NewReader(data), size: int64(len(data))}
	}
	if !errors.Is(err, object.ErrTooLarge) {
		return unitFile{err: fmt.Errorf("unit %d of run %d: %w", u.Index, runID, err)}
	}
	info, err := o.store.Stat(ctx, key)
	if err != nil {
		return unitFile{err: fmt.Errorf("unit %d of run %d: %w", u.Index, runID, err)}
	}
	return unitFile{r: readerAt(ctx, o.store, key, info.Size), size: info.Size}
}
