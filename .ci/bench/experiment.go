package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A contestant is a command that works through a number of images.
type contestant struct {
	name string
	// command works on n images; out is an empty folder for what it writes.
	command func(n int, out string) *exec.Cmd
	// done says how many images it is shown to have done, from its output. Nothing is measured of what did not do its work.
	done func(stdout []byte, out string) (int, error)
	// alone marks the halves of the work, which report their own loop: no start, no end.
	alone bool
	// rounds is how often it is measured at most; 0: in every round. It is for those that take long.
	rounds int
}

// An experiment runs contestants side by side, each over the same numbers of images.
type experiment struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Sizes are numbers of images, ascending. Rates are those between the last two.
	Sizes []int `json:"sizes"`
	// Batch is the number of images that tagbeam infers at once; 0: it does not say.
	Batch int `json:"batch,omitempty"`
	// PeerBatch is the same of the peers.
	PeerBatch int `json:"peer_batch,omitempty"`

	contestants []contestant
	rounds      int             // no more than that; 0: as many as there are
	failed      map[string]bool // contestants, which are not tried again
	took        time.Duration   // by the last round
}

// commandMay is how long a command may take: many times what the slowest does.
const commandMay = 6 * time.Minute

// Sample is one command run once.
type Sample struct {
	Experiment string `json:"experiment"`
	Contestant string `json:"contestant"`
	Round      int    `json:"round"`
	Images     int    `json:"images"`
	Usage
	Loop  *Loop     `json:"loop,omitempty"`
	Error string    `json:"error,omitempty"`
	At    time.Time `json:"at"`
}

// round measures all contestants with all sizes, in an order that turns with the rounds. keep is called after every command.
func (e *experiment) round(ctx context.Context, work string, round int, keep func(Sample)) error {
	if e.failed == nil {
		e.failed = map[string]bool{}
	}
	began := time.Now()
	for i := range e.contestants {
		c := e.contestants[(i+round)%len(e.contestants)]
		for _, n := range e.Sizes {
			if e.failed[c.name] || c.rounds > 0 && round >= c.rounds || c.alone && n != e.Sizes[len(e.Sizes)-1] {
				continue
			}
			s := c.sample(ctx, work, n)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			s.Experiment, s.Round = e.Name, round
			e.failed[c.name] = s.Error != ""
			keep(s)
		}
	}
	e.took = time.Since(began)
	return nil
}

// sample runs the command once and looks at what it has done.
func (c contestant) sample(ctx context.Context, work string, n int) Sample {
	s := Sample{Contestant: c.name, Images: n, At: time.Now().UTC().Truncate(time.Second)}
	out, err := os.MkdirTemp(work, "out-")
	if err != nil {
		s.Error = err.Error()
		return s
	}
	defer os.RemoveAll(out)
	cmd := c.command(n, out)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	s.Usage, err = measure(ctx, cmd, commandMay)
	if err != nil {
		s.Error = fmt.Sprintf("%v: %s", err, lastLines(stderr.Bytes(), 5))
		return s
	}
	switch done, err := c.done(stdout.Bytes(), out); {
	case err != nil:
		s.Error = err.Error()
	case done != n && !(c.alone && done > n): // ONNX Runtime alone fills its last batch
		s.Error = fmt.Sprintf("%d of %d images were done", done, n)
	case c.alone:
		s.Loop = &Loop{}
		if err := json.Unmarshal(stdout.Bytes(), s.Loop); err != nil {
			s.Error = err.Error()
		}
	}
	return s
}

func lastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(len(lines)-n, 0):], "\n")
}

// reported reads {"images": n} in the last line of the output, which is how our scripts end.
func reported(stdout []byte, _ string) (int, error) {
	var r struct{ Images int }
	line := lastLines(stdout, 1)
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		return 0, fmt.Errorf("its last line is %q, not a count of images", line)
	}
	return r.Images, nil
}

// summarised reads the summary that tagbeam wrote.
func summarised(_ []byte, out string) (int, error) {
	data, err := os.ReadFile(filepath.Join(out, "summary.json"))
	if err != nil {
		return 0, err
	}
	var s struct{ OK, Abstained, Copies int }
	if err := json.Unmarshal(data, &s); err != nil {
		return 0, err
	}
	if s.Copies > 0 {
		return 0, fmt.Errorf("%d images were copies of others and not inferred: that is not what is measured", s.Copies)
	}
	return s.OK + s.Abstained, nil
}

// tools are the programs under measurement.
type tools struct {
	self    string // this program
	tagbeam string
	work    string
}

// cacheFolder, below work, is what tagbeam has for the user's cache: it keeps there how many images to infer at once.
const cacheFolder = "cache"

// tag is tagbeam tag from files to the committed table.
func (t tools) tag(name string, input func(n int) string, flags ...string) contestant {
	return contestant{name: name, done: summarised, command: func(n int, out string) *exec.Cmd {
		args := []string{"tag", "--input", input(n), "--output", filepath.Join(out, "table"), "--quiet", "--summary-json", filepath.Join(out, "summary.json")}
		cmd := exec.Command(t.tagbeam, append(args, flags...)...)
		cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(t.work, cacheFolder))
		return cmd
	}}
}

// alone is one half of the work.
func (t tools) alone(name, half string, input func(n int) string, flags ...string) contestant {
	return contestant{name: name, done: reported, alone: true, command: func(n int, _ string) *exec.Cmd {
		args := []string{"worker", half, "-images", input(n), "-n", fmt.Sprint(n)}
		return exec.Command(t.self, append(args, flags...)...)
	}}
}

// chosenBatch runs tagbeam once, which also brings files into the page cache and lets it measure its batch size, and returns that size; 0
// where its run does not say.
func (t tools) chosenBatch(ctx context.Context, c contestant, n int) (int, error) {
	out, err := os.MkdirTemp(t.work, "out-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(out)
	cmd := c.command(n, out)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if _, err := measure(ctx, cmd, commandMay); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, lastLines(stderr.Bytes(), 5))
	}
	settings, err := filepath.Glob(filepath.Join(out, "table", "_runs", "*", "settings.json"))
	if err != nil || len(settings) == 0 {
		return 0, err
	}
	data, err := os.ReadFile(settings[0])
	if err != nil {
		return 0, err
	}
	var s struct{ Batch int }
	err = json.Unmarshal(data, &s)
	return s.Batch, err
}

// bestBatch is that of the sizes with which the command uses the least CPU time; the first when it fails with all of them, as the
// measurement will tell.
func (t tools) bestBatch(ctx context.Context, at func(batch int) contestant, sizes []int, n int) int {
	best, least := sizes[0], math.Inf(1)
	for _, batch := range sizes {
		if s := at(batch).sample(ctx, t.work, n); s.Error == "" && s.CPUSeconds < least {
			best, least = batch, s.CPUSeconds
		}
	}
	return best
}

// of are the samples of one contestant, by round and size.
func (e *experiment) of(samples []Sample, contestant string, images int) map[int]Sample {
	found := map[int]Sample{}
	for _, s := range samples {
		if s.Experiment == e.Name && s.Contestant == contestant && s.Images == images && s.Error == "" {
			found[s.Round] = s
		}
	}
	return found
}

// Names are those of the contestants that the samples know, in the order of the first round.
func (e *experiment) names(samples []Sample) (names []string) {
	for _, s := range samples {
		if s.Experiment == e.Name && !slices.Contains(names, s.Contestant) {
			names = append(names, s.Contestant)
		}
	}
	return names
}
