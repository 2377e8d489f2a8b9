package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/tagbeam/tagbeam/io/table"
)

// parseMetrics reads a file as Prometheus does: value by name and labels other than output.
func parseMetrics(t *testing.T, data []byte, output string) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, data)
	}
	got := map[string]float64{}
	for name, f := range families {
		if f.GetType() != dto.MetricType_GAUGE || f.GetHelp() == "" || !strings.HasPrefix(name, "tagbeam_") {
			t.Errorf("%s: %v, help %q", name, f.GetType(), f.GetHelp())
		}
		for _, m := range f.Metric {
			key := name
			for _, l := range m.Label {
				if l.GetName() != "output" {
					key += " " + l.GetValue()
				} else if l.GetValue() != output {
					t.Errorf("%s: output %q, want %q", name, l.GetValue(), output)
				}
			}
			got[key] = m.Gauge.GetValue()
		}
	}
	return got
}

func TestMetricsText(t *testing.T) {
	const output = "a \"folder\" \\ of\nmine"
	s := &summary{Output: output, ExitCode: exitPartial, Seconds: 1.5, Listed: 10_000_000, Skipped: 3, Counts: table.Counts{Images: 7, OK: 4, Abstained: 1, Failed: 2, Errors: map[string]int64{"corrupt": 1, "not_found": 1}}}
	now := time.UnixMilli(1_795_000_000_250)
	got := parseMetrics(t, metricsText(s.metrics(now, 5), output), output)
	want := map[string]float64{
		"tagbeam_last_run_timestamp_seconds": 1_795_000_000.25, "tagbeam_last_success_timestamp_seconds": 1_795_000_000.25, "tagbeam_last_run_success": 1,
		"tagbeam_last_run_exit_code": 3, "tagbeam_last_run_duration_seconds": 1.5, "tagbeam_last_run_listed_images": 10_000_000, "tagbeam_last_run_skipped_images": 3,
		"tagbeam_last_run_images ok": 4, "tagbeam_last_run_images abstained": 1, "tagbeam_last_run_images failed": 2,
		"tagbeam_last_run_image_errors corrupt": 1, "tagbeam_last_run_image_errors not_found": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.ExitCode = exitFailed
	got = parseMetrics(t, metricsText(s.metrics(now, 5), output), output)
	if got["tagbeam_last_run_success"] != 0 || got[lastSuccessName] != 5 {
		t.Errorf("a failure says %v", got)
	}
	if got := parseMetrics(t, metricsText(s.metrics(now, 0), output), output); got[lastSuccessName] != 0 {
		t.Errorf("a failure without a success before it says %v", got)
	}
}

// TestMetricsTextfile: every end of a command is written down, whole, and the time of the last success outlives failures.
func TestMetricsTextfile(t *testing.T) {
	t.Parallel()
	j := newJob(t, 4)
	dir := t.TempDir()
	file := filepath.Join(dir, "tagbeam.prom")
	read := func() map[string]float64 {
		t.Helper()
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o644 {
			t.Errorf("mode %v, %v", st.Mode(), err) // the node exporter is another user
		}
		if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
			t.Errorf("left beside it: %v, %v", names, err)
		}
		return parseMetrics(t, data, j.output)
	}
	began := seconds(time.Now())
	tagbeam(t, j.args("--metrics-textfile", file)...).want(exitOK)
	first := read()
	if first["tagbeam_last_run_images ok"] != 4 || first["tagbeam_last_run_success"] != 1 || first[lastSuccessName] < math.Floor(began) {
		t.Errorf("%v", first)
	}
	if err := os.WriteFile(filepath.Join(j.input, "broken.png"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	tagbeam(t, j.args("--metrics-textfile", file, "--max-error-ratio", "0")...).want(exitFailed)
	if m := read(); m["tagbeam_last_run_success"] != 0 || m["tagbeam_last_run_exit_code"] != 1 || m["tagbeam_last_run_images failed"] != 1 || m[lastSuccessName] != first[lastSuccessName] {
		t.Errorf("after an abort: %v", m)
	}
	bad := j
	bad.model = filepath.Join(dir, "nowhere")
	tagbeam(t, bad.args("--metrics-textfile", file)...).want(exitUsage)
	if m := read(); m["tagbeam_last_run_success"] != 0 || m["tagbeam_last_run_exit_code"] != 2 || m[lastSuccessName] != first[lastSuccessName] {
		t.Errorf("after a mistake: %v", m)
	}
	tagbeam(t, j.args("--metrics-textfile", file)...).want(exitPartial)
	if m := read(); m["tagbeam_last_run_success"] != 1 || m["tagbeam_last_run_image_errors unsupported_format"]+m["tagbeam_last_run_image_errors truncated"]+m["tagbeam_last_run_image_errors corrupt"] != 1 || m[lastSuccessName] <= first[lastSuccessName] {
		t.Errorf("after a partial run: %v", m)
	}
	tagbeam(t, j.args("--metrics-textfile", filepath.Join(dir, "tagbeam.txt"))...).want(exitUsage).says("--metrics-textfile", ".prom")
	tagbeam(t, j.args("--metrics-textfile", filepath.Join(dir, "no", "tagbeam.prom"))...).want(exitUsage).says("--metrics-textfile", "there is no folder")
}
