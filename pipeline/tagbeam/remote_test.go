package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	"google.golang.org/grpc"
)

// patientService is a job service whose job runs for ever, or until it is told how to end.
type patientService struct {
	jobpb.UnimplementedJobServiceServer
	endpoint string
	server   *grpc.Server

	mu        sync.Mutex
	prepared  *jobpb.PrepareJobRequest
	cancelled int
	following chan struct{} // closed when the job is followed
	once      sync.Once
	end       chan jobpb.JobState_Enum
}

func startPatientService(t *testing.T) *patientService {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &patientService{endpoint: l.Addr().String(), server: grpc.NewServer(), following: make(chan struct{}), end: make(chan jobpb.JobState_Enum, 1)}
	jobpb.RegisterJobServiceServer(s.server, s)
	go s.server.Serve(l)
	t.Cleanup(s.server.Stop)
	return s
}

func (s *patientService) Prepare(_ context.Context, r *jobpb.PrepareJobRequest) (*jobpb.PrepareJobResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared = r
	return &jobpb.PrepareJobResponse{PreparationId: "prep"}, nil
}

func (s *patientService) Run(context.Context, *jobpb.RunJobRequest) (*jobpb.RunJobResponse, error) {
	return &jobpb.RunJobResponse{JobId: "job-1"}, nil
}

func (s *patientService) GetMessageStream(_ *jobpb.JobMessagesRequest, stream jobpb.JobService_GetMessageStreamServer) error {
	send := func(state jobpb.JobState_Enum) {
		stream.Send(&jobpb.JobMessagesResponse{Response: &jobpb.JobMessagesResponse_StateResponse{StateResponse: &jobpb.JobStateEvent{State: state}}})
	}
	send(jobpb.JobState_RUNNING)
	s.once.Do(func() { close(s.following) })
	select {
	case state := <-s.end:
		send(state)
	case <-stream.Context().Done():
	}
	return nil
}

func (s *patientService) Cancel(context.Context, *jobpb.CancelJobRequest) (*jobpb.CancelJobResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancelled++
	return &jobpb.CancelJobResponse{State: jobpb.JobState_CANCELLED}, nil
}

func (s *patientService) name() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.prepared.GetJobName()
}

func (s *patientService) cancels() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cancelled
}

// jobManager answers as Flink's REST interface does, of two jobs of the name that s has: an old one, and the one that goes on.
type jobManager struct {
	service *patientService
	hang    bool // when asked for the jobs

	mu      sync.Mutex
	patched []string
}

func (m *jobManager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case r.URL.Path == "/config":
		fmt.Fprint(w, `{"flink-version":"1.19.3"}`)
	case r.URL.Path == "/jobs/overview" && m.hang:
		m.mu.Unlock()
		<-r.Context().Done()
		m.mu.Lock()
	case r.URL.Path == "/jobs/overview":
		state := "RUNNING"
		if len(m.patched) > 0 {
			state = "CANCELED"
		}
		json.NewEncoder(w).Encode(map[string]any{"jobs": []map[string]any{
			{"jid": "new", "name": m.service.name(), "state": state, "start-time": 2},
			{"jid": "old", "name": m.service.name(), "state": "FAILED", "start-time": 1},
			{"jid": "other", "name": "somebody's", "state": "RUNNING", "start-time": 3},
		}})
	case r.Method == http.MethodPatch:
		m.patched = append(m.patched, r.URL.RequestURI())
		w.WriteHeader(http.StatusAccepted)
	}
}

// follow starts a command and waits until it follows its job.
func (s *patientService) follow(t *testing.T, j job, more ...string) *process {
	t.Helper()
	p := start(t, j.args(append([]string{"--runner=flink", "--endpoint", s.endpoint, "--shared-filesystem"}, more...)...)...)
	select {
	case <-s.following:
		waitFor(t, "the command to have heard of its job", func() bool { return strings.Contains(p.stderr.String(), "job is running") })
	case <-p.ended:
		t.Fatalf("it ended before its time\n%s", p.result)
	}
	return p
}

