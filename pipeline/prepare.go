package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// OpenRunError says that an earlier run of the same output was planned with other options and is not finished.
type OpenRunError struct {
	Output string
	Plan   *run.Plan
	Differ []string // "--top-k: 5 there, 3 here"
}

func (e *OpenRunError) Error() string {
	model := ""
	if slices.ContainsFunc(e.Differ, func(s string) bool { return strings.HasPrefix(s, digestOption+":") }) {
		model = ", with the model as it was then"
	}
	return fmt.Sprintf(`run %d of %s is not finished, and was planned with other options:
  %s
Either finish it first%s:
  %s
or give it up, keep nothing of it, and go on with this one: the same command with --abandon`,
		e.Plan.RunID, e.Output, strings.Join(e.Differ, "\n  "), model, ShellJoin(e.Plan.Command))
}

// Prepare makes sure that there is a run to be worked on, and returns its plan: an open one's, else a new one's; nil when nothing is new.
// Add the run's graph to a pipeline with Tag, and when that has run, believe only what stands in the output (run.Output.Status): a
// runner may say that a job succeeded that never ran. Errors are those of Run.
func Prepare(ctx context.Context, o Options) (*run.Plan, error) {
	ctx = object.WithSettings(ctx, o.Stores)
	n, err := newNight(ctx, o, Observer{}, true)
	if err != nil {
		return nil, err
	}
	next, err := n.next(ctx, o.Limit)
	return next.plan, err
}

