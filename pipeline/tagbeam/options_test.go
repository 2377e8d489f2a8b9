package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tagbeam/tagbeam/io/table"
)

// TestSummaryJSON: its fields are a contract, and its exit code is the real one however the command ends (readSummary checks that).
func TestSummaryJSON(t *testing.T) {
	t.Parallel()
	j := newJob(t, 4)
	writeFile(t, filepath.Join(j.input, "text.jpg"), []byte("not a picture"))
	file := filepath.Join(t.TempDir(), "summary.json")
	with := func(more ...string) []string { return j.args(append(more, "--summary-json", file)...) }

	s := tagbeam(t, with()...).want(exitPartial).readSummary(file)
	var labels int64
	for _, n := range s.Labels {
		labels += n
	}
	if s.Seconds <= 0 || s.TagSeconds <= 0 || s.Seconds < s.TagSeconds || s.ImagesPerSecond <= 0 || labels != 4 || s.ModelDigest == "" {
		t.Errorf("%+v", s)
	}
	want := summary{
		State: "published", ExitCode: exitPartial, Output: j.output, Table: j.output + "/labels", Runner: "direct",
		Counts: table.Counts{Images: 5, OK: 4, Failed: 1, Errors: map[string]int64{"unsupported_format": 1}},
		Listed: 5, Planned: 5, Model: "tiny", RunID: 1,
		Runs: []runSummary{{RunID: 1, State: "published", Images: 5, Failed: 1, Parts: partsOf(t, j, 1)}},
	}
	measured := cmpopts.IgnoreFields(summary{}, "Seconds", "TagSeconds", "ImagesPerSecond", "Counts.Labels", "Counts.LeastSure", "ModelDigest")
	if diff := gocmp.Diff(want, s, measured); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	var fields map[string]any
	if err := json.Unmarshal(readFile(t, file), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"state", "exit_code", "output", "table", "runner", "images", "ok", "abstained", "failed", "retryable", "errors", "labels",
		"seconds", "tag_seconds", "images_per_second", "listed", "skipped", "planned", "model", "model_digest", "run_id", "runs"} {
		if _, ok := fields[name]; !ok {
			t.Errorf("no field %q", name)
		}
	}

	s = tagbeam(t, with()...).want(exitOK).readSummary(file)
	want = summary{State: "nothing_to_do", Output: j.output, Table: j.output + "/labels", Runner: "direct", Listed: 5, Skipped: 5, Runs: []runSummary{}}
	if diff := gocmp.Diff(want, s, measured); diff != "" {
		t.Errorf("nothing to do (-want +got):\n%s", diff)
	}

	s = tagbeam(t, with("--retag", "--max-error-ratio", "0.1")...).want(exitFailed).readSummary(file)
	if s.State != "aborted" || s.Failed != 1 || s.RunID != 2 || !strings.Contains(s.Runs[0].Reason, "unsupported_format 1") {
		t.Errorf("aborted: %+v", s)
	}

	s = tagbeam(t, with("--input", "/nowhere/at/all")...).want(exitUsage).readSummary(file)
	if s.State != "failed" || !strings.Contains(s.Error, "/nowhere/at/all") {
		t.Errorf("usage error: %+v", s)
	}

	s = tagbeam(t, with("--retag", "--plan-only")...).want(exitOK).readSummary(file)
	if s.State != "planned" || s.Planned != 5 || s.Images != 0 || len(s.Runs) != 0 {
		t.Errorf("planned: %+v", s)
	}

	tagbeam(t, j.args("--summary-json", filepath.Join(t.TempDir(), "no", "such", "file.json"))...).want(exitUsage).says("--summary-json", "no folder")
	tagbeam(t, j.args("--summary-json", t.TempDir())...).want(exitUsage).says("--summary-json", "is a folder")
}

// partsOf are the part files of a run, by their names in the output.
func partsOf(t *testing.T, j job, runID int) []string {
	t.Helper()
	parts := []string{}
	for name := range j.objects(t, "labels/") {
		if strings.Contains(name, "run-00000"+string(rune('0'+runID))) {
			parts = append(parts, name)
		}
	}
	return parts
}

