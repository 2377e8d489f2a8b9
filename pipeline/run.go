package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// Observer is told how Run goes on, from Run's goroutine. Nil functions are not called.
type Observer struct {
	// Started: the graph of a run is about to start; resumed says that another command planned it.
	Started func(p *run.Plan, resumed bool)
	// Finished: the run is published or aborted.
	Finished func(s *run.Status)
	// Warn: something that does not stop the run.
	Warn func(message string)
}

// Result is what a call of Run came to.
type Result struct {
	// Runs are the runs this call finished, in order: an open one it found, then tonight's.
	Runs []Finished
	// Stats is what planning found; zero when nothing was planned because an open run used up the limit.
	Stats run.PlanStats
	// Nothing says that there was nothing new: no run was made.
	Nothing bool
	// Unmatched are the inputs under which there was no image.
	Unmatched []string
}

// Finished is one run that Run finished.
type Finished struct {
	*run.Status
	Resumed bool
}

// OpenRunError says that an earlier run of the same output was planned with other options and is not finished.
type OpenRunError struct {
	Output string
	Plan   *run.Plan
	Differ []string // "--top-k: 5 there, 3 here"
}

func (e *OpenRunError) Error() string {
	return fmt.Sprintf(`run %d of %s is not finished, and was planned with other options:
  %s
Either finish it first:
  %s
or give it up, keep nothing of it, and go on with this one: the same command with --abandon`,
		e.Plan.RunID, e.Output, strings.Join(e.Differ, "\n  "), ShellJoin(e.Plan.Command))
}

// Run tags what is new: it finishes an open run of the output, plans the next one, runs its graph and publishes it. It may be
// killed at any moment and called again; two at once on one output make one table. Errors: UsageError, OpenRunError, the context's,
// or what went wrong; an aborted run is no error here but the State of its Status.
func Run(ctx context.Context, o Options, watch Observer) (*Result, error) {
	n, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	n.watch = watch
	return n.run(ctx)
}

// Plan counts what Run would tag and writes nothing.
func Plan(ctx context.Context, o Options) (*Result, error) {
	n, err := prepare(ctx, o)
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
	req := n.request()
	req.CountOnly = true
	_, stats, err := n.output.PlanNext(ctx, id, req)
	if err != nil {
		return nil, err
	}
	return &Result{Stats: stats, Nothing: stats.Images == 0, Unmatched: n.unmatched(stats)}, nil
}

// night is one call of Run.
type night struct {
	o           Options
	watch       Observer
	output      *run.Output
	inputs      *source.Set
	digest      string
	model       string
	shape       map[string]string
	fingerprint string
}

// prepare checks the options against the world: the model, the inputs and the output are there.
func prepare(ctx context.Context, o Options) (*night, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	n := &night{o: o}
	bundle, err := engine.LoadBundle(ctx, o.Model)
	if err != nil {
		return nil, asUsage(err)
	}
	n.model, n.digest = bundle.Name, bundle.Digest
	if o.local() {
		if err := engine.StartRuntime(o.Model); err != nil {
			return nil, &UsageError{err}
		}
	}
	if err := o.checkOutput(); err != nil {
		return nil, err
	}
	if n.output, err = run.Open(ctx, o.Output); err != nil {
		return nil, asUsage(fmt.Errorf("--output: %w", err))
	}
	if n.inputs, err = source.Open(ctx, o.Inputs, n.exclude()); err != nil {
		return nil, asUsage(fmt.Errorf("--input: %w", err))
	}
	n.shape = o.shape(n.digest)
	n.fingerprint = run.Fingerprint(n.shape)
	return n, nil
}

// asUsage makes a UsageError of what names something that is not there or not right. A store that does not answer is nobody's mistake.
func asUsage(err error) error {
	if errors.Is(err, object.ErrTransient) || errors.Is(err, context.Canceled) {
		return err
	}
	return &UsageError{err}
}

func (n *night) run(ctx context.Context) (*Result, error) {
	res := &Result{}
	for {
		latest, err := n.output.Latest(ctx)
		if err != nil {
			return res, err
		}
		var id int64 = 1
		if latest != nil {
			id = latest.Plan.RunID + 1
			if !latest.State.Closed() {
				tagged, err := n.resume(ctx, res, latest)
				if err != nil {
					return res, err
				}
				if aborted(res) || n.o.Limit > 0 && tagged >= n.o.Limit {
					return res, nil
				}
				continue
			}
		}
		plan, stats, err := n.output.PlanNext(ctx, id, n.request())
		if err != nil {
			return res, err
		}
		res.Stats, res.Unmatched = stats, n.unmatched(stats)
		if plan == nil {
			res.Nothing = len(res.Runs) == 0
			return res, nil
		}
		if !stats.Won {
			continue // a rival planned this run: it is an open run like any other
		}
		if err := n.output.Clean(ctx, id); err != nil {
			n.warn("cleaning up after earlier runs: %v", err)
		}
		return res, n.finish(ctx, res, plan, false)
	}
}

