package pipeline_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"google.golang.org/grpc"

	"github.com/tagbeam/tagbeam/pipeline"
)

// setFlag sets one of Beam's flags for a test.
func setFlag[T any](t *testing.T, flag *T, value T) {
	old := *flag
	*flag = value
	t.Cleanup(func() { *flag = old })
}

// listen returns a port that is listened on, by serve.
func listen(t *testing.T, serve func(net.Listener)) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go serve(l)
	return l.Addr().String()
}

// flinkREST answers as Flink's REST interface does.
func flinkREST(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/config" {
		fmt.Fprint(w, `{"refresh-interval":3000,"flink-version":"1.19.3","flink-revision":"x"}`)
	}
}

// TestEndpoint: what is wrong with --endpoint is said, and what to start.
func TestEndpoint(t *testing.T) {
	closed := listen(t, func(l net.Listener) { l.Close() })
	for end := net.ErrClosed; end != nil; { // until nothing listens there
		c, err := net.Dial("tcp", closed)
		if err != nil {
			break
		}
		c.Close()
	}
	rest := httptest.NewServer(http.HandlerFunc(flinkREST))
	defer rest.Close()
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	artifacts := listen(t, func(l net.Listener) { grpc.NewServer().Serve(l) })
	ssh := listen(t, func(l net.Listener) {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "SSH-2.0-OpenSSH_9.2\r\n")
			c.Close()
		}
	})
	for _, tc := range []struct {
		name, endpoint string
		says           []string
	}{
		{"none", "", []string{"no --endpoint", "8099"}},
		{"no port", "localhost", []string{"HOST:PORT"}},
		{"a URL", "http://localhost:8099", []string{"HOST:PORT", "without http://"}},
		{"nothing listens", closed, []string{"nothing listens there", "FlinkJobServerDriver", "8099"}},
		{"no such host", "no-such-host.invalid:8099", []string{"no host of that name"}},
		{"Flink's REST port", rest.Listener.Addr().String(), []string{"REST port of Flink 1.19.3", "--flink-master=", "8099"}},
		{"a web server", web.Listener.Addr().String(), []string{"HTTP server", "gRPC"}},
		{"a web server with TLS", secure.Listener.Addr().String(), []string{"not a Beam job service"}},
		{"another gRPC service", artifacts, []string{"no Beam job service", "JobService"}},
		{"another protocol", ssh, []string{"does not speak gRPC"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, o := inMemory(t, 1)
			o.Runner, o.SharedFilesystem = "flink", true
			setFlag(t, jobopts.Endpoint, tc.endpoint)
			_, err := pipeline.Run(t.Context(), o, pipeline.Observer{})
			if !errors.As(err, new(*pipeline.UsageError)) {
				t.Fatalf("%v", err)
			}
			for _, words := range tc.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("it does not say %q: %v", words, err)
				}
			}
			if got := states(t, o); len(got) != 0 {
				t.Errorf("it planned: %v", got)
			}
		})
	}
}

// TestFlinkRESTAddress: --flink-rest is Flink's, or nobody's yet.
func TestFlinkRESTAddress(t *testing.T) {
	_, o := inMemory(t, 1)
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	o.Runner, o.SharedFilesystem, o.FlinkREST = "flink", true, web.Listener.Addr().String()
	setFlag(t, jobopts.Endpoint, jobService(t))
	setFlag(t, jobopts.EnvironmentType, "LOOPBACK")
	if _, err := pipeline.Run(t.Context(), o, pipeline.Observer{}); !errors.As(err, new(*pipeline.UsageError)) || !strings.Contains(err.Error(), "--flink-rest") {
		t.Errorf("a web server that is not Flink's: %v", err)
	}
}

// jobService starts a Beam job service: prism's.
func jobService(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	if _, err := prism.CreateJobServer(t.Context(), prism.Options{Port: port}); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("localhost:%d", port)
}

// TestLoopback: a job on a job service, with its workers in this process, makes the table; what the service adds up comes back, and
// local files are welcome.
func TestLoopback(t *testing.T) {
	_, o := inMemory(t, 10)
	o.Runner = "universal"
	setFlag(t, jobopts.Endpoint, jobService(t))
	setFlag(t, jobopts.EnvironmentType, "LOOPBACK")
	var submitted pipeline.Job
	var seen []string
	res, err := pipeline.Run(t.Context(), o, pipeline.Observer{
		Submitted: func(j pipeline.Job) { submitted = j },
		State:     func(s string) { seen = append(seen, s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Runs) != 1 || res.Runs[0].Manifest.Counts.OK != 10 || len(rows(t, o)) != 10 {
		t.Fatalf("%+v", res)
	}
	job := res.Runs[0].Job
	if job == nil || job.ID != submitted.ID || job.Counters["images"] != 10 || job.Counters["units_tagged"] != 3 {
		t.Errorf("job %+v, submitted was %+v", job, submitted)
	}
	if len(seen) == 0 || seen[len(seen)-1] != "done" {
		t.Errorf("states %v", seen)
	}
}

// TestElsewhere: nothing local is given to workers that may be on other machines.
func TestElsewhere(t *testing.T) {
	setFlag(t, jobopts.Endpoint, jobService(t))
	setFlag(t, jobopts.EnvironmentType, "") // prism, in this process, sets it for good
	t.Run("output", func(t *testing.T) {
		_, o := inMemory(t, 1)
		o.Runner = "flink"
		o.Output = t.TempDir()
		wantUsage(t, o, "--output "+o.Output+" is local", "--shared-filesystem")
	})
	t.Run("environment", func(t *testing.T) {
		_, o := inMemory(t, 1)
		o.Runner, o.SharedFilesystem = "flink", true
		for environment, says := range map[string]string{
			"PROCES": "not known", "EXTERNAL": "worker-pool", "DOCKER": "an image with tagbeam",
		} {
			setFlag(t, jobopts.EnvironmentType, environment)
			wantUsage(t, o, "--environment_type "+environment, says)
		}
		setFlag(t, jobopts.EnvironmentType, "")
		setFlag(t, jobopts.EnvironmentConfig, `{"env": {}}`)
		wantUsage(t, o, "--environment_config", `"command"`)
	})
}

func wantUsage(t *testing.T, o pipeline.Options, says ...string) {
	t.Helper()
	_, err := pipeline.Run(t.Context(), o, pipeline.Observer{})
	if !errors.As(err, new(*pipeline.UsageError)) {
		t.Fatalf("%v", err)
	}
	for _, words := range says {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("it does not say %q: %v", words, err)
		}
	}
}

// TestLocalModels: one that would not work as a copy in a store is refused before anything is planned, and so is a library that is not there.
func TestLocalModels(t *testing.T) {
	setFlag(t, jobopts.Endpoint, jobService(t))
	setFlag(t, jobopts.EnvironmentType, "")
	_, o := inMemory(t, 1)
	o.Runner, o.Output = "flink", "gs://no-such-bucket-here/out"
	o.Model.URI = filepath.Join("..", "testdata", "models", "external.onnx")
	wantUsage(t, o, "--model", "external.bin", "--shared-filesystem")
	o.Model.ONNXRuntime = "/no/such/library.so"
	wantUsage(t, o, "/no/such/library.so")
}