// TestLimit: so many new images, then the next ones.
func TestLimit(t *testing.T) {
	t.Parallel()
	j := newJob(t, 40)
	want := map[string][]int64{}
	for i := range 16 {
		want[imageName(i)] = []int64{1}
	}
	tagbeam(t, j.args("--limit", "16")...).want(exitOK).prints("images     16 ")
	j.wantRuns(t, want)
	tagbeam(t, j.args("--limit=16")...).want(exitOK).prints("images     16 ", "skipped    16")
	for i := 16; i < 32; i++ {
		want[imageName(i)] = []int64{2}
	}
	j.wantRuns(t, want)
	tagbeam(t, j.args()...).want(exitOK)
	j.wantEachOnce(t, 40)
}

// TestSample: a fraction of the images, the same ones each time; a larger one holds the smaller.
func TestSample(t *testing.T) {
	t.Parallel()
	const images = 200
	j := newJob(t, images)
	tagbeam(t, j.args("--sample", "0.25")...).want(exitOK)
	quarter := len(j.rows(t))
	if quarter < images/8 || quarter > images*3/8 {
		t.Errorf("a quarter of %d is %d", images, quarter)
	}
	other := j
	other.output += "-2"
	tagbeam(t, other.args("--sample", "0.25")...).want(exitOK)
	sameRows(t, j.rows(t), other.rows(t))
	tagbeam(t, j.args("--sample", "0.25")...).want(exitOK).prints("nothing to do")

	_, s := summarised(t, j.args("--sample", "0.5")...)
	if s.Skipped != int64(quarter) {
		t.Errorf("a half holds %d of the quarter's %d images", s.Skipped, quarter)
	}
	tagbeam(t, j.args()...).want(exitOK)
	j.wantEachOnce(t, images)
}

// TestPlanOnly: counts, size and estimate; nothing is written, not even the folder.
func TestPlanOnly(t *testing.T) {
	t.Parallel()
	j := newJob(t, 30)
	e := tagbeam(t, j.args("--plan-only")...).want(exitOK)
	e.prints("images under the inputs  30", "tagged before            0", "to be tagged             30, ", " kB", "estimate", "images/s")
	if _, err := os.Stat(j.output); !os.IsNotExist(err) {
		t.Errorf("there is something at OUTPUT: %v", err)
	}
	tagbeam(t, j.args("--limit", "10")...).want(exitOK)
	before := j.identities(t)
	tagbeam(t, j.args("--plan-only")...).want(exitOK).prints("tagged before            10", "to be tagged             20, ")
	tagbeam(t, j.args("--plan-only", "--limit=7")...).want(exitOK).prints("to be tagged             7, ")
	checkKept(t, before, j.identities(t))
	if after := j.identities(t); len(after) != len(before) {
		t.Errorf("%d objects, there were %d", len(after), len(before))
	}
	tagbeam(t, j.args()...).want(exitOK)
	if e := tagbeam(t, j.args("--plan-only")...).want(exitOK).prints("to be tagged             0"); strings.Contains(e.stdout, "estimate") {
		t.Errorf("an estimate of nothing\n%s", e)
	}
}

// TestRowOptions: how many classes a row keeps, and from which confidence on it counts.
func TestRowOptions(t *testing.T) {
	t.Parallel()
	j := newJob(t, 25)
	tagbeam(t, j.args("--top-k", "3")...).want(exitOK)
	all := j.rows(t)
	var middle float32
	for _, r := range all {
		if len(r.TopK) != 3 {
			t.Errorf("%s: %d classes, want 3", r.URI, len(r.TopK))
		}
		middle += *r.Confidence / float32(len(all))
	}
	other := j
	other.output += "-2"
	// As many classes as there are, when more are asked for.
	e, s := summarised(t, other.args("--top-k=1000", "--min-confidence", jsonNumber(middle))...)
	e.want(exitOK).prints("abstained  ")
	abstained := 0
	for i, r := range other.rows(t) {
		want := table.StatusOK
		if *r.Confidence < middle {
			want = table.StatusAbstained
			abstained++
		}
		if r.Status != want || r.Label != all[i].Label || *r.Confidence != *all[i].Confidence || len(r.TopK) != 5 {
			t.Errorf("%s: %s %s %v, %d classes; want %s %s %v, 5", r.URI, r.Status, r.Label, *r.Confidence, len(r.TopK), want, all[i].Label, *all[i].Confidence)
		}
	}
	if abstained == 0 || abstained == len(all) || s.Abstained != int64(abstained) || s.OK != int64(len(all)-abstained) {
		t.Errorf("%d of %d abstained; summary: %+v", abstained, len(all), s.Counts)
	}
	tagbeam(t, other.args()...).want(exitOK).prints("nothing to do")
}

