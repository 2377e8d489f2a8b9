package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners"
	"github.com/spf13/cobra"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/model/metrics"
	"github.com/tagbeam/tagbeam/model/metrics/figure"
	"github.com/tagbeam/tagbeam/pipeline"
)

// evaluateOptions are the flags of tagbeam evaluate.
type evaluateOptions struct {
	pipeline.EvaluateOptions
	model      modelFlags
	reportJSON string
	errors     string
	plots      plotFlags
	quiet      bool
}

func newEvaluateCommand() *cobra.Command {
	o := &evaluateOptions{}
	o.Options = pipeline.DefaultOptions()
	cmd := &cobra.Command{
		Use:   "evaluate --input PATTERN [--model MODEL | --from OUTPUT]",
		Short: "Say how good a model is on images whose classes are known",
		Long: `evaluate classifies images whose classes are known and compares: accuracy, precision, recall and F1 by class, the confusion matrix, calibration
(is 90 % confidence right 9 times of 10?), and accuracy against coverage for thresholds of confidence. With --from it reads a table that tag wrote.

An image's class is, first found: its label in the manifest (--input @labels.csv with uri,label[,split]); its row's label in a Parquet file; the .cls member
beside it in a tar archive; the name of the folder it lies in. Names are compared with the model's labels as they stand, then without regard to case, - and _;
ImageNet's synonyms count; classes that are all numbers are places among the labels.

Exit codes:
  0    evaluated
  1    failed
  2    a mistake in the command, something it names is not there, or classes and labels do not fit
  3    evaluated, but some images could not be classified`,
		Example: `  tagbeam evaluate --input photos/val --model my-model
  tagbeam evaluate --input @labels.csv --split test --model my-model --report-json report.json --errors wrong.parquet --plots plots
  tagbeam evaluate --from tags --input @labels.csv`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.From != "" && (o.Model.URI != "" || o.Output != "") {
				return &pipeline.UsageError{Err: errors.New("--from is a table that is there already: it takes no --model and no --output")}
			}
			var err error
			if o.Model, err = o.model.ref(cmd.Context(), o.Model.URI); err != nil {
				return err
			}
			o.Stores = object.SettingsFrom(cmd.Context())
			o.Runner = *runners.Runner
			o.Command = resumeCommand(cmd.Name(), cmd.Flags())
			return o.run(cmd.Context())
		},
	}
	o.addOwn(cmd)
	*runners.Runner = o.Runner
	addBeamFlags(cmd.Flags())
	cmd.Flags().Lookup("runner").Usage = "Beam runner: direct, prism, flink, dataflow, universal"
	return cmd
}

func (o *evaluateOptions) addOwn(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	addLabelledInputFlags(cmd, &o.Options, &o.Labels)
	f.StringVar(&o.Split, "split", "", "evaluate on the images of this `SPLIT` only: train, validation or test")
	f.StringVar(&o.Model.URI, "model", "", "`MODEL`, as tag takes it (default: builtin)")
	f.StringVar(&o.From, "from", "", "evaluate the table in this `OUTPUT` of tag instead of a model; without --input all of its images, by their folders' names")
	f.StringVar(&o.Output, "output", "", "`DIR` to keep the table in, as tag does (default: it is thrown away)")
	f.StringVar(&o.reportJSON, "report-json", "", "write the report as JSON to this `FILE`")
	f.StringVar(&o.errors, "errors", "", "write the images that were taken for something else, or failed, to this Parquet `FILE`")
	o.plots.add(cmd)
	addLimitFlags(f, &o.Limits)
	o.model.add(cmd)
	f.IntVar(&o.Batch, "batch", o.Batch, "images inferred at once (0: chosen for the model)")
	f.IntVar(&o.CPU, "cpu", o.CPU, "images worked on at once in a process (0: one for each CPU)")
	addJobFlags(f, &o.Options)
	f.BoolVar(&o.quiet, "quiet", false, "print errors only")
	f.Var(logFormat{}, "log-format", "format of log lines: text or json")
}

// addLabelledInputFlags adds the flags that say where images are and what they show.
func addLabelledInputFlags(cmd *cobra.Command, o *pipeline.Options, labels *source.LabelOptions) {
	f := cmd.Flags()
	f.StringArrayVar(&o.Inputs, "input", nil, "`PATTERN` of images, as tag takes it: a folder with a folder for each class, archives, Parquet files,\n@labels.csv (uri,label[,split]); repeatable")
	f.StringVar(&labels.Column, "label-column", "", "`NAME` of the column of labels in manifests and Parquet files (default: label, class, category, ...)")
	f.StringVar(&labels.SplitColumn, "split-column", "", "`NAME` of the column that says train, validation or test (default: split, if there is one)")
	f.StringVar(&o.URIColumn, "uri-column", "", "`NAME` of the column of uris in manifests (default: uri, url, path, file, ...)")
	f.StringVar(&o.ImageColumn, "image-column", "", "`NAME` of the column of images in Parquet files (default: the only one there is)")
}

