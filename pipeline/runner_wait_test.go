package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"google.golang.org/grpc"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms"
)

// idleJobs is a job service that takes jobs, says that they run, and leaves it at that.
type idleJobs struct {
	jobpb.UnimplementedJobServiceServer

	mu        sync.Mutex
	images    int64  // the counter that its jobs have
	job       string // the name of the last job
	transform string // a stage of it
	cancelled bool
}

// startIdleJobs starts one and points --endpoint at it.
func startIdleJobs(t *testing.T) *idleJobs {
	t.Helper()
	jobs, server := &idleJobs{}, grpc.NewServer()
	jobpb.RegisterJobServiceServer(server, jobs)
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	t.Cleanup(server.Stop)
	setFlag(t, jobopts.Endpoint, l.Addr().String())
	setFlag(t, jobopts.EnvironmentType, "")
	return jobs
}

func (j *idleJobs) GetJobs(context.Context, *jobpb.GetJobsRequest) (*jobpb.GetJobsResponse, error) {
	return &jobpb.GetJobsResponse{}, nil
}

func (j *idleJobs) Prepare(_ context.Context, r *jobpb.PrepareJobRequest) (*jobpb.PrepareJobResponse, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.job = r.GetJobName()
	for id, t := range r.GetPipeline().GetComponents().GetTransforms() {
		if len(t.GetSubtransforms()) == 0 && strings.HasSuffix(t.GetUniqueName(), "/Tag") || j.transform == "" {
			j.transform = id
		}
	}
	return &jobpb.PrepareJobResponse{PreparationId: "1"}, nil
}

func (j *idleJobs) Run(context.Context, *jobpb.RunJobRequest) (*jobpb.RunJobResponse, error) {
	return &jobpb.RunJobResponse{JobId: "idle"}, nil
}

func (j *idleJobs) GetMessageStream(_ *jobpb.JobMessagesRequest, s jobpb.JobService_GetMessageStreamServer) error {
	err := s.Send(&jobpb.JobMessagesResponse{Response: &jobpb.JobMessagesResponse_StateResponse{StateResponse: &jobpb.JobStateEvent{State: jobpb.JobState_RUNNING}}})
	<-s.Context().Done()
	return err
}

func (j *idleJobs) GetJobMetrics(context.Context, *jobpb.GetJobMetricsRequest) (*jobpb.GetJobMetricsResponse, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.images == 0 {
		return &jobpb.GetJobMetricsResponse{Metrics: &jobpb.MetricResults{}}, nil
	}
	info := &pipepb.MonitoringInfo{
		Urn: "beam:metric:user:sum_int64:v1", Type: "beam:metrics:sum_int64:v1", Payload: []byte{byte(j.images)}, // a varint
		Labels: map[string]string{"PTRANSFORM": j.transform, "NAMESPACE": transforms.Namespace, "NAME": "images"},
	}
	return &jobpb.GetJobMetricsResponse{Metrics: &jobpb.MetricResults{Attempted: []*pipepb.MonitoringInfo{info}}}, nil
}

func (j *idleJobs) Cancel(context.Context, *jobpb.CancelJobRequest) (*jobpb.CancelJobResponse, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cancelled = true
	return &jobpb.CancelJobResponse{State: jobpb.JobState_CANCELLED}, nil
}

func (j *idleJobs) name() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.job
}

// have sets the counter of its jobs; a question about an earlier job may still be on its way.
func (j *idleJobs) have(images int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.images = images
}

func (j *idleJobs) wasCancelled() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cancelled
}

// fakeFlink is the REST interface of a Flink whose one job waits for task slots; the job service's job gets there late.
type fakeFlink struct {
	jobs   *idleJobs
	late   int  // so many times it does not know the job yet
	stuck  bool // it never ends what it is asked to cancel
	mu     sync.Mutex
	state  string
	wishes []string
}

func startFakeFlink(t *testing.T, f *fakeFlink) (address string) {
	f.state = "RUNNING"
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func (f *fakeFlink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case r.Method == http.MethodPatch:
		f.wishes = append(f.wishes, r.URL.String())
		if !f.stuck {
			f.state = "CANCELED"
		}
	case r.URL.Path == "/config":
		flinkREST(w, r)
	case r.URL.Path == "/overview":
		io.WriteString(w, `{"taskmanagers":2,"slots-total":8,"slots-available":0}`)
	case f.late > 0:
		f.late--
		io.WriteString(w, `{"jobs":[]}`)
	default:
		fmt.Fprintf(w, `{"jobs":[{"jid":"old","name":%q,"state":"FAILED","start-time":1},{"jid":"abc","name":%[1]q,"state":%q,"start-time":2,"tasks":{"total":6,"running":0,"scheduled":6}}]}`, f.jobs.name(), f.state)
	}
}

var errInterrupt = errors.New("Ctrl-C")

