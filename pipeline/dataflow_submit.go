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

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/transforms"
)

// How often a job is asked for: soon at first, for a job that is refused, then as often as a person would look.
const (
	firstPoll   = time.Second
	slowestPoll = 15 * time.Second
	// lostPolls is how many times in a row a job may fail to answer.
	lostPolls = 20
)

// dataflowJob is a job that Dataflow has accepted.
type dataflowJob struct {
	Job
	d      *Dataflow
	client *df.Service
	night  *night
	plan   *run.Plan
	state  string
}

// submitDataflow runs the graph of a run as a job on Dataflow and, unless it is to be left alone, waits for its end. Beam's runner stages and
// submits. Waiting is ours, since Beam's does not end with its context: when that ends the job is cancelled, for it costs money.
func (n *night) submitDataflow(ctx context.Context, p *beam.Pipeline, plan *run.Plan) (*Job, error) {
	d := n.dataflow
	if err := d.apply(); err != nil {
		return nil, err
	}
	detach, name := n.o.Detach || *jobopts.Async, jobName(n.o.Output, plan.RunID)
	*jobopts.Async, *jobopts.JobName = true, name
	res, err := beam.Run(ctx, runnerDataflow, p)
	if err != nil {
		return nil, fmt.Errorf("submit the job %s to Dataflow: %w", name, err)
	}
	if template := beamFlag(flagTemplate); template != "" {
		// Flex templates: the job was written there, and their launcher submits it. (There is no result to ask then.)
		n.o.Detach = true
		return &Job{ID: template, Name: name, Endpoint: "the launcher of a template", Output: n.o.Output, Page: template}, nil
	}
	n.o.Detach = detach
	j := &dataflowJob{d: d, night: n, plan: plan, Job: Job{ID: res.JobID(), Name: name, Endpoint: "Dataflow, project " + d.Project + ", region " + d.Region, Output: n.o.Output}}
	j.Page = fmt.Sprintf("https://console.cloud.google.com/dataflow/jobs/%s/%s?project=%s", d.Region, j.ID, d.Project)
	if n.watch.Submitted != nil {
		n.watch.Submitted(j.Job)
	}
	if detach {
		return &j.Job, nil
	}
	if j.client, err = dataflowlib.NewClient(ctx, d.Endpoint); err != nil {
		return &j.Job, err
	}
	return &j.Job, j.wait(ctx)
}

// wait returns when the job has ended: nil when it says that it has succeeded.
func (j *dataflowJob) wait(ctx context.Context) error {
	lost := 0
	for pause := firstPoll; ; pause = min(pause*3/2, slowestPoll) {
		job, err := j.client.Projects.Locations.Jobs.Get(j.d.Project, j.d.Region, j.ID).Context(ctx).Do()
		switch {
		case ctx.Err() != nil:
			return j.cancel(context.WithoutCancel(ctx), context.Cause(ctx))
		case err != nil:
			if lost++; lost == lostPolls {
				return fmt.Errorf("lost sight of the Dataflow job %s, which may go on (%s): %w; the same command joins it", j.ID, j.Page, err)
			}
		default:
			lost = 0
			if ended, err := j.ended(ctx, job); ended {
				return err
			}
			j.progress(ctx)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// ended says whether the job has come to its end, and how.
func (j *dataflowJob) ended(ctx context.Context, job *df.Job) (bool, error) {
	state := strings.ToLower(strings.TrimPrefix(job.CurrentState, "JOB_STATE_"))
	if state != j.state && j.night.watch.State != nil {
		j.night.watch.State(state)
	}
	j.state = state
	switch state {
	case "done":
		j.Counters = j.counters(ctx)
		return true, nil
	case "failed":
		return true, fmt.Errorf("the Dataflow job %s failed: %s", j.ID, j.complaints(ctx))
	case "cancelled", "drained", "updated":
		return true, fmt.Errorf("the Dataflow job %s was %s: run the command again and it goes on where it stopped", j.ID, state)
	}
	return false, nil
}

// complaints are the last errors that the job has told of.
func (j *dataflowJob) complaints(ctx context.Context) string {
	const most = 3
	answer, err := j.client.Projects.Locations.Jobs.Messages.List(j.d.Project, j.d.Region, j.ID).MinimumImportance("JOB_MESSAGE_ERROR").Context(ctx).Do()
	if err != nil || len(answer.JobMessages) == 0 {
		return "see " + j.Page
	}
	var texts []string
	for _, m := range answer.JobMessages[max(0, len(answer.JobMessages)-most):] {
		texts = append(texts, strings.TrimSpace(m.MessageText))
	}
	return strings.Join(texts, "; ") + "; see " + j.Page
}

// counters are the job's own. Dataflow tells each as committed and as tentative, which runs ahead of it.
func (j *dataflowJob) counters(ctx context.Context) map[string]int64 {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	answer, err := dataflowlib.GetMetrics(ctx, j.client, j.d.Project, j.d.Region, j.ID)
	if err != nil {
		return nil
	}
	counters := map[string]int64{}
	for _, m := range answer.Metrics {
		if m.Name == nil || m.Name.Context["namespace"] != transforms.Namespace || m.Name.Context["tentative"] == "true" {
			continue
		}
		if n, ok := m.Scalar.(float64); ok {
			counters[m.Name.Name] += int64(n)
		}
	}
	return counters
}

// progress tells the observer how many images are tagged, by the job's counters or by the unit files that there are.
func (j *dataflowJob) progress(ctx context.Context) {
	watch := j.night.watch.Progress
	if watch == nil {
		return
	}
	counters := j.counters(ctx)
	done := counters["images"]
	if n, err := j.night.output.ImagesTagged(ctx, j.plan); err == nil {
		done = max(done, n)
	}
	watch(done, counters["images_failed"])
}

// cancel stops the job because of cause, and returns that, with what became of the job unless it was cancelled.
func (j *dataflowJob) cancel(ctx context.Context, cause error) error {
	ctx, stop := context.WithTimeout(ctx, answerWithin)
	defer stop()
	_, err := j.client.Projects.Locations.Jobs.Update(j.d.Project, j.d.Region, j.ID, &df.Job{RequestedState: "JOB_STATE_CANCELLED"}).Context(ctx).Do()
	if err != nil {
		j.night.watch.warn("the Dataflow job %s could not be cancelled and goes on: %v; gcloud dataflow jobs cancel %s --project=%s --region=%s", j.ID, err, j.ID, j.d.Project, j.d.Region)
	} else {
		j.night.watch.warn("Dataflow was asked to cancel job %s; its workers stop within minutes: %s", j.ID, j.Page)
	}
	return cause
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
