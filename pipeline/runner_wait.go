package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/metricsx"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/transforms"
)

// remoteJob is a job at a job service.
type remoteJob struct {
	Job
	client jobpb.JobServiceClient
	graph  *pipepb.Pipeline
	night  *night
	plan   *run.Plan
	state  jobpb.JobState_Enum
}

// wait follows the job to its end. That a job service says it has succeeded is no news of the table: Run looks for itself. When ctx ends the job is
// cancelled, and the context's cause is returned.
func (j *remoteJob) wait(ctx context.Context) error {
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	messages, ended := j.follow(following)
	quiet := j.report(following)
	failure := ""
	for {
		select {
		case d := <-quiet:
			j.night.watch.warn("%s", j.whyQuiet(ctx, d))
		case m := <-messages:
			failure = j.note(m, failure)
		case err := <-ended:
			for len(messages) > 0 {
				failure = j.note(<-messages, failure)
			}
			return j.outcome(ctx, err, failure)
		case <-ctx.Done():
			return j.cancel(context.WithoutCancel(ctx), context.Cause(ctx))
		}
	}
}

// follow receives what the job service says of the job until it says no more.
func (j *remoteJob) follow(ctx context.Context) (<-chan *jobpb.JobMessagesResponse, <-chan error) {
	messages, ended := make(chan *jobpb.JobMessagesResponse, 1024), make(chan error, 1)
	go func() {
		stream, err := j.client.GetMessageStream(ctx, &jobpb.JobMessagesRequest{JobId: j.ID})
		for err == nil {
			var m *jobpb.JobMessagesResponse
			if m, err = stream.Recv(); err == nil {
				select {
				case messages <- m:
				case <-ctx.Done():
					err = ctx.Err()
				}
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		ended <- err
	}()
	return messages, ended
}

// note keeps the state of the job and the first thing that went wrong with it: what follows is what came of that.
func (j *remoteJob) note(m *jobpb.JobMessagesResponse, failure string) string {
	if s := m.GetStateResponse(); s != nil {
		j.state = s.GetState()
		if j.night.watch.State != nil {
			j.night.watch.State(strings.ToLower(j.state.String()))
		}
	}
	if s := m.GetMessageResponse(); s.GetImportance() >= jobpb.JobMessage_JOB_MESSAGE_ERROR && failure == "" {
		failure = s.GetMessageText()
	}
	return failure
}

// outcome says how a job ended that the job service has no more to say about.
func (j *remoteJob) outcome(ctx context.Context, err error, failure string) error {
	if err != nil {
		return fmt.Errorf("lost the job service at %s while job %s was %s (%w); the job may go on: run the same command again, which goes on with what is there", j.Endpoint, j.ID, j.stateName(), err)
	}
	switch j.state {
	case jobpb.JobState_DONE:
		j.Counters = j.counters(ctx)
		return nil
	case jobpb.JobState_CANCELLED, jobpb.JobState_CANCELLING:
		return fmt.Errorf("job %s (%s) was cancelled by somebody else; run the same command again and it goes on where it stopped", j.Name, j.ID)
	}
	return &JobError{Job: j.Job, State: j.stateName(), Text: failure}
}

func (j *remoteJob) stateName() string { return strings.ToLower(j.state.String()) }

// counters are the job's own, as far as its service tells them: on Flink when the job has ended.
func (j *remoteJob) counters(ctx context.Context) map[string]int64 {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	got, err := j.client.GetJobMetrics(ctx, &jobpb.GetJobMetricsRequest{JobId: j.ID})
	if err != nil {
		return nil
	}
	results := metricsx.FromMonitoringInfos(j.graph, got.GetMetrics().GetAttempted(), got.GetMetrics().GetCommitted())
	counters := map[string]int64{}
	for _, c := range results.Query(func(r metrics.SingleResult) bool { return r.Namespace() == transforms.Namespace }).Counters() {
		counters[c.Key.Name] += c.Result()
	}
	return counters
}

// report looks now and then how far the job is, until ctx ends, and hands on for how long nothing new has been tagged, when that is to be said.
func (j *remoteJob) report(ctx context.Context) <-chan time.Duration {
	quiet := make(chan time.Duration, 1)
	progress := newJobProgress(j.night, j.plan, quietOnFlink, j.counters)
	look := time.NewTicker(lookEvery)
	go func() {
		defer look.Stop()
		for {
			select {
			case <-look.C:
			case <-ctx.Done():
				return
			}
			if d := progress.look(ctx); d > 0 {
				select {
				case quiet <- d:
				default: // the one before has not been heard yet
				}
			}
		}
	}()
	return quiet
}

// whyQuiet says that nothing new is tagged, and what the job may be waiting for.
func (j *remoteJob) whyQuiet(ctx context.Context, d time.Duration) string {
	text := fmt.Sprintf("job %s: nothing new has been tagged for %v", j.Name, d)
	if j.night.o.FlinkREST != "" {
		if said := j.night.o.flinkREST().describe(ctx, j.Name); said != "" {
			return text + ": " + said
		}
	}
	text += ": it waits for free task slots, its workers do not start, or its units take that long; the pages of the cluster tell which"
	if j.night.o.Runner == "flink" && j.night.o.FlinkREST == "" {
		text += ", and with --flink-rest HOST:PORT this command asks them"
	}
	return text
}

// JobError says how a job failed on a remote runner.
type JobError struct {
	Job   Job
	State string
	// Text is what the runner said: for the most part a stack trace.
	Text string
}

func (e *JobError) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("job %s (%s) %s, and the job service at %s does not say why: look at its log", e.Job.Name, e.Job.ID, e.State, e.Job.Endpoint)
	}
	return fmt.Sprintf("job %s (%s) %s: %s", e.Job.Name, e.Job.ID, e.State, explainJob(e.Text))
}
