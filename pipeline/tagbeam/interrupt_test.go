package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

// generous is how long an interrupted command may take here: it promises a few seconds on a machine that is not busy with tests.
const generous = 20 * time.Second

// endsWithin waits for a process that was told to end.
func (p *process) endsWithin(d time.Duration) ended {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.result
	case <-time.After(d):
		p.signal(syscall.SIGQUIT) // where does it hang?
		<-p.ended
		p.t.Fatalf("still running %v after the signal\n%s", d, p.result)
		return ended{}
	}
}

// TestInterrupted: Ctrl-C and SIGTERM stop a run that waits for a store, whatever it waits for, and the same command goes on with it.
func TestInterrupted(t *testing.T) {
	g := objecttest.StartGS(t, "data", "tags")
	t.Cleanup(func() { object.Close() })
	putImages(g, "data", "photos", 30)
	model := tinyModel(t, "nchw.onnx")
	for _, tc := range []struct {
		name   string
		signal syscall.Signal
		runner string
		at     func(output string) func(*http.Request) bool
	}{
		{"listing", syscall.SIGINT, "direct", func(string) func(*http.Request) bool {
			return func(r *http.Request) bool { return r.URL.Query().Get("prefix") == "photos/" }
		}},
		{"planning", syscall.SIGTERM, "direct", func(o string) func(*http.Request) bool { return uploads(o+"/_runs/000001/plan.json", "") }},
		{"reading", syscall.SIGINT, "direct", func(string) func(*http.Request) bool { return reads(imageName(17)) }},
		{"reading", syscall.SIGTERM, "direct", func(string) func(*http.Request) bool { return reads(imageName(17)) }},
		{"reading", syscall.SIGINT, "prism", func(string) func(*http.Request) bool { return reads(imageName(17)) }},
		{"reading", syscall.SIGTERM, "prism", func(string) func(*http.Request) bool { return reads(imageName(17)) }},
		{"writing a unit", syscall.SIGINT, "prism", func(o string) func(*http.Request) bool { return uploads(o+"/_runs/000001/unit-000002", "") }},
		{"publishing", syscall.SIGINT, "direct", func(o string) func(*http.Request) bool { return uploads(o+"/labels/", ".parquet") }},
		{"publishing", syscall.SIGTERM, "prism", func(o string) func(*http.Request) bool { return uploads(o+"/_runs/000001/manifest.json", "") }},
	} {
		name := strings.Join([]string{tc.name, tc.runner, tc.signal.String()}, " ")
		t.Run(name, func(t *testing.T) {
			folder := strings.ReplaceAll(name, " ", "-")
			j := job{"gs://data/photos", model, "gs://tags/" + folder}
			file := filepath.Join(t.TempDir(), "summary.json")
			args := j.args("--unit-images", "5", "--runner", tc.runner, "--summary-json", file)
			stop := hold(g, false, tc.at(folder))
			p := start(t, args...)
			select {
			case <-stop.reached:
			case <-p.ended:
				t.Fatalf("it ended before its time\n%s", p.result)
			}
			p.signal(tc.signal)
			e := p.endsWithin(generous).want(128 + int(tc.signal)).says("run the same command again")
			if n := strings.Count(e.stderr, "interrupted"); n != 1 || strings.Contains(e.stderr, "panic") {
				t.Errorf("it says so %d times\n%s", n, e)
			}
			if s := e.readSummary(file); s.State != "interrupted" {
				t.Errorf("state %s", s.State)
			}
			g.Inject(nil)
			j.checkKilled(t)
			before := j.objects(t, "")
			tagbeam(t, args...).want(exitOK)
			j.wantEachOnce(t, 30)
			checkKept(t, before, j.objects(t, ""))
		})
	}
}

// TestInterruptedAtWork: a run that is busy, not waiting, stops too.
func TestInterruptedAtWork(t *testing.T) {
	t.Parallel()
	const images = 400
	input, model := imageFolder(t, images), tinyModel(t, "nchw.onnx")
	for _, runner := range []string{"direct", "prism"} {
		t.Run(runner, func(t *testing.T) {
			t.Parallel()
			j := job{input, model, filepath.Join(t.TempDir(), "out")}
			args := j.args("--unit-images", "4", "--runner", runner)
			p := start(t, args...)
			waitForUnits(j.output, 2, p)
			p.signal(syscall.SIGINT)
			if e := p.endsWithin(generous); e.code != exitOK { // it may just have been faster
				e.want(130).says("run the same command again")
			}
			j.checkKilled(t)
			tagbeam(t, args...).want(exitOK)
			j.wantEachOnce(t, images)
		})
	}
}

// TestSecondInterrupt: who presses Ctrl-C again does not wait for anything.
func TestSecondInterrupt(t *testing.T) {
	g := objecttest.StartGS(t, "data")
	t.Cleanup(func() { object.Close() })
	putImages(g, "data", "photos", 3)
	stop := hold(g, false, reads(imageName(1)))
	j := job{"gs://data/photos", tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "out")}
	p := start(t, j.args()...)
	<-stop.reached
	p.signal(syscall.SIGINT)
	p.signal(syscall.SIGTERM)
	// The first of the two that is delivered gives the code.
	if e := p.endsWithin(generous); e.code != 130 && e.code != 143 {
		t.Errorf("exit code %d\n%s", e.code, e)
	}
	g.Inject(nil)
	tagbeam(t, j.args()...).want(exitOK)
	j.wantEachOnce(t, 3)
}
