package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners"
	"github.com/spf13/cobra"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// tagOptions are the flags of tagbeam tag.
type tagOptions struct {
	pipeline.Options
	model       modelFlags
	price       pipeline.DataflowPrice
	planOnly    bool
	summaryJSON string
	metricsFile string
	quiet       bool
	timings     bool
	profiles    profiles
}

func newTagCommand() *cobra.Command {
	o := &tagOptions{Options: pipeline.DefaultOptions()}
	cmd := &cobra.Command{
		Use:   "tag --input PATTERN --output DIR",
		Short: "Label images and write labels and confidences to Parquet",
		Long: `tag finds the images under --input that have no row of this model yet, classifies them and adds them to the table under --output.
An image that cannot be tagged is a row with an error. Killed at any moment, the same command goes on where it stopped.

` + exitCodes,
		Example: `  tagbeam tag --input ~/Pictures --output kinds
  tagbeam tag --input ~/Pictures --model models/mobilenetv2 --output tags
  tagbeam tag --input 'gs://bucket/photos/**.jpg' --model gs://bucket/model --output gs://bucket/tags
  duckdb -c "select label, count(*) from 'tags/labels/**/*.parquet' group by 1 order by 2 desc"`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
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
	o.add(cmd)
	return cmd
}

func (o *tagOptions) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	o.addOwn(cmd)
	*runners.Runner = o.Runner
	addBeamFlags(f)
	f.Lookup("runner").Usage = "Beam runner: direct, prism, flink, dataflow, universal"
	f.Lookup("endpoint").Usage = "Beam job service of a remote runner, HOST:PORT"
}

// addOwn adds the flags that are ours, not Beam's.
func (o *tagOptions) addOwn(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.Inputs, "input", nil, "`PATTERN` of images: a folder (all images below it), a glob with **, one image;\ntar archives or Parquet files with a column of images ('shards/*.tar', 'data/{000..009}.parquet');\n@list.txt, .csv, .jsonl, .parquet: a manifest of uris; local, gs://, s3:// or az://; repeatable")
	f.StringVar(&o.URIColumn, "uri-column", "", "`NAME` of the column of uris in manifests (default: uri, url, path, file, ...)")
	f.StringVar(&o.ImageColumn, "image-column", "", "`NAME` of the column of images in Parquet files (default: the only one there is)")
	f.StringVar(&o.Model.URI, "model", "", "`MODEL`: a folder in HuggingFace or ONNX Model Zoo layout, or an .onnx file; local, gs://, s3:// or az://\n(default: builtin, which tells photos, documents, screenshots, graphics, codes and blanks apart)")
	f.StringVar(&o.Output, "output", "", "`DIR` of the table: labels/ for you, _runs/, _ledger/ and _members/ for tagbeam; local, gs://, s3:// or az://")
	f.IntVar(&o.TopK, "top-k", o.TopK, "how many of the best classes to keep in each row")
	f.StringVar(&o.model.Embedding, "embedding", "", "also write the model's embedding: its output of that name, or else what its last layer takes in; with =`TENSOR` that\noutput or tensor of the graph")
	f.Lookup("embedding").NoOptDefVal = engine.EmbeddingAuto
	f.Float64Var(&o.MinConfidence, "min-confidence", o.MinConfidence, "below this confidence a row's status is abstained")
	f.Int64Var(&o.Limit, "limit", o.Limit, "tag at most this many new images (0: all)")
	f.Float64Var(&o.Sample, "sample", o.Sample, "tag this fraction of the images, always the same ones")
	f.BoolVar(&o.planOnly, "plan-only", false, "count what would be tagged, estimate the time, and tag nothing")
	f.BoolVar(&o.Retag, "retag", false, "tag again what has been tagged")
	f.BoolVar(&o.RetryErrors, "retry-errors", false, "try images again that failed for good (those that may heal always are)")
	f.BoolVar(&o.Abandon, "abandon", false, "give up an unfinished run of other options")
	f.Float64Var(&o.MaxErrorRatio, "max-error-ratio", o.MaxErrorRatio, "abort, and publish nothing, when more than this fraction of the images fails")
	addLimitFlags(f, &o.Limits)
	o.model.add(cmd)
	f.IntVar(&o.Batch, "batch", o.Batch, "images inferred at once (0: measured for the model and this machine, once; it shows in the last bits of confidences)")
	f.IntVar(&o.CPU, "cpu", o.CPU, "CPUs to use in a process (0: those that the system grants it, container limits included)")
	f.BoolVar(&o.NoDedup, "no-dedup", false, "infer copies of an image, too; without it the same content in a unit is inferred once")
	f.IntVar(&o.UnitImages, "unit-images", o.UnitImages, "images of one unit of work (0: chosen for the total)")
	addJobFlags(f, &o.Options)
	f.BoolVar(&o.Detach, "detach", false, "with a remote runner: submit the job, print its id, and leave it alone")
	addPriceFlags(f, &o.price)
	f.StringVar(&o.summaryJSON, "summary-json", "", "write the summary as JSON to this `FILE`")
	f.StringVar(&o.metricsFile, "metrics-textfile", "", "write how it ended for Prometheus's node exporter to this `FILE`.prom")
	f.BoolVar(&o.timings, "timings", false, "say in the summary where the time went (runners direct and prism)")
	o.profiles.add(f)
	f.BoolVar(&o.quiet, "quiet", false, "print errors only")
	f.Var(logFormat{}, "log-format", "format of log lines: text or json")
}

