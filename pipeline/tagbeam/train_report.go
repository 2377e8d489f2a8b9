package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/tagbeam/tagbeam/model/head"
	"github.com/tagbeam/tagbeam/model/metrics"
	"github.com/tagbeam/tagbeam/model/metrics/figure"
	"github.com/tagbeam/tagbeam/pipeline"
)

// epochLine is an epoch as Keras prints it.
func epochLine(e head.Epoch) string {
	var b strings.Builder
	if e.Setting != "" {
		fmt.Fprintf(&b, "%d/%d %s", e.Epoch, e.Epochs, e.Setting)
	} else {
		fmt.Fprintf(&b, "Epoch %d/%d", e.Epoch, e.Epochs)
	}
	for _, v := range []struct {
		name  string
		value *float64
	}{{"loss", &e.Loss}, {"accuracy", &e.Accuracy}, {"val_loss", e.ValidationLoss}, {"val_accuracy", e.ValidationAccuracy}} {
		if v.value != nil {
			fmt.Fprintf(&b, " - %s: %.4f", v.name, *v.value)
		}
	}
	if e.Best {
		b.WriteString(" *")
	}
	return b.String()
}

func printTraining(w io.Writer, res *pipeline.TrainResult) error {
	d, h := res.Data, res.Head
	fmt.Fprintf(w, "base       %s, cut at %s\n", res.Base, res.Features)
	views := ""
	if d.Views > 1 {
		views = fmt.Sprintf(", %d views each", d.Views)
	}
	fmt.Fprintf(w, "images     %d training%s, %d validation, of %d classes\n", d.Training(), views, d.Validation(), len(d.Classes))
	fmt.Fprintf(w, "features   %d new, in %.1f s\n", d.New, res.ExtractTime.Seconds())
	fmt.Fprintf(w, "head       %s, %s, in %.1f s\n", h.Kind, h.Setting, res.TrainTime.Seconds())
	if len(d.Failed) > 0 {
		fmt.Fprintf(w, "left out   %s\n", top(d.Failed, 10))
	}
	if res.Report != nil {
		fmt.Fprintf(w, "temperature  %.3f: expected calibration error %.4f before, %.4f with it\n", h.Temperature, h.Before.ECE, h.After.ECE)
		fmt.Fprintln(w, "\nvalidation")
		if err := res.Report.Print(w); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintf(w, "model      %s\n", res.Model)
	return err
}

// trainReport is what --report-json writes. Its field names are a contract.
type trainReport struct {
	Model            string            `json:"model"`
	Base             string            `json:"base"`
	Features         string            `json:"features"`
	Head             string            `json:"head"`
	Setting          string            `json:"setting"`
	Seed             uint64            `json:"seed"`
	Interrupted      bool              `json:"interrupted"`
	Classes          []string          `json:"classes"`
	TrainingImages   []int             `json:"training_images"`   // by class
	ValidationImages []int             `json:"validation_images"` // by class
	Views            int               `json:"views"`
	Failed           map[string]int64  `json:"failed,omitempty"`
	Contradictory    int               `json:"contradictory"`
	Leaking          int               `json:"leaking"`
	Unlabelled       int               `json:"unlabelled"`
	KeptAside        int               `json:"kept_aside"`
	NewFeatures      int64             `json:"new_features"`
	FeatureSeconds   float64           `json:"feature_seconds"`
	HeadSeconds      float64           `json:"head_seconds"`
	Temperature      float64           `json:"temperature"`
	Before           *head.Calibration `json:"calibration_before,omitempty"`
	After            *head.Calibration `json:"calibration_after,omitempty"`
	History          []head.Epoch      `json:"history"`
	Validation       *metrics.Report   `json:"validation,omitempty"`
}

func trainReportOf(res *pipeline.TrainResult) *trainReport {
	d, h := res.Data, res.Head
	r := &trainReport{
		Model: res.Model, Base: res.Base, Features: res.Features.Tensor, Head: string(h.Kind), Setting: h.Setting, Seed: h.Seed, Interrupted: h.Interrupted,
		Classes: d.Classes, TrainingImages: d.TrainingImages, ValidationImages: d.ValidationImages, Views: d.Views,
		Failed: d.Failed, Contradictory: d.Contradictory, Leaking: d.Leaking, Unlabelled: d.Unlabelled, KeptAside: d.KeptAside,
		NewFeatures: d.New, FeatureSeconds: res.ExtractTime.Seconds(), HeadSeconds: res.TrainTime.Seconds(),
		Temperature: h.Temperature, History: h.History, Validation: res.Report,
	}
	if res.Report != nil {
		r.Before, r.After = &h.Before, &h.After
	}
	return r
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// write writes the report and the figures.
func (o *trainOptions) write(res *pipeline.TrainResult) error {
	var errs []error
	if o.reportJSON != "" {
		errs = append(errs, writeJSON("--report-json", o.reportJSON, trainReportOf(res)))
	}
	var history []figure.Point
	x := "setting tried"
	for _, e := range res.Head.History {
		history = append(history, figure.Point{Loss: e.Loss, Accuracy: e.Accuracy, ValidationLoss: orNaN(e.ValidationLoss), ValidationAccuracy: orNaN(e.ValidationAccuracy)})
		if e.Setting == "" {
			x = "epoch"
		}
	}
	figures := []namedFigure{{"learning", figure.Learning(history, x)}}
	if r := res.Report; r != nil {
		figures = append(figures, namedFigure{"confusion", figure.Confusion(r)}, namedFigure{"reliability", figure.Reliability(r)}, namedFigure{"coverage", figure.Coverage(r)})
	}
	return errors.Join(append(errs, o.plots.write(figures...))...)
}
