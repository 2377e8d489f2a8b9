package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/pipeline"
)

func newRunsCommand() *cobra.Command {
	var asJSON, forget bool
	cmd := &cobra.Command{
		Use:   "runs OUTPUT",
		Short: "List the runs of a table, with their counts and state",
		Long: `runs lists the runs of OUTPUT, the oldest first: when each was planned, how far it has come, and how many images it has tagged.

States: planned (not finished: the command that planned it goes on with it), committed (decided, not yet in the table: any tag command finishes it),
published (in the table), aborted (nothing of it is in the table).

A part file that was deleted from OUTPUT/labels stops the next run, because its images would otherwise never be tagged again. With --forget-missing
tagbeam notes that the missing parts are gone for good, lists them, and their images count as not tagged.

Exit codes:
  0  listed, also when there are none
  1  the output could not be read
  2  a mistake in the command, or there is no such output`,
		Example: `  tagbeam runs tags
  tagbeam runs gs://bucket/tags --json | jq 'select(.state == "published") | .counts.images'`,
		Args: oneOutput,
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := openOutput(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if forget {
				return forgetMissing(cmd.Context(), out)
			}
			runs, err := out.Runs(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeRunsJSON(os.Stdout, runs)
			}
			return writeRuns(os.Stdout, runs)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, for programs")
	cmd.Flags().BoolVar(&forget, "forget-missing", false, "forget the part files that are gone from OUTPUT/labels: their images are new again")
	cmd.MarkFlagsMutuallyExclusive("json", "forget-missing")
	return cmd
}

// oneOutput is for commands that take one OUTPUT.
func oneOutput(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &pipeline.UsageError{Err: fmt.Errorf("name one OUTPUT, the folder of a table: %s OUTPUT", cmd.CommandPath())}
	}
	return nil
}

// openOutput opens an OUTPUT that must have been made by an earlier run.
func openOutput(ctx context.Context, uri string) (*run.Output, error) {
	out, err := run.Open(ctx, uri)
	if err != nil {
		return nil, &pipeline.UsageError{Err: err}
	}
	latest, err := out.Latest(ctx)
	switch {
	case errors.Is(err, object.ErrNotFound):
		return nil, &pipeline.UsageError{Err: err}
	case err != nil:
		return nil, err
	case latest == nil:
		return nil, &pipeline.UsageError{Err: fmt.Errorf("%s has no runs: name the folder that was --output of tagbeam tag", out.URI())}
	}
	return out, nil
}

func forgetMissing(ctx context.Context, out *run.Output) error {
	parts, err := out.ForgetMissing(ctx)
	if err != nil {
		return err
	}
	for _, p := range parts {
		fmt.Printf("forgotten  %s, %d rows\n", p.Path, p.Rows)
	}
	if len(parts) == 0 {
		fmt.Println("no part is missing")
	}
	return nil
}

func writeRuns(w io.Writer, runs []*run.Status) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RUN\tPLANNED\tSTATE\tIMAGES\tOK\tABSTAINED\tFAILED\tMODEL\t")
	for _, s := range runs {
		ok, abstained, failed := "-", "-", "-"
		if s.Decision != nil && s.Decision.Counts.Images > 0 {
			c := s.Decision.Counts
			ok, abstained, failed = fmt.Sprint(c.OK), fmt.Sprint(c.Abstained), fmt.Sprint(c.Failed)
		}
		note := ""
		if s.Decision != nil && !s.Decision.Commit {
			note = s.Decision.Reason
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", s.Plan.RunID, s.Plan.CreatedAt.UTC().Format(time.DateTime), s.State,
			s.Plan.Images, ok, abstained, failed, s.Plan.Model, note)
	}
	return table.Flush()
}

// runRecord is a line of --json. Counts are there once the run is decided.
type runRecord struct {
	Run         int64      `json:"run"`
	State       run.State  `json:"state"`
	Reason      string     `json:"reason,omitempty"` // of an abort
	Images      int64      `json:"images"`           // planned
	Counts      *runCounts `json:"counts,omitempty"`
	Skipped     int64      `json:"skipped"`
	Model       string     `json:"model"`
	ModelDigest string     `json:"model_digest"`
	Inputs      []string   `json:"inputs"`
	PlannedAt   time.Time  `json:"planned_at"`
	PublishedAt *time.Time `json:"published_at,omitempty"`
	Parts       []string   `json:"parts,omitempty"`
}

type runCounts struct {
	Images    int64            `json:"images"`
	OK        int64            `json:"ok"`
	Abstained int64            `json:"abstained"`
	Failed    int64            `json:"failed"`
	Retryable int64            `json:"retryable"`
	Errors    map[string]int64 `json:"errors,omitempty"`
}

func writeRunsJSON(w io.Writer, runs []*run.Status) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	for _, s := range runs {
		r := runRecord{
			Run: s.Plan.RunID, State: s.State, Images: s.Plan.Images, Skipped: s.Plan.Skipped, Model: s.Plan.Model, ModelDigest: s.Plan.ModelDigest,
			Inputs: s.Plan.Inputs, PlannedAt: s.Plan.CreatedAt,
		}
		if d := s.Decision; d != nil {
			r.Reason = d.Reason
			if c := d.Counts; c.Images > 0 {
				r.Counts = &runCounts{c.Images, c.OK, c.Abstained, c.Failed, c.Retryable, c.Errors}
			}
		}
		if m := s.Manifest; m != nil {
			r.PublishedAt = &m.PublishedAt
			for _, p := range m.Parts {
				r.Parts = append(r.Parts, p.Path)
			}
		}
		if err := lines.Encode(r); err != nil {
			return err
		}
	}
	return nil
}
