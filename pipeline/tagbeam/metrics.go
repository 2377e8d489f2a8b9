package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// lastSuccessName is the one metric that outlives the command that wrote it: a failed one keeps what stands in the file.
const lastSuccessName = "tagbeam_last_success_timestamp_seconds"

// metric is one family of gauges in Prometheus's text format.
type metric struct {
	name, help string
	samples    []sample
}

// sample is a value, told from others of its family by one label, if any.
type sample struct {
	label, of string
	value     float64
}

// metrics are how a command ended. lastSuccess is that of an earlier one, or 0. Names and labels are a contract: see README.
func (s *summary) metrics(now time.Time, lastSuccess float64) []metric {
	one := func(name, help string, value float64) metric {
		return metric{name, help, []sample{{value: value}}}
	}
	success := 0.0
	if s.ExitCode == exitOK || s.ExitCode == exitPartial {
		success, lastSuccess = 1, seconds(now)
	}
	all := []metric{
		one("tagbeam_last_run_timestamp_seconds", "When the last command ended, in seconds since 1970.", seconds(now)),
		one("tagbeam_last_run_success", "Whether the last command published its run or had nothing to do (exit code 0 or 3).", success),
		one("tagbeam_last_run_exit_code", "Exit code of the last command.", float64(s.ExitCode)),
		one("tagbeam_last_run_duration_seconds", "How long the last command took.", s.Seconds),
		one("tagbeam_last_run_listed_images", "Images that the last command found under its inputs.", float64(s.Listed)),
		one("tagbeam_last_run_skipped_images", "Of those, images that had been tagged before.", float64(s.Skipped)),
		{"tagbeam_last_run_images", "Images of the last command's runs, by status.", []sample{
			{"status", "ok", float64(s.OK)}, {"status", "abstained", float64(s.Abstained)}, {"status", "failed", float64(s.Failed)},
		}},
	}
	if lastSuccess > 0 {
		all = append(all, one(lastSuccessName, "When a command last published its run or had nothing to do, in seconds since 1970.", lastSuccess))
	}
	failures := metric{name: "tagbeam_last_run_image_errors", help: "Failed images of the last command's runs, by error code."}
	for code, n := range s.Errors {
		failures.samples = append(failures.samples, sample{"code", code, float64(n)})
	}
	if len(failures.samples) > 0 {
		slices.SortFunc(failures.samples, func(a, b sample) int { return strings.Compare(a.of, b.of) })
		all = append(all, failures)
	}
	return all
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// metricsText is Prometheus's text format; every sample has the output as a label, so that several may be scraped from one machine.
func metricsText(all []metric, output string) []byte {
	var b strings.Builder
	for _, m := range all {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", m.name, m.help, m.name)
		for _, s := range m.samples {
			labels := "output=" + labelValue(output)
			if s.label != "" {
				labels += "," + s.label + "=" + labelValue(s.of)
			}
			fmt.Fprintf(&b, "%s{%s} %s\n", m.name, labels, strconv.FormatFloat(s.value, 'f', -1, 64))
		}
	}
	return []byte(b.String())
}

// labelValue quotes as the text format does, which is not how Go does.
func labelValue(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "\uFFFD")) + `"`
}

// writeMetrics replaces the file in one step: the node exporter may read it at any moment.
func (s *summary) writeMetrics(file string, now time.Time) error {
	before, err := lastSuccess(file)
	if err != nil {
		return err
	}
	return replaceFile(file, metricsText(s.metrics(now, before), s.Output))
}

// lastSuccess reads the time of the last success from a file of earlier metrics; 0: there is none.
func lastSuccess(file string) (float64, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, lastSuccessName+"{"); ok {
			// A file that is not ours, or was cut short, tells nothing.
			v, _ := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, '}')+1:]), 64)
			return v, nil
		}
	}
	return 0, nil
}

// replaceFile writes a file that others may read meanwhile.
func replaceFile(file string, data []byte) error {
	t, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*") // without .prom at its end, nobody reads it
	if err != nil {
		return err
	}
	_, err = t.Write(data)
	err = errors.Join(err, t.Chmod(0o644), t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), file)
	}
	if err != nil {
		os.Remove(t.Name())
	}
	return err
}
