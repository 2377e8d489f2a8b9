package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/graph"
	"github.com/tagbeam/tagbeam/model/head"
	"github.com/tagbeam/tagbeam/model/metrics"
	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// TrainOptions say which classifier to train: on which images, on top of which network, and where it goes.
type TrainOptions struct {
	// Options are those of Run: Inputs are the training images, Model is the base network, Output the folder of the new model.
	Options
	// Labels say where the classes of images stand.
	Labels source.LabelOptions
	// ValidationInputs are the validation images. Without them, and without a column that says so, ValidationSplit of each class is chosen by
	// Head.Seed; 0: none.
	ValidationInputs []string
	ValidationSplit  float64
	// KeepFeatures is the folder in which features are kept for the next training; empty: Output with ".features" behind it.
	KeepFeatures string
	// Tensor is the tensor of the base that has the features; empty: what its last layer takes in.
	Tensor string
	// ClassWeights says how much an image of a class counts, beside what Head.Balance makes of it; classes without are 1. Head.ClassWeights is set
	// from it.
	ClassWeights map[string]float64
	// Flip and Crop train on further views of each image: mirrored, its corners, or both (preprocess.Views).
	Flip, Crop bool
	// Head is what is trained. Its Classes and Progress are set here.
	Head head.Options
	// Refit trains once more on training and validation images together, when the settings are chosen.
	Refit bool
	// Overwrite replaces a model that is there.
	Overwrite bool
}

// DefaultTrainOptions are the options of a command without flags.
func DefaultTrainOptions() TrainOptions {
	return TrainOptions{Options: DefaultOptions(), ValidationSplit: 0.2, Head: head.Options{Kind: head.Linear, Seed: 1}}
}

// TrainObserver is told how Train goes on, from Train's goroutine. Nil functions are not called.
type TrainObserver struct {
	Observer
	// Extracting: the features of a view are looked for; view counts from 1. The runs that make them are told by Observer.
	Extracting func(view, views int, name string)
	// Extracted: all features are there.
	Extracted func(d *TrainingData)
	// Epoch: an epoch, or a setting that was tried, is done.
	Epoch func(head.Epoch)
}

// TrainResult is the model that was trained.
type TrainResult struct {
	// Model is the folder.
	Model string
	Data  *TrainingData
	Head  *head.Head
	// Base is the network's name, Features where it was cut.
	Base     string
	Features graph.Candidate
	// Report is how good the model is on the validation images; nil without any.
	Report *metrics.Report
	// ExtractTime is what features took, TrainTime what the head took.
	ExtractTime, TrainTime time.Duration
}

// Train trains a new classifier on a frozen network and writes it as a model folder. Features are made by the run protocol, and kept: Train may
// be killed at any moment meanwhile and called again. When ctx ends while the head is trained, the best until then is written, and
// TrainResult.Head says that it was interrupted. Errors are those of Run.
func Train(ctx context.Context, o TrainOptions, watch TrainObserver) (*TrainResult, error) {
	ctx = object.WithSettings(ctx, o.Stores)
	t := &training{o: o, watch: watch}
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	data, err := t.data(ctx)
	if err != nil {
		return nil, err
	}
	if watch.Extracted != nil {
		watch.Extracted(data)
	}
	res := &TrainResult{Model: t.o.Output, Data: data, Base: t.base.Name, Features: t.top, ExtractTime: time.Since(began)}
	began = time.Now()
	opts := t.o.Head
	opts.Classes, opts.ClassWeights, opts.Progress = len(data.Classes), t.classWeights(data.Classes), watch.Epoch
	if res.Head, err = head.Train(ctx, data.training, data.validation, opts); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	if res.Report, err = report(res.Head, data); err != nil {
		return nil, err
	}
	if t.o.Refit {
		if res.Head, err = refit(ctx, res.Head, data, opts); err != nil {
			return nil, err
		}
	}
	res.TrainTime = time.Since(began)
	return res, t.save(context.WithoutCancel(ctx), res) // what has been trained is not lost to an interrupt
}

// training is one call of Train.
type training struct {
	o       TrainOptions
	watch   TrainObserver
	base    *model.Bundle
	top     graph.Candidate
	network []byte // of the base, in one piece
}

