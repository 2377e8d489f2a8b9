package main

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

// checkKilled holds an output to what is true at every moment of a run's life.
func (j job) checkKilled(t *testing.T) {
	t.Helper()
	runs, labels := j.objects(t, "_runs/"), j.objects(t, "labels/")
	if _, decided := runs["_runs/000001/decision.json"]; !decided && len(labels) > 0 {
		t.Errorf("there is no decision, yet there are %v", labels)
	}
}

// checkKept checks that nothing that was there before has been written again.
func checkKept(t *testing.T, before, after map[string]string) {
	t.Helper()
	kept := maps.Clone(after)
	maps.DeleteFunc(kept, func(name, _ string) bool { _, ok := before[name]; return !ok })
	if diff := gocmp.Diff(before, kept); diff != "" {
		t.Errorf("objects that were there have changed (-before +after):\n%s", diff)
	}
}

// TestKilledAtEachStep: a command is killed before and after it writes each of its objects: standing in the request, so that the moment is exact. The
// same command then finishes the run without doing anything twice.
func TestKilledAtEachStep(t *testing.T) {
	g := objecttest.StartGS(t, "tags")
	t.Cleanup(func() { object.Close() })
	const images = 24
	input, model := imageFolder(t, images), tinyModel(t, "nchw.onnx")
	for _, tc := range []struct {
		name           string
		prefix, suffix string // of the object, below OUTPUT
		answered       bool   // killed after the object was written
		resumed        int    // runs the second command resumes; -1: there is nothing left to do
	}{
		{"before the chunk", "_runs/000001/plan-", ".zst", false, 0},
		{"after the chunk", "_runs/000001/plan-", ".zst", true, 0},
		{"before the plan", "_runs/000001/plan.json", "", false, 0},
		{"after the plan", "_runs/000001/plan.json", "", true, 1},
		{"before the first unit", "_runs/000001/unit-000000", "", false, 1},
		{"after the first unit", "_runs/000001/unit-000000", "", true, 1},
		{"before the last unit", "_runs/000001/unit-000004", "", false, 1},
		{"after the last unit", "_runs/000001/unit-000004", "", true, 1},
		{"before the decision", "_runs/000001/decision.json", "", false, 1},
		{"after the decision", "_runs/000001/decision.json", "", true, 1},
		{"before the part", "labels/", ".parquet", false, 1},
		{"after the part", "labels/", ".parquet", true, 1},
		{"before the manifest", "_runs/000001/manifest.json", "", false, 1},
		{"after the manifest", "_runs/000001/manifest.json", "", true, -1},
		{"before _SUCCESS", "labels/", "_SUCCESS", false, -1},
		{"after _SUCCESS", "labels/", "_SUCCESS", true, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			folder := strings.ReplaceAll(tc.name, " ", "-")
			j := job{input, model, "gs://tags/" + folder}
			args := j.args("--unit-images", "5")
			stop := hold(g, tc.answered, uploads(folder+"/"+tc.prefix, tc.suffix))
			p := start(t, args...)
			select {
			case <-stop.reached:
			case <-p.ended:
				t.Fatalf("it ended before the point\n%s", p.result)
			}
			p.kill()
			g.Inject(nil)
			j.checkKilled(t)
			before := j.objects(t, "")
			if there := has(before, tc.prefix, tc.suffix); there != tc.answered {
				t.Fatalf("%s*%s is there: %v", tc.prefix, tc.suffix, there)
			}

			e, s := summarised(t, args...)
			e.want(exitOK)
			j.wantEachOnce(t, images)
			checkKept(t, before, j.objects(t, ""))
			resumed := 0
			for _, r := range s.Runs {
				if r.Resumed {
					resumed++
				}
			}
			if tc.resumed < 0 {
				resumed = -len(s.Runs) - 1
				e.prints("nothing to do")
			}
			if resumed != tc.resumed {
				t.Errorf("%d runs resumed, want %d: %+v", resumed, tc.resumed, s.Runs)
			}
			for _, name := range []string{"_runs/000001/manifest.json", "labels/" + partition(j.objects(t, "labels/")) + "/_SUCCESS"} {
				if _, ok := j.objects(t, "")[name]; !ok {
					t.Errorf("there is no %s", name)
				}
			}
		})
	}
}

// has says whether there is an object whose name begins and ends like this.
func has(objects map[string]string, prefix, suffix string) bool {
	for name := range objects {
		if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// TestResumedRunReadsTheRest: a command that goes on with a run reads only the images of units that have no file, and with --limit stops where the
// killed one would have.
func TestResumedRunReadsTheRest(t *testing.T) {
	g := objecttest.StartGS(t, "data")
	t.Cleanup(func() { object.Close() })
	putImages(g, "data", "photos", 20)
	j := job{"gs://data/photos", tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "out")}
	args := j.args("--unit-images=3", "--limit=12")
	leaveOpen(t, g, 7, args...) // of unit 2
	written := len(units(j.objects(t, "_runs/")))
	if written < 1 || written > 2 { // unit 1 may still have been worked on when unit 2 was begun
		t.Fatalf("%d unit files, want 1 or 2", written)
	}
	var reading sync.Mutex
	read := map[string]bool{}
	g.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if name := path.Base(r.URL.Path); strings.HasPrefix(name, "img-") {
			reading.Lock()
			read[name] = true
			reading.Unlock()
		}
		next.ServeHTTP(w, r)
	})
	e, s := summarised(t, args...)
	g.Inject(nil)
	e.want(exitOK).prints("run 1 published (gone on with)", "images     12 ")
	if len(s.Runs) != 1 || !s.Runs[0].Resumed {
		t.Errorf("summary: %+v", s.Runs)
	}
	want := map[string]bool{}
	for i := 3 * written; i < 12; i++ {
		want[imageName(i)] = true
	}
	if diff := gocmp.Diff(want, read); diff != "" {
		t.Errorf("images read (-want +got):\n%s", diff)
	}
	j.wantEachOnce(t, 12)
}

