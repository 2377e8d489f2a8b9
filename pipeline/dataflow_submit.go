package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/dataflow/dataflowlib"
	df "google.golang.org/api/dataflow/v1b3"

	"github.com/tagbeam/tagbeam/transforms"
)

// How often a job is asked for: soon at first, for a job that is refused, then as often as a person would look.
const (
	firstPoll   = time.Second
	slowestPoll = 15 * time.Second
	// lostPolls is how many times in a row a job may fail to answer.
	lostPolls = 20
	// cancelPatience is how long the request to cancel a job may take: an interrupted command ends soon.
	cancelPatience = 2500 * time.Millisecond
)

// submit runs the graph of a run as a job on Dataflow, and waits for its end. Beam's runner stages and submits; waiting is ours, since Beam's
// does not end with its context. When that ends, the job is cancelled: it costs money.
func (d *Dataflow) submit(ctx context.Context, o Options, r transforms.Run, watch Observer) error {
	if err := d.apply(); err != nil {
		return err
	}
	detach := *jobopts.Async
	*jobopts.Async, *jobopts.JobName = true, jobName(o.Output, r.RunID)
	p, s := beam.NewPipelineWithRoot()
	tag(s, o, r)
	res, err := beam.Run(ctx, runnerDataflow, p)
	if err != nil {
		return fmt.Errorf("submit the job %s to Dataflow: %w", *jobopts.JobName, err)
	}
	id := res.JobID()
	watch.note("submitted to Dataflow as job %s (%s): %s", id, *jobopts.JobName, d.console(id))
	if detach {
		return &DetachedError{Runner: runnerDataflow, JobID: id, Look: "gcloud dataflow jobs describe " + id + " --project=" + d.Project + " --region=" + d.Region}
	}
	client, err := dataflowlib.NewClient(ctx, d.Endpoint)
	if err != nil {
		return err
	}
	return d.wait(ctx, client, id, watch)
}

// DetachedError says that a job goes on by itself, as was asked for (--async).
type DetachedError struct {
	Runner, JobID string
	// Look is a command that shows how it is.
	Look string
}

func (e *DetachedError) Error() string {
	return fmt.Sprintf("job %s runs on %s by itself; see '%s'. The same command, without --async, waits for it and says how it ended", e.JobID, e.Runner, e.Look)
}

func (d *Dataflow) console(id string) string {
	return fmt.Sprintf("https://console.cloud.google.com/dataflow/jobs/%s/%s?project=%s", d.Region, id, d.Project)
}

// wait returns when the job has ended: nil when it says that it has succeeded.
func (d *Dataflow) wait(ctx context.Context, client *df.Service, id string, watch Observer) error {
	jobs := client.Projects.Locations.Jobs
	lost := 0
	for pause := firstPoll; ; pause = min(pause*3/2, slowestPoll) {
		job, err := jobs.Get(d.Project, d.Region, id).Context(ctx).Do()
		switch {
		case ctx.Err() != nil:
			d.cancel(ctx, client, id, watch)
			return context.Cause(ctx)
		case err != nil:
			if lost++; lost == lostPolls {
				return fmt.Errorf("lost sight of the Dataflow job %s, which may go on: %w; the same command joins it", id, err)
			}
		default:
			lost = 0
			if ended, err := d.ended(ctx, client, job); ended {
				return err
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// ended says whether a job has come to its end, and how.
func (d *Dataflow) ended(ctx context.Context, client *df.Service, job *df.Job) (bool, error) {
	switch job.CurrentState {
	case "JOB_STATE_DONE":
		return true, nil
	case "JOB_STATE_FAILED":
		return true, fmt.Errorf("the Dataflow job %s failed: %s", job.Id, d.complaints(ctx, client, job.Id))
	case "JOB_STATE_CANCELLED", "JOB_STATE_DRAINED", "JOB_STATE_UPDATED":
		return true, fmt.Errorf("the Dataflow job %s was %s: run the command again and it goes on where it stopped", job.Id, strings.ToLower(strings.TrimPrefix(job.CurrentState, "JOB_STATE_")))
	}
	return false, nil
}

// complaints are the last errors that a job has told of.
func (d *Dataflow) complaints(ctx context.Context, client *df.Service, id string) string {
	const most = 3
	answer, err := client.Projects.Locations.Jobs.Messages.List(d.Project, d.Region, id).MinimumImportance("JOB_MESSAGE_ERROR").Context(ctx).Do()
	if err != nil || len(answer.JobMessages) == 0 {
		return "see " + d.console(id)
	}
	var texts []string
	for _, m := range answer.JobMessages[max(0, len(answer.JobMessages)-most):] {
		texts = append(texts, strings.TrimSpace(m.MessageText))
	}
	return strings.Join(texts, "; ") + "; see " + d.console(id)
}

// cancel stops a job whose command was interrupted.
func (d *Dataflow) cancel(ctx context.Context, client *df.Service, id string, watch Observer) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelPatience)
	defer stop()
	_, err := client.Projects.Locations.Jobs.Update(d.Project, d.Region, id, &df.Job{RequestedState: "JOB_STATE_CANCELLED"}).Context(ctx).Do()
	if err != nil {
		watch.warn("the Dataflow job %s could not be cancelled and goes on: %v; gcloud dataflow jobs cancel %s --project=%s --region=%s", id, err, id, d.Project, d.Region)
		return
	}
	watch.note("asked Dataflow to cancel job %s", id)
}

// ErrDryRun ends Run after --dry_run: nothing was planned, submitted or tagged.
var ErrDryRun = errors.New("dry run: the job was printed, not submitted; nothing was written")

// dryRun is Beam's --dry_run: the job of the open run, or of the next one, is made and printed by Beam's runner, and neither planned nor submitted.
func (n *night) dryRun(ctx context.Context) error {
	latest, err := n.output.Latest(ctx)
	if err != nil {
		return err
	}
	r := transforms.Run{Output: n.o.Output, RunID: 1, Stores: n.o.Stores}
	if latest != nil {
		r.RunID = latest.Plan.RunID
		if latest.State.Closed() {
			r.RunID++
		}
	}
	if err := n.dataflow.apply(); err != nil {
		return err
	}
	*jobopts.JobName = jobName(n.o.Output, r.RunID)
	p, s := beam.NewPipelineWithRoot()
	tag(s, n.o, r)
	if _, err := beam.Run(ctx, runnerDataflow, p); err != nil {
		return err
	}
	return ErrDryRun
}
