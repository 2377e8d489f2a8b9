package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/tagbeam/tagbeam/io/object"
)

// forgottenFolder has an empty object for each part that is no longer of the table although a manifest names it.
const forgottenFolder = "_runs/forgotten/"

func forgottenName(p PublishedPart) string { return forgottenFolder + path.Base(p.Path) }

// partsThere returns the parts of the runs 1 to last that stand in the table, by run, and leaves out those that are forgotten. One that is missing
// otherwise is an error: a ledger without it would have its images tagged again, or not at all, unnoticed.
func (o *Output) partsThere(ctx context.Context, last int64) ([][]PublishedPart, error) {
	parts, err := o.publishedParts(ctx, 1, last)
	if err != nil {
		return nil, err
	}
	missing, err := o.missing(ctx, parts)
	if err != nil || len(missing) == 0 {
		return parts, err
	}
	there := slices.Clone(parts)
	for _, p := range missing {
		forgotten, err := o.exists(ctx, forgottenName(p))
		if err != nil {
			return nil, fmt.Errorf("read what is tagged: %w", err)
		}
		if !forgotten {
			return nil, missingError(o.name(p.Path), object.ErrNotFound)
		}
		for i := range there {
			if slices.Contains(there[i], p) {
				there[i] = slices.DeleteFunc(slices.Clone(there[i]), func(q PublishedPart) bool { return q == p })
			}
		}
	}
	return there, nil
}

func missingError(name string, err error) error {
	return fmt.Errorf("read what is tagged: a manifest names %s, which is gone: put it back; or, if it is to stay away, say so with tagbeam runs --forget-missing, and its images are new again (--retag does without the table's memory once): %w", name, err)
}

// missing returns the parts that do not stand in the table, in order.
func (o *Output) missing(ctx context.Context, parts [][]PublishedPart) ([]PublishedPart, error) {
	there := make(map[string]bool)
	prefix := o.key("labels/")
	err := o.store.List(ctx, object.ListOptions{Prefix: prefix}, func(i object.Info) error {
		there["labels/"+i.Key[len(prefix):]] = true
		return nil
	})
	if err != nil && !errors.Is(err, object.ErrNotFound) {
		return nil, fmt.Errorf("read what is tagged: %w", err)
	}
	var missing []PublishedPart
	for _, run := range parts {
		for _, p := range run {
			if !there[p.Path] {
				missing = append(missing, p)
			}
		}
	}
	return missing, nil
}

// ForgetMissing notes that the parts that published runs have written, and that do not stand in the table any more, are to be forgotten: their
// images count as not tagged from now on. It returns them. What is forgotten stays so; a part that is put back counts again.
func (o *Output) ForgetMissing(ctx context.Context) ([]PublishedPart, error) {
	runs, err := o.Runs(ctx)
	if err != nil {
		return nil, err
	}
	var parts [][]PublishedPart
	for _, s := range runs {
		if s.Manifest != nil {
			parts = append(parts, s.Manifest.Parts)
		}
	}
	missing, err := o.missing(ctx, parts)
	if err != nil {
		return nil, err
	}
	for _, p := range missing {
		err := o.store.PutIfAbsent(ctx, o.key(forgottenName(p)), func(io.Writer) error { return nil })
		if err != nil && !errors.Is(err, object.ErrExists) {
			return nil, fmt.Errorf("forget %s: %w", o.name(p.Path), err)
		}
	}
	return missing, nil
}
