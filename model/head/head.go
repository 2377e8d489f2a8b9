// Package head trains new classifiers on the features of a frozen network, and writes them as ONNX. It knows features and class numbers only:
// not where images are, nor how features come about. The same data, options and seed give the same bytes.
package head

import (
	"context"
	"fmt"
	"strings"

	"github.com/tagbeam/tagbeam/model/graph"
)

// Kind is a kind of head.
type Kind string

// The kinds.
const (
	Linear Kind = "linear" // softmax regression, L-BFGS; L2 chosen on validation
	MLP    Kind = "mlp"    // dense ReLU layer and softmax, Adam, minibatches, dropout, early stopping on validation
	SVM    Kind = "svm"    // linear, one against the rest, squared hinge, Platt-scaled; L2 chosen on validation
	KNN    Kind = "knn"    // cosine similarity; k chosen on validation
)

// Kinds lists them, for help and messages.
var Kinds = []Kind{Linear, MLP, SVM, KNN}

// trainers make the scorer of each kind, and keep the progress in the head.
var trainers = map[Kind]func(*training) (scorer, error){Linear: trainLinear, MLP: trainMLP, SVM: trainSVM, KNN: trainKNN}

// Options say how to train. The zero value of a number is its default.
type Options struct {
	Kind    Kind
	Classes int
	Seed    uint64
	// Balance weighs the classes by the inverse of their counts, so that a rare class counts as much as a frequent one.
	Balance bool
	// ClassWeights has a further weight for every class; nil: all 1.
	ClassWeights []float64

	// L2 lists the penalties that linear and svm try (default: eleven from 10 to 1e-4), Neighbours the k that knn tries (default: eight from 1 to 51).
	// The one with the least validation loss is taken; without validation data, 0.1 and 5.
	L2         []float64
	Neighbours []int

	// For mlp: Epochs (default 10), Batch (default 32, more for large data), LearningRate (default 1e-3), Hidden (default 1024), Dropout
	// (default 0.5; negative: none), Patience (default 3): how many epochs without a better validation loss end the training; negative: never.
	Epochs, Batch, Hidden, Patience int
	LearningRate, Dropout           float64

	// Progress is called after every epoch (mlp), or every candidate tried (the others). It may be nil.
	Progress func(Epoch)
}

// Epoch is a line of progress.
type Epoch struct {
	// Epoch counts from 1; Epochs is how many there can be.
	Epoch  int `json:"epoch"`
	Epochs int `json:"epochs"`
	// Setting is what was tried, for the kinds that choose ("l2 0.01", "k 5"); empty for mlp.
	Setting string `json:"setting,omitempty"`
	// Loss is the categorical cross-entropy and Accuracy the share of right answers, on the training data. For mlp they are means over the epoch, with
	// dropout, as Keras prints them.
	Loss     float64 `json:"loss"`
	Accuracy float64 `json:"accuracy"`
	// ValidationLoss and ValidationAccuracy are nil without validation data.
	ValidationLoss     *float64 `json:"val_loss,omitempty"`
	ValidationAccuracy *float64 `json:"val_accuracy,omitempty"`
	// Best says that this is the best so far, which is kept.
	Best bool `json:"best"`
}

// Head is a trained classifier of features.
type Head struct {
	Kind    Kind
	Classes int
	Dim     int
	Seed    uint64
	// Setting is what was chosen on validation: "l2 0.01", "k 5", "epoch 7 of 10".
	Setting string
	// History is all progress.
	History []Epoch
	// Interrupted says that the context ended the training early: the head is the best until then.
	Interrupted bool
	// Temperature divides the logits before the softmax; Train fits it on validation, and 1 leaves them. Before and After are the calibration of
	// the validation data without and with it; both zero without validation data.
	Temperature   float64
	Before, After Calibration

	scorer scorer
}

// scorer is the part of a head that kinds differ in.
type scorer interface {
	// logits gives a row of numbers for each row of features; their softmax is the probabilities.
	logits(features []float32) ([]float32, error)
	// build adds the same to a graph and returns the name of the logits.
	build(b *graph.Builder, features string) string
}

