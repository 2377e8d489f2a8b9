package main

import (
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

// cluster is a Flink whose workers read and write an emulated gs://, all of them in processes of their own.
type cluster struct {
	*jobServer
	gs *objecttest.GS
}

// bucketImages is the number of images in the cluster's bucket, by units of 5.
const bucketImages = 40

func startCluster(t *testing.T) *cluster {
	t.Helper()
	g := objecttest.StartGS(t, "data", "models", "tags")
	t.Cleanup(func() { object.Close() })
	putImages(g, "data", "photos", bucketImages)
	putModel(t, g, "models", "tiny")
	c := &cluster{startJobServer(t), g}
	tagbeam(t, c.args(c.job("warm-up"), "--limit", "1")...).want(exitOK) // what the first job opens, the server keeps
	c.note()
	return c
}

func (c *cluster) job(output string) job {
	return job{"gs://data/photos", "gs://models/tiny", "gs://tags/" + output}
}

// trial is a job whose workers are known.
func (c *cluster) trial(t *testing.T, output string, more ...string) (job, *workerLog, []string) {
	j, workers := c.job(output), newWorkerLog(t)
	args := c.args(j, append([]string{"--unit-images", "5", "--parallelism", "2"}, more...)...)
	return j, workers, append(args, workers.flags()...)
}

// TestFlinkFaults: whatever happens to a job, its table has one row for each image, and nothing is left behind.
func TestFlinkFaults(t *testing.T) {
	c := startCluster(t)
	t.Run("a stage fails once", func(t *testing.T) {
		j, workers, args := c.trial(t, "once")
		fault := refuse(c.gs, 1, uploads("once/_runs/000001/unit-000002", ""))
		e, sum := summarised(t, args...)
		e.want(exitOK).says("permission", "submitted again (attempt 2 of 3)")
		j.wantEachOnce(t, bucketImages)
		if c := counted(t, sum); c["units_tagged"]+c["units_adopted"] != bucketImages/5 || c["units_adopted"] == 0 {
			t.Errorf("counters %v", c)
		}
		if n := fault.met(); n != 1 {
			t.Errorf("the fault was met %d times", n)
		}
		c.clean(workers)
	})
	t.Run("a worker is killed", func(t *testing.T) {
		j, workers, args := c.trial(t, "killed")
		stop := hold(c.gs, false, uploads("killed/_runs/000001/unit-000003", ""))
		p := start(t, args...)
		reached(t, p, stop)
		alive := workers.alive()
		c.gs.Inject(nil)
		for _, pid := range alive {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		}
		p.wait().want(exitOK).says("a worker process ended in the middle of its work")
		j.wantEachOnce(t, bucketImages)
		if len(alive) != 1 || len(workers.started()) < 2 {
			t.Errorf("workers %v were killed of %v", alive, workers.started())
		}
		c.clean(workers)
	})
	t.Run("a job fails for good", func(t *testing.T) {
		j, workers, args := c.trial(t, "never", "--job-attempts", "2")
		fault := refuse(c.gs, 1<<30, uploads("never/_runs/000001/unit-000002", ""))
		e, sum := summarised(t, args...)
		e.want(exitFailed).says("permission", "unit-000002")
		if strings.Contains(e.stderr, "\tat ") || strings.Contains(e.stderr, "goroutine") {
			t.Errorf("a stack trace\n%s", e)
		}
		if sum.State != "failed" || len(j.rows(t)) != 0 || fault.met() != 2 {
			t.Errorf("state %s, %d rows, the fault was met %d times", sum.State, len(j.rows(t)), fault.met())
		}
		c.clean(workers)
		c.gs.Inject(nil)
		tagbeam(t, args...).want(exitOK)
		j.wantEachOnce(t, bucketImages)
		c.clean(workers)
	})
	t.Run("Ctrl-C cancels", func(t *testing.T) {
		j, workers, args := c.trial(t, "cancelled", "--flink-rest", c.rest)
		stop := hold(c.gs, false, uploads("cancelled/_runs/000001/unit-000003", ""))
		p := start(t, args...)
		reached(t, p, stop)
		p.signal(syscall.SIGINT)
		e := p.endsWithin(generous*3).want(130).says("cancelling job", "is cancelled", "run the same command again")
		if strings.Contains(e.stderr, "left to itself") {
			t.Errorf("%s", e)
		}
		c.clean(workers)
		if len(j.rows(t)) != 0 {
			t.Error("the cancelled job published")
		}
		c.gs.Inject(nil)
		tagbeam(t, args...).want(exitOK)
		j.wantEachOnce(t, bucketImages)
		c.clean(workers)
	})
	t.Run("Ctrl-C twice leaves the job", func(t *testing.T) {
		j, workers, args := c.trial(t, "left")
		open := gateOn(c.gs, uploads("left/_runs/000001/unit-000003", ""))
		p := start(t, args...)
		open.wait(t, p)
		p.signal(syscall.SIGINT)
		waitFor(t, "the first message", func() bool { return strings.Contains(p.stderr.String(), "Ctrl-C again") || !p.running() })
		p.signal(syscall.SIGINT)
		p.endsWithin(generous).want(130)
		open.release()
		// What becomes of the job is Flink's affair; the next command has the table whole either way.
		tagbeam(t, args...).want(exitOK)
		j.wantEachOnce(t, bucketImages)
		c.clean(workers)
	})
	t.Run("detached", func(t *testing.T) {
		j, workers, args := c.trial(t, "detached", "--detach")
		e, sum := summarised(t, args...)
		e.want(exitOK).says("left to itself", "tagbeam runs gs://tags/detached")
		if sum.State != "submitted" || sum.Job == nil || strings.TrimSpace(e.stdout) != sum.Job.ID {
			t.Errorf("%+v\n%s", sum, e)
		}
		waitFor(t, "the job to publish", func() bool { return len(j.rows(t)) > 0 })
		j.wantEachOnce(t, bucketImages)
		tagbeam(t, args...).want(exitOK).prints("nothing to do")
		c.clean(workers)
	})
}

// reached waits until a gate has stopped the job that p waits for.
func reached(t *testing.T, p *process, stop *gate) {
	t.Helper()
	select {
	case <-stop.reached:
	case <-p.ended:
		t.Fatalf("it ended before its time\n%s", p.result)
	}
}

// refusal is a fault that answers requests with 403.
type refusal struct {
	mu   sync.Mutex
	left int
	n    int
}

// refuse lets g refuse the first n requests that match.
func refuse(g *objecttest.GS, n int, match func(*http.Request) bool) *refusal {
	f := &refusal{left: n}
	g.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if match(r) && f.take() {
			http.Error(w, "permission denied by a test", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
	return f
}

func (f *refusal) take() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 {
		return false
	}
	f.left--
	f.n++
	return true
}

func (f *refusal) met() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// door holds requests until it is opened, and then lets them through.
type door struct {
	reached, open chan struct{}
	once          sync.Once
}

func gateOn(g *objecttest.GS, match func(*http.Request) bool) *door {
	d := &door{reached: make(chan struct{}), open: make(chan struct{})}
	g.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if match(r) {
			d.once.Do(func() { close(d.reached) })
			select {
			case <-d.open:
			case <-r.Context().Done():
			}
		}
		next.ServeHTTP(w, r)
	})
	return d
}

