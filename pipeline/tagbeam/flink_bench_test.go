package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
	seconds := func(input string, flags ...string) float64 {
		j := job{input, model, filepath.Join(t.TempDir(), "out")}
		args := append([]string{"tag", "--input", j.input, "--model", j.model, "--output", j.output, "--no-dedup", "--batch", "4", "--unit-images", "64"}, flags...)
		e, sum := summarised(t, args...)
		e.want(exitOK)
		return sum.TagSeconds
	}
	flink := func(parallelism string) []string {
		return []string{"--runner=flink", "--endpoint=" + s.endpoint, "--shared-filesystem", "--parallelism", parallelism}
	}
	ways := []struct {
		name  string
		flags []string
	}{{"direct", nil}, {"flink, parallelism 1", flink("1")}, {"flink, parallelism 4", flink("4")}}
	seconds(few, ways[1].flags...) // warm
	ratios := map[string][]float64{}
	for range rounds {
		perPhoto := map[string]float64{}
		for _, w := range ways {
			a, b := seconds(few, w.flags...), seconds(many, w.flags...)
			perPhoto[w.name] = (b - a) / 1800
			t.Logf("%s: %.1f s for 200, %.1f s for 2,000: %.2f ms a photo", w.name, a, b, 1000*perPhoto[w.name])
		}
		for _, w := range ways[1:] {
			ratios[w.name] = append(ratios[w.name], perPhoto[w.name]/perPhoto["direct"])
		}
		ratios["4 beside 1"] = append(ratios["4 beside 1"], perPhoto[ways[1].name]/perPhoto[ways[2].name])
	}
	for name, r := range ratios {
		slices.Sort(r)
		t.Logf("%s: median ratio %.2f of %.2f", name, r[len(r)/2], r)
	}
}
