package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/jpeg"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/tagbeam/tagbeam/model/onnx"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" { // started as our own program by TestWhole
		main()
		return
	}
	if err := adoptOrphans(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestParsePillow(t *testing.T) {
	rows := parsePillow(`JPEG to 3x224x224 float32: CPU ms per image, one thread each
photos                  files  rounds  tagbeam   Pillow    times      min      max at least
small                      40      15     1.10     2.20     2.00     1.90     2.10      1.8
large, --fast-decode        3      15    12.00    48.00     4.00     3.50     4.50
PASS
`)
	want := []PillowRow{
		{"small", 1.1, 2.2, Spread{1.9, 2, 2.1, 15}, 1.8},
		{"large, --fast-decode", 12, 48, Spread{3.5, 4, 4.5, 15}, 0},
	}
	if len(rows) != len(want) || rows[0] != want[0] || rows[1] != want[1] {
		t.Errorf("got %+v, want %+v", rows, want)
	}
}

// sample is one of a contestant that starts in a second and then does rate images a second.
func sample(contestant string, round, n int, rate float64) Sample {
	s := Sample{Experiment: partMobile, Contestant: contestant, Round: round, Images: n}
	s.Seconds = 1 + float64(n)/rate
	s.CPUSeconds, s.PeakRSS = 2*s.Seconds, 100
	return s
}

func TestRatesAreBetweenSizesAndRatiosWithinRounds(t *testing.T) {
	r := newReport("")
	r.Experiments = []*experiment{{Name: partMobile, Sizes: []int{16, 100, 1100}}}
	// The machine is half as fast in the second round: no ratio may show it.
	for round, speed := range []float64{1, .5, 1} {
		for _, n := range []int{16, 100, 1100} {
			r.Samples = append(r.Samples, sample(nameTag, round, n, 300*speed), sample(peerScript, round, n, 100*speed))
		}
		for name, rate := range map[string]float64{nameInfer: 400, namePreprocess: 1200} {
			s := sample(name, round, 1100, 1)
			s.Loop = &Loop{Images: 1100, Seconds: 1100 / (rate * speed), CPUSeconds: 1}
			r.Samples = append(r.Samples, s)
		}
	}
	r.finish()
	got := map[string]Bar{}
	for _, b := range r.Bars {
		got[b.Name] = b
	}
	for name, want := range map[string]struct {
		median  float64
		verdict string
	}{
		"mobilenetv2: times as fast as " + peerScript:     {3, "met"},
		"mobilenetv2: of the ceiling 1/(1/a + 1/b)":       {1, "met"},
		"mobilenetv2: peak RSS, of that of " + peerScript: {1, "not met"},
		"mobilenetv2: 16 images, whole process, seconds":  {1 + 16./300, "not met"},
	} {
		b := got[name]
		if math.Abs(b.Measured.Median-want.median) > 1e-9 || b.Verdict != want.verdict || b.Measured.Rounds != 3 {
			t.Errorf("%s: %+v, want %v, %s", name, b, want.median, want.verdict)
		}
	}
	if b := got["mobilenetv2: times as fast as "+peerRay]; b.Verdict != "not measured" || b.Skipped == "" {
		t.Errorf("what was not measured: %+v", b)
	}
	if s := r.Results[0]; s.Contestant != nameTag || s.Rate.Min != 150 || math.Abs(s.Rate.Max-300) > 1e-9 || s.CPU.Median < 6.6 || s.CPU.Median > 6.7 {
		t.Errorf("%+v", s)
	}
	if text := r.markdown(); !strings.Contains(text, "| tuned Python script") || !strings.Contains(text, "not measured: squeezenet") {
		t.Error(text)
	}
}

// TestWhole runs both commands with the real program over a few images.
func TestWhole(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	t.Setenv("TAGBEAM_SHARED", "")
	library, err := onnx.Find("")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Setenv("TAGBEAM_ONNXRUNTIME", library) // for programs that stand elsewhere
	work := t.TempDir()
	tagbeam := filepath.Join(work, "tagbeam")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", tagbeam, "./pipeline/tagbeam") // as make build, which has filled the cache
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	run := func(args ...string) {
		t.Helper()
		if err := command(t.Context(), append(args, "-work", work, "-tagbeam", tagbeam)); err != nil {
			t.Fatal(err)
		}
	}
	readme := filepath.Join(work, "README.md")
	if err := os.WriteFile(readme, []byte("<!-- measured: begin --><!-- measured: end -->\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run("run", "-parts", "builtin,memory", "-peers", "none", "-images", "16", "-rounds", "2", "-readme", readme)
	r, err := loadReport(filepath.Join(work, "bench.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Samples {
		if s.Error != "" {
			t.Errorf("%s, %s, %d images: %s", s.Experiment, s.Contestant, s.Images, s.Error)
		}
	}
	// Each round: both halves once, tag at three sizes, the same on prism, and tag at two sizes.
	if len(r.Samples) != 2*(2+3+3+2) || r.experiment(partMemory) == nil {
		t.Errorf("%d samples: %+v", len(r.Samples), r.Skipped)
	}
	if text, _ := os.ReadFile(readme); !strings.Contains(string(text), "| "+namePrism) {
		t.Errorf("%s", text)
	}

	run("scale", "-sizes", "50,200", "-to", readme)
	var s ScaleReport
	data, err := os.ReadFile(filepath.Join(work, "scale.json"))
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil || len(s.Rows) != 4 {
		t.Fatalf("%d rows, %v", len(s.Rows), err)
	}
	for _, row := range s.Rows {
		if row.TableBytes == 0 || row.OtherBytes == 0 || row.PeakRSS == 0 || row.AgainUsage.Seconds == 0 {
			t.Errorf("%+v", row)
		}
	}
	for _, pattern := range []string{"out-*", "small-*", "*.partial"} {
		if left, _ := filepath.Glob(filepath.Join(work, pattern)); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestNoRoundIsBegunThatWouldEndTooLate(t *testing.T) {
	r := newReport(filepath.Join(t.TempDir(), "report.json"))
	shell := contestant{name: nameTag, done: reported, command: func(int, string) *exec.Cmd { return exec.Command("echo", `{"images": 3}`) }}
	slow, quick := &experiment{Name: partMobile, Sizes: []int{3}}, &experiment{Name: partSqueeze, Sizes: []int{3}}
	slow.contestants, quick.contestants = []contestant{shell}, []contestant{shell}
	r.Experiments = []*experiment{slow, quick}
	p := plan{work: t.TempDir(), rounds: 3, within: time.Hour}
	if err := p.round(context.Background(), r, 0); err != nil {
		t.Fatal(err)
	}
	slow.took = 2 * time.Hour
	for round := 1; round < 3; round++ {
		if err := p.round(context.Background(), r, round); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := len(slow.of(r.Samples, nameTag, 3)), len(quick.of(r.Samples, nameTag, 3)); a != 1 || b != 3 {
		t.Errorf("%d and %d rounds, want 1 and 3", a, b)
	}
}

func TestFailingContestantIsNamedAndOthersGoOn(t *testing.T) {
	r := newReport(filepath.Join(t.TempDir(), "report.json"))
	shell := func(name, script string) contestant {
		return contestant{name: name, done: reported, command: func(int, string) *exec.Cmd { return exec.Command("sh", "-c", script) }}
	}
	e := &experiment{Name: partMobile, Sizes: []int{3}, contestants: []contestant{
		shell(peerScript, "echo it is broken >&2; exit 3"),
		shell(peerBeam, `echo '{"images": 2}'`),
		shell(nameTag, `echo '{"images": 3}'`),
	}}
	r.Experiments = []*experiment{e}
	for round := range 2 {
		if err := e.round(context.Background(), t.TempDir(), round, r.keep); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(e.of(r.Samples, nameTag, 3)); n != 2 {
		t.Errorf("the one that works was measured %d times, want 2", n)
	}
	if n := len(r.Samples); n != 4 {
		t.Errorf("%d samples, want 4: who failed is not tried again", n)
	}
	saved, err := loadReport(r.file)
	if err != nil {
		t.Fatal(err)
	}
	for peer, want := range map[string]string{peerScript: "it is broken", peerBeam: "2 of 3 images were done"} {
		if why := saved.whyNot(partMobile, peer); !strings.Contains(why, want) {
			t.Errorf("%s: %q does not say %q", peer, why, want)
		}
	}
}

func TestPeersGetTheirBestBatch(t *testing.T) {
	at := func(batch int) contestant {
		spin := map[int]string{4: "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; ", 8: "", 16: "exit 1; "}[batch]
		return contestant{name: peerScript, done: reported, command: func(int, string) *exec.Cmd { return exec.Command("sh", "-c", spin+`echo '{"images": 3}'`) }}
	}
	u := tools{work: t.TempDir()}
	for _, test := range []struct {
		sizes []int
		want  int
	}{{[]int{4, 8, 16}, 8}, {[]int{16, 4}, 4}, {[]int{16}, 16}} {
		if got := u.bestBatch(t.Context(), at, test.sizes, 3); got != test.want {
			t.Errorf("of %v the best is %d, want %d", test.sizes, got, test.want)
		}
	}
}

func TestInterruptionEndsCommandAndItsChildren(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.Command("sh", "-c", "sleep 600 & echo ready; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		io.ReadFull(out, make([]byte, 1))
		cancel()
	}()
	if _, err := measure(ctx, cmd, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := children(); len(left) > 0 {
		t.Errorf("%v are still there", left)
	}
}

func TestCommandMayTakeSoLongAndLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	cmd := exec.Command("sh", "-c", "echo $TMPDIR; touch $TMPDIR/left; sleep 600")
	var out strings.Builder
	cmd.Stdout = &out
	if _, err := measure(context.Background(), cmd, 200*time.Millisecond); err == nil || !strings.Contains(err.Error(), "200ms it may take") {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 || !strings.HasPrefix(out.String(), os.Getenv("TMPDIR")) {
		t.Errorf("%v, %v; its TMPDIR was %s", left, err, out.String())
	}
}

func TestMemoryAndTimeOfAllProcesses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux shows the memory of other processes")
	}
	u, err := measure(context.Background(), exec.Command("sh", "-c", "(head -c 60000000 /dev/zero | tail -c 50000000 >/dev/null) & wait"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if u.PeakRSS < 40_000_000 || u.Processes < 2 {
		t.Errorf("%+v: the grandchild held 50 MB", u)
	}
}

// A process that nobody waits for is not in anybody's resource usage.
func TestTimeOfProcessesNobodyWaitsFor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux shows the time of other processes")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	u, err := measure(context.Background(), exec.Command(python, "-c", `
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if os.fork() == 0:
    while time.process_time() < .7: pass
    os._exit(0)
try: os.wait()
except ChildProcessError: pass
`), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if u.CPUSeconds < .5 {
		t.Errorf("%.2f CPU s: the child used .7", u.CPUSeconds)
	}
}

func TestSmallImagesAreTheSameInBoth(t *testing.T) {
	c := corpora{folder: t.TempDir()}
	const n = 25
	tars, err := c.shards(n, 10)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := c.tables(n, 10)
	if err != nil {
		t.Fatal(err)
	}
	var inTars, inTables [][]byte
	names, _ := filepath.Glob(filepath.Join(tars, "*.tar"))
	if err := eachMember(names, func(data []byte) bool { inTars = append(inTars, data); return true }); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(tables, "*.parquet"))
	for _, f := range files {
		rows, err := parquet.ReadFile[imageRow](f)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			inTables = append(inTables, row.Image.Bytes)
		}
	}
	if len(names) != 3 || len(files) != 3 || len(inTars) != n || len(inTables) != n {
		t.Fatalf("%d archives with %d, %d tables with %d", len(names), len(inTars), len(files), len(inTables))
	}
	seen := map[string]bool{}
	for i, data := range inTars {
		if !bytes.Equal(data, inTables[i]) {
			t.Errorf("image %d differs", i)
		}
		if img, err := jpeg.Decode(bytes.NewReader(data)); err != nil || img.Bounds().Dx() != 32 {
			t.Errorf("image %d: %v", i, err)
		}
		if seen[string(data)] {
			t.Errorf("image %d is there twice", i)
		}
		seen[string(data)] = true
	}
}

func TestCopiedArchivesHaveImagesOfTheirOwn(t *testing.T) {
	c := corpora{folder: t.TempDir()}
	from, err := c.shards(3, 3)
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(from, "small-000000.tar")
	seen := map[string]bool{}
	for i := range 2 {
		to := filepath.Join(t.TempDir(), "copy.tar")
		if err := copyTar(source, to, 3*i); err != nil {
			t.Fatal(err)
		}
		if err := eachMember([]string{to}, func(data []byte) bool { seen[string(data)] = true; return true }); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d different images, want 6", len(seen))
	}
	broken := filepath.Join(t.TempDir(), "broken.tar")
	if err := os.WriteFile(broken, bytes.Repeat([]byte("x"), 1024), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := copyTar(broken, filepath.Join(t.TempDir(), "copy.tar"), 0); !errors.Is(err, tar.ErrHeader) {
		t.Errorf("got %v", err)
	}
}

func TestInterruptedCorpusIsMadeAnew(t *testing.T) {
	c := corpora{folder: t.TempDir()}
	if _, err := c.made("x", func(string) error { return errors.New("disk full") }); err == nil {
		t.Fatal("no error")
	}
	folder, err := c.made("x", func(folder string) error { return os.WriteFile(filepath.Join(folder, "a"), nil, 0o644) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "a")); err != nil {
		t.Error(err)
	}
}

func TestWriteBetweenMarkers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(file, []byte("a\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nb\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := writeBetween(file, "measured", "new\n"); err != nil {
			t.Fatal(err)
		}
	}
	if data, _ := os.ReadFile(file); string(data) != "a\n<!-- measured: begin -->\nnew\n<!-- measured: end -->\nb\n" {
		t.Errorf("%s", data)
	}
	if err := writeBetween(file, "other", ""); err == nil {
		t.Error("no error without markers")
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{
		{}, {"fly"}, {"run", "-parts", "nothing"}, {"run", "-peers", "fortran"}, {"run", "-tagbeam", "/nowhere"},
		{"scale", "-sizes", "10,x"}, {"scale", "-tagbeam", "/nowhere"}, {"write", "-json", "/nowhere"}, {"worker"},
	} {
		if err := command(context.Background(), append(args[:len(args):len(args)], optionsAfter(args, t.TempDir())...)); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

func optionsAfter(args []string, work string) []string {
	if len(args) > 1 && args[0] != "write" {
		return []string{"-work", work}
	}
	return nil
}

func TestSummaryWithCopiesIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"ok": 3, "abstained": 1}`: "",
		`{"ok": 3, "copies": 1}`:    "copies of others",
		`{`:                         "unexpected end",
	} {
		out := t.TempDir()
		if err := os.WriteFile(filepath.Join(out, "summary.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		n, err := summarised(nil, out)
		if want == "" && (err != nil || n != 4) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
}
