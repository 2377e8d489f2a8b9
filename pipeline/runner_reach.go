package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// elsewhere says that the workers may be on machines where local paths lead to other files, or to none.
func (o Options) elsewhere() bool {
	return (o.portable() || o.Runner == "dataflow") && !o.local() && !o.SharedFilesystem
}

const sharedHint = "put it into a bucket, or say --shared-filesystem where the path leads to the same files on every worker"

// checkReach refuses an output that workers elsewhere cannot write, and a library that is not here to be sent to them.
func (o Options) checkReach() error {
	if !o.elsewhere() {
		return nil
	}
	if o.Model.ONNXRuntime != "" {
		if _, err := onnx.Find(o.Model.ONNXRuntime); err != nil {
			return &UsageError{err}
		}
	}
	if !isLocal(o.Output) {
		return nil
	}
	return usage("--output %s is local, and the workers of --runner %s may be on other machines: %s", o.Output, o.Runner, sharedHint)
}

// checkCarried refuses a local model that would not work as a copy in a store.
func (o Options) checkCarried(b *model.Bundle) error {
	if !o.elsewhere() || o.Model.Builtin() || !isLocal(o.Model.URI) || b.GraphPath == "" {
		return nil
	}
	return usage("--model %s: it keeps weights in other files (%s) and has to be loaded from a local folder, so it cannot be copied for the workers of --runner %s: say --shared-filesystem where they have it at the same path",
		o.Model.URI, strings.Join(b.Info.ExternalData, ", "), o.Runner)
}

func isLocal(uri string) bool {
	loc, err := object.Parse(uri)
	return err == nil && (loc.Scheme == object.SchemeFile || loc.Scheme == object.SchemeMem)
}

// reachable lists the images of the inputs and ends with an error at the first that workers elsewhere cannot read. Local manifests are welcome:
// they are read here, and it is what they name that counts.
func (o Options) reachable(each func(context.Context, func(source.Item) error) error) func(context.Context, func(source.Item) error) error {
	if !o.elsewhere() {
		return each
	}
	return func(ctx context.Context, fn func(source.Item) error) error {
		return each(ctx, func(item source.Item) error {
			if item.Problem == "" && isLocal(item.URI) {
				return &UsageError{fmt.Errorf("--input: image %s is local, and the workers of --runner %s may be on other machines: %s", item.URI, o.Runner, sharedHint)}
			}
			return fn(item)
		})
	}
}

// carry copies what workers elsewhere cannot read into the folder of the run, and returns the model as they are to look for it: a local model, and
// a library of ONNX Runtime that --onnxruntime names. The built-in model travels with the program; labels and preprocessing with the graph.
func (n *night) carry(ctx context.Context, plan *run.Plan) (engine.ModelRef, error) {
	ref := n.o.Model
	if !n.o.elsewhere() || plan.Fingerprint != n.fingerprint {
		return ref, nil
	}
	if ref.ONNXRuntime != "" {
		file, err := os.Open(ref.ONNXRuntime)
		if err != nil {
			return ref, usage("--onnxruntime: %w", err)
		}
		defer file.Close()
		if ref.ONNXRuntime, err = n.output.Give(ctx, plan.RunID, onnx.LibraryName, file); err != nil {
			return ref, err
		}
	}
	if ref.Builtin() || !isLocal(ref.URI) {
		return ref, nil
	}
	fsys, files, err := engine.ModelFiles(ctx, n.o.Model)
	if err != nil {
		return ref, asUsage(ctx, err)
	}
	folder := "model/" + path.Base(ref.URI)
	if strings.HasSuffix(ref.URI, ".onnx") {
		folder = "model"
	}
	for _, name := range files {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return ref, fmt.Errorf("--model %s: %w", ref.URI, err)
		}
		at, err := n.output.Give(ctx, plan.RunID, folder+"/"+name, bytes.NewReader(data))
		if err != nil {
			return ref, err
		}
		ref.URI = at
	}
	if folder != "model" {
		ref.URI = strings.TrimSuffix(ref.URI, "/"+files[len(files)-1])
	}
	return ref, nil
}
