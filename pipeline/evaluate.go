package pipeline

import (
	"context"
	"fmt"
	"os"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/model/metrics"
)

// EvaluateOptions say which images a model, or a table, is held against.
type EvaluateOptions struct {
	// Options are those of Run. Output may be empty: then the table is thrown away. With From only Inputs (which may be empty), URIColumn,
	// ImageColumn and Stores are looked at.
	Options
	// Labels say where the classes of images stand.
	Labels source.LabelOptions
	// Split, when not empty, leaves only the images of this split.
	Split string
	// From is the OUTPUT of a table that is there already, instead of a model. Without Inputs all of its images are evaluated.
	From string
}

// Evaluation is what Evaluate found.
type Evaluation struct {
	Report *metrics.Report
	// Failed images could not be classified, NotTagged ones are not in the table, Unlabelled ones have no class: none of them is in Report.
	Failed, NotTagged, Unlabelled int64
	// Errors counts the failed images by error code.
	Errors map[string]int64
	// Model is the name of the model; empty when the table has rows of several.
	Model, ModelDigest string
}

// Evaluate classifies images whose classes are known, or takes what a table says of them, and sums up how good that is. mistake, unless nil,
// is called for every image that was taken for something else or failed, in order.
func Evaluate(ctx context.Context, o EvaluateOptions, watch Observer, mistake func(table.Mistake) error) (*Evaluation, error) {
	ctx = object.WithSettings(ctx, o.Stores)
	e := &evaluator{o: o, watch: watch, mistake: mistake, result: &Evaluation{Errors: map[string]int64{}}}
	if err := e.prepare(ctx); err != nil {
		return nil, err
	}
	if o.From == "" {
		done, err := e.tag(ctx)
		defer done()
		if err != nil {
			return nil, err
		}
	}
	return e.evaluate(ctx)
}

// evaluator is one call of Evaluate.
type evaluator struct {
	o       EvaluateOptions
	watch   Observer
	mistake func(table.Mistake) error

	truth  *labelledImages // nil: the table's own images
	labels *source.Labels  // of those
	names  *classNames
	next   int // of truth
	tally  metrics.Tally
	result *Evaluation
}

// prepare finds the images and their classes.
func (e *evaluator) prepare(ctx context.Context) (err error) {
	o := &e.o
	switch {
	case o.From == "" && len(o.Inputs) == 0:
		return usage("no --input: name the images to evaluate on, in a folder for each class, or a manifest with their labels; or a table with --from")
	case o.Split != "":
		split, ok := source.SplitOf(o.Split)
		if !ok {
			return usage("--split %s: train, validation or test", o.Split)
		}
		o.Split = split
	}
	if err := o.Stores.Validate(); err != nil {
		return &UsageError{err}
	}
	if o.Options, err = o.Options.resolveInputs(); err != nil {
		return err
	}
	if len(o.Inputs) > 0 {
		if e.truth, err = listLabelled(ctx, o.Inputs, o.sourceOptions(false), o.Labels); err != nil {
			return err
		}
		e.truth.warnUnlabelled(e.watch)
		e.result.Unlabelled = int64(e.truth.unlabelled)
		if o.Split != "" {
			e.truth.onlySplit(o.Split)
		}
		if len(e.truth.images) == 0 {
			return usage("none of the images has a class%s: put them into a folder for each class, or name a manifest with a column of labels", inSplit(o.Split))
		}
	} else if e.labels, err = source.OpenLabels(ctx, nil, source.Options{}, o.Labels); err != nil {
		return err
	}
	e.names = &classNames{}
	if o.From == "" {
		return e.matchModel(ctx)
	}
	return nil
}

func inSplit(split string) string {
	if split == "" {
		return ""
	}
	return " and is of the split " + split
}

// tag makes the table that is then evaluated. done removes what is not to be kept.
func (e *evaluator) tag(ctx context.Context) (done func(), err error) {
	o := e.o.Options
	done = func() {}
	o.TopK = max(o.TopK, 5)
	o.picked = &picked{e.truth.images}
	if o.Output == "" {
		if !o.local() {
			return done, usage("--runner %s needs an --output that its workers can write to", o.Runner)
		}
		dir, err := os.MkdirTemp("", "tagbeam-evaluate-")
		if err != nil {
			return done, fmt.Errorf("make room for the table: %w", err)
		}
		done = func() { os.RemoveAll(dir) }
		o.Output = dir
	}
	res, err := Run(ctx, o, e.watch)
	if err != nil {
		return done, err
	}
	if j := res.Detached; j != nil {
		return done, usage("job %s makes the table in %s, and is not waited for: evaluate it with --from when it has ended", j.Name, o.Output)
	}
	for _, r := range res.Runs {
		if r.State == run.StateAborted {
			return done, fmt.Errorf("run %d aborted: %s", r.Plan.RunID, r.Decision.Reason)
		}
	}
	e.o.From = o.Output
	return done, nil
}

