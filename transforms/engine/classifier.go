package engine

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/builtin"
	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// ModelRef names a model and what it is told beyond what its folder says. It travels to the workers.
type ModelRef struct {
	// URI is a model folder or an .onnx file, local, gs://, s3:// or az://. Empty, or builtin.Name, it is the built-in model.
	URI string
	// Labels are the class names, in order, for a model that has none of its own or other ones.
	Labels []string
	// Preprocess is a preset ("caffe", "torchvision,crop=227") or a JSON spec, for a model that does not tell.
	Preprocess string
	// EXIFOrientation and FastDecode are steps of preprocess.Spec that no model's folder asks for.
	EXIFOrientation, FastDecode bool
	// Output names the output to classify by, when there are several.
	Output string
	// Embedding names the output or tensor that becomes Prediction.Embedding; EmbeddingAuto finds one, empty is none.
	Embedding string
	// View is another view of the images, for augmentation (preprocess.Spec.View).
	View string
	// ONNXRuntime is the shared library's file, or a URI that it is read from; empty: it is looked for.
	ONNXRuntime string
	// Digest is that of the bundle which is expected, or empty. It tells apart what stood at URI at different times: a process that lives
	// on does not go on with a model that has been replaced. Whether it is what was loaded is for the caller to check.
	Digest string
}

// Builtin says that the model is the built-in one. A folder that happens to have its name is ./builtin.
func (r ModelRef) Builtin() bool { return r.URI == "" || r.URI == builtin.Name }

func (r ModelRef) key() string {
	return fmt.Sprintf("%q", []any{r.URI, r.Labels, r.Preprocess, r.EXIFOrientation, r.FastDecode, r.Output, r.Embedding, r.View, r.Digest})
}

// Classifier is a model ready to run. It is immutable and shared by all workers of the process.
type Classifier struct {
	Bundle  *model.Bundle // its Graph is left out when there is a Session
	Program *preprocess.Program
	Session *onnx.Session // nil for one that only preprocesses
	// Embedding is the number of values of an image's embedding, output 1 of the session; 0: there is none.
	Embedding int
}

// defaultBatchValues is about how many input values a batch should have: the activations of a batch should stay in the cache, so images of
// 224 pixels go one by one, which takes the least memory and hardly more time, and those of 32 pixels by 64.
const defaultBatchValues = 64 * 3 * 32 * 32

// BatchSize is the number of images of a batch: what the model demands, else want, or a size by that of the model's input when want is
// 0. It depends on nothing but the model; see Engine.ChooseBatch for one that suits the machine.
func (c *Classifier) BatchSize(want int) int {
	if want > 0 {
		return want
	}
	if n := c.demandedBatch(); n > 0 {
		return n
	}
	return min(max(defaultBatchValues/c.Program.Len(), 1), 64)
}

// demandedBatch is the only batch size the model runs with, or 0.
func (c *Classifier) demandedBatch() int {
	if c.Session == nil {
		return 0
	}
	return c.Session.FixedBatch()
}

// loaded keeps the classifiers of the process. A worker uses one or two.
var loaded struct {
	sync.Mutex
	classifiers map[string]*Classifier
	loading     singleflight.Group
	reported    int64 // by NewLoads
}

// LoadClassifier returns the classifier of the process for ref, loading it once however many callers there are.
func LoadClassifier(ctx context.Context, ref ModelRef) (*Classifier, error) {
	return loadOnce(ref.key(), func() (*Classifier, error) { return load(ctx, ref) })
}

// LoadClassifierOf is LoadClassifier of a model that was read already: b is what ref, with b's digest, names.
func LoadClassifierOf(ref ModelRef, b *model.Bundle) (*Classifier, error) {
	return loadOnce(ref.key(), func() (*Classifier, error) { return open(ref, b) })
}

// NewLoads returns the number of ONNX sessions that this process has created since the last call, each of them once however many
// callers there are: what a runner's counter is increased by.
func NewLoads() int64 {
	loaded.Lock()
	defer loaded.Unlock()
	n := onnx.Loads() - loaded.reported
	loaded.reported += n
	return n
}

// LoadPreprocessor returns the process's classifier without a session for ref, loading it once: it makes tensors, and needs no ONNX Runtime.
func LoadPreprocessor(ctx context.Context, ref ModelRef) (*Classifier, error) {
	return loadOnce("tensors of "+ref.key(), func() (*Classifier, error) { return NewPreprocessor(ctx, ref) })
}

