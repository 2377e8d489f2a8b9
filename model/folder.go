package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tagbeam/tagbeam/model/preprocess"
)

// folder is a model folder whose layout is known. Its readers run only when nobody overrides what they read, so that a file tagbeam does not
// understand is no obstacle to somebody who has said what it would say.
type folder struct {
	fsys   fs.FS
	layout Layout
	graph  string // the model file
	choice choice // tagbeam.json, with the options over it
	// labels and spec come from options, tagbeam.json or the layout's own files. h and w are the input's size, 0 where open.
	labels   func() ([]string, error)
	spec     func(h, w int) (preprocess.Spec, error)
	warnings []string
}

// choice is what tagbeam.json and options say beyond labels and preprocessing.
type choice struct {
	InputName, InputLayout string
	Output                 string
	Activation             Activation
}

func openFolder(fsys fs.FS, opts Options) (*folder, error) {
	f := &folder{fsys: fsys, layout: LayoutBare, graph: opts.File, labels: noLabels, spec: noSpec}
	if opts.File == "" {
		if err := f.readLayout(); err != nil {
			return nil, err
		}
	}
	if err := f.apply(opts); err != nil {
		return nil, err
	}
	if f.graph == "" {
		var err error
		if f.graph, err = f.findGraph(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// readLayout finds out what kind of folder it is.
func (f *folder) readLayout() error {
	var config configFile
	if err := f.readJSON("config.json", &config); err != nil {
		return err
	}
	switch {
	case config.isTimm():
		f.useTimm(&config)
	case config.present:
		f.useHuggingFace(&config)
	default:
		if err := f.useModelZoo(); err != nil {
			return err
		}
	}
	return f.useTagbeamJSON()
}

// apply lays the options over what the folder says.
func (f *folder) apply(opts Options) error {
	if opts.Labels != nil {
		f.labels = func() ([]string, error) { return opts.Labels, nil }
	}
	if opts.Preprocess != "" {
		f.spec = func(h, w int) (preprocess.Spec, error) {
			spec, err := parseSpec(opts.Preprocess, h, w)
			if err != nil {
				return spec, fmt.Errorf("--preprocess: %w", err)
			}
			return spec, nil
		}
	}
	if opts.Output != "" {
		f.choice.Output = opts.Output
	}
	if opts.InputLayout != "" {
		f.choice.InputLayout = opts.InputLayout
	}
	if opts.Activation != "" {
		f.choice.Activation = opts.Activation
	}
	return f.choice.Activation.check()
}

// findGraph chooses the model file: model.onnx, onnx/model.onnx (where HuggingFace's exporters put it), or the only one there is.
func (f *folder) findGraph() (string, error) {
	for _, name := range []string{"model.onnx", "onnx/model.onnx"} {
		if there, err := f.exists(name); there || err != nil {
			return name, err
		}
	}
	for _, dir := range []string{".", "onnx"} {
		names, err := f.graphsIn(dir)
		if err != nil {
			return "", err
		}
		if len(names) == 1 {
			return names[0], nil
		}
		if len(names) > 1 {
			return "", fmt.Errorf(`the folder has several .onnx files (%s): name one in tagbeam.json, {"model": %q}, or give the file itself as the model, `+
				"with --model-labels and --preprocess", strings.Join(names, ", "), names[0])
		}
	}
	return "", errors.New("there is no model.onnx, onnx/model.onnx or other .onnx file in the folder")
}

// graphsIn lists the .onnx files of a folder, sorted; one that does not exist has none. (fs.Glob would hide a folder that cannot be read.)
func (f *folder) graphsIn(dir string) ([]string, error) {
	entries, err := fs.ReadDir(f.fsys, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the folder: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && path.Ext(e.Name()) == ".onnx" {
			names = append(names, path.Join(dir, e.Name()))
		}
	}
	slices.Sort(names)
	return names, nil
}

// read reads a file of the folder; a missing one is an error.
func (f *folder) read(name string) ([]byte, error) {
	data, err := fs.ReadFile(f.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist", name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return data, nil
}

// exists says whether a file is there; that the store cannot tell is not that it is missing.
func (f *folder) exists(name string) (bool, error) {
	_, err := fs.Stat(f.fsys, name)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, fmt.Errorf("reading %s: %w", name, err)
}

// readJSON reads a JSON file if it is there. Unknown keys are refused only by types that say so (see decodeStrict).
func (f *folder) readJSON(name string, v interface{ markPresent() }) error {
	data, err := fs.ReadFile(f.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if bytes.HasPrefix(data, []byte("version https://git-lfs")) {
		return fmt.Errorf("%s is a Git LFS pointer: run `git lfs pull`", name)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return inFile(name, err)
	}
	v.markPresent()
	return nil
}

// checkExternalData makes sure that the files with the weights are there and can be loaded.
func (f *folder) checkExternalData(names []string, localDir string) error {
	for _, name := range names {
		full := f.external(name)
		if !fs.ValidPath(full) {
			return fmt.Errorf("its weights are said to be in %q, which is outside the folder", name)
		}
		there, err := f.exists(full)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("its weights are in %s, which is missing: put it beside the model file", full)
		}
		if head, err := f.head(full); err != nil {
			return err
		} else if bytes.HasPrefix(head, []byte("version https://git-lfs")) {
			return fmt.Errorf("its weights are in %s, which is a Git LFS pointer: run `git lfs pull`", full)
		}
	}
	if localDir == "" {
		return fmt.Errorf("its weights are in further files (%s), which can be loaded from a local folder only: copy the folder to this machine, "+
			"or save the model as one file (onnx.save_model(..., save_as_external_data=False))", strings.Join(names, ", "))
	}
	return nil
}

// external is the path of a file of weights, which models name relative to themselves.
func (f *folder) external(name string) string {
	return path.Join(path.Dir(f.graph), name)
}

func (f *folder) head(name string) ([]byte, error) {
	file, err := f.fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	defer file.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return head[:n], nil
}

// decodeStrict decodes JSON and refuses keys it does not know: a misspelt key must not be taken for the default.
func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("there is more after the JSON value")
	}
	return nil
}

func inFile(name string, err error) error { return fmt.Errorf("%s: %w", name, err) }

// baseName is the last element of a local or remote name.
func baseName(name string) string {
	name = strings.TrimRight(strings.ReplaceAll(name, `\`, "/"), "/")
	return name[strings.LastIndex(name, "/")+1:]
}

// NoLabelsError says that nothing tells what a model's classes are called.
type NoLabelsError struct {
	// Classes is their number; 0 where that is not known either.
	Classes int
}

func (e *NoLabelsError) Error() string {
	return "nothing says what its classes are called: give --model-labels FILE, with one label a line, or \"labels\" in tagbeam.json"
}

func noLabels() ([]string, error) {
	return nil, &NoLabelsError{}
}