func (d *door) wait(t *testing.T, p *process) {
	t.Helper()
	select {
	case <-d.reached:
	case <-p.ended:
		t.Fatalf("it ended before its time\n%s", p.result)
	}
}

func (d *door) release() { close(d.open) }

// TestFlinkElsewhere: workers that share no file with the command are given a local model and ONNX Runtime's library; and the other kinds of
// workers than the default one.
func TestFlinkElsewhere(t *testing.T) {
	c := startCluster(t)
	t.Run("local model and library", func(t *testing.T) {
		j, workers, args := c.trial(t, "carried")
		workers.bare() // they have no library of their own
		j.model = tinyModel(t, "nchw.onnx")
		args = append(args, "--model", j.model, "--onnxruntime", os.Getenv("TAGBEAM_ONNXRUNTIME"))
		tagbeam(t, args...).want(exitOK)
		j.wantEachOnce(t, bucketImages)
		given := slices.Sorted(maps.Keys(j.objects(t, "_runs/000001/given/")))
		if want := []string{"libonnxruntime.so", "model/tiny/labels.txt", "model/tiny/net.onnx", "model/tiny/tagbeam.json"}; !slices.Equal(given, prefixed("_runs/000001/given/", want)) {
			t.Errorf("given: %q", given)
		}
		if r := j.rows(t)[0]; r.Model != "tiny" {
			t.Errorf("model %s", r.Model)
		}
		c.clean(workers)
		putGS(c.gs, "data", "photos/new.png", pngImage(1000))
		tagbeam(t, args...).want(exitOK)
		c.gs.Delete("data", "photos/new.png")
		if left := j.objects(t, "_runs/000001/given/"); len(left) != 0 {
			t.Errorf("left of run 1: %v", left)
		}
	})
	t.Run("local images", func(t *testing.T) {
		j, _, args := c.trial(t, "refused")
		tagbeam(t, append(args, "--input", imageFolder(t, 1))...).want(exitUsage).says("--input", "is local", "--shared-filesystem")
		if len(j.objects(t, "")) != 0 {
			t.Error("it planned a run all the same")
		}
	})
	t.Run("LOOPBACK", func(t *testing.T) {
		j := c.job("loopback")
		tagbeam(t, c.args(j, "--environment_type", "LOOPBACK", "--unit-images", "5", "--parallelism", "2")...).want(exitOK)
		j.wantEachOnce(t, bucketImages)
	})
	t.Run("EXTERNAL", func(t *testing.T) {
		j := c.job("external")
		pool := start(t, "worker-pool", "--listen", "localhost:0")
		var address string
		waitFor(t, "the pool to listen", func() bool {
			_, after, ok := strings.Cut(pool.stderr.String(), "waiting for a runner on ")
			address, _, _ = strings.Cut(after, `"`)
			return ok && address != ""
		})
		tagbeam(t, c.args(j, "--environment_type", "EXTERNAL", "--environment_config", address)...).want(exitOK)
		j.wantEachOnce(t, bucketImages)
		waitFor(t, "the worker to end", func() bool { return strings.Contains(pool.stderr.String(), " ended: ") })
		pool.signal(syscall.SIGINT)
		pool.endsWithin(generous).want(130)
	})
	t.Run("no program on the workers", func(t *testing.T) {
		j := c.job("nowhere")
		e := tagbeam(t, c.args(j, "--environment_config", "/no/such/tagbeam")...).want(exitFailed)
		e.says("/no/such/tagbeam", "put tagbeam", "--environment_config")
		if strings.Contains(e.stderr, "submitted again") {
			t.Errorf("it tried again\n%s", e)
		}
	})
	t.Run("no ONNX Runtime on the workers", func(t *testing.T) {
		j, workers, args := c.trial(t, "bare")
		workers.bare()
		e := tagbeam(t, args...).want(exitFailed)
		e.says("libonnxruntime.so", "on every worker", "--onnxruntime FILE")
		if len(j.rows(t)) != 0 {
			t.Error("rows")
		}
	})
}

func prefixed(prefix string, names []string) []string {
	var all []string
	for _, n := range names {
		all = append(all, prefix+n)
	}
	return all
}
