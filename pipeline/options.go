// Package pipeline is the Beam graphs of tagbeam and what it takes to run one: options, planning a run, running its graph on a
// runner, and saying how it ended. A Go program that wants to tag images calls Run, or Prepare, and adds Tag to a graph of its own.
package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// Options say what to tag, with what, and where the table stands. DefaultOptions has the defaults.
type Options struct {
	// Inputs are folders, globs, single images, archives, Parquet files and @manifests, local, gs://, s3:// or az://.
	Inputs []string
	// URIColumn is the column of uris in manifests; empty: one of the usual names.
	URIColumn string
	// ImageColumn is the column of images in Parquet files; empty: the only one there is.
	ImageColumn string
	// Output is the folder of the table, local, gs://, s3:// or az://; only one run of it goes on at a time.
	Output string
	// Model is the model and what it is told.
	Model engine.ModelRef
	// Stores say how the stores of all three are reached, here and on the workers; never with credentials.
	Stores object.Settings

	// TopK is the number of best classes in each row.
	TopK int
	// MinConfidence is the confidence below which an image is abstained from.
	MinConfidence float64
	// Limits refuse images before they are decoded, and say what becomes of a truncated one.
	Limits preprocess.Limits

	// Limit, when not 0, tags at most that many images that are new.
	Limit int64
	// Sample, in (0, 1], tags that fraction of the images, always the same ones.
	Sample float64
	// Retag tags what has been tagged before.
	Retag bool
	// RetryErrors tries images again that failed for good.
	RetryErrors bool
	// Abandon gives up an open run of other options.
	Abandon bool
	// MaxErrorRatio is the fraction of failed images above which a run is aborted and nothing is published.
	MaxErrorRatio float64

	// Runner is the Beam runner: direct, prism, flink, dataflow or universal.
	Runner string
	// SharedFilesystem says that local paths lead to the same files on every worker. Without it a remote runner is given none.
	SharedFilesystem bool
	// FlinkREST is HOST:PORT of the JobManager of the Flink cluster that the job runs on, to cancel it; empty: unknown.
	FlinkREST string
	// Detach leaves a job to the remote runner once it is submitted.
	Detach bool
	// JobAttempts is how often a job that fails is submitted to a job service, in all; below 2 it is once.
	JobAttempts int
	// RunnerOptions are options of the runner for which Beam's Go SDK has no flag, such as execution_mode_for_batch.
	RunnerOptions map[string]string
	// CPU is the number of images being worked on at once in a worker process; 0: one for each CPU.
	CPU int
	// Batch is the number of images inferred at once; 0: measured for model and machine, one number for a run. It shows in the last bits of
	// confidences.
	Batch int
	// Hash fills in the md5 of rows where the store does not tell it.
	Hash bool
	// NoDedup infers every image, also those that have the content of another one in the same unit.
	NoDedup bool
	// UnitImages is the number of images of one unit of work, at least; 0: chosen for the total.
	UnitImages int
	// Command is what a person types to go on with this run, for messages.
	Command []string

	// picked, when not nil, are the only images of Inputs that are looked at.
	picked *picked
}

// DefaultOptions are the options of a command without flags.
func DefaultOptions() Options {
	return Options{
		TopK:          5,
		Sample:        1,
		MaxErrorRatio: 1,
		Limits:        preprocess.DefaultLimits,
		Runner:        "direct",
		JobAttempts:   3,
	}
}

// Runners are the values of Options.Runner.
var Runners = []string{"direct", "prism", "flink", "dataflow", "universal"}

// UsageError is a mistake in the options, or something they name that is not there.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

