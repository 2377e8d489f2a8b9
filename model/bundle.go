// Package model reads a model folder: the graph, its labels, how images become its input and what its output means, checked
// against each other, with a digest of all that decides a prediction.
//
// Folders of HuggingFace, timm and the ONNX Model Zoo are read as they are, from any fs.FS; tagbeam.json in the folder, and options over
// it, say what a folder does not. What would give wrong labels silently (an unknown image processor, labels that do not fit) is refused.
// It knows nothing of where folders and images are kept.
package model

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// DecoderRevision is raised when the same image bytes and preprocess.Spec come to give other pixels: it is part of every model digest, so
// that images are tagged again.
const DecoderRevision = 3

// Layout is the kind of folder a bundle was read from.
type Layout string

// The layouts.
const (
	LayoutHuggingFace Layout = "huggingface"
	LayoutTimm        Layout = "timm"
	LayoutModelZoo    Layout = "onnx model zoo"
	LayoutTagbeam     Layout = "tagbeam" // tagbeam.json alone says what the model is
	LayoutBare        Layout = "bare"    // an .onnx file, and options
)

// Bundle is a model that was read and checked. It does not change.
type Bundle struct {
	// Name is the base name of the folder or file.
	Name   string
	Layout Layout
	// File is the model file within the folder. Graph has its bytes; where GraphPath is not empty the weights lie in further
	// files beside it, and the model has to be loaded from there.
	File      string
	Graph     []byte
	GraphPath string
	Info      *onnx.Info
	Input     Input
	Output    Output
	// Activation is what turns the output's values into probabilities.
	Activation Activation
	// Labels has the name of every class, by its index in the output.
	Labels     []string
	Preprocess preprocess.Spec
	// Digest is "sha256:" and 64 hexadecimal digits, of all that decides a prediction: graph and weights, labels, preprocessing, output,
	// activation and DecoderRevision. Names of folders and files are not in it.
	Digest string
	// Warnings are for people.
	Warnings []string
}

// Input is the model's image input.
type Input struct {
	Name string
	// Layout is "NCHW" or "NHWC".
	Layout string
	// Height and Width are in pixels; where the graph leaves them open, they are what the preprocessing makes.
	Height, Width int
	// Batch is the batch size the graph is fixed to, or 0.
	Batch int
	Type  onnx.ElementType
}

// Output is the output that has the classes.
type Output struct {
	Name string
	// Classes is their number.
	Classes int
	// Dims is the shape of one image's row: [classes], [classes,1,1] or [1,1,classes].
	Dims []int64
}

// Options say what a folder does not, and override what it does. The zero value takes the folder as it is.
type Options struct {
	// File names a model file in the file system. It alone is read (and the weights it refers to): labels and preprocessing come from
	// Labels and Preprocess, whatever lies beside it.
	File string
	// LocalDir is the local path of the file system's root, or empty when it is not local. Only a model whose weights are in further
	// files needs it.
	LocalDir string
	// Labels are the names of the classes (--model-labels; see ParseLabels).
	Labels []string
	// Preprocess is a preset ("torchvision", "caffe,crop=227"; see preprocess.Preset) or a preprocess.Spec as JSON (--preprocess).
	Preprocess string
	// EXIFOrientation and FastDecode turn on the steps of those names in the preprocessing, wherever that comes from (--exif-orientation,
	// --fast-decode; see preprocess.Spec).
	EXIFOrientation, FastDecode bool
	// View is another view of the images, for augmentation (preprocess.Spec.View).
	View string
	// Output names the output that has the classes (--model-output).
	Output string
	// Activation overrides what the graph's end suggests.
	Activation Activation
	// InputLayout is "NCHW" or "NHWC", where the shape of the input fits both.
	InputLayout string
}

// Load reads and checks the model in a file system: the root of fsys is the model's folder. name is for messages and for the bundle's Name
// (its base name). Errors name the file, what is wrong with it, and the way out.
func Load(fsys fs.FS, name string, opts Options) (*Bundle, error) {
	b, err := load(fsys, name, opts)
	if err != nil {
		return nil, &LoadError{Model: name, Err: err}
	}
	return b, nil
}

// LoadError says which model could not be used, and why.
type LoadError struct {
	Model string
	Err   error
}

func (e *LoadError) Error() string { return "model " + e.Model + ": " + e.Err.Error() }

