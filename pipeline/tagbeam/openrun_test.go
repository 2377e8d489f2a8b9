package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

// leaveOpen starts a command whose input is in g, and kills it in the middle of its run: when it reads the given image.
func leaveOpen(t *testing.T, g *objecttest.GS, at int, args ...string) {
	t.Helper()
	stop := hold(g, false, reads(imageName(at)))
	p := start(t, args...)
	select {
	case <-stop.reached:
	case <-p.ended:
		t.Fatalf("it ended before its time\n%s", p.result)
	}
	p.kill()
	g.Inject(nil)
}

// TestOpenRunOfOtherOptions: a run that is not finished stops a command with other options, which says both ways out; both work.
func TestOpenRunOfOtherOptions(t *testing.T) {
	g := objecttest.StartGS(t, "data")
	t.Cleanup(func() { object.Close() })
	putImages(g, "data", "photos", 12)
	model := tinyModel(t, "nchw.onnx")
	labels := filepath.Join(model, "labels.txt")
	open := func(t *testing.T) (job, []string) {
		t.Helper()
		// A space and a quote: what is printed must be quoted right.
		j := job{"gs://data/photos", filepath.Join(model, "net.onnx"), filepath.Join(t.TempDir(), "it's here", "out")}
		bare := []string{"--model-labels", labels, "--preprocess", "unit", "--unit-images=3"}
		leaveOpen(t, g, 7, j.args(append(bare, "--top-k", "2")...)...)
		if n := len(units(j.objects(t, "_runs/"))); n == 0 {
			t.Error("killed before it had done anything")
		}
		return j, bare
	}

	t.Run("the command that is printed resumes it", func(t *testing.T) {
		j, bare := open(t)
		e := tagbeam(t, j.args(append(bare, "--top-k=3")...)...).want(exitUsage).says("--top-k: 2 there, 3 here", "--abandon", "run 1 of "+j.output)
		if labels := j.objects(t, "labels/"); len(labels) > 0 {
			t.Errorf("there are %v", labels)
		}
		var command string
		for line := range strings.Lines(e.stderr) {
			if _, after, ok := strings.Cut(line, program); ok {
				command = program + after
			}
		}
		if command == "" {
			t.Fatalf("no command to copy\n%s", e)
		}
		shell := exec.Command("sh", "-c", command)
		shell.Dir = t.TempDir() // it works in every folder
		shell.Env = append(os.Environ(), asCommand+"=1")
		if out, err := shell.CombinedOutput(); err != nil || !strings.Contains(string(out), "run 1 published (gone on with)") {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		j.wantEachOnce(t, 12)
		if r := j.rows(t)[0]; len(r.TopK) != 2 {
			t.Errorf("top_k has %d, want the 2 of the run's own options", len(r.TopK))
		}
		tagbeam(t, j.args(append(bare, "--top-k=3")...)...).want(exitOK).prints("nothing to do")
	})
	t.Run("--abandon goes on without it", func(t *testing.T) {
		j, bare := open(t)
		e, s := summarised(t, j.args(append(bare, "--top-k=3", "--abandon")...)...)
		e.want(exitOK).says("run 1 given up").prints("run 2 published")
		if s.RunID != 2 || len(s.Runs) != 1 || s.Runs[0].Resumed {
			t.Errorf("summary: %+v", s.Runs)
		}
		j.wantEachOnce(t, 12)
		for _, r := range j.rows(t) {
			if r.RunID != 2 || len(r.TopK) != 3 {
				t.Errorf("%s: run %d, %d classes, want run 2, 3 classes", r.URI, r.RunID, len(r.TopK))
			}
		}
		tagbeam(t, j.args(append(bare, "--top-k=3")...)...).want(exitOK).prints("nothing to do")
	})
	t.Run("--abandon with the same options resumes", func(t *testing.T) {
		j, bare := open(t)
		tagbeam(t, j.args(append(bare, "--top-k=2", "--abandon")...)...).want(exitOK).prints("run 1 published (gone on with)")
		j.wantEachOnce(t, 12)
	})
	t.Run("--plan-only looks on", func(t *testing.T) {
		j, bare := open(t)
		before := j.identities(t)
		tagbeam(t, j.args(append(bare, "--top-k=3", "--plan-only")...)...).want(exitOK).prints("to be tagged             12")
		checkKept(t, before, j.identities(t))
	})
	t.Run("options that do not shape rows", func(t *testing.T) {
		j, bare := open(t)
		more := []string{"--top-k=2", "--batch=2", "--unit-images=100", "--runner=prism", "--quiet", "--max-error-ratio=0.5"}
		_, s := summarised(t, j.args(append(bare, more...)...)...)
		if len(s.Runs) != 1 || !s.Runs[0].Resumed {
			t.Errorf("summary: %+v", s)
		}
		j.wantEachOnce(t, 12)
	})
	t.Run("the model has changed since", func(t *testing.T) {
		j := job{"gs://data/photos", tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "out")}
		leaveOpen(t, g, 7, j.args("--unit-images=3")...)
		writeFile(t, filepath.Join(j.model, "labels.txt"), []byte("apple\nbread\ncake\ndates\neggs\n"))
		tagbeam(t, j.args()...).want(exitUsage).says("model digest", "--abandon")
		tagbeam(t, j.args("--abandon")...).want(exitOK).prints("run 2 published")
		j.wantEachOnce(t, 12)
		for _, r := range j.rows(t) {
			if r.Label != "bread" && r.Label != "apple" && r.Label != "cake" && r.Label != "dates" && r.Label != "eggs" {
				t.Errorf("%s: %s, of the model that is gone", r.URI, r.Label)
			}
		}
	})
	t.Run("--retag tags everything once, killed or not", func(t *testing.T) {
		j := job{"gs://data/photos", model, filepath.Join(t.TempDir(), "out")}
		tagbeam(t, j.args()...).want(exitOK)
		leaveOpen(t, g, 7, j.args("--retag", "--unit-images=3")...)
		tagbeam(t, j.args("--retag")...).want(exitOK).prints("run 2 published (gone on with)")
		want := map[string][]int64{}
		for i := range 12 {
			want[imageName(i)] = []int64{1, 2}
		}
		j.wantRuns(t, want)
	})
}