func (o *evaluateOptions) run(ctx context.Context) error {
	for flag, file := range map[string]string{"--report-json": o.reportJSON, "--errors": o.errors} {
		if err := checkFile(flag, file); err != nil {
			return err
		}
	}
	if err := o.plots.check(); err != nil {
		return err
	}
	beam.Init() // first: it sets up logging, its own way
	log := newLogger(o.quiet)
	w := newProgress(log, o.Options, o.quiet)
	wrong, err := newMistakeFile(o.errors)
	if err != nil {
		return err
	}
	res, err := pipeline.Evaluate(ctx, o.EvaluateOptions, observing(log, w, o.FlinkREST), wrong.write)
	w.stop()
	if errors.Is(err, pipeline.ErrDryRun) {
		log.Info(err.Error())
		return wrong.close(false)
	}
	if err = errors.Join(err, wrong.close(err == nil)); err != nil {
		return err
	}
	if !o.quiet {
		if err := printEvaluation(os.Stdout, res); err != nil {
			return err
		}
	}
	err = o.plots.write(
		namedFigure{"confusion", figure.Confusion(res.Report)},
		namedFigure{"reliability", figure.Reliability(res.Report)},
		namedFigure{"coverage", figure.Coverage(res.Report)},
	)
	if o.reportJSON != "" {
		err = errors.Join(err, writeJSON("--report-json", o.reportJSON, evaluationOf(res)))
	}
	if err == nil && res.Failed > 0 {
		return &exitError{code: exitPartial}
	}
	return err
}

// evaluation is what --report-json writes. Its field names are a contract.
type evaluation struct {
	Model       string           `json:"model,omitempty"`
	ModelDigest string           `json:"model_digest,omitempty"`
	Failed      int64            `json:"failed"`
	Errors      map[string]int64 `json:"errors,omitempty"`
	NotTagged   int64            `json:"not_tagged"`
	Unlabelled  int64            `json:"unlabelled"`
	*metrics.Report
}

func evaluationOf(e *pipeline.Evaluation) evaluation {
	return evaluation{e.Model, e.ModelDigest, e.Failed, e.Errors, e.NotTagged, e.Unlabelled, e.Report}
}

func printEvaluation(w io.Writer, e *pipeline.Evaluation) error {
	if e.Model != "" {
		fmt.Fprintf(w, "model      %s\n", e.Model)
	}
	if e.Failed > 0 {
		fmt.Fprintf(w, "failed     %d, not counted below: %s\n", e.Failed, top(e.Errors, 10))
	}
	return e.Report.Print(w)
}

// mistakeFile is the file of --errors; one without a name takes nothing.
type mistakeFile struct {
	name   string
	file   *os.File
	writer *table.MistakeWriter
}

// newMistakeFile makes the file beside its final place: a command that fails leaves the one before.
func newMistakeFile(name string) (*mistakeFile, error) {
	m := &mistakeFile{name: name}
	if name == "" {
		return m, nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".tagbeam-errors-*.tmp")
	if err != nil {
		return nil, &pipeline.UsageError{Err: fmt.Errorf("--errors %s: %w", name, err)}
	}
	m.file, m.writer = f, table.NewMistakeWriter(f)
	return m, nil
}

func (m *mistakeFile) write(row table.Mistake) error {
	if m.writer == nil {
		return nil
	}
	return m.writer.Write(row)
}

func (m *mistakeFile) close(keep bool) (err error) {
	if m.file == nil {
		return nil
	}
	defer os.Remove(m.file.Name()) // unless it was renamed
	if keep {
		err = errors.Join(m.writer.Close(), m.file.Chmod(0o644))
	}
	err = errors.Join(err, m.file.Close())
	if keep && err == nil {
		err = os.Rename(m.file.Name(), m.name)
	}
	if err != nil {
		return fmt.Errorf("--errors %s: %w", m.name, err)
	}
	return nil
}

func writeJSON(flag, file string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		err = os.WriteFile(file, append(data, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}

// plotFlags say where figures go.
type plotFlags struct{ dir, format string }

func (p *plotFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.dir, "plots", "", "draw figures into this `DIR`")
	cmd.Flags().StringVar(&p.format, "plot-format", "svg", "`FORMAT` of the figures: svg, png or pdf")
}

func (p *plotFlags) check() error {
	if !slices.Contains(figure.Formats, p.format) {
		return &pipeline.UsageError{Err: fmt.Errorf("--plot-format %s: %s", p.format, strings.Join(figure.Formats, ", "))}
	}
	if p.dir == "" {
		return nil
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return &pipeline.UsageError{Err: fmt.Errorf("--plots: %w", err)}
	}
	return nil
}

type namedFigure struct {
	name string
	*figure.Figure
}

func (p *plotFlags) write(figures ...namedFigure) error {
	if p.dir == "" {
		return nil
	}
	for _, f := range figures {
		if err := p.writeOne(f); err != nil {
			return fmt.Errorf("--plots: %w", err)
		}
	}
	return nil
}

func (p *plotFlags) writeOne(f namedFigure) error {
	file, err := os.Create(filepath.Join(p.dir, f.name+"."+p.format))
	if err != nil {
		return err
	}
	return errors.Join(f.Write(file, p.format), file.Close())
}
