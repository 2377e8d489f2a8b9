package source

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source/extsort"
)

// A list is an input that names its images one by one: a manifest, or a pattern with ranges. Its names may come in any order, more than
// once, and may not exist: then they are items with a problem. They are sorted on disk where they are many, and looked up in parallel.
type list struct {
	opts Options
	// names calls fn for each name as it is written.
	names func(ctx context.Context, fn func(string) error) error
	// base is the folder that relative names are relative to.
	base object.Location
}

const (
	// statsAtOnce is how many names are looked up at once: at 30 ms each, 2,000 a second.
	statsAtOnce = 64
)

// listMemory is what the names of a list take before they are sorted on disk. Tests take less.
var listMemory = 64 << 20

// items gives the images of the list in order.
func (l *list) items(ctx context.Context, fn func(Item) error) error {
	names := extsort.New("", listMemory)
	defer names.Close()
	err := l.names(ctx, func(name string) error {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		return names.Add(canonical(l.base, name))
	})
	if err != nil {
		return err
	}
	produce := func(ctx context.Context, emit func(string) error) error {
		last, first := "", true
		return names.Each(func(name string) error {
			if !first && name == last {
				return nil
			}
			last, first = name, false
			return emit(name)
		})
	}
	look := func(ctx context.Context, name string) (expansion, error) {
		e, err := lookUp(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("look up %s: %w", name, err)
		}
		return e.open(ctx, l.opts)
	}
	return inOrder(ctx, statsAtOnce, produce, look, func(x expansion) error {
		defer x.close()
		return x.each(fn)
	}, expansion.close)
}

// canonical is the uri of a name in a list: absolute, without ./ and ../. A name that is no uri stays as it is.
func canonical(base object.Location, name string) string {
	name = escaped(name)
	if absolute(name) {
		if loc, err := object.Parse(name); err == nil {
			return loc.String()
		}
		return name
	}
	if base.Scheme == object.SchemeFile {
		if loc, err := object.Parse(base.Join(name).Key); err == nil {
			return loc.String()
		}
		return name
	}
	folder := strings.TrimSuffix(base.Key, "/")
	for {
		if rest, ok := strings.CutPrefix(name, "./"); ok {
			name = rest
		} else if rest, ok := strings.CutPrefix(name, "../"); ok && folder != "" {
			name, folder = rest, strings.TrimPrefix(path.Dir("/"+folder), "/")
		} else {
			base.Key = folder
			return base.Join(name).String()
		}
	}
}

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// absolute says that a name does not depend on where it is written.
func absolute(name string) bool {
	return strings.HasPrefix(name, "/") || scheme.MatchString(name)
}

// lookUp asks the store about a name. What is wrong with that object alone is the entry's problem.
func lookUp(ctx context.Context, name string) (entry, error) {
	loc, err := object.Parse(name)
	if err != nil {
		return entry{name: name, problem: &Problem{Code: CodeInvalidName, Message: err.Error()}}, nil
	}
	e := entry{loc: loc}
	if e.store, err = object.Open(ctx, loc); err != nil {
		return e, err
	}
	if e.info, err = e.store.Stat(ctx, loc.Key); err == nil {
		return e, nil
	}
	e.info.Key = loc.Key
	if e.problem = problemOf(err); e.problem != nil {
		return e, nil
	}
	// Web hosts are many, and one that is down says nothing about the others. A store that is down is no list of missing images.
	if strings.HasPrefix(loc.Scheme, "http") && errors.Is(err, object.ErrTransient) && ctx.Err() == nil {
		e.problem = &Problem{Code: CodeUnavailable, Message: err.Error(), Retryable: true}
		return e, nil
	}
	return e, err
}
