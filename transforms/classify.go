package transforms

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/window"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

func init() {
	beam.RegisterDoFn(&classify{})
	beam.RegisterDoFn(&tensors{})
}

// Image is an encoded image in memory: JPEG, PNG, GIF, WebP, BMP or TIFF.
type Image struct {
	URI   string
	Bytes []byte
}

// Label is one of the best k classes of an image.
type Label struct {
	LabelID    int32
	Label      string
	Confidence float32
}

// Prediction is what the model says of one Image. Status is "ok", "abstained" or "failed"; a failed one has an ErrorCode and an
// ErrorMessage instead of labels.
type Prediction struct {
	URI          string
	Status       string
	Label        string
	LabelID      int32
	Confidence   float32
	TopK         []Label
	Format       string
	Width        int32
	Height       int32
	ErrorCode    string
	ErrorMessage string
}

// Tensor is the model's input for one Image: Shape [C,H,W] or [H,W,C], as the model has it, Values in row-major order. A failed one has
// an ErrorCode and an ErrorMessage instead of values.
type Tensor struct {
	URI   string
	Shape []int64
	// Values are the numbers that the model is given, whatever the type of its input.
	Values       []float32
	ErrorCode    string
	ErrorMessage string
}

// ClassifyOptions configure Classify and Preprocess. The zero value of a field but Model is its default.
type ClassifyOptions struct {
	// Model is the model folder or file.
	Model engine.ModelRef
	// Stores say how the model's store is reached.
	Stores object.Settings
	// Engine bounds what a worker process uses; the first transform to run in a process sets it for the process.
	Engine engine.Config
	// Batch is the number of images inferred at once. Default: chosen for the model.
	Batch int
	// TopK is the number of classes in Prediction.TopK. Default: 5.
	TopK int
	// MinConfidence is the confidence below which a prediction is abstained.
	MinConfidence float64
	// Limits refuse images before they are decoded. Those that are 0 are preprocess.DefaultLimits'.
	Limits preprocess.Limits
}

func (o ClassifyOptions) withDefaults() ClassifyOptions {
	if o.TopK == 0 {
		o.TopK = 5
	}
	return o
}

// Classify maps a PCollection<Image> to a PCollection<Prediction>, one for each image, whatever is wrong with it. Images are batched
// within a bundle; a worker process loads the model once and shares it between its bundles. In windows other than the global one
// every image is a batch of its own, because a prediction must leave in its image's window. In the global window predictions do not keep
// their images' timestamps.
func Classify(s beam.Scope, images beam.PCollection, opts ClassifyOptions) beam.PCollection {
	return beam.ParDo(s.Scope("tagbeam.Classify"), &classify{gather{Options: opts.withDefaults()}}, images)
}

// Preprocess maps a PCollection<Image> to a PCollection<Tensor>: what Classify would give to the model. It needs no ONNX Runtime.
func Preprocess(s beam.Scope, images beam.PCollection, opts ClassifyOptions) beam.PCollection {
	return beam.ParDo(s.Scope("tagbeam.Preprocess"), &tensors{gather{Options: opts.withDefaults()}}, images)
}

// A bundle's images are processed when there are this many (a batch at least), or this many bytes of them.
const (
	gatherImages = 256
	gatherBytes  = 64 << 20
)

// gather collects the images of a bundle and runs the engine over them.
type gather struct {
	Options ClassifyOptions

	images []engine.Image
	bytes  int
}

func (g *gather) start() { g.images, g.bytes = nil, 0 }

// add takes one more image and says whether it is time to run.
func (g *gather) add(w beam.Window, img Image) bool {
	data := img.Bytes
	if data == nil {
		data = []byte{} // in memory, and empty; nil would be fetched
	}
	g.images = append(g.images, engine.Image{Item: source.Item{URI: img.URI, Size: int64(len(data))}, Data: data})
	g.bytes += len(data)
	_, global := w.(window.GlobalWindow)
	return !global || len(g.images) >= max(gatherImages, g.Options.Batch) || g.bytes >= gatherBytes
}

// run processes what was gathered and forgets it.
func (g *gather) run(ctx context.Context, c *engine.Classifier, tensorsOnly bool) ([]engine.Image, []engine.Prediction, error) {
	opts := TaskOptions{Batch: g.Options.Batch, Limits: g.Options.Limits, NoDedup: true}
	task := opts.task(c, g.images, g.Options.TopK)
	task.TensorsOnly = tensorsOnly
	predictions, err := engine.Shared(g.Options.Engine).Run(ctx, task)
	g.start()
	return task.Images, predictions, err
}

type classify struct{ gather }

func (fn *classify) StartBundle(context.Context, func(Prediction)) { fn.start() }

func (fn *classify) ProcessElement(ctx context.Context, w beam.Window, img Image, emit func(Prediction)) error {
	if fn.add(w, img) {
		return fn.flush(ctx, emit)
	}
	return nil
}

func (fn *classify) FinishBundle(ctx context.Context, emit func(Prediction)) error {
	if len(fn.images) == 0 {
		return nil
	}
	return fn.flush(ctx, emit)
}

func (fn *classify) flush(ctx context.Context, emit func(Prediction)) error {
	c, err := engine.LoadClassifier(object.WithSettings(ctx, fn.Options.Stores), fn.Options.Model)
	if err != nil {
		return err
	}
	modelLoads.Inc(ctx, engine.NewLoads())
	images, predictions, err := fn.run(ctx, c, false)
	if err != nil {
		return err
	}
	rows := RowOptions{TopK: fn.Options.TopK, MinConfidence: fn.Options.MinConfidence}
	memory := newRowMemory(predictions)
	for i := range predictions {
		emit(predictionOf(rows.row(memory, images[i].Item, &predictions[i], c.Bundle)))
	}
	return nil
}

func predictionOf(r table.Row) Prediction {
	p := Prediction{URI: r.URI, Status: r.Status, Label: r.Label, Format: r.Format, ErrorCode: r.ErrorCode, ErrorMessage: r.ErrorMessage}
	if r.LabelID != nil {
		p.LabelID, p.Confidence = *r.LabelID, *r.Confidence
	}
	if r.Width != nil {
		p.Width, p.Height = *r.Width, *r.Height
	}
	for _, l := range r.TopK {
		p.TopK = append(p.TopK, Label(l))
	}
	return p
}

type tensors struct{ gather }

func (fn *tensors) StartBundle(context.Context, func(Tensor)) { fn.start() }

func (fn *tensors) ProcessElement(ctx context.Context, w beam.Window, img Image, emit func(Tensor)) error {
	if fn.add(w, img) {
		return fn.flush(ctx, emit)
	}
	return nil
}

func (fn *tensors) FinishBundle(ctx context.Context, emit func(Tensor)) error {
	if len(fn.images) == 0 {
		return nil
	}
	return fn.flush(ctx, emit)
}

func (fn *tensors) flush(ctx context.Context, emit func(Tensor)) error {
	c, err := engine.LoadPreprocessor(object.WithSettings(ctx, fn.Options.Stores), fn.Options.Model)
	if err != nil {
		return err
	}
	images, predictions, err := fn.run(ctx, c, true)
	if err != nil {
		return err
	}
	for i, p := range predictions {
		t := Tensor{URI: images[i].URI}
		if p.Failure != nil {
			t.ErrorCode, t.ErrorMessage = p.Failure.Code, p.Failure.Message
		} else {
			t.Shape, t.Values = c.Program.Shape(), c.Program.Format().Type.Values(p.Tensor)
		}
		emit(t)
	}
	return nil
}
