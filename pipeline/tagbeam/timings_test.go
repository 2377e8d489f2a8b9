package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// Where the time went adds up to the time there was.
func TestTimingsAddUp(t *testing.T) {
	t.Parallel()
	for _, runner := range []string{"direct", "prism"} {
		j := newJob(t, 20)
		e, s := summarised(t, j.args("--timings", "--runner", runner, "--unit-images", "4")...)
		e.want(exitOK).prints("timings    start ", " of 1 CPU slots")
		x := s.Timings
		if x == nil || x.Missing != "" || x.Slots != 1 {
			t.Fatalf("%s: %+v", runner, x)
		}
		sum := 0.0
		for _, part := range []float64{x.Start, x.List, x.Load, x.FetchWait, x.Decode, x.Resize, x.Infer, x.Write, x.Idle} {
			if part < 0 {
				t.Errorf("%s: %+v", runner, x)
			}
			sum += part
		}
		// Each part is rounded down to nanoseconds. Reading the clock twice takes less than a millisecond, as a rule; what a machine
		// does between the two is no part of the program's sum.
		if math.Abs(sum-x.Wall) > 1e-6 {
			t.Errorf("%s: the parts add up to %v s of %v s", runner, sum, x.Wall)
		}
		if x.Wall > s.Seconds+60 || x.Infer == 0 || x.Decode == 0 || x.Load == 0 || x.List == 0 || x.Write == 0 {
			t.Errorf("%s: %+v of %v s", runner, x, s.Seconds)
		}
	}
	if _, s := summarised(t, newJob(t, 1).args()...); s.Timings != nil {
		t.Error("timings, although nobody asked for them")
	}
}

func TestTimingsOfRemoteRunners(t *testing.T) {
	x := newTimings(pipeline.Options{Runner: "flink"}, processStart)
	if text := x.String(); !strings.Contains(text, "not available") || !strings.Contains(text, "flink") {
		t.Error(text)
	}
}

// Copies share one inference, and have the rows they would have without.
func TestDedup(t *testing.T) {
	t.Parallel()
	j := newJob(t, 6)
	for _, name := range []string{"a-copy.png", "z-copy.png"} {
		writeFile(t, filepath.Join(j.input, name), readFile(t, filepath.Join(j.input, imageName(3))))
	}
	e, s := summarised(t, j.args("--batch", "1")...)
	e.want(exitOK).prints("copies     2, which share another image's inference")
	if s.Copies != 2 || s.Images != 8 || s.OK != 8 {
		t.Errorf("%+v", s.Counts)
	}
	with := j.rows(t)
	j.output += "2"
	e, s = summarised(t, j.args("--batch", "1", "--no-dedup")...)
	e.want(exitOK)
	if s.Copies != 0 || s.OK != 8 {
		t.Errorf("with --no-dedup: %+v", s.Counts)
	}
	sameRows(t, j.rows(t), with)
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	j := newJob(t, 2)
	dir := t.TempDir()
	cpu, trace := filepath.Join(dir, "cpu"), filepath.Join(dir, "trace")
	tagbeam(t, j.args("--cpuprofile", cpu, "--trace", trace)...).want(exitOK)
	if head := readFile(t, cpu); !bytes.HasPrefix(head, []byte("\x1f\x8b")) {
		t.Errorf("%q is no CPU profile", head[:min(len(head), 20)])
	}
	if head := readFile(t, trace); !bytes.HasPrefix(head, []byte("go 1.")) {
		t.Errorf("%q is no trace", head[:min(len(head), 20)])
	}
	// They are whole also when the run fails, and a file that cannot be written is a mistake of the command.
	os.Remove(cpu)
	j.output += "2"
	tagbeam(t, j.args("--cpuprofile", cpu, "--input", filepath.Join(dir, "not-there"))...).want(exitUsage)
	if len(readFile(t, cpu)) == 0 {
		t.Error("the profile of a run that failed is empty")
	}
	tagbeam(t, j.args("--cpuprofile", filepath.Join(dir, "no", "cpu"))...).want(exitUsage).says("--cpuprofile")
	tagbeam(t, j.args("--trace", filepath.Join(dir, "no", "trace"), "--cpuprofile", cpu)...).want(exitUsage).says("--trace")
}

func TestInspectBenchmark(t *testing.T) {
	t.Parallel()
	model := tinyModel(t, "nchw.onnx")
	run := func(args ...string) ended {
		p := prepared(t, append([]string{"model", "inspect", model, "--benchmark", "--cpu", "1"}, args...)...)
		p.cmd.Env = append(p.cmd.Env, "XDG_CACHE_HOME="+t.TempDir())
		return p.start().wait()
	}
	run().want(exitOK).prints("speed on 1 CPUs", "images/s", "chosen")
	e := run("--json").want(exitOK)
	decoder := json.NewDecoder(strings.NewReader(e.stdout))
	var description map[string]any
	var b benchmark
	if err := decoder.Decode(&description); err != nil {
		t.Fatal(err)
	}
	if err := decoder.Decode(&b); err != nil {
		t.Fatal(err)
	}
	if b.CPUs != 1 || len(b.Sizes) != len(engine.BatchSizes) || b.Best == 0 || b.Sizes[0].PerImage <= 0 {
		t.Errorf("%+v", b)
	}
	tagbeam(t, "model", "inspect", model, "--benchmark", "--cpu", "-1").want(exitUsage).says("--cpu")
}