// prepare checks the options against the world: the base and where it is cut, and that there is room for the result.
func (t *training) prepare(ctx context.Context) (err error) {
	o := &t.o
	switch {
	case len(o.Inputs) == 0:
		return usage("no --input: name a folder with a folder of images for each class, or a manifest with their labels")
	case o.Output == "":
		return usage("no --output: name the folder of the new model")
	case !(o.ValidationSplit >= 0 && o.ValidationSplit <= 0.9):
		return usage("--validation-split %v: a fraction, from 0 (no validation) to 0.9", o.ValidationSplit)
	}
	if o.Options, err = o.resolve(); err != nil {
		return err
	}
	validation, err := Options{Inputs: o.ValidationInputs}.resolveInputs()
	if err != nil {
		return err
	}
	o.ValidationInputs = validation.Inputs
	if o.KeepFeatures == "" {
		o.KeepFeatures = o.Output + ".features"
	} else if o.KeepFeatures, err = absolute(o.KeepFeatures); err != nil {
		return usage("--keep-features: %w", err)
	}
	if o.KeepFeatures == o.Output || strings.HasPrefix(o.KeepFeatures, o.Output+"/") {
		return usage("--keep-features %s: it lies in the folder of the new model, which is written whole; name one beside it", o.KeepFeatures)
	}
	if err := o.Options.Validate(); err != nil {
		return err
	}
	if err := checkModelFolder(ctx, o.Output, o.Overwrite); err != nil {
		return err
	}
	if t.base, err = engine.LoadBundle(ctx, o.Model); err != nil {
		var none *model.NoLabelsError
		if !errors.As(err, &none) || none.Classes == 0 {
			return asUsage(ctx, err)
		}
		// What the base calls its own classes does not matter: they are cut off.
		o.Model.Labels = numbered(none.Classes)
		if t.base, err = engine.LoadBundle(ctx, o.Model); err != nil {
			return asUsage(ctx, err)
		}
	}
	if err := engine.StartRuntime(o.Model); err != nil {
		return &UsageError{err}
	}
	if t.top, t.network, err = engine.FindTop(t.base, o.Tensor); err != nil {
		return asUsage(ctx, err)
	}
	if o.Batch == 0 {
		// Not measured, as tag does: the batch size shows in the last bits of features, and the same seed gives the same model.
		c, err := engine.LoadPreprocessor(ctx, o.Model)
		if err != nil {
			return asUsage(ctx, err)
		}
		o.Batch = c.BatchSize(0)
	}
	return nil
}

func numbered(n int) []string {
	labels := make([]string, n)
	for i := range labels {
		labels[i] = strconv.Itoa(i)
	}
	return labels
}

// features are the options of one view's features.
func (t *training) features(inputs []string, images []labelledImage, view string) FeatureOptions {
	o := FeatureOptions{Options: t.o.Options, Tensor: t.top.Tensor, View: view}
	o.Inputs, o.Output, o.picked = inputs, t.o.KeepFeatures, &picked{images}
	return o
}

// classWeights are by class, nil where none was given. checkClasses has seen that there are such classes.
func (t *training) classWeights(classes []string) []float64 {
	if len(t.o.ClassWeights) == 0 {
		return nil
	}
	weights := make([]float64, len(classes))
	for i, class := range classes {
		weights[i] = 1
		if w, ok := t.o.ClassWeights[class]; ok {
			weights[i] = w
		}
	}
	return weights
}

// views are those that are trained on, the usual one first.
func (t *training) views() []string {
	return append([]string{""}, preprocess.Views(t.o.Flip, t.o.Crop)...)
}

// reportTop is how many classes of each validation image are reported on.
const reportTop = 5

// report holds the head against the validation images.
func report(h *head.Head, d *TrainingData) (*metrics.Report, error) {
	if d.validation.Len() == 0 {
		return nil, nil
	}
	probabilities, err := h.Predict(d.validation.Features)
	if err != nil {
		return nil, fmt.Errorf("validation: %w", err)
	}
	var tally metrics.Tally
	n := len(d.Classes)
	for i, class := range d.validation.Labels {
		tally.Add(d.Classes[class], bestGuesses(probabilities[i*n:(i+1)*n], d.Classes, reportTop))
	}
	return tally.Report(), nil
}

// bestGuesses are the best k classes, best first, equal ones by number.
func bestGuesses(probabilities []float32, classes []string, k int) []metrics.Guess {
	var best []metrics.Guess
	for i, p := range probabilities {
		at := len(best)
		for at > 0 && float64(p) > best[at-1].Confidence {
			at--
		}
		if at >= k {
			continue
		}
		best = append(best, metrics.Guess{})
		copy(best[at+1:], best[at:])
		best[at] = metrics.Guess{Class: classes[i], Confidence: float64(p)}
		best = best[:min(len(best), k)]
	}
	return best
}
