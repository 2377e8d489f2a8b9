package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/util/protox"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	images "github.com/google/go-containerregistry/pkg/v1/remote"
	df "google.golang.org/api/dataflow/v1b3"
	"google.golang.org/protobuf/proto"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

const (
	fakeProject = "images-123"
	fakeRegion  = "europe-west4"
	fakeJobID   = "2026-11-26_00_00_00-1234567890"
)

// fakeDataflow is Google's Dataflow API, as far as submitting, watching and cancelling a job goes; tokens for its callers; and a registry of
// images. All of it is in this process; Cloud Storage is beside it.
type fakeDataflow struct {
	gs       *objecttest.GS
	server   *httptest.Server
	registry string        // host:port
	created  chan struct{} // closed when a job has arrived

	mu       sync.Mutex
	jobs     []*df.Job
	state    string
	refuse   int      // the HTTP status of every answer, unless 0
	messages []string // errors that the job tells of
	wishes   []string // states that were asked for
	asked    int      // how often the job was looked at
}

// startDataflow starts the fakes and points the programs that the test starts at them, with credentials of their own.
func startDataflow(t *testing.T) *fakeDataflow {
	t.Helper()
	f := &fakeDataflow{gs: objecttest.StartGS(t, "data", "models", "tags", "staging"), created: make(chan struct{}), state: "JOB_STATE_PENDING"}
	t.Cleanup(func() { object.Close() })
	f.server = httptest.NewServer(f.routes())
	t.Cleanup(f.server.Close)
	store := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(store.Close)
	f.registry = strings.TrimPrefix(store.URL, "http://")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", serviceAccount(t, f.server.URL+"/token"))
	return f
}

func (f *fakeDataflow) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"access_token": "fake", "token_type": "Bearer", "expires_in": 3600})
	})
	jobs := fmt.Sprintf("/v1b3/projects/%s/locations/%s/jobs", fakeProject, fakeRegion)
	mux.Handle("GET "+jobs, f.api(func(*http.Request) any { return &df.ListJobsResponse{Jobs: f.jobs} }))
	mux.Handle("POST "+jobs, f.api(func(r *http.Request) any {
		job := &df.Job{}
		if err := json.NewDecoder(r.Body).Decode(job); err != nil {
			return err
		}
		if len(f.jobs) > 0 {
			return fmt.Errorf("a second job: %s", job.Name)
		}
		f.jobs = append(f.jobs, job)
		close(f.created)
		return &df.Job{Id: fakeJobID, Name: job.Name}
	}))
	one := jobs + "/" + fakeJobID
	mux.Handle("GET "+one, f.api(func(*http.Request) any {
		f.asked++
		return &df.Job{Id: fakeJobID, CurrentState: f.state}
	}))
	mux.Handle("PUT "+one, f.api(func(r *http.Request) any {
		job := &df.Job{}
		if err := json.NewDecoder(r.Body).Decode(job); err != nil {
			return err
		}
		f.wishes = append(f.wishes, job.RequestedState)
		return job
	}))
	mux.Handle("GET "+one+"/messages", f.api(func(*http.Request) any {
		list := &df.ListJobMessagesResponse{}
		for _, m := range f.messages {
			list.JobMessages = append(list.JobMessages, &df.JobMessage{MessageText: m, MessageImportance: "JOB_MESSAGE_ERROR"})
		}
		return list
	}))
	return mux
}

// api answers callers that have our token, one at a time.
func (f *fakeDataflow) api(do func(*http.Request) any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer fake" {
			deny(w, http.StatusUnauthorized, "no credentials")
			return
		}
		if f.refuse != 0 {
			deny(w, f.refuse, "Dataflow API has not been used in project "+fakeProject+" before or it is disabled")
			return
		}
		switch v := do(r).(type) {
		case error:
			deny(w, http.StatusBadRequest, v.Error())
		default:
			answer(w, v)
		}
	})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func deny(w http.ResponseWriter, code int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": code, "message": message}})
}

// refuses makes the API answer with an HTTP status, from now on; 0: no longer.
func (f *fakeDataflow) refuses(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = status
}

// becomes sets the state of the job.
func (f *fakeDataflow) becomes(state string, messages ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state, f.messages = state, messages
}

// arrived waits for the job that a program submits.
func (f *fakeDataflow) arrived(t *testing.T, p *process) *df.Job {
	t.Helper()
	select {
	case <-f.created:
	case <-p.ended:
		t.Fatalf("no job arrived: %s", p.result)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.jobs[0]
}

// image puts an image into the registry, and gives its name.
func (f *fakeDataflow) image(t *testing.T, tag, os, arch string, entryPoint ...string) string {
	t.Helper()
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: os, Architecture: arch, Config: v1.Config{Entrypoint: entryPoint}, RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(f.registry + "/tagbeam:" + tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := images.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	return ref.String()
}

// run does what Dataflow does with a job: it runs the graph that was staged, with the worker that was staged, which is its own boot program.
// Prism is what runs it, and a process takes the container's place.
func (f *fakeDataflow) run(t *testing.T, job *df.Job) {
	t.Helper()
	worker := job.Environment.WorkerPools[0].Packages[0].Location
	dir := t.TempDir()
	binary := filepath.Join(dir, "worker")
	writeFile(t, binary, f.object(t, worker))
	// Prism puts the id between quotes, as for a shell.
	boot := filepath.Join(dir, "boot")
	writeFile(t, boot, []byte("#!/bin/bash\nexec env "+asCommand+"=1 "+binary+" \"${@//\\'/}\"\n"))
	for _, file := range []string{binary, boot} {
		if err := os.Chmod(file, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var p pipepb.Pipeline
	if err := proto.Unmarshal(f.object(t, strings.TrimSuffix(worker, "worker")+"model"), &p); err != nil {
		t.Fatal(err)
	}
	for _, env := range p.Components.Environments {
		env.Urn, env.Payload, env.Dependencies = "beam:env:process:v1", protox.MustEncode(&pipepb.ProcessPayload{Command: boot}), nil
	}
	jobs, err := prism.CreateJobServer(t.Context(), prism.Options{})
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := jobs.Prepare(t.Context(), &jobpb.PrepareJobRequest{Pipeline: &p, JobName: job.Name})
	if err != nil {
		t.Fatal(err)
	}
	running, err := jobs.Run(t.Context(), &jobpb.RunJobRequest{PreparationId: prepared.PreparationId})
	if err != nil {
		t.Fatal(err)
	}
	states, err := jobs.GetStateStream(t.Context(), &jobpb.GetJobStateRequest{JobId: running.JobId})
	if err != nil {
		t.Fatal(err)
	}
	for {
		switch s, err := states.Recv(); {
		case err != nil:
			t.Fatal(err)
		case s.State == jobpb.JobState_DONE:
			return
		case s.State == jobpb.JobState_FAILED, s.State == jobpb.JobState_CANCELLED:
			t.Fatalf("the job's graph: %v", s)
		}
	}
}

// object is what stands at a gs:// uri.
func (f *fakeDataflow) object(t *testing.T, uri string) []byte {
	t.Helper()
	s, loc := store(t, uri)
	data, _, err := s.Read(t.Context(), loc.Key, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// serviceAccount is the key file of a service account whose tokens come from uri.
func serviceAccount(t *testing.T, uri string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: der}); err != nil {
		t.Fatal(err)
	}
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "another-project", "private_key_id": "1", "private_key": text.String(),
		"client_email": "tagbeam@example.org", "client_id": "1", "token_uri": uri,
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, account, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