// partition is the one dt= folder of a table.
func partition(labels map[string]string) string {
	for name := range labels {
		return strings.Split(name, "/")[1]
	}
	return ""
}

// TestKilledAgainAndAgain: a command over local files is killed as soon as one more, or some more, unit files are there, until it gets
// through.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	const images = 300
	input, model := imageFolder(t, images), tinyModel(t, "nchw.onnx")
	for _, runner := range []string{"direct", "prism"} {
		t.Run(runner, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rnd := rand.New(rand.NewPCG(seed, 0))
			j := job{input, model, filepath.Join(t.TempDir(), "out")}
			args := j.args("--unit-images", "10", "--runner", runner)
			kills, before := 0, map[string]string{}
			for range 5 {
				p := start(t, args...)
				waitForUnits(j.output, len(units(before))+rnd.IntN(8), p)
				if p.running() {
					kills++
				}
				p.kill()
				j.checkKilled(t)
				after := j.identities(t)
				checkKept(t, before, after)
				before = after
			}
			if kills == 0 {
				t.Error("nothing was killed")
			}
			e, s := summarised(t, args...)
			e.want(exitOK)
			checkKept(t, before, j.identities(t))
			j.wantEachOnce(t, images)
			if len(s.Runs) == 1 && (!s.Runs[0].Resumed || s.Runs[0].Images != images) {
				t.Errorf("summary: %+v", s.Runs)
			}
		})
	}
}

// waitForUnits waits until a run has n unit files, or the command has ended.
func waitForUnits(output string, n int, p *process) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for p.running() {
		if found, _ := filepath.Glob(filepath.Join(output, "_runs", "000001", "unit-*")); len(found) >= n {
			if _, err := os.Stat(filepath.Join(output, "_runs", "000001", "plan.json")); err == nil {
				return
			}
		}
		<-tick.C
	}
}

func units(objects map[string]string) []string {
	var names []string
	for name := range objects {
		if strings.Contains(name, "/unit-") {
			names = append(names, name)
		}
	}
	return names
}

// identities are the objects of a local output with their inodes, times and contents.
func (j job) identities(t *testing.T) map[string]string {
	t.Helper()
	found := j.objects(t, "")
	for name, version := range found {
		info, err := os.Stat(filepath.Join(j.output, name))
		if err != nil {
			t.Fatal(err)
		}
		inode := info.Sys().(*syscall.Stat_t).Ino
		found[name] = fmt.Sprintf("inode %d, %s: %x", inode, version, sha256.Sum256(readFile(t, filepath.Join(j.output, name))))
	}
	return found
}

// TestUnitFilesOfOtherRuns: those of a run are removed by the next one that has something to do, and never by the run itself.
func TestUnitFilesOfOtherRuns(t *testing.T) {
	t.Parallel()
	j := newJob(t, 6)
	tagbeam(t, j.args("--unit-images", "2")...).want(exitOK)
	if n := len(units(j.objects(t, "_runs/000001/"))); n != 3 {
		t.Errorf("%d unit files after the run, want 3", n)
	}
	writeFile(t, filepath.Join(j.input, imageName(6)), pngImage(6))
	tagbeam(t, j.args()...).want(exitOK)
	if left := units(j.objects(t, "_runs/000001/")); len(left) > 0 {
		t.Errorf("the next run left %v", left)
	}
	j.wantEachOnce(t, 7)
}

// TestLostReplies: the store does what it is asked and the answers are lost: nothing is written twice, and the command gets through.
func TestLostReplies(t *testing.T) {
	g := objecttest.StartGS(t, "tags")
	t.Cleanup(func() { object.Close() })
	j := job{imageFolder(t, 12), tinyModel(t, "nchw.onnx"), "gs://tags/out"}
	var uploading sync.Mutex
	lost := map[string]bool{}
	g.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		name := r.URL.Query().Get("name")
		uploading.Lock()
		first := strings.Contains(r.URL.Path, "/upload/") && !lost[name]
		lost[name] = true
		uploading.Unlock()
		if !first {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(nowhere{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	})
	tagbeam(t, j.args("--unit-images", "5")...).want(exitOK)
	g.Inject(nil)
	j.wantEachOnce(t, 12)
	if len(lost) < 7 {
		t.Errorf("only the replies of %v were lost", lost)
	}
}