// evaluate goes through the table.
func (e *evaluator) evaluate(ctx context.Context) (*Evaluation, error) {
	out, err := openTable(ctx, e.o.From)
	if err != nil {
		return nil, err
	}
	if !e.names.matched() {
		if err := e.matchTable(ctx, out); err != nil {
			return nil, err
		}
	}
	if err := out.EachCurrent(ctx, func(row table.Row) error { return e.row(ctx, row) }); err != nil {
		return nil, labelMistake(ctx, err)
	}
	if e.truth != nil {
		e.result.NotTagged += int64(len(e.truth.images) - e.next)
	}
	e.result.Report = e.tally.Report()
	if e.result.Report.Images == 0 {
		return nil, e.nothing()
	}
	if n := e.result.NotTagged; n > 0 {
		e.watch.warn("%s not in the table, and not evaluated: tag them first", plural(int(n), "image is", "images are"))
	}
	return e.result, nil
}

// row takes one row of the table.
func (e *evaluator) row(ctx context.Context, row table.Row) error {
	class, ok, err := e.classOf(ctx, row)
	if err != nil || !ok {
		return err
	}
	switch {
	case e.tally.Images() == 0 && e.result.Failed == 0:
		e.result.Model, e.result.ModelDigest = row.Model, row.ModelDigest
	case e.result.ModelDigest != row.ModelDigest:
		e.result.Model, e.result.ModelDigest = "", ""
	}
	m := table.Mistake{URI: row.URI, Member: row.Member, Class: class}
	if row.Status == table.StatusFailed {
		e.result.Failed++
		e.result.Errors[row.ErrorCode]++
		m.ErrorCode, m.ErrorMessage = row.ErrorCode, row.ErrorMessage
		return e.report(m)
	}
	guesses := make([]metrics.Guess, len(row.TopK))
	for i, g := range row.TopK {
		guesses[i] = metrics.Guess{Class: e.names.class(g.Label), Confidence: float64(g.Confidence)}
		if guesses[i].Class == class {
			m.ClassConfidence = &row.TopK[i].Confidence
		}
	}
	if len(guesses) == 0 {
		return nil // not a row of ours
	}
	e.tally.Add(class, guesses)
	if guesses[0].Class == class {
		return nil
	}
	m.Label, m.Confidence, m.TopK = row.Label, row.Confidence, row.TopK
	return e.report(m)
}

func (e *evaluator) report(m table.Mistake) error {
	if e.mistake == nil {
		return nil
	}
	return e.mistake(m)
}

// classOf finds the class of a row's image; not ok: it is not evaluated. Rows and images come in the same order.
func (e *evaluator) classOf(ctx context.Context, row table.Row) (class string, ok bool, err error) {
	if e.truth == nil {
		label, err := e.labels.Of(ctx, source.Item{URI: row.URI, Member: row.Member})
		if err != nil || label.Class == "" || e.o.Split != "" && label.Split != e.o.Split {
			if label.Class == "" {
				e.result.Unlabelled++
			}
			return "", false, err
		}
		return e.names.own(label.Class), true, nil
	}
	for e.next < len(e.truth.images) {
		image := e.truth.images[e.next]
		switch c := image.compare(row.URI, row.Member); {
		case c > 0:
			return "", false, nil
		case c == 0:
			e.next++
			return e.names.own(image.class), true, nil
		}
		e.next++
		e.result.NotTagged++
	}
	return "", false, nil
}

// nothing says why no image was evaluated.
func (e *evaluator) nothing() error {
	switch {
	case e.result.Failed > 0:
		return fmt.Errorf("nothing to evaluate: none of %d images could be classified", e.result.Failed)
	case e.truth != nil:
		return usage("nothing to evaluate: none of the %d images is in the table %s", len(e.truth.images), e.o.From)
	case e.result.Unlabelled > 0:
		return usage("nothing to evaluate: none of the %d images of %s has a class%s; give them with --input @labels.csv, a manifest with uri and label", e.result.Unlabelled, e.o.From, inSplit(e.o.Split))
	}
	return usage("nothing to evaluate: the table %s is empty", e.o.From)
}