// Train trains a head, and fits its temperature on the validation data. Data that cannot be learnt from (no examples, one class, a class with
// none, features that are no numbers, lengths that do not fit) is an error that says so. When ctx ends, the best head until then is returned with
// Interrupted set, or ctx's error when there is none yet. ONNX Runtime must have been started (onnx.Init). A validation set may be empty.
func Train(ctx context.Context, train, validation Dataset, opts Options) (*Head, error) {
	trainer, ok := trainers[opts.Kind]
	if !ok {
		return nil, fmt.Errorf("head %q is not known: %s", opts.Kind, kindNames())
	}
	if err := opts.check(); err != nil {
		return nil, err
	}
	if err := train.check("training", opts.Classes, true); err != nil {
		return nil, err
	}
	if validation.Dim == 0 && validation.Len() == 0 {
		validation.Dim = train.Dim
	}
	if err := validation.check("validation", opts.Classes, false); err != nil {
		return nil, err
	}
	if validation.Dim != train.Dim {
		return nil, fmt.Errorf("training has %d features and validation %d", train.Dim, validation.Dim)
	}
	h := &Head{Kind: opts.Kind, Classes: opts.Classes, Dim: train.Dim, Seed: opts.Seed, Temperature: 1}
	t := &training{
		ctx: ctx, opts: opts.withDefaults(train.Len()), head: h, train: train, validation: validation,
		scaling: scalingOf(train), trainWeights: opts.weights(train, train), validationWeights: opts.weights(train, validation),
	}
	var err error
	if h.scorer, err = trainer(t); err != nil {
		return nil, err
	}
	if validation.Len() > 0 {
		if err := h.fitTemperature(validation); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// check refuses what cannot be meant.
func (o Options) check() error {
	if o.Classes < 2 {
		return fmt.Errorf("a classifier needs at least two classes, not %d", o.Classes)
	}
	if o.ClassWeights != nil && len(o.ClassWeights) != o.Classes {
		return fmt.Errorf("%d class weights for %d classes", len(o.ClassWeights), o.Classes)
	}
	for c, w := range o.ClassWeights {
		if !(w > 0) {
			return fmt.Errorf("the weight of class %d is %v: it has to be more than 0", c, w)
		}
	}
	for _, l2 := range o.L2 {
		if !(l2 > 0) {
			return fmt.Errorf("l2 %v: it has to be more than 0", l2)
		}
	}
	for _, k := range o.Neighbours {
		if k < 1 {
			return fmt.Errorf("%d neighbours: at least one is needed", k)
		}
	}
	if o.Epochs < 0 || o.Batch < 0 || o.Hidden < 0 || o.LearningRate < 0 || o.Dropout >= 1 {
		return fmt.Errorf("epochs %d, batch %d, hidden %d, learning rate %v, dropout %v: one of them is out of range", o.Epochs, o.Batch, o.Hidden, o.LearningRate, o.Dropout)
	}
	return nil
}

func (o Options) withDefaults(examples int) Options {
	if o.L2 == nil {
		o.L2 = []float64{10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001}
	}
	if o.Neighbours == nil {
		o.Neighbours = []int{1, 3, 5, 9, 15, 25, 35, 51}
	}
	o.Epochs = orDefault(o.Epochs, 10)
	o.Hidden = orDefault(o.Hidden, 1024)
	o.Patience = orDefault(o.Patience, 3)
	o.LearningRate = orDefault(o.LearningRate, 1e-3)
	o.Dropout = orDefault(o.Dropout, 0.5)
	o.Dropout = max(o.Dropout, 0)
	if o.Batch == 0 {
		for o.Batch = 32; o.Batch < 512 && examples/o.Batch > 200; o.Batch *= 2 {
		}
	}
	o.Batch = min(o.Batch, examples)
	return o
}

func orDefault[T int | float64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

func kindNames() string {
	words := make([]string, len(Kinds))
	for i, k := range Kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}

// training is what trainers work on.
type training struct {
	ctx               context.Context
	opts              Options
	head              *Head
	train, validation Dataset
	scaling           scaling
	// trainWeights and validationWeights have the weight of every example, classes' weights included.
	trainWeights, validationWeights []float64
}

// interrupted says that the context has ended.
func (t *training) interrupted() bool { return t.ctx.Err() != nil }

// report keeps a line of progress and passes it on.
func (t *training) report(e Epoch) {
	t.head.History = append(t.head.History, e)
	if t.opts.Progress != nil {
		t.opts.Progress(e)
	}
}
