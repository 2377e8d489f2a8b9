package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestFlinkOverhead measures what a photo costs on Flink, with one subtask and with four, beside the direct runner: rounds of the three in turn, each of
// them with 200 and with 2,000 photos, so that the difference is free of what starting costs. It runs when TAGBEAM_FLINK_ROUNDS says how many rounds.
func TestFlinkOverhead(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv("TAGBEAM_FLINK_ROUNDS"))
	if err != nil {
		t.Skip("TAGBEAM_FLINK_ROUNDS is not set")
	}
	photos, model := shared(t, "photos"), shared(t, "models", "mobilenetv2")
	few, many := filepath.Join(t.TempDir(), "few"), filepath.Join(t.TempDir(), "many")
	files, err := os.ReadDir(photos)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data := readFile(t, filepath.Join(photos, f.Name()))
		writeFile(t, filepath.Join(few, f.Name()), data)
		for i := range 10 {
			writeFile(t, filepath.Join(many, fmt.Sprintf("%d-%s", i, f.Name())), data)
		}
	}
	s := startJobServer(t)
	// run returns seconds by the clock and of all CPUs, the job server's and its workers' included.
	run := func(input string, flags ...string) [2]float64 {
		j := job{input, model, filepath.Join(t.TempDir(), "out")}
		file, before := filepath.Join(t.TempDir(), "summary.json"), s.cpu()
		args := append([]string{"tag", "--input", j.input, "--model", j.model, "--output", j.output, "--no-dedup", "--batch", "4", "--unit-images", "64",
			"--summary-json", file, "--quiet"}, flags...)
		p := start(t, args...)
		sum := p.wait().want(exitOK).readSummary(file)
		waitFor(t, "the worker's end", func() bool { return len(children(s.cmd.Process.Pid)) == 0 }) // it counts when it is waited for
		own := p.cmd.ProcessState
		return [2]float64{sum.TagSeconds, s.cpu() - before + (own.UserTime() + own.SystemTime()).Seconds()}
	}
	flink := func(parallelism string) []string {
		return []string{"--runner=flink", "--endpoint=" + s.endpoint, "--shared-filesystem", "--parallelism", parallelism}
	}
	ways := []struct {
		name  string
		flags []string
	}{{"direct", nil}, {"flink, parallelism 1", flink("1")}, {"flink, parallelism 4", flink("4")}}
	run(few, ways[1].flags...) // warm
	ratios := map[string][]float64{}
	for range rounds {
		per := map[string][2]float64{}
		for _, w := range ways {
			a, b := run(few, w.flags...), run(many, w.flags...)
			per[w.name] = [2]float64{(b[0] - a[0]) / 1800 * 1000, (b[1] - a[1]) / 1800 * 1000}
			t.Logf("%s: %.1f s for 200, %.1f s for 2,000: %.2f ms a photo, of CPU %.2f ms", w.name, a[0], b[0], per[w.name][0], per[w.name][1])
		}
		for i, measure := range []string{"clock", "CPU"} {
			one, four := per[ways[1].name][i], per[ways[2].name][i]
			for name, r := range map[string]float64{"Flink beside direct": one / per["direct"][i], "parallelism 4 beside 1": four / one} {
				ratios[name+", "+measure] = append(ratios[name+", "+measure], r)
			}
		}
	}
	for name, r := range ratios {
		slices.Sort(r)
		t.Logf("%s: median ratio %.2f of %.2f", name, r[len(r)/2], r)
	}
}

// cpu is the CPU time of the job server so far, and of the workers that have ended, in seconds.
func (s *jobServer) cpu() float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), ") ")
	ticks := 0
	for _, field := range strings.Fields(after)[11:15] { // utime, stime, cutime, cstime; 100 ticks a second on Linux
		n, err := strconv.Atoi(field)
		if err != nil {
			s.t.Fatal(err)
		}
		ticks += n
	}
	return float64(ticks) / 100
}

// children are the processes that a process has started and not yet waited for.
func children(pid int) []string {
	var all []string
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		data, _ := os.ReadFile(f)
		all = append(all, strings.Fields(string(data))...)
	}
	return all
}
