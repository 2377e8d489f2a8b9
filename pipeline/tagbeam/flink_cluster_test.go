package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

// flinkClusterJars names the folder of Flink itself (.ci/flink-cluster.sh); empty: the tests on a cluster are skipped.
const flinkClusterJars = "TAGBEAM_FLINK_CLUSTER"

// standalone is a Flink cluster: a JobManager and two TaskManagers, each a Java process, and Beam's job server before it.
type standalone struct {
	*cluster
	managers []*exec.Cmd // the TaskManagers
	ends     []<-chan struct{}
}

func startStandalone(t *testing.T) *standalone {
	t.Helper()
	lib := os.Getenv(flinkClusterJars)
	if lib == "" {
		t.Skipf("no Flink cluster (make flink-cluster sets %s)", flinkClusterJars)
	}
	g := objecttest.StartGS(t, "data", "models", "tags")
	t.Cleanup(func() { object.Close() })
	putImages(g, "data", "photos", bucketImages)
	putModel(t, g, "models", "tiny")
	s := &standalone{cluster: &cluster{newJobServer(t), g}}
	rest, rpc, blob := freePort(t), freePort(t), freePort(t)
	conf, own := t.TempDir(), t.TempDir() // own: Flink keeps what it knows of past jobs, and their libraries for an hour
	writeFile(t, filepath.Join(conf, "config.yaml"), fmt.Appendf(nil, `jobmanager.rpc.address: localhost
jobmanager.rpc.port: %s
blob.server.port: %s
rest.address: localhost
rest.port: %s
rest.bind-port: %s
taskmanager.host: localhost
taskmanager.numberOfTaskSlots: 4
taskmanager.cpu.cores: 2
taskmanager.memory.task.heap.size: 128m
taskmanager.memory.task.off-heap.size: 0m
taskmanager.memory.framework.heap.size: 64m
taskmanager.memory.framework.off-heap.size: 64m
taskmanager.memory.jvm-metaspace.size: 128m
taskmanager.memory.jvm-overhead.min: 64m
taskmanager.memory.jvm-overhead.max: 64m
taskmanager.memory.managed.size: 64m
taskmanager.memory.network.min: 32m
taskmanager.memory.network.max: 32m
cluster.evenly-spread-out-slots: true
heartbeat.interval: 1000
heartbeat.timeout: 6000
io.tmp.dirs: %s
`, rpc, blob, rest, rest, own))
	run := func(class string, flags ...string) (*exec.Cmd, <-chan struct{}) {
		args := append([]string{"-Xmx512m", "-Djava.io.tmpdir=" + own, "-cp", filepath.Join(lib, "*"), class, "--configDir", conf}, flags...)
		return startJava(t, s.tmp, &watchedLog{}, args...)
	}
	run("org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint")
	for range 2 {
		manager, end := run("org.apache.flink.runtime.taskexecutor.TaskManagerRunner")
		s.managers, s.ends = append(s.managers, manager), append(s.ends, end)
	}
	s.rest = "localhost:" + rest
	s.wait("two TaskManagers", func() bool {
		for _, end := range s.ends {
			select {
			case <-end:
				t.Fatal("a TaskManager ended")
			default:
			}
		}
		return s.taskManagers() == 2
	})
	s.start("--flink-master="+s.rest, "--flink-conf-dir="+conf)
	tagbeam(t, s.args(s.job("warm-up"), "--limit", "1")...).want(exitOK)
	s.note()
	return s
}

// taskManagers asks Flink how many there are.
func (s *standalone) taskManagers() int {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+s.rest+"/taskmanagers", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	var all struct{ TaskManagers []any }
	json.NewDecoder(resp.Body).Decode(&all)
	return len(all.TaskManagers)
}

// TestStandaloneCluster: on a cluster of several processes the table is that of the direct runner, through Ctrl-C and the death of a TaskManager.
func TestStandaloneCluster(t *testing.T) {
	s := startStandalone(t)
	t.Run("table", func(t *testing.T) {
		direct := job{"gs://data/photos", "gs://models/tiny", "gs://tags/direct"}
		tagbeam(t, direct.args("--batch", "4")...).want(exitOK)
		for _, parallelism := range []string{"1", "2", "4"} {
			j, workers, args := s.trial(t, "parallel-"+parallelism)
			e, sum := summarised(t, append(args, "--parallelism", parallelism)...)
			e.want(exitOK)
			sameRows(t, direct.rows(t), j.rows(t))
			// A TaskManager whose subtasks had no unit to tag started a worker that loaded no model.
			if c, n := counted(t, sum), int64(len(workers.started())); c["model_loads"] < 1 || c["model_loads"] > n || n > 2 {
				t.Errorf("parallelism %s: %d worker processes, %d model loads", parallelism, n, c["model_loads"])
			}
			s.clean(workers)
		}
	})
	t.Run("Ctrl-C cancels", func(t *testing.T) {
		j, workers, args := s.trial(t, "cancelled", "--flink-rest", s.rest, "--parallelism", "4")
		stop := hold(s.gs, false, uploads("cancelled/_runs/000001/unit-000003", ""))
		p := start(t, args...)
		reached(t, p, stop)
		p.signal(syscall.SIGINT)
		p.endsWithin(generous * 3).want(130).says("is cancelled")
		s.clean(workers)
		if len(j.rows(t)) != 0 {
			t.Error("the cancelled job published")
		}
		s.gs.Inject(nil)
		tagbeam(t, args...).want(exitOK)
		j.wantEachOnce(t, bucketImages)
		s.clean(workers)
	})
	t.Run("a TaskManager is killed", func(t *testing.T) { // last: it is not started again
		j, workers, args := s.trial(t, "killed", "--parallelism", "4")
		stop := hold(s.gs, false, uploads("killed/_runs/000001/unit-000003", ""))
		p := start(t, args...)
		reached(t, p, stop)
		s.gs.Inject(nil)
		s.managers[0].Process.Kill()
		<-s.ends[0]
		p.wait().want(exitOK)
		j.wantEachOnce(t, bucketImages)
		waitFor(t, "the workers to end", func() bool { return len(workers.alive()) == 0 })
		if out := s.log.String(); strings.Contains(out, "OutOfMemoryError") {
			t.Error("the job server ran out of memory")
		}
	})
}