func (e *LoadError) Unwrap() error { return e.Err }

func load(fsys fs.FS, name string, opts Options) (*Bundle, error) {
	f, err := openFolder(fsys, opts)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Name: baseName(name), Layout: f.layout, File: f.graph}
	if err := b.readGraph(f, opts.LocalDir); err != nil {
		return nil, err
	}
	if err := b.chooseInput(f.choice.InputName, f.choice.InputLayout); err != nil {
		return nil, err
	}
	if b.Labels, err = f.labels(); err != nil {
		return nil, b.countClasses(err, f.choice.Output)
	}
	if err := b.chooseOutput(f.choice.Output); err != nil {
		return nil, err
	}
	if err := b.checkLabels(); err != nil {
		return nil, err
	}
	if err := b.choosePreprocess(f, opts); err != nil {
		return nil, err
	}
	b.chooseActivation(f.choice.Activation)
	b.Warnings = append(b.Warnings, f.warnings...)
	b.Warnings = append(b.Warnings, b.Info.Warnings...)
	b.Digest, err = b.digest(f)
	return b, err
}

// countClasses completes a NoLabelsError, for those who can do without labels.
func (b *Bundle) countClasses(err error, output string) error {
	var none *NoLabelsError
	if errors.As(err, &none) && b.chooseOutput(output) == nil {
		none.Classes = b.Output.Classes
	}
	return err
}

// readGraph reads and inspects the model file.
func (b *Bundle) readGraph(f *folder, localDir string) (err error) {
	if b.Graph, err = f.read(f.graph); err != nil {
		return err
	}
	if b.Info, err = onnx.Inspect(b.Graph); err != nil {
		return inFile(f.graph, err)
	}
	if len(b.Info.ExternalData) == 0 {
		return nil
	}
	if err := f.checkExternalData(b.Info.ExternalData, localDir); err != nil {
		return inFile(f.graph, err)
	}
	b.GraphPath = filepath.Join(localDir, filepath.FromSlash(f.graph))
	return nil
}

// Format is the tensor of one image, for preprocess.Compile.
func (b *Bundle) Format() preprocess.TensorFormat {
	return preprocess.TensorFormat{Layout: b.Input.Layout, Height: b.Input.Height, Width: b.Input.Width, Type: preprocess.ElementType(b.Input.Type.String())}
}

// Program is the bundle's preprocessing, ready for use.
func (b *Bundle) Program() (*preprocess.Program, error) {
	return preprocess.Compile(b.Preprocess, b.Format())
}

// Session returns the process's session of the model: output 0 has the classes, further ones follow it. onnx.Init must have been called.
func (b *Bundle) Session(further ...onnx.Port) (*onnx.Session, error) {
	opts := onnx.SessionOptions{
		Input:   b.ImagePort(),
		Outputs: append([]onnx.Port{{Name: b.Output.Name, Dims: b.Output.Dims}}, further...),
		Info:    b.Info,
	}
	return b.load(b.Digest, opts, b.Graph, b.GraphPath)
}

// ImagePort is the image input.
func (b *Bundle) ImagePort() onnx.Port {
	dims := []int64{3, int64(b.Input.Height), int64(b.Input.Width)}
	if b.Input.Layout == layoutNHWC {
		dims = []int64{int64(b.Input.Height), int64(b.Input.Width), 3}
	}
	return onnx.Port{Name: b.Input.Name, Dims: dims}
}

// SessionOf is Session of an edited graph, a whole one without further files: edit is what was done to it, in words that tell edits apart.
func (b *Bundle) SessionOf(graph []byte, edit string, further ...onnx.Port) (*onnx.Session, error) {
	opts := onnx.SessionOptions{
		Input:   b.ImagePort(),
		Outputs: append([]onnx.Port{{Name: b.Output.Name, Dims: b.Output.Dims}}, further...),
	}
	return b.load(b.Digest+" "+edit, opts, graph, "")
}

func (b *Bundle) load(key string, opts onnx.SessionOptions, graph []byte, path string) (*onnx.Session, error) {
	s, err := onnx.Load(key, opts, func() ([]byte, string, error) { return graph, path, nil })
	if err != nil {
		return nil, &LoadError{Model: b.Name, Err: err}
	}
	return s, nil
}