// Plan counts what Run would tag and writes nothing. The images of an open run count as not tagged.
func Plan(ctx context.Context, o Options) (*Result, error) {
	ctx = object.WithSettings(ctx, o.Stores)
	n, err := newNight(ctx, o, Observer{}, false)
	if err != nil {
		return nil, err
	}
	latest, err := n.output.Latest(ctx)
	if err != nil {
		return nil, err
	}
	var id int64 = 1
	if latest != nil {
		id = latest.Plan.RunID + 1
	}
	req := n.request(o.Limit)
	req.CountOnly = true
	req.Found = nil
	_, stats, err := n.output.PlanNext(ctx, id, req)
	if errors.As(err, new(*source.PatternError)) {
		return nil, asUsage(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	return &Result{Stats: stats, Nothing: stats.Images == 0, Unmatched: n.unmatched(stats)}, nil
}

// night is one call of Run, Prepare or Plan.
type night struct {
	o           Options
	watch       Observer
	output      *run.Output
	inputs      *source.Set
	digest      string
	model       string
	shape       map[string]string
	fingerprint string
	load        func() error // loads the model into this process, once
	dataflow    *Dataflow    // for that runner
}

// newNight checks the options against the world: the model, the inputs and the output are there. Unless write, nothing is written.
func newNight(ctx context.Context, o Options, watch Observer, write bool) (*night, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	n := &night{o: o, watch: watch}
	if o.portable() {
		if err := o.checkPortable(ctx); err != nil {
			return nil, err
		}
	}
	if err := n.loadBundle(ctx); err != nil {
		return nil, err
	}
	defer engine.Begin(engine.List)()
	if err := o.checkOutput(ctx); err != nil {
		return nil, err
	}
	if n.output, err = run.Open(ctx, o.Output); err != nil {
		return nil, asUsage(ctx, fmt.Errorf("--output: %w", err))
	}
	if n.inputs, err = source.Open(ctx, o.Inputs, o.sourceOptions(write)); err != nil {
		return nil, asUsage(ctx, fmt.Errorf("--input: %w", err))
	}
	n.shape = o.shape(n.digest)
	n.fingerprint = run.Fingerprint(n.shape)
	return n, nil
}

// loadBundle reads the model while ONNX Runtime starts.
func (n *night) loadBundle(ctx context.Context) error {
	defer engine.Begin(engine.Load)()
	started := make(chan error, 1)
	if n.o.local() {
		go func() { started <- engine.StartRuntime(n.o.Model) }()
	} else {
		started <- nil
	}
	bundle, err := engine.LoadBundle(ctx, n.o.Model)
	startErr := <-started
	switch {
	case err != nil:
		return asUsage(ctx, err)
	case startErr != nil:
		return &UsageError{startErr}
	}
	if err := n.o.checkCarried(bundle); err != nil {
		return err
	}
	n.model, n.digest = bundle.Name, bundle.Digest
	for _, warning := range bundle.Warnings {
		n.watch.warn("model %s: %s", bundle.Name, warning)
	}
	n.load = sync.OnceValue(func() error {
		defer engine.Begin(engine.Load)()
		ref := n.o.Model
		ref.Digest = n.digest // as the stages will ask for it
		_, err := engine.LoadClassifierOf(ref, bundle)
		return err
	})
	return nil
}

// asUsage makes a UsageError of what names something that is not there or not right. A store that does not answer, and a context that ended,
// are no mistake of the command.
func asUsage(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, object.ErrTransient) {
		return err
	}
	return &UsageError{err}
}

// prepared is a run that is to be worked on.
type prepared struct {
	plan    *run.Plan // nil: nothing is new
	resumed bool      // another command planned it
	stats   run.PlanStats
}

// next finds the open run, or plans one of at most limit images (0: all).
func (n *night) next(ctx context.Context, limit int64) (prepared, error) {
	for {
		latest, err := n.output.Latest(ctx)
		if err != nil {
			return prepared{}, err
		}
		var id int64 = 1
		if latest != nil {
			if !latest.State.Closed() {
				if gone, err := n.giveUp(ctx, latest); err != nil {
					return prepared{}, err
				} else if gone {
					continue
				}
				return prepared{plan: latest.Plan, resumed: true}, nil
			}
			id = latest.Plan.RunID + 1
		}
		plan, stats, err := n.output.PlanNext(ctx, id, n.request(limit))
		switch {
		case errors.Is(err, object.ErrPermission), errors.As(err, new(*source.PatternError)):
			return prepared{}, asUsage(ctx, err)
		case err != nil:
			return prepared{}, err
		case plan == nil:
			return prepared{stats: stats}, nil
		case !stats.Won:
			continue // a rival planned this run: it is an open run like any other
		}
		if err := n.output.Clean(ctx, id); err != nil {
			n.watch.warn("cleaning up after earlier runs: %v", err)
		}
		return prepared{plan: plan, stats: stats}, nil
	}
}

// giveUp aborts an open run of other options, when that is wanted, and says whether it is gone. One that is decided to commit needs neither
// our options nor our leave: all that is left of it is roll-forward.
func (n *night) giveUp(ctx context.Context, open *run.Status) (gone bool, err error) {
	if open.State != run.StatePlanned || open.Plan.Fingerprint == n.fingerprint {
		return false, nil
	}
	if !n.o.Abandon {
		return false, &UsageError{&OpenRunError{Output: n.output.URI(), Plan: open.Plan, Differ: run.OptionsDiff(open.Plan.Options, n.shape)}}
	}
	d, err := n.output.Abandon(ctx, open.Plan.RunID)
	switch {
	case err != nil:
		return false, err
	case d.Commit:
		n.watch.warn("run %d was decided to commit before it could be given up: it is finished first", open.Plan.RunID)
		return false, nil
	}
	n.watch.warn("run %d given up (--abandon): its images are new again", open.Plan.RunID)
	return true, nil
}

func (n *night) request(limit int64) run.PlanRequest {
	return run.PlanRequest{
		Source:      n.o.reachable(n.o.picked.from(n.inputs.Each)),
		Inputs:      n.o.Inputs,
		Model:       n.model,
		ModelDigest: n.digest,
		Fingerprint: n.fingerprint,
		Options:     n.shape,
		Command:     n.o.Command,
		Limit:       limit,
		Sample:      n.o.Sample,
		Retag:       n.o.Retag,
		RetryErrors: n.o.RetryErrors,
		UnitImages:  n.o.UnitImages,
		Found:       n.found,
		Ready:       n.ready,
	}
}

// found is called when there is something to do: the model is loaded while the rest is listed.
func (n *night) found() {
	if n.o.local() {
		go n.load() // ready waits for it
	}
}

// ready makes sure that the model runs here. (Workers elsewhere have an ONNX Runtime of their own.)
func (n *night) ready(context.Context) error {
	if !n.o.local() {
		return nil
	}
	err := n.load()
	if errors.As(err, new(*engine.EmbeddingError)) {
		return &UsageError{err}
	}
	return err
}

// unmatched are the inputs without an image; none are known when a limit ended the listing.
func (n *night) unmatched(stats run.PlanStats) []string {
	if stats.Limited {
		return nil
	}
	var none []string
	for _, c := range n.inputs.Counts() {
		switch {
		case c.Images == 0 && c.PassedOver > 0:
			none = append(none, fmt.Sprintf("%s (there are %d archives or Parquet files: to look into them, name them, as in '%s/**/*.tar')", c.Pattern, c.PassedOver, strings.TrimRight(c.Pattern, "/*")))
		case c.Images == 0:
			none = append(none, c.Pattern)
		}
	}
	return none
}
