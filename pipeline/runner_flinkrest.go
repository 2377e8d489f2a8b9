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
}

// ended says that Flink has nothing more to do for a job.
func (j flinkJob) ended() bool {
	return slices.Contains([]string{"FINISHED", "CANCELED", "FAILED"}, j.State)
}

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
		return flinkJob{}, fmt.Errorf("%s has no job named %s", f.base, name)
	}
	return newest, nil
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

// pollEvery is how often Flink is asked whether a job has come to its end.
const pollEvery = 300 * time.Millisecond

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

func (j *remoteJob) cancelByFlink(ctx context.Context) error {
	rest, asked := j.night.o.flinkREST(), false
	for {
		job, err := rest.find(ctx, j.Name)
		if asked && errors.Is(err, syscall.ECONNREFUSED) {
			return nil // a Flink that was embedded in the job server ends with its job
		}
		if err != nil {
			return err
		}
		if job.ended() {
			return nil
		}
		if !asked {
			if err := rest.cancel(ctx, job.ID); err != nil {
				return err
			}
			asked = true
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