func (o *tagOptions) run(ctx context.Context) error {
	if err := o.checkSummary(); err != nil {
		return err
	}
	if o.CPU > 0 {
		runtime.GOMAXPROCS(o.CPU) // planning, fetching and writing, too
	}
	stop, err := o.profiles.start()
	if err != nil {
		return err
	}
	return errors.Join(o.tag(ctx), stop())
}

func (o *tagOptions) tag(ctx context.Context) error {
	beam.Init() // first: it sets up logging, its own way
	log := newLogger(o.quiet)
	showBeamsJob(log, o.DryRun())
	began := processStart
	if o.planOnly {
		res, err := o.plan(ctx)
		if err != nil {
			o.writeFailed(log, failedSummary(ctx, o.Options, res, err, time.Since(began), 0))
		}
		return err
	}
	w := newProgress(log, o.Options, o.quiet)
	res, err := pipeline.Run(ctx, o.Options, observing(log, w, o.FlinkREST))
	w.stop()
	if err == nil && res.Detached != nil {
		return o.detached(res)
	}
	if errors.Is(err, pipeline.ErrDryRun) {
		log.Info(err.Error())
		return nil
	}
	if err != nil {
		o.writeFailed(log, failedSummary(ctx, o.Options, res, err, time.Since(began), w.seconds))
		return err
	}
	for _, in := range res.Unmatched {
		log.Warn("no images under --input " + in)
	}
	sum := newSummary(o.Options, res, time.Since(began), w.seconds)
	if o.timings {
		sum.Timings = newTimings(o.Options, began)
	}
	if !o.quiet {
		sum.print(os.Stdout)
	}
	if err := o.write(sum); err != nil {
		return err
	}
	if sum.ExitCode != exitOK {
		return &exitError{sum.ExitCode, sum.reason()}
	}
	return nil
}

// detached prints how to find a job that is left alone.
func (o *tagOptions) detached(res *pipeline.Result) error {
	job := &remoteRun{*res.Detached, o.FlinkREST}
	fmt.Println(job.ID)
	if !o.quiet {
		fmt.Fprintln(os.Stderr, job.left())
	}
	s := newSummary(o.Options, res, 0, 0)
	s.State = "submitted"
	return o.write(s)
}

// write writes the summary to the files that the flags name.
func (o *tagOptions) write(s *summary) error {
	var errs []error
	if o.summaryJSON != "" {
		if err := s.writeJSON(o.summaryJSON); err != nil {
			errs = append(errs, fmt.Errorf("--summary-json: %w", err))
		}
	}
	if o.metricsFile != "" && !o.planOnly {
		if err := s.writeMetrics(o.metricsFile, time.Now()); err != nil {
			errs = append(errs, fmt.Errorf("--metrics-textfile: %w", err))
		}
	}
	return errors.Join(errs...)
}

// writeFailed writes the summary of a command that failed: its own error is the one to end with.
func (o *tagOptions) writeFailed(log *slog.Logger, s *summary) {
	if err := o.write(s); err != nil {
		log.Error(err.Error())
	}
}

// checkSummary finds out before the work whether there is a place for the summary.
func (o *tagOptions) checkSummary() error {
	if o.metricsFile != "" && filepath.Ext(o.metricsFile) != ".prom" {
		return &pipeline.UsageError{Err: fmt.Errorf("--metrics-textfile %s: the node exporter reads files whose names end in .prom", o.metricsFile)}
	}
	if err := checkFile("--summary-json", o.summaryJSON); err != nil {
		return err
	}
	return checkFile("--metrics-textfile", o.metricsFile)
}

func checkFile(flag, file string) error {
	if file == "" {
		return nil
	}
	folder := filepath.Dir(file)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return &pipeline.UsageError{Err: fmt.Errorf("%s %s: there is no folder %s", flag, file, folder)}
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return &pipeline.UsageError{Err: fmt.Errorf("%s %s: it is a folder; name a file", flag, file)}
	}
	return nil
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &pipeline.UsageError{Err: fmt.Errorf("%s takes no arguments but flags, and got %q; a pattern with spaces or * wants quotes", cmd.CommandPath(), args[0])}
	}
	return nil
}
