package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
)

// flinkREST is the REST interface of a Flink JobManager, which alone can cancel a job for real.
type flinkREST struct{ base string }

func (o Options) flinkREST() flinkREST {
	base := strings.TrimSuffix(o.FlinkREST, "/")
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	return flinkREST{base}
}

// checkFlinkREST refuses an address at which something answers that is not Flink. Where nothing listens there may be a Flink later: one that is embedded
// in the job server has its port only while a job runs.
func (o Options) checkFlinkREST(ctx context.Context) error {
	if o.FlinkREST == "" {
		return nil
	}
	base := o.flinkREST().base
	if flinkVersion(ctx, base) != "" {
		return nil
	}
	_, err := (&net.Dialer{Timeout: answerWithin}).DialContext(ctx, "tcp", strings.TrimPrefix(strings.TrimPrefix(base, "http://"), "https://"))
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return usage("--flink-rest %s: no Flink answers there; it is HOST:PORT of the JobManager's REST interface and web page, usually 8081", o.FlinkREST)
}

// flinkJob is one line of Flink's overview.
type flinkJob struct {
	ID    string `json:"jid"`
	Name  string `json:"name"`
	State string `json:"state"`
	Start int64  `json:"start-time"`
	Tasks struct {
		Total, Running, Finished int
	} `json:"tasks"`
}

// ended says that Flink has nothing more to do for a job.
func (j flinkJob) ended() bool {
	return slices.Contains([]string{"FINISHED", "CANCELED", "FAILED"}, j.State)
}

// errNoSuchJob: Flink knows no job of that name; one that was just submitted it does not know yet.
var errNoSuchJob = errors.New("it has no job of that name")

// find returns the newest job of a name.
func (f flinkREST) find(ctx context.Context, name string) (flinkJob, error) {
	var overview struct {
		Jobs []flinkJob `json:"jobs"`
	}
	if err := getJSON(ctx, f.base+"/jobs/overview", &overview); err != nil {
		return flinkJob{}, err
	}
	var newest flinkJob
	for _, j := range overview.Jobs {
		if j.Name == name && (newest.ID == "" || j.Start > newest.Start) {
			newest = j
		}
	}
	if newest.ID == "" {
		return flinkJob{}, fmt.Errorf("%s: %w: %s", f.base, errNoSuchJob, name)
	}
	return newest, nil
}

// describe says where a job stands and what there is for it to run on, or nothing when Flink does not answer.
func (f flinkREST) describe(ctx context.Context, name string) string {
	job, err := f.find(ctx, name)
	if errors.Is(err, errNoSuchJob) {
		return "Flink at " + f.base + " has no job of that name yet: the job server has not got it started"
	}
	var has struct {
		TaskManagers int `json:"taskmanagers"`
		Slots        int `json:"slots-total"`
		Free         int `json:"slots-available"`
	}
	if err == nil {
		err = getJSON(ctx, f.base+"/overview", &has)
	}
	if err != nil {
		return ""
	}
	text := fmt.Sprintf("Flink at %s says %s, with %d of its %d tasks running; %d task managers have %d task slots, %d of them free",
		f.base, strings.ToLower(job.State), job.Tasks.Running, job.Tasks.Total, has.TaskManagers, has.Slots, has.Free)
	if job.Tasks.Running == 0 && has.Free == 0 {
		text += ": it waits for slots (add task managers, lower --parallelism, or wait for other jobs to end)"
	}
	return text
}

// cancel asks for the end of a job.
func (f flinkREST) cancel(ctx context.Context, id string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, f.base+"/jobs/"+id+"?mode=cancel", nil)
	if err != nil {
		return err
	}
	resp, err := restClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
		return fmt.Errorf("cancelling %s: %s: %s", id, resp.Status, strings.TrimSpace(string(text)))
	}
	return nil
}

// How often Flink is asked whether a job has come to its end, and for how long: for a job that it does not know yet, and for one that it was asked to
// cancel. Both together are less than the command waits before it leaves a job alone.
var (
	pollEvery   = 300 * time.Millisecond
	knownWithin = 20 * time.Second
	endsWithin  = 35 * time.Second
)

// cancel ends the job because of cause, waits until it is over, and returns cause.
func (j *remoteJob) cancel(ctx context.Context, cause error) error {
	if j.night.o.FlinkREST == "" {
		j.cancelByBeam(ctx)
		return cause
	}
	if err := j.cancelByFlink(ctx); err != nil {
		j.night.watch.warn("job %s could not be cancelled and may go on: %v", j.Name, err)
		return cause
	}
	j.night.watch.warn("job %s is cancelled", j.Name)
	return cause
}

// cancelByFlink waits for Flink to know the job, which takes the job server seconds, cancels it, and waits for its end.
func (j *remoteJob) cancelByFlink(ctx context.Context) error {
	rest, asked, patience := j.night.o.flinkREST(), false, time.Now().Add(knownWithin)
	for {
		job, err := rest.find(ctx, j.Name)
		gone := errors.Is(err, syscall.ECONNREFUSED)
		switch {
		case asked && gone:
			return nil // a Flink that was embedded in the job server ends with its job
		case err != nil && (time.Now().After(patience) || !gone && !errors.Is(err, errNoSuchJob)):
			return err
		case err != nil: // not yet
		case job.ended():
			return nil
		case !asked:
			if err := rest.cancel(ctx, job.ID); err != nil {
				return err
			}
			asked, patience = true, time.Now().Add(endsWithin)
		case time.Now().After(patience):
			return fmt.Errorf("after %v Flink, which was asked to, says that it is %s", endsWithin, strings.ToLower(job.State))
		}
		time.Sleep(pollEvery)
	}
}

// cancelByBeam asks the job service, whose word on Flink is worth little.
func (j *remoteJob) cancelByBeam(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, answerWithin)
	defer stop()
	if _, err := j.client.Cancel(ctx, &jobpb.CancelJobRequest{JobId: j.ID}); err != nil {
		j.night.watch.warn("job %s could not be cancelled and may go on: %v", j.Name, err)
		return
	}
	if j.night.o.Runner == "flink" {
		j.night.watch.warn("Beam's job service was asked to cancel job %s; Flink may finish it all the same, which does no harm: the same command adopts what it has done. To cancel a job for real, say --flink-rest HOST:PORT of the JobManager", j.Name)
	}
}
