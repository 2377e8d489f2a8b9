package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/tagbeam/tagbeam/io/object"
)

// forgottenFolder has an empty object for each part that is no longer of the table although a manifest names it.
const forgottenFolder = "_runs/forgotten/"

func forgottenName(p PublishedPart) string { return forgottenFolder + path.Base(p.Path) }

// partsThere returns the parts of the runs 1 to last that stand in the table, by run, and leaves out those that are forgotten. One that is missing
// otherwise is an error: a ledger without it would have its images tagged again, or not at all, unnoticed. Bytes are those of the files that
// stand there: a part that was written again without some rows (see the README) has others than its manifest says, and ledger files made of
// the part as it was are then of no use.
func (o *Output) partsThere(ctx context.Context, last int64) ([][]PublishedPart, error) {
	parts, err := o.publishedParts(ctx, 1, last)
	if err != nil || last < 1 {
		return parts, err
	}
	sizes, err := o.partSizes(ctx)
	if err != nil {
		return nil, err
	}
	there := make([][]PublishedPart, len(parts))
	for i, run := range parts {
		for _, p := range run {
			size, ok := sizes[p.Path]
			if !ok {
				forgotten, err := o.exists(ctx, forgottenName(p))
				if err != nil {
					return nil, fmt.Errorf("read what is tagged: %w", err)
				}
				if !forgotten {
					return nil, missingError(o.name(p.Path), object.ErrNotFound)
				}
				continue
			}
			p.Bytes = size
			there[i] = append(there[i], p)
		}
	}
	return there, nil
}

func missingError(name string, err error) error {
	return fmt.Errorf("read what is tagged: a manifest names %s, which is gone: put it back; or, if it is to stay away, say so with tagbeam runs --forget-missing, and its images are new again (--retag does without the table's memory once): %w", name, err)
}

// partSizes lists the files of the table, by their path in the output.
func (o *Output) partSizes(ctx context.Context) (map[string]int64, error) {
	sizes := make(map[string]int64)
	prefix := o.key("labels/")
	err := o.store.List(ctx, object.ListOptions{Prefix: prefix}, func(i object.Info) error {
		sizes["labels/"+i.Key[len(prefix):]] = i.Size
		return nil
	})
	if err != nil && !errors.Is(err, object.ErrNotFound) {
		return nil, fmt.Errorf("read what is tagged: %w", err)
	}
	return sizes, nil
}

// ForgetMissing notes that the parts that published runs have written, and that do not stand in the table any more, are to be forgotten: their
// images count as not tagged from now on. It returns them. What is forgotten stays so; a part that is put back counts again.
func (o *Output) ForgetMissing(ctx context.Context) ([]PublishedPart, error) {
	runs, err := o.Runs(ctx)
	if err != nil {
		return nil, err
	}
	sizes, err := o.partSizes(ctx)
	if err != nil {
		return nil, err
	}
	var missing []PublishedPart
	for _, s := range runs {
		if s.Manifest == nil {
			continue
		}
		for _, p := range s.Manifest.Parts {
			if _, ok := sizes[p.Path]; !ok {
				missing = append(missing, p)
			}
		}
	}
	for _, p := range missing {
		err := o.store.PutIfAbsent(ctx, o.key(forgottenName(p)), func(io.Writer) error { return nil })
		if err != nil && !errors.Is(err, object.ErrExists) {
			return nil, fmt.Errorf("forget %s: %w", o.name(p.Path), err)
		}
	}
	return missing, nil
}
