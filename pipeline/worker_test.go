package pipeline_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tagbeam/tagbeam/pipeline"
)

// TestBootArgs: a runner's call of the boot program is told from a person's command and from a worker.
func TestBootArgs(t *testing.T) {
	for args, want := range map[string]bool{
		"--id=1-1 --provision_endpoint=localhost:1":                                     true,
		"--logging_endpoint=l:1 --control_endpoint=c:1 --id=1 --provision_endpoint=p:1": true,
		"-id=1 -provision_endpoint=p:1":                                                 true,
		"--worker=true --id=1 --provision_endpoint=p:1":                                 false,
		"--id=1":                              false,
		"--provision_endpoint=p:1":            false,
		"tag --id=1 --provision_endpoint=p:1": false,
		"tag --input x --output y":            false,
		"":                                    false,
		"--id= --provision_endpoint=p:1":      false,
		"--worker_pool --id=1 --semi_persist_dir=/tmp":              false,
		"--provision_endpoint=p:1 --id=sdk-0 --artifact_endpoint=a": true,
	} {
		if got := pipeline.BootArgs(strings.Fields(args)); got != want {
			t.Errorf("%q: %v", args, got)
		}
	}
}

// TestBootWithoutRunner: a boot whose provision service is not there says so.
func TestBootWithoutRunner(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := pipeline.Boot(ctx, []string{"--id=w1", "--provision_endpoint=localhost:1"}); err == nil || !strings.Contains(err.Error(), "worker w1: asking the provision service at localhost:1") {
		t.Errorf("%v", err)
	}
	if err := pipeline.Boot(ctx, []string{"tag"}); err == nil {
		t.Error("booted without a runner")
	}
}

// TestWorkerBinary: a program without cgo is refused before the job, and so is what is no program.
func TestWorkerBinary(t *testing.T) {
	_, o := inMemory(t, 1)
	o.Runner, o.SharedFilesystem = "flink", true
	setFlag(t, jobopts.Endpoint, jobService(t))
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "plain"), source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for file, says := range map[string]string{
		filepath.Join(dir, "plain"): "CGO_ENABLED=0", source: "no program for Linux", filepath.Join(dir, "none"): "there is no such file",
	} {
		setFlag(t, jobopts.WorkerBinary, file)
		wantUsage(t, o, "--worker_binary "+file, says)
	}
}

// TestWorkerPool: a worker that ends is forgotten, one that is asked for twice is refused, and the pool ends with its context.
func TestWorkerPool(t *testing.T) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 100)
	pool := &pipeline.WorkerPool{Log: func(m string) { said <- m }}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- pool.Serve(ctx, l) }()
	cc, err := grpc.NewClient("passthrough:///"+l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	client := fnpb.NewBeamFnExternalWorkerPoolClient(cc)
	start := func(id, provision string) string {
		t.Helper()
		r, err := client.StartWorker(t.Context(), &fnpb.StartWorkerRequest{WorkerId: id, ProvisionEndpoint: &pipepb.ApiServiceDescriptor{Url: provision}})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetError()
	}
	if e := start("a", ""); !strings.Contains(e, "no provision service") {
		t.Error(e)
	}
	// The program is this test binary, which does not know the flags and ends at once.
	if e := start("b", "localhost:1"); e != "" {
		t.Error(e)
	}
	for m := ""; !strings.Contains(m, "worker b ended: exit status"); {
		select {
		case m = <-said:
		case <-time.After(time.Minute):
			t.Fatal("the worker's end was not noticed")
		}
	}
	if _, err := client.StopWorker(t.Context(), &fnpb.StopWorkerRequest{WorkerId: "b"}); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