func usage(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Validate checks everything that needs no look at a store, and returns a UsageError.
func (o Options) Validate() error {
	switch {
	case len(o.Inputs) == 0:
		return usage("no --input: name a folder, a glob or an image (local, gs://, s3:// or az://), once or several times")
	case o.Output == "":
		return usage("no --output: name the folder of the label table (local, gs://, s3:// or az://)")
	case o.TopK < 1:
		return usage("--top-k %d: must be at least 1", o.TopK)
	case !(o.MinConfidence >= 0 && o.MinConfidence <= 1):
		return usage("--min-confidence %v: a probability, from 0 to 1", o.MinConfidence)
	case !(o.MaxErrorRatio >= 0 && o.MaxErrorRatio <= 1):
		return usage("--max-error-ratio %v: a fraction, from 0 (abort on any error) to 1 (never abort)", o.MaxErrorRatio)
	case !(o.Sample > 0 && o.Sample <= 1):
		return usage("--sample %v: a fraction above 0, at most 1", o.Sample)
	case o.Limit < 0:
		return usage("--limit %d: must not be negative (0: no limit)", o.Limit)
	case o.Batch < 0 || o.Batch > 4096:
		return usage("--batch %d: from 1 to 4096, or 0 to have it chosen for the model", o.Batch)
	case o.CPU < 0 || o.CPU > math.MaxInt16:
		return usage("--cpu %d: a number of CPUs, or 0 for all", o.CPU)
	case o.Limits.MaxBytes <= 0:
		return usage("--max-bytes %d: must be positive", o.Limits.MaxBytes)
	case o.Limits.MaxPixels <= 0:
		return usage("--max-pixels %d: must be positive", o.Limits.MaxPixels)
	case o.Limits.MaxScans <= 0:
		return usage("--max-scans %d: must be positive", o.Limits.MaxScans)
	case o.Limits.MaxFrames <= 0:
		return usage("--max-frames %d: must be positive", o.Limits.MaxFrames)
	case o.Limits.MaxMetadata <= 0:
		return usage("--max-metadata %d: must be positive", o.Limits.MaxMetadata)
	case o.UnitImages < 0:
		return usage("--unit-images %d: must not be negative", o.UnitImages)
	case !slices.Contains(Runners, o.Runner):
		return usage("--runner %s: not known; one of %s", o.Runner, strings.Join(Runners, ", "))
	}
	if _, err := object.Parse(o.Output); err != nil {
		return usage("--output: %w", err)
	}
	if err := o.Stores.Validate(); err != nil {
		return &UsageError{err}
	}
	return nil
}

// digestOption is the name of the model's digest among the options of a run.
const digestOption = "model digest"

// shape is everything that decides which rows a run makes and what stands in them; the run's fingerprint is made of it.
func (o Options) shape(modelDigest string) map[string]string {
	return map[string]string{
		"--input":           fmt.Sprintf("%q", o.Inputs),
		"--uri-column":      o.URIColumn,
		"--image-column":    o.ImageColumn,
		digestOption:        modelDigest,
		"--top-k":           strconv.Itoa(o.TopK),
		"--min-confidence":  strconv.FormatFloat(o.MinConfidence, 'g', -1, 64),
		"--max-bytes":       strconv.FormatInt(o.Limits.MaxBytes, 10),
		"--max-pixels":      strconv.FormatInt(o.Limits.MaxPixels, 10),
		"--max-scans":       strconv.Itoa(o.Limits.MaxScans),
		"--max-frames":      strconv.Itoa(o.Limits.MaxFrames),
		"--max-metadata":    strconv.FormatInt(o.Limits.MaxMetadata, 10),
		"--allow-truncated": strconv.FormatBool(o.Limits.AllowTruncated),
		"--limit":           strconv.FormatInt(o.Limit, 10),
		"--sample":          strconv.FormatFloat(o.Sample, 'g', -1, 64),
		"--retag":           strconv.FormatBool(o.Retag),
		"--retry-errors":    strconv.FormatBool(o.RetryErrors),
		"--embedding":       o.Model.Embedding,
		"md5 of all":        strconv.FormatBool(o.Hash),
		"images picked":     o.picked.digest(),
		"schema":            strconv.Itoa(table.SchemaRevision),
	}
}

func (o Options) engine() engine.Config { return engine.Config{CPU: o.CPU} }

// local says that the workers are in this process.
func (o Options) local() bool {
	return o.Runner == "direct" || o.Runner == "prism" || o.portable() && environmentType() == envLoopback
}