// waiting runs o until the observer's warnings contain says, then interrupts it, and returns all warnings.
func waiting(t *testing.T, o pipeline.Options, watch pipeline.Observer, says string) []string {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var warnings []string
	watch.Warn = func(m string) {
		warnings = append(warnings, m)
		if strings.Contains(m, says) {
			cancel(errInterrupt)
		}
	}
	if watch.Submitted == nil && says == "" {
		watch.Submitted = func(pipeline.Job) { cancel(errInterrupt) }
	}
	if _, err := pipeline.Run(ctx, o, watch); !errors.Is(err, errInterrupt) {
		t.Errorf("%v", err)
	}
	return warnings
}

func onIdle(t *testing.T) (*object.Mem, pipeline.Options) {
	store, o := inMemory(t, 10)
	o.Runner, o.SharedFilesystem = "flink", true
	return store, o
}

// TestQuietJob: a job in which nothing happens is not waited for in silence: what it may wait for is said, by Flink itself where it can be asked.
func TestQuietJob(t *testing.T) {
	jobs := startIdleJobs(t)
	defer pipeline.Hasten(time.Millisecond)()
	t.Run("Beam alone", func(t *testing.T) {
		_, o := onIdle(t)
		w := waiting(t, o, pipeline.Observer{}, "nothing new has been tagged for")
		if !strings.Contains(w[0], "free task slots") || !strings.Contains(w[0], "--flink-rest HOST:PORT") || !strings.Contains(w[0], jobs.name()) {
			t.Errorf("%q", w)
		}
		if !jobs.wasCancelled() || !strings.Contains(w[len(w)-1], "Flink may finish it all the same") {
			t.Errorf("cancelled: %v; %q", jobs.wasCancelled(), w)
		}
	})
	t.Run("Flink", func(t *testing.T) {
		_, o := onIdle(t)
		o.FlinkREST = startFakeFlink(t, &fakeFlink{jobs: jobs})
		w := waiting(t, o, pipeline.Observer{}, "nothing new has been tagged for")
		if !strings.Contains(w[0], "says running, with 0 of its 6 tasks running; 2 task managers have 8 task slots, 0 of them free: it waits for slots (add task managers, lower --parallelism") {
			t.Errorf("%q", w)
		}
	})
	t.Run("not started", func(t *testing.T) {
		_, o := onIdle(t)
		o.FlinkREST = startFakeFlink(t, &fakeFlink{jobs: jobs, late: 1 << 30})
		w := waiting(t, o, pipeline.Observer{}, "nothing new has been tagged for")
		if !strings.Contains(w[0], "the job server has not got it started") || !strings.Contains(w[len(w)-1], "may go on") {
			t.Errorf("%q", w)
		}
	})
}

// TestCancelByFlink: the interrupt of a job that Flink does not know yet waits for it to be known, and one that Flink does not end is said to go on.
func TestCancelByFlink(t *testing.T) {
	jobs := startIdleJobs(t)
	defer pipeline.Hasten(time.Hour)()
	_, o := onIdle(t)
	f := &fakeFlink{jobs: jobs, late: 3}
	o.FlinkREST = startFakeFlink(t, f)
	if w := waiting(t, o, pipeline.Observer{}, ""); len(w) != 1 || !strings.HasSuffix(w[0], "is cancelled") {
		t.Errorf("%q", w)
	}
	if want := []string{"/jobs/abc?mode=cancel"}; !slices.Equal(f.wishes, want) {
		t.Errorf("asked for %q, want %q", f.wishes, want)
	}

	defer pipeline.Hasten(50 * time.Millisecond)()
	_, o = onIdle(t)
	o.FlinkREST = startFakeFlink(t, &fakeFlink{jobs: jobs, stuck: true})
	if w := waiting(t, o, pipeline.Observer{}, ""); !strings.Contains(w[len(w)-1], "could not be cancelled and may go on: after 50ms Flink, which was asked to") {
		t.Errorf("%q", w)
	}
}

// TestRemoteProgress: the images that are tagged are told while a job runs, by its metrics where there are any, and otherwise by its unit files.
func TestRemoteProgress(t *testing.T) {
	jobs := startIdleJobs(t)
	defer pipeline.Hasten(time.Hour)()
	for name, images := range map[string]int64{"metrics": 7, "unit files": 0} {
		t.Run(name, func(t *testing.T) {
			store, o := onIdle(t)
			jobs.have(images)
			want := images
			if images == 0 {
				want = 4
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			watch := pipeline.Observer{
				Submitted: func(pipeline.Job) {
					if images == 0 {
						store.Put("out/_runs/000001/unit-000001.parquet", []byte("a unit of four"))
					}
				},
				Progress: func(done, failed int64) {
					if done == want && failed == 0 {
						cancel(errInterrupt)
					} else if done != 0 {
						t.Errorf("%d done, %d failed", done, failed)
					}
				},
			}
			if _, err := pipeline.Run(ctx, o, watch); !errors.Is(err, errInterrupt) {
				t.Errorf("%v", err)
			}
		})
	}
}
