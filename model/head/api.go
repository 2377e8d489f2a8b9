// Package head trains new classifiers on the features of a frozen network, and writes them as ONNX. It knows features and class numbers only:
// not where images are, nor how features come about. The same data, options and seed give the same bytes.
package head

import (
	"context"
	"errors"

	"github.com/tagbeam/tagbeam/model"
)

// Kind is a kind of head.
type Kind string

// The kinds.
const (
	Linear Kind = "linear" // softmax regression, L-BFGS; L2 chosen on validation
	MLP    Kind = "mlp"    // dense ReLU layer and softmax, Adam, minibatches, dropout, early stopping on validation
	SVM    Kind = "svm"    // linear, one against the rest, squared hinge, Platt-scaled
	KNN    Kind = "knn"    // cosine similarity; k chosen on validation
)

// Kinds lists them, for help and messages.
var Kinds = []Kind{Linear, MLP, SVM, KNN}

// Dataset is features with their classes.
type Dataset struct {
	// Features has a row of Dim numbers for every example, one after another.
	Features []float32
	Dim      int
	// Labels has the class, 0 to Classes-1, of every example.
	Labels []int
	// Weights has how much each example counts; nil: all 1.
	Weights []float32
}

// Len is the number of examples.
func (d Dataset) Len() int { return len(d.Labels) }

// Options say how to train. The zero value of a number is its default.
type Options struct {
	Kind    Kind
	Classes int
	Seed    uint64
	// Balance weighs the classes by the inverse of their counts, so that a rare class counts as much as a frequent one.
	Balance bool
	// ClassWeights has a further weight for every class; nil: all 1.
	ClassWeights []float64

	// L2 lists the penalties that linear and svm try (default 10 of them, from 1e-4 to 1e1); Neighbours the k that knn tries. The one with
	// the least validation loss is taken; without validation data, a middle one.
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
	// Loss is the categorical cross-entropy and Accuracy the share of right answers. The validation's are NaN without validation data.
	Loss               float64 `json:"loss"`
	Accuracy           float64 `json:"accuracy"`
	ValidationLoss     float64 `json:"val_loss"`
	ValidationAccuracy float64 `json:"val_accuracy"`
	// Best says that this is the one taken so far.
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
	// Temperature divides the logits before the softmax; Train fits it on validation. Before and After are the calibration of the validation
	// data without and with it; both zero without validation data.
	Temperature   float64
	Before, After Calibration
}

// Calibration is how far confidences are from the share of right answers.
type Calibration struct {
	// ECE is the expected calibration error over 15 equal bins of the confidence, NLL the mean negative log-likelihood.
	ECE      float64 `json:"ece"`
	NLL      float64 `json:"nll"`
	Accuracy float64 `json:"accuracy"`
}

// Train trains a head, and fits its temperature on the validation data. Data that cannot be learnt from (no examples, one class, a class with
// none, NaN features, lengths that do not fit) is an error that says so. When ctx ends, the best head until then is returned with
// Interrupted set, or ctx's error when there is none yet. mlp needs ONNX Runtime (onnx.Init).
func Train(ctx context.Context, train, validation Dataset, opts Options) (*Head, error) {
	return nil, errors.ErrUnsupported
}

// Predict gives the probabilities of every row of features: Classes of them, row after row.
func (h *Head) Predict(features []float32) ([]float32, error) { return nil, errors.ErrUnsupported }

// ONNX is the head as a model of that opset (7 to 23): input graph.Features [batch, Dim], output graph.Probabilities [batch, Classes].
func (h *Head) ONNX(opset int64) ([]byte, error) { return nil, errors.ErrUnsupported }

// Calibrate measures probabilities (row after row) against labels.
func Calibrate(probabilities []float32, labels []int) (Calibration, error) {
	return Calibration{}, errors.ErrUnsupported
}

// Card is what the model card says about data and training beyond what the head knows. Empty fields are left out.
type Card struct {
	// Name is the model's title; Date is written as given ("2026-11-26"), so that the same training gives the same bytes.
	Name, Date string
	// Base is the network's name, BaseDigest its digest (model.Bundle), Features the tensor it was cut at.
	Base, BaseDigest, Features string
	// Data says in words where the images came from. Counts is by class: training and validation images.
	Data              string
	Training          []int
	Validation        []int
	ValidationDetails string // how validation images were chosen
	// Command is the command line that makes the model again.
	Command string
	// Notes are further paragraphs in Markdown: warnings, metrics of a test set.
	Notes []string
}

// Folder makes the model folder in HuggingFace layout: file name to content: model.onnx (base with the head grafted on), config.json
// (id2label), preprocessor_config.json, training.json (settings, history, calibration, for programs) and MODEL_CARD.md; and tagbeam.json
// where the former cannot say how the base preprocesses. base is the network trained on; cut is what graph.Cut made of it;
// processorConfig is the base folder's preprocessor_config.json, nil where it has none. The result has been loaded (model.Load) and found to have the base's
// preprocessing and these labels.
func Folder(h *Head, base *model.Bundle, cut, processorConfig []byte, labels []string, card Card) (map[string][]byte, error) {
	return nil, errors.ErrUnsupported
}
