package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// currentSQL is the query that the README gives for the current rows.
func currentSQL(t *testing.T) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(readFile(t, filepath.Join("..", "..", "README.md"))), "```sql\n")
	query, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("the README has no SQL")
	}
	return query
}

// TestRunsAndCurrent: three nights, one of another model, one aborted and one open, as runs lists them; the current rows are those of the README's
// query in DuckDB.
func TestRunsAndCurrent(t *testing.T) {
	t.Parallel()
	j := newJob(t, 4)
	writeFile(t, filepath.Join(j.input, "damaged.png"), pngImage(9)[:40])
	tagbeam(t, j.args()...).want(exitPartial)
	writeFile(t, filepath.Join(j.input, imageName(1)), pngImage(101))
	writeFile(t, filepath.Join(j.input, "new, 'n' odd#1.png"), pngImage(5))
	tagbeam(t, j.args()...).want(exitOK)
	writeFile(t, filepath.Join(j.input, "damaged2.png"), pngImage(9)[:40])
	tagbeam(t, j.args("--max-error-ratio", "0.1")...).want(exitFailed)

	e := tagbeam(t, "runs", j.output).want(exitOK).prints("RUN", "published", "aborted", "--max-error-ratio")
	if n := strings.Count(e.stdout, "\n"); n != 4 {
		t.Errorf("%d lines, want a head and three runs\n%s", n, e)
	}
	var got []string
	for line := range strings.Lines(tagbeam(t, "runs", j.output, "--json").want(exitOK).stdout) {
		var r runRecord
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		got = append(got, string(r.State))
		if r.Run != int64(len(got)) || r.Counts == nil || r.Counts.Images != r.Images || (r.PublishedAt != nil) != (r.State == "published") {
			t.Errorf("%s", line)
		}
	}
	if strings.Join(got, " ") != "published published aborted" {
		t.Errorf("states %q", got)
	}

	file := filepath.Join(t.TempDir(), "current.parquet")
	tagbeam(t, "current", j.output, "--output", file).want(exitOK).prints("6 images: 5 ok, 0 abstained, 1 failed")
	tagbeam(t, "current", j.output, "--output", file).want(exitUsage).says("exists already")
	python := os.Getenv("TAGBEAM_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: set TAGBEAM_PYTHON to a Python with duckdb to compare with the README's query")
	}
	const compare = `
import duckdb, sys
query, file = sys.argv[1:]
ours = duckdb.sql(f"select * replace (epoch_us(tagged_at) as tagged_at) from '{file}' order by uri, member").fetchall()
theirs = duckdb.sql(f"select * exclude (dt) replace (epoch_us(tagged_at) as tagged_at) from ({query}) order by uri, member").fetchall()
assert len(ours) == 6, ours
assert ours == theirs, (ours, theirs)
`
	query := strings.ReplaceAll(strings.TrimSpace(currentSQL(t)), "tags/labels", j.output+"/labels")
	if out, err := exec.Command(python, "-c", compare, query, file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestForgetMissingPart: a part that is deleted stops the next night, which says what to do; then its images are tagged again.
func TestForgetMissingPart(t *testing.T) {
	t.Parallel()
	j := newJob(t, 2)
	tagbeam(t, j.args()...).want(exitOK)
	tagbeam(t, "runs", j.output, "--forget-missing").want(exitOK).prints("no part is missing")
	parts, err := filepath.Glob(filepath.Join(j.output, "labels", "*", "*.parquet"))
	if err != nil || len(parts) != 1 {
		t.Fatalf("%q, %v", parts, err)
	}
	if err := os.Remove(parts[0]); err != nil {
		t.Fatal(err)
	}
	tagbeam(t, j.args()...).want(exitFailed).says("is gone", "tagbeam runs --forget-missing", filepath.Base(parts[0]))
	tagbeam(t, "runs", j.output, "--forget-missing").want(exitOK).prints("forgotten", filepath.Base(parts[0]), "2 rows")
	tagbeam(t, j.args()...).want(exitOK).prints("images     2 ")
	tagbeam(t, j.args()...).want(exitOK).prints("nothing to do")
	tagbeam(t, "current", j.output, "--output", filepath.Join(t.TempDir(), "c.parquet")).want(exitOK).prints("2 images")
}

func TestRunsUsage(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"runs"}, "name one OUTPUT"},
		{[]string{"runs", "a", "b"}, "name one OUTPUT"},
		{[]string{"runs", empty}, "has no runs"},
		{[]string{"runs", "ftp://host/x"}, "ftp://"},
		{[]string{"current", empty}, "no --output"},
		{[]string{"current", empty, "--output", filepath.Join(empty, "f.parquet")}, "has no runs"},
		{[]string{"current", empty, "--output", "ftp://host/x"}, "ftp://"},
	} {
		tagbeam(t, tc.args...).want(exitUsage).says(tc.says)
	}
}