// TestInterruptCancelsRemoteJob: Ctrl-C cancels the job where it runs, by Flink itself when it is known, and the newest of its name.
func TestInterruptCancelsRemoteJob(t *testing.T) {
	t.Parallel()
	s := startPatientService(t)
	m := &jobManager{service: s}
	rest := httptest.NewServer(m)
	defer rest.Close()
	p := s.follow(t, newJob(t, 3), "--flink-rest", rest.Listener.Addr().String())
	p.signal(syscall.SIGINT)
	p.endsWithin(generous).want(130).says("cancelling job "+s.name(), "Ctrl-C again leaves it running", "is cancelled", "run the same command again")
	if len(m.patched) != 1 || m.patched[0] != "/jobs/new?mode=cancel" || s.cancels() != 0 {
		t.Errorf("asked of Flink: %q; of Beam: %d", m.patched, s.cancels())
	}
}

// TestInterruptByBeam: without Flink's address Beam's job service is asked, and the message does not promise what that does not keep.
func TestInterruptByBeam(t *testing.T) {
	t.Parallel()
	s := startPatientService(t)
	p := s.follow(t, newJob(t, 3))
	p.signal(syscall.SIGTERM)
	p.endsWithin(generous).want(143).says("Flink may finish it all the same", "--flink-rest")
	if s.cancels() != 1 {
		t.Errorf("cancelled %d times", s.cancels())
	}
}

// TestSecondInterruptLeavesRemoteJob: it says how to find the job.
func TestSecondInterruptLeavesRemoteJob(t *testing.T) {
	t.Parallel()
	s := startPatientService(t)
	rest := httptest.NewServer(&jobManager{service: s, hang: true})
	defer rest.Close()
	defer rest.CloseClientConnections()
	j := newJob(t, 3)
	p := s.follow(t, j, "--flink-rest", rest.Listener.Addr().String())
	p.signal(syscall.SIGINT)
	waitFor(t, "the first message", func() bool { return strings.Contains(p.stderr.String(), "Ctrl-C again") })
	p.signal(syscall.SIGINT)
	p.endsWithin(generous).want(130).says("is left to itself", s.name(), "job-1", rest.URL, "tagbeam runs "+j.output)
}

// TestRemoteJobsAreNotBelieved: neither a job service that goes away nor one that says all is well makes a run published.
func TestRemoteJobsAreNotBelieved(t *testing.T) {
	t.Parallel()
	s := startPatientService(t)
	p := s.follow(t, newJob(t, 3))
	s.server.Stop()
	p.wait().want(exitFailed).says("lost the job service at "+s.endpoint, "run the same command again")

	s = startPatientService(t)
	p = s.follow(t, newJob(t, 3))
	s.end <- jobpb.JobState_DONE
	p.wait().want(exitFailed).says("said that the job of run 1 had succeeded", "not published")

	s = startPatientService(t)
	p = s.follow(t, newJob(t, 3))
	s.end <- jobpb.JobState_CANCELLED
	p.wait().want(exitFailed).says("cancelled by somebody else")

	s = startPatientService(t)
	p = s.follow(t, newJob(t, 3), "--job-attempts", "1")
	s.end <- jobpb.JobState_FAILED
	p.wait().want(exitFailed).says("does not say why")
}

// TestDetach: the id of the job is all that is printed, and options of the runner reach it.
func TestDetach(t *testing.T) {
	t.Parallel()
	s := startPatientService(t)
	j := newJob(t, 3)
	e, sum := summarised(t, j.args("--runner=flink", "--endpoint", s.endpoint, "--shared-filesystem", "--detach", "--parallelism", "3", "--job_name", "tonight",
		"--runner-option", "execution_mode_for_batch=BATCH_FORCED", "--runner-option", "n=5")...)
	e.want(exitOK).says("job tonight (job-1 at " + s.endpoint + ") is left to itself")
	if e.stdout != "job-1\n" || sum.State != "submitted" || sum.Job.Name != "tonight" {
		t.Errorf("%+v\n%s", sum, e)
	}
	options := s.prepared.GetPipelineOptions().AsMap()
	for name, want := range map[string]any{
		"beam:option:parallelism:v1": 3.0, "beam:option:job_name:v1": "tonight", "beam:option:execution_mode_for_batch:v1": "BATCH_FORCED", "beam:option:n:v1": 5.0,
	} {
		if options[name] != want {
			t.Errorf("%s is %v, want %v", name, options[name], want)
		}
	}
	for id, env := range s.prepared.GetPipeline().GetComponents().GetEnvironments() {
		if env.GetUrn() != "beam:env:process:v1" || !strings.Contains(string(env.GetPayload()), program) && !strings.Contains(string(env.GetPayload()), "tagbeam") || len(env.GetDependencies()) != 0 {
			t.Errorf("environment %s: %v", id, env)
		}
	}
}
