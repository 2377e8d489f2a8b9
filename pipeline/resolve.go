package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/builtin"
)

// resolve makes local paths absolute: the same images have the same uri and the same fingerprint wherever the command is called.
func (o Options) resolve() (Options, error) {
	o, err := o.resolveInputs()
	if err != nil {
		return o, err
	}
	if o.Output, err = absolute(o.Output); err != nil {
		return o, usage("--output: %w", err)
	}
	if o.Model.Builtin() {
		o.Model.URI = builtin.Name
	} else if o.Model.URI, err = absolute(o.Model.URI); err != nil {
		return o, usage("--model: %w", err)
	}
	if f := o.Model.ONNXRuntime; f != "" {
		if o.Model.ONNXRuntime, err = filepath.Abs(f); err != nil {
			return o, usage("--onnxruntime: %w", err)
		}
	}
	return o, nil
}

// resolveInputs makes the inputs absolute.
func (o Options) resolveInputs() (Options, error) {
	var err error
	inputs := make([]string, len(o.Inputs))
	for i, in := range o.Inputs {
		inputs[i] = in
		at := "" // of a manifest
		if rest, ok := strings.CutPrefix(in, "@"); ok {
			at, in = "@", rest
		}
		if in != "" && !strings.Contains(in, "://") {
			if in, err = filepath.Abs(in); err != nil {
				return o, usage("--input %s: %w", inputs[i], err)
			}
			inputs[i] = at + in
		}
	}
	o.Inputs = inputs
	return o, nil
}

// absolute is the canonical form of a folder's path or uri, without a trailing slash.
func absolute(uri string) (string, error) {
	loc, err := object.Parse(uri)
	if err != nil {
		return "", err
	}
	if s := strings.TrimRight(loc.Key, "/"); s != "" {
		loc.Key = s
	}
	return loc.String(), nil
}

// checkOutput refuses a local OUTPUT that is no folder, and a bucket that is not there. A folder that does not exist is made by the first run.
func (o Options) checkOutput(ctx context.Context) error {
	loc, err := object.Parse(o.Output)
	if err != nil {
		return usage("--output: %w", err)
	}
	if loc.Scheme != object.SchemeFile {
		return checkBucket(ctx, loc)
	}
	for path := loc.Key; ; path = filepath.Dir(path) {
		switch info, err := os.Stat(path); {
		case err == nil && info.IsDir(), err != nil && path == filepath.Dir(path):
			return nil
		case err == nil && path == loc.Key:
			return usage("--output %s: it is a file; name a folder", o.Output)
		case err == nil:
			return usage("--output %s: %s is a file; name a folder", o.Output, path)
		}
	}
}

// checkBucket looks for the first object of an output: that a bucket exists cannot be told more cheaply with the right to list alone.
func checkBucket(ctx context.Context, output object.Location) error {
	store, err := object.Open(ctx, output)
	if err != nil {
		return asUsage(ctx, fmt.Errorf("--output: %w", err))
	}
	seen := errors.New("seen one")
	err = store.List(ctx, object.ListOptions{Prefix: output.Join("_runs/").Key}, func(object.Info) error { return seen })
	switch {
	case err == nil, errors.Is(err, seen):
		return nil
	case errors.Is(err, object.ErrNotFound):
		return usage("--output %s: there is no bucket %s://%s", output, output.Scheme, output.Bucket)
	}
	return asUsage(ctx, fmt.Errorf("--output: %w", err))
}

// sourceOptions keeps the table's own folders out of the inputs, and the listings of archives in one of them.
func (o Options) sourceOptions(listings bool) source.Options {
	columns := source.Options{URIColumn: o.URIColumn, ImageColumn: o.ImageColumn}
	loc, err := object.Parse(o.Output)
	if err != nil {
		return columns // there is no output
	}
	members := loc.Join("_members/")
	return source.Options{
		Exclude:   []object.Location{loc.Join("labels/"), loc.Join("_runs/"), loc.Join("_ledger/"), members},
		Listings:  &source.Listings{At: members, ReadOnly: !listings},
		URIColumn: o.URIColumn, ImageColumn: o.ImageColumn,
	}
}