func jsonNumber(x float32) string {
	text, err := json.Marshal(x)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// TestMaxErrorRatio: too many errors publish nothing; the images stay new.
func TestMaxErrorRatio(t *testing.T) {
	t.Parallel()
	j := newJob(t, 6)
	for _, name := range []string{"a.png", "b.png"} {
		writeFile(t, filepath.Join(j.input, name), pngImage(1)[:50])
	}
	e := tagbeam(t, j.args("--max-error-ratio", "0.2")...).want(exitFailed).says("run 1 aborted, nothing published: 2 of 8 images failed (25.0 %), more than --max-error-ratio 0.2", "truncated 2")
	if first, _, _ := strings.Cut(e.stdout, "\n"); first != "run 1 aborted" {
		t.Errorf("first line %q", first)
	}
	if strings.Contains(e.stdout, "table ") {
		t.Errorf("it names a table\n%s", e)
	}
	if labels := j.objects(t, "labels/"); len(labels) > 0 {
		t.Errorf("aborted, and there are %v", labels)
	}
	tagbeam(t, j.args("--max-error-ratio", "0")...).want(exitFailed).says("run 2 aborted")
	// On the border it is not more than that.
	tagbeam(t, j.args("--max-error-ratio", "0.25")...).want(exitPartial).prints("run 3 published", "images     8 ")
	for _, r := range j.rows(t) {
		if r.RunID != 3 {
			t.Errorf("%s: a row of run %d", r.URI, r.RunID)
		}
	}
}

// TestLimitsOfOneImage: larger images are refused by name, size and header.
func TestLimitsOfOneImage(t *testing.T) {
	t.Parallel()
	j := newJob(t, 2)
	tagbeam(t, j.args("--max-pixels", "89")...).want(exitPartial).prints("too_large 2")
	if r := j.row(t, imageName(0), 1); !strings.Contains(r.ErrorMessage, "--max-pixels") || *r.Width != 10 || *r.Height != 9 {
		t.Errorf("row: %+v", r)
	}
	tagbeam(t, j.args("--retry-errors", "--max-bytes", "50")...).want(exitPartial).prints("too_large 2")
	if r := j.row(t, imageName(0), 2); !strings.Contains(r.ErrorMessage, "--max-bytes") {
		t.Errorf("row: %+v", r)
	}
	// The others, each by an image that has too much of it, and one that ends too early.
	j = newJob(t, 0)
	images := map[string]string{"scans.jpg": "flat_progressive.jpg", "frames.webp": "animated.webp", "metadata.jpg": "orientation_1.jpg", "cut.jpg": "wide_420.jpg"}
	for name, from := range images {
		data, err := os.ReadFile(madeImage(from))
		if err != nil {
			t.Fatal(err)
		}
		if name == "cut.jpg" {
			data = data[:len(data)/2]
		}
		if err := os.WriteFile(filepath.Join(j.input, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tagbeam(t, j.args("--max-scans", "2", "--max-frames", "1", "--max-metadata", "18")...).want(exitPartial).prints("too_large 3", "truncated 1")
	for name, want := range map[string]string{"scans.jpg": "--max-scans", "frames.webp": "--max-frames", "metadata.jpg": "--max-metadata"} {
		if r := j.row(t, name, 1); !strings.Contains(r.ErrorMessage, want) {
			t.Errorf("row: %+v", r)
		}
	}
	tagbeam(t, j.args("--retry-errors", "--allow-truncated")...).want(exitOK)
}
