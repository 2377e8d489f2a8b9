package source

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
)

// kind is what an object is taken for, by its name.
type kind int

const (
	kindImage kind = iota
	kindTar
	kindParquet
	kindCompressed // an archive that cannot be read from the middle
)

var compressed = regexp.MustCompile(`(?i)\.(tar\.[a-z0-9]+|tgz|tbz2?|txz|tzst|zip|7z|rar)$`)

func kindOf(key string) kind {
	switch {
	case strings.EqualFold(path.Ext(key), ".tar"):
		return kindTar
	case strings.EqualFold(path.Ext(key), ".parquet"):
		return kindParquet
	case compressed.MatchString(key):
		return kindCompressed
	}
	return kindImage
}

// compressedAdvice is the way out for archives that are refused.
const compressedAdvice = "a compressed archive cannot be read image by image: decompress it (gunzip, unzip) and give the .tar or the folder; JPEG, PNG and WebP are compressed already"

// entry is an object that an input names.
type entry struct {
	loc   object.Location // with the object's key
	name  string          // in place of loc, when that cannot be told
	store object.Store
	info  object.Info
	// problem, when not nil, says why it cannot be read at all.
	problem *Problem
}

func (e entry) item() Item {
	item := Item{URI: e.uri(), Version: e.info.Version, MD5: e.info.MD5, Size: e.info.Size, Problem: e.info.Problem}
	return item.with(e.problem)
}

func (e entry) uri() string {
	if e.name != "" {
		return e.name
	}
	return e.loc.String()
}

// expansion is what an entry comes to: its items, sorted by member. each may be called again.
type expansion interface {
	each(fn func(Item) error) error
	close()
}

// single is the expansion of what is no archive, or one that cannot be read.
type single Item

func (s single) each(fn func(Item) error) error { return fn(Item(s)) }
func (single) close()                           {}

// archivesAtOnce is how many archives of a pattern are looked into at once.
const archivesAtOnce = 16

// expand replaces each archive that produce emits by its members. The entries come in the order of their uris.
func expand(ctx context.Context, opts Options, parallel int, produce func(context.Context, func(entry) error) error, fn func(Item) error) error {
	open := func(ctx context.Context, e entry) (expansion, error) { return e.open(ctx, opts) }
	return inOrder(ctx, parallel, produce, open, func(l expansion) error {
		defer l.close()
		return l.each(fn)
	}, expansion.close)
}

// changesAtMost bounds how often an archive that changes while it is listed is listed anew.
const changesAtMost = 3

// open looks into an archive. What is wrong with that one object is an item with a problem, any other failure an error.
func (e entry) open(ctx context.Context, opts Options) (expansion, error) {
	kind := kindOf(e.loc.Key)
	if kind == kindCompressed && e.problem == nil {
		e.problem = &Problem{Code: CodeUnsupportedFormat, Message: compressedAdvice}
	}
	if kind == kindImage || e.problem != nil || e.info.Problem != "" {
		return single(e.item()), nil
	}
	for try := 1; ; try++ {
		l, err := e.members(ctx, opts)
		if errors.Is(err, object.ErrChanged) && try < changesAtMost {
			var info object.Info
			if info, err = e.store.Stat(ctx, e.loc.Key); err == nil {
				e.info = info
				continue
			}
		}
		if err == nil {
			return l, nil
		}
		if e.problem = problemOf(err); e.problem == nil {
			return nil, fmt.Errorf("list the images in %s: %w", e.loc, err)
		}
		return single(e.item()), nil
	}
}

// members lists an archive, or finds out how it was listed before.
func (e entry) members(ctx context.Context, opts Options) (expansion, error) {
	if l := opts.Listings.find(ctx, e, opts.ImageColumn); l != nil {
		return l, nil
	}
	if kindOf(e.loc.Key) == kindParquet {
		l, err := listParquet(ctx, e, opts.ImageColumn)
		if err != nil {
			return nil, err
		}
		opts.Listings.keep(ctx, e, opts.ImageColumn, func(line func(keptLine) error) error {
			for _, g := range l.groups {
				if err := line(keptLine{Rows: g.rows, Size: g.bytes, Column: l.item.Column}); err != nil {
					return err
				}
			}
			return nil
		})
		return l, nil
	}
	l := newTarListing(e)
	problem, err := listTar(ctx, e.store, e.loc.Scheme, e.info, l.add)
	if err == nil {
		err = l.finish(problem)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	opts.Listings.keep(ctx, e, "", func(line func(keptLine) error) error {
		return l.each(func(item Item) error {
			return line(keptLine{Name: item.Member, Offset: item.Offset, Size: item.Size, Problem: item.problem()})
		})
	})
	return l, nil
}
