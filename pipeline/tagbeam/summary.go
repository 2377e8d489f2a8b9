package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/pipeline"
)

// summary is how a command ended: what --summary-json writes, and what a person reads. Its field names are a contract.
type summary struct {
	State    string `json:"state"` // published, aborted, nothing_to_do, planned (--plan-only), submitted (--detach), failed or interrupted
	ExitCode int    `json:"exit_code"`
	Error    string `json:"error,omitempty"`

	Output string `json:"output"`
	Table  string `json:"table"`
	Runner string `json:"runner"`

	table.Counts
	Seconds         float64 `json:"seconds"`           // of the whole command
	TagSeconds      float64 `json:"tag_seconds"`       // of the runs' graphs
	ImagesPerSecond float64 `json:"images_per_second"` // of the runs' graphs

	Listed  int64 `json:"listed"`  // images under the inputs
	Skipped int64 `json:"skipped"` // of those, tagged before
	Planned int64 `json:"planned"` // of those, new; with --plan-only what a run would tag

	Model       string       `json:"model,omitempty"`
	ModelDigest string       `json:"model_digest,omitempty"`
	RunID       int64        `json:"run_id,omitempty"` // of the last run
	Job         *jobSummary  `json:"job,omitempty"`    // that was left alone (--detach)
	Runs        []runSummary `json:"runs"`

	Timings *timings `json:"timings,omitempty"` // with --timings
}

// runSummary is one run that the command finished.
type runSummary struct {
	RunID   int64    `json:"run_id"`
	State   string   `json:"state"`
	Resumed bool     `json:"resumed"`
	Reason  string   `json:"reason,omitempty"`
	Images  int64    `json:"images"`
	Failed  int64    `json:"failed"`
	Parts   []string `json:"parts"`

	Job *jobSummary `json:"job,omitempty"` // of a remote runner
}

// jobSummary is a job of a remote runner.
type jobSummary struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Counters map[string]int64 `json:"counters,omitempty"` // as the runner has added them up
}

func newJobSummary(j *pipeline.Job) *jobSummary {
	if j == nil {
		return nil
	}
	return &jobSummary{j.ID, j.Name, j.Counters}
}

func newSummary(o pipeline.Options, res *pipeline.Result, took time.Duration, tagging time.Duration) *summary {
	s := &summary{
		State:      "nothing_to_do",
		Output:     o.Output,
		Table:      strings.TrimSuffix(o.Output, "/") + "/labels",
		Runner:     o.Runner,
		Seconds:    took.Seconds(),
		TagSeconds: tagging.Seconds(),
		Runs:       []runSummary{},
	}
	if res == nil {
		return s
	}
	s.Job = newJobSummary(res.Detached)
	s.Listed, s.Skipped, s.Planned = res.Stats.Listed, res.Stats.Skipped, res.Stats.Images
	for _, r := range res.Runs {
		rs := runSummary{RunID: r.Plan.RunID, State: string(r.State), Resumed: r.Resumed, Parts: []string{}, Job: newJobSummary(r.Job)}
		s.State, s.RunID, s.Model, s.ModelDigest = rs.State, rs.RunID, r.Plan.Model, r.Plan.ModelDigest
		if r.Decision != nil {
			rs.Images, rs.Failed, rs.Reason = r.Decision.Counts.Images, r.Decision.Counts.Failed, r.Decision.Reason
			s.Counts.Add(r.Decision.Counts)
		}
		if r.Manifest != nil {
			for _, p := range r.Manifest.Parts {
				rs.Parts = append(rs.Parts, p.Path)
			}
		}
		s.Runs = append(s.Runs, rs)
	}
	if tagging > 0 {
		s.ImagesPerSecond = float64(s.Images) / tagging.Seconds()
	}
	switch {
	case s.State == string(run.StateAborted):
		s.ExitCode = exitFailed
	case s.Failed > 0:
		s.ExitCode = exitPartial
	}
	return s
}

// failedSummary is that of a command that ended with err; res may be nil.
func failedSummary(ctx context.Context, o pipeline.Options, res *pipeline.Result, err error, took, tagging time.Duration) *summary {
	s := newSummary(o, res, took, tagging)
	s.State = "failed"
	if s.ExitCode, s.Error = outcome(ctx, err); s.ExitCode > 128 {
		s.State = "interrupted"
	}
	return s
}

// reason is the message for the exit code, empty when the summary says it all.
func (s *summary) reason() string {
	if s.State != string(run.StateAborted) {
		return ""
	}
	return fmt.Sprintf("run %d aborted, nothing published: %s", s.RunID, s.Runs[len(s.Runs)-1].Reason)
}

func (s *summary) writeJSON(file string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// print writes the summary for a person.
func (s *summary) print(w io.Writer) {
	if len(s.Runs) == 0 {
		fmt.Fprintf(w, "nothing to do: %d images under the inputs, %d tagged before\n", s.Listed, s.Skipped)
		return
	}
	for _, r := range s.Runs {
		resumed := ""
		if r.Resumed {
			resumed = " (gone on with)"
		}
		fmt.Fprintf(w, "run %d %s%s\n", r.RunID, r.State, resumed)
	}
	fmt.Fprintf(w, "images     %d in %.1f s, %.1f images/s\n", s.Images, s.TagSeconds, s.ImagesPerSecond)
	fmt.Fprintf(w, "ok         %d\n", s.OK)
	if s.Abstained > 0 {
		fmt.Fprintf(w, "abstained  %d\n", s.Abstained)
	}
	if s.Failed > 0 {
		fmt.Fprintf(w, "failed     %d: %s\n", s.Failed, top(s.Errors, 10))
	}
	if s.Copies > 0 {
		fmt.Fprintf(w, "copies     %d, which share another image's inference\n", s.Copies)
	}
	if s.Skipped > 0 {
		fmt.Fprintf(w, "skipped    %d, tagged before\n", s.Skipped)
	}
	if len(s.Labels) > 0 {
		fmt.Fprintf(w, "labels     %s\n", top(s.Labels, 10))
	}
	for i, u := range s.LeastSure {
		key := ""
		if i == 0 {
			key = "least sure"
		}
		name := u.URI
		if u.Member != "" {
			name += "#" + u.Member
		}
		fmt.Fprintf(w, "%-10s %s %.2f  %s\n", key, u.Label, u.Confidence, name)
	}
	if s.Timings != nil {
		fmt.Fprintf(w, "timings    %s\n", s.Timings)
	}
	if s.State == string(run.StatePublished) {
		fmt.Fprintf(w, "table      %s\n", s.Table)
	}
}

// top names the most frequent keys with their counts.
func top(counts map[string]int64, n int) string {
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	var out []string
	for _, k := range keys[:min(n, len(keys))] {
		out = append(out, fmt.Sprintf("%s %d", k, counts[k]))
	}
	if len(keys) > n {
		out = append(out, fmt.Sprintf("and %d more", len(keys)-n))
	}
	return strings.Join(out, ", ")
}