// aborted says that the last run finished was not published: the same images would only fail again.
func aborted(res *Result) bool {
	return len(res.Runs) > 0 && res.Runs[len(res.Runs)-1].State == run.StateAborted
}

// resume finishes an open run, or says why not, and returns the number of images it published.
func (n *night) resume(ctx context.Context, res *Result, open *run.Status) (int64, error) {
	if open.State == run.StatePlanned && open.Plan.Fingerprint != n.fingerprint {
		if !n.o.Abandon {
			return 0, &UsageError{&OpenRunError{Output: n.output.URI(), Plan: open.Plan, Differ: run.OptionsDiff(open.Plan.Options, n.shape)}}
		}
		d, err := n.output.Abandon(ctx, open.Plan.RunID)
		if err != nil {
			return 0, err
		}
		if !d.Commit {
			n.warn("run %d given up (--abandon): its images are new again", open.Plan.RunID)
			return 0, nil
		}
		n.warn("run %d was decided to commit before it could be given up: it is finished first", open.Plan.RunID)
	}
	return open.Plan.Images, n.finish(ctx, res, open.Plan, true)
}

// finish runs the graph of a planned run and notes how it ended. A runner's word is not taken for it, neither way: what counts is what stands
// in the output.
func (n *night) finish(ctx context.Context, res *Result, plan *run.Plan, resumed bool) error {
	if n.watch.Started != nil {
		n.watch.Started(plan, resumed)
	}
	jobErr := n.execute(ctx, plan.RunID)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	status, err := n.output.Status(ctx, plan.RunID)
	if err != nil {
		return errors.Join(jobErr, err)
	}
	if !status.State.Closed() {
		if jobErr == nil {
			jobErr = fmt.Errorf("runner %s said that the job of run %d had succeeded, but the run is not published (it is %s)", n.o.Runner, plan.RunID, status.State)
		}
		return jobErr
	}
	res.Runs = append(res.Runs, Finished{status, resumed})
	if n.watch.Finished != nil {
		n.watch.Finished(status)
	}
	return nil
}

// execute runs the graph on the runner.
func (n *night) execute(ctx context.Context, runID int64) error {
	p, s := beam.NewPipelineWithRoot()
	Tag(s, n.o, runID)
	if n.o.local() {
		// Cancelling prism's context makes it panic, so the workers are stopped where they work.
		e := engine.Shared(n.o.engine())
		defer context.AfterFunc(ctx, e.Interrupt)()
		ctx = context.WithoutCancel(ctx)
	}
	_, err := beam.Run(ctx, n.o.Runner, p)
	return err
}

func (n *night) request() run.PlanRequest {
	return run.PlanRequest{
		Source:      n.inputs.Each,
		Inputs:      n.o.Inputs,
		Model:       n.model,
		ModelDigest: n.digest,
		Fingerprint: n.fingerprint,
		Options:     n.shape,
		Command:     n.o.Command,
		Limit:       n.o.Limit,
		Sample:      n.o.Sample,
		Retag:       n.o.Retag,
		RetryErrors: n.o.RetryErrors,
		UnitImages:  n.o.UnitImages,
	}
}

// exclude keeps the table's own folders out of the inputs.
func (n *night) exclude() source.Options {
	loc, err := object.Parse(n.o.Output)
	if err != nil {
		return source.Options{}
	}
	var out []object.Location
	for _, folder := range []string{"labels/", "_runs/"} {
		l := loc
		l.Key = strings.TrimSuffix(l.Key, "/") + "/" + folder
		if loc.Key == "" {
			l.Key = folder
		}
		out = append(out, l)
	}
	return source.Options{Exclude: out}
}

// unmatched are the inputs without an image; none are known when a limit ended the listing.
func (n *night) unmatched(stats run.PlanStats) []string {
	if stats.Limited {
		return nil
	}
	var none []string
	for _, c := range n.inputs.Counts() {
		if c.Images == 0 {
			none = append(none, c.Pattern)
		}
	}
	return none
}

func (n *night) warn(format string, args ...any) {
	if n.watch.Warn != nil {
		n.watch.Warn(fmt.Sprintf(format, args...))
	}
}
