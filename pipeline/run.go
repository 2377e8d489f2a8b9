package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/transforms"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// Observer is told how Run goes on, from Run's goroutine. Nil functions are not called.
type Observer struct {
	// Started: the graph of a run is about to start; resumed says that another command planned it.
	Started func(p *run.Plan, resumed bool)
	// Finished: the run is published or aborted.
	Finished func(s *run.Status)
	// Submitted: a remote runner has accepted the job of a run.
	Submitted func(j Job)
	// State: the job of a run has come to this state at its job service (starting, running, ...).
	State func(state string)
	// Progress: so many images of the run are tagged by a job elsewhere, so many of them failed. It is called from a goroutine of its own.
	Progress func(images, failed int64)
	// Warn: something that does not stop the run.
	Warn func(message string)
}

func (w Observer) warn(format string, args ...any) {
	if w.Warn != nil {
		w.Warn(fmt.Sprintf(format, args...))
	}
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
	// Detached is the job that was submitted and left alone (Options.Detach); nil: there is none.
	Detached *Job
}

// Finished is one run that Run finished.
type Finished struct {
	*run.Status
	Resumed bool
	// Job is the job of a remote runner that did it; nil: it was done here.
	Job *Job
}

// Run tags what is new: it finishes an open run of the output, plans the next one, runs its graph and publishes it. It may be
// killed at any moment and called again; two at once on one output make one table. Errors: UsageError, OpenRunError, the context's,
// ErrDryRun when that was asked for, or what went wrong; an aborted run is no error here but the State of its Status.
func Run(ctx context.Context, o Options, watch Observer) (*Result, error) {
	ctx = object.WithSettings(ctx, o.Stores)
	n, err := newNight(ctx, o, watch, true)
	if err != nil {
		return nil, err
	}
	if o.Runner == runnerDataflow {
		if n.dataflow, err = CheckDataflow(ctx, n.o); err != nil {
			return nil, err
		}
		for _, warning := range n.dataflow.Warnings {
			watch.warn("%s", warning)
		}
		if o.DryRun() {
			return nil, n.dryRun(ctx)
		}
	}
	return n.run(ctx)
}

func (n *night) run(ctx context.Context) (*Result, error) {
	res := &Result{}
	left := n.o.Limit // 0: no limit
	for {
		planned := engine.Begin(engine.List)
		next, err := n.next(ctx, left)
		planned()
		if err != nil {
			return res, err
		}
		if !next.resumed {
			res.Stats, res.Unmatched = next.stats, n.unmatched(next.stats)
		}
		if next.plan == nil {
			res.Nothing = len(res.Runs) == 0
			return res, nil
		}
		state, err := n.finish(ctx, res, next)
		// After an aborted run the same images would only fail again.
		if err != nil || res.Detached != nil || !next.resumed || state == run.StateAborted {
			return res, err
		}
		if next.plan.Fingerprint != n.fingerprint {
			continue // a committed run of other options: what this command is to do is still to be done
		}
		if n.o.Retag {
			return res, nil // all that there was has been tagged again; once more would be twice
		}
		if n.o.Limit > 0 {
			if left -= next.plan.Images; left <= 0 {
				return res, nil
			}
		}
	}
}

// finish runs the graph of a planned run and notes how it ended. A runner's word is not taken for it, neither way: what counts is what stands
// in the output.
func (n *night) finish(ctx context.Context, res *Result, next prepared) (run.State, error) {
	id := next.plan.RunID
	if n.watch.Started != nil {
		n.watch.Started(next.plan, next.resumed)
	}
	job, jobErr := n.execute(ctx, next.plan)
	if job != nil && n.o.Detach && jobErr == nil {
		res.Detached = job
		return run.StatePlanned, nil
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	status, err := n.output.Status(ctx, id)
	if err != nil {
		return "", errors.Join(jobErr, err)
	}
	switch {
	case status.State.Closed() && jobErr != nil:
		n.watch.warn("run %d is %s, although its job failed here: %v", id, status.State, jobErr)
	case !status.State.Closed() && jobErr != nil:
		return "", jobErr
	case !status.State.Closed():
		return "", fmt.Errorf("runner %s said that the job of run %d had succeeded, but the run is not published (it is %s): look at the runner's own log, and run the command again", n.o.Runner, id, status.State)
	}
	if status.State == run.StatePublished {
		if err := n.output.CompactLedger(ctx, id); err != nil {
			n.watch.warn("merging the ledger of earlier runs, which planning does without: %v", err)
		}
	}
	res.Runs = append(res.Runs, Finished{status, next.resumed, job})
	if n.watch.Finished != nil {
		n.watch.Finished(status)
	}
	return status.State, nil
}

// execute runs the graph on the runner, and returns the job when that is elsewhere.
func (n *night) execute(ctx context.Context, plan *run.Plan) (*Job, error) {
	r := transforms.Run{Output: n.o.Output, RunID: plan.RunID, Stores: n.o.Stores}
	if n.o.local() {
		// The workers are in this process. When its context ends prism panics, so it is the stages that are stopped.
		var release func()
		r, release = r.Within(ctx)
		defer release()
	}
	o := n.o
	var err error
	if o.Model, err = n.carry(ctx, plan); err != nil {
		return nil, err
	}
	graph := func() *beam.Pipeline {
		p, s := beam.NewPipelineWithRoot()
		tag(s, o, r)
		return p
	}
	if n.dataflow != nil {
		return n.submitDataflow(ctx, graph(), plan)
	}
	if n.o.portable() {
		return n.submitUntil(ctx, graph, plan)
	}
	if n.o.local() {
		ctx = context.WithoutCancel(ctx)
	}
	_, err = beam.Run(ctx, n.o.Runner, graph())
	return nil, err
}