// loadOnce returns the classifier of that key, made by the first caller. A failure is not remembered.
func loadOnce(key string, load func() (*Classifier, error)) (*Classifier, error) {
	if c := kept(key); c != nil {
		return c, nil
	}
	v, err, _ := loaded.loading.Do(key, func() (any, error) {
		if c := kept(key); c != nil {
			return c, nil // kept between our look and Do
		}
		c, err := load()
		if err != nil {
			return nil, err
		}
		loaded.Lock()
		defer loaded.Unlock()
		if loaded.classifiers == nil {
			loaded.classifiers = map[string]*Classifier{}
		}
		loaded.classifiers[key] = c
		return c, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*Classifier), nil
}

func kept(key string) *Classifier {
	loaded.Lock()
	defer loaded.Unlock()
	return loaded.classifiers[key]
}

// load reads the model and opens its session.
func load(ctx context.Context, ref ModelRef) (*Classifier, error) {
	ref, err := fetchRuntime(ctx, ref)
	if err != nil {
		return nil, err
	}
	b, err := LoadBundle(ctx, ref)
	if err != nil {
		return nil, err
	}
	return open(ref, b)
}

// open starts ONNX Runtime, if it is not, and opens the session of a model.
func open(ref ModelRef, b *model.Bundle) (*Classifier, error) {
	c, err := preprocessorOf(ref, b)
	if err != nil {
		return nil, err
	}
	if err := StartRuntime(ref); err != nil {
		return nil, err
	}
	if ref.Embedding != "" {
		err = c.openEmbedding(ref.Embedding)
	} else {
		c.Session, err = b.Session()
	}
	if err != nil {
		return nil, err
	}
	// ONNX Runtime has the graph now; a second one would stay in memory as long as the process does.
	loaded := *b
	loaded.Graph = nil
	c.Bundle = &loaded
	return c, nil
}

// NewPreprocessor returns a classifier without a session: it makes tensors, and needs no ONNX Runtime.
func NewPreprocessor(ctx context.Context, ref ModelRef) (*Classifier, error) {
	b, err := LoadBundle(ctx, ref)
	if err != nil {
		return nil, err
	}
	return preprocessorOf(ref, b)
}

func preprocessorOf(ref ModelRef, b *model.Bundle) (*Classifier, error) {
	p, err := b.Program()
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", ref.URI, err)
	}
	return &Classifier{Bundle: b, Program: p}, nil
}

// StartRuntime finds ONNX Runtime and starts it in this process, once.
func StartRuntime(ref ModelRef) error {
	file, err := onnx.Find(ref.ONNXRuntime)
	if err != nil {
		return err
	}
	return onnx.Init(file)
}

// LoadBundle reads and checks the built-in model, or a model folder or file.
func LoadBundle(ctx context.Context, ref ModelRef) (*model.Bundle, error) {
	return loadBundle(ctx, ref, func(fsys fs.FS) fs.FS { return fsys })
}

// loadBundle reads the model through what seen makes of its file system.
func loadBundle(ctx context.Context, ref ModelRef, seen func(fs.FS) fs.FS) (*model.Bundle, error) {
	opts := model.Options{Labels: ref.Labels, Preprocess: ref.Preprocess, EXIFOrientation: ref.EXIFOrientation, FastDecode: ref.FastDecode, View: ref.View, Output: ref.Output}
	if ref.Builtin() {
		return model.Load(builtin.FS(), builtin.Name, opts)
	}
	fsys, name, err := modelFolder(ctx, ref, &opts)
	if err != nil {
		return nil, err
	}
	b, err := model.Load(seen(fsys), name, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref.URI, err)
	}
	return b, nil
}

// ReadModelFile reads a file of a model's folder, or fails with fs.ErrNotExist.
func ReadModelFile(ctx context.Context, ref ModelRef, name string) ([]byte, error) {
	if ref.Builtin() {
		return fs.ReadFile(builtin.FS(), name)
	}
	fsys, _, err := modelFolder(ctx, ref, &model.Options{})
	if err != nil {
		return nil, err
	}
	return fs.ReadFile(fsys, name)
}

// modelFolder opens the folder that a model lies in, and says in opts which file of it is meant, and where it is on this machine.
func modelFolder(ctx context.Context, ref ModelRef, opts *model.Options) (fsys fs.FS, name string, err error) {
	loc, err := object.Parse(ref.URI)
	if err != nil {
		return nil, "", fmt.Errorf("--model: %w", err)
	}
	folder := strings.TrimSuffix(loc.Key, "/")
	name = path.Base(folder)
	if strings.HasSuffix(folder, ".onnx") {
		folder, opts.File = path.Dir(folder), name
		name = strings.TrimSuffix(name, ".onnx")
	}
	if loc.Scheme == "file" {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return nil, "", fmt.Errorf("--model %s: there is no such model folder or .onnx file", ref.URI)
		}
		opts.LocalDir = filepath.FromSlash(folder)
		fsys = os.DirFS(opts.LocalDir)
	} else {
		store, err := object.Open(ctx, loc)
		if err != nil {
			return nil, "", fmt.Errorf("--model %s: %w", ref.URI, err)
		}
		if folder == "." || folder == "" { // the bucket itself
			folder = ""
			if opts.File == "" {
				name = loc.Bucket
			}
		}
		fsys = object.FS(store, folder)
	}
	return fsys, name, nil
}
