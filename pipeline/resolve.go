package pipeline

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/builtin"
)

// resolve makes local paths absolute: the same images have the same uri and the same fingerprint wherever the command is called.
func (o Options) resolve() (Options, error) {
	var err error
	inputs := make([]string, len(o.Inputs))
	for i, in := range o.Inputs {
		inputs[i] = in
		if in != "" && !strings.Contains(in, "://") && !strings.HasPrefix(in, "@") {
			if inputs[i], err = filepath.Abs(in); err != nil {
				return o, usage("--input %s: %w", in, err)
			}
		}
	}
	o.Inputs = inputs
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

// checkOutput refuses a local OUTPUT that is no folder. One that does not exist is made by the first run.
func (o Options) checkOutput() error {
	loc, err := object.Parse(o.Output)
	if err != nil {
		return usage("--output: %w", err)
	}
	if loc.Scheme != object.SchemeFile {
		return nil
	}
	if info, err := os.Stat(loc.Key); err == nil && !info.IsDir() {
		return usage("--output %s: it is a file; name a folder", o.Output)
	}
	return nil
}

// exclude keeps the table's own folders out of the inputs.
func (o Options) exclude() source.Options {
	loc, err := object.Parse(o.Output)
	if err != nil {
		return source.Options{}
	}
	return source.Options{Exclude: []object.Location{loc.Join("labels/"), loc.Join("_runs/")}}
}
