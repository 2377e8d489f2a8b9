package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// deleteRows runs the script that the README names, and gives what it says.
func deleteRows(t *testing.T, args ...string) (string, error) {
	t.Helper()
	python := os.Getenv("TAGBEAM_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: set TAGBEAM_PYTHON to a Python with pyarrow to delete rows")
	}
	out, err := exec.Command(python, append([]string{filepath.Join("..", "deploy", "delete_rows.py")}, args...)...).CombinedOutput()
	return string(out), err
}

// names finds the files below OUTPUT by a pattern.
func names(t *testing.T, output, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(output, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestDeleteRows: the rows of an image are deleted from the parts of several runs while a ledger file speaks of it. The nights after that are as if it
// had never been; one that has it in its input still tags it once.
func TestDeleteRows(t *testing.T) {
	t.Parallel()
	j := newJob(t, 3)
	gone := filepath.Join(j.input, imageName(1))
	only := filepath.Join(j.input, "only.png") // all of the second run's part
	tagbeam(t, j.args()...).want(exitOK)
	writeFile(t, only, pngImage(50))
	tagbeam(t, j.args()...).want(exitOK)
	for i := range 7 {
		writeFile(t, filepath.Join(j.input, fmt.Sprintf("night-%d.png", i)), pngImage(20+i))
		if i == 3 {
			writeFile(t, gone, pngImage(90))
		}
		tagbeam(t, j.args()...).want(exitOK)
	}
	if len(names(t, j.output, "_ledger/*")) == 0 {
		t.Fatal("there is no ledger file: the test shows less than it says")
	}

	open := filepath.Join(j.output, "_runs", "000010", "plan.json")
	writeFile(t, open, []byte("{}"))
	if out, err := deleteRows(t, j.output, gone); err == nil || !strings.Contains(out, "run 10 is open") {
		t.Errorf("beside an open run: %v\n%s", err, out)
	}
	if err := os.RemoveAll(filepath.Dir(open)); err != nil {
		t.Fatal(err)
	}

	for _, f := range []string{gone, only} {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	out, err := deleteRows(t, j.output, gone, only)
	if err != nil || !strings.Contains(out, "3 rows deleted") {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, pattern := range []string{"_ledger/*", "_runs/*/plan-*", "_runs/*/unit-*", "labels/*/.*"} {
		if left := names(t, j.output, pattern); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
	tagbeam(t, j.args()...).want(exitOK).prints("nothing to do")
	tagbeam(t, "current", j.output, "--output", filepath.Join(t.TempDir(), "c.parquet")).want(exitOK).prints("9 images: 9 ok")
	if out, err := deleteRows(t, j.output, gone, only); err != nil || !strings.Contains(out, "0 rows deleted") {
		t.Errorf("the second time: %v\n%s", err, out)
	}

	// Back in the input it is an image like any other; and the nights, their ledger files too, go on.
	writeFile(t, gone, pngImage(90))
	tagbeam(t, j.args()...).want(exitOK).prints("images     1 ")
	tagbeam(t, j.args()...).want(exitOK).prints("nothing to do")
	if len(names(t, j.output, "_ledger/*")) == 0 {
		t.Error("no ledger file was made anew")
	}
	tagbeam(t, "current", j.output, "--output", filepath.Join(t.TempDir(), "c.parquet")).want(exitOK).prints("10 images: 10 ok")
}

// TestDeleteRowsOfMember: one member of an archive, or all of them.
func TestDeleteRowsOfMember(t *testing.T) {
	t.Parallel()
	j := newJob(t, 0)
	archive := filepath.Join(t.TempDir(), "a.tar")
	writeFile(t, archive, tarArchive(t, member{name: "a.png", data: pngImage(1)}, member{name: "b.png", data: pngImage(2)}, member{name: "c.png", data: pngImage(3)}))
	j.input = archive
	tagbeam(t, j.args()...).want(exitOK)
	if out, err := deleteRows(t, j.output, archive, "--member", "b.png"); err != nil || !strings.Contains(out, "1 rows deleted") {
		t.Fatalf("%v\n%s", err, out)
	}
	if left := names(t, j.output, "_members/*/*"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	tagbeam(t, "current", j.output, "--output", filepath.Join(t.TempDir(), "c.parquet")).want(exitOK).prints("2 images: 2 ok")
	if out, err := deleteRows(t, j.output, archive); err != nil || !strings.Contains(out, "2 rows deleted") {
		t.Fatalf("%v\n%s", err, out)
	}
	tagbeam(t, j.args()...).want(exitOK).prints("images     3 ")
}

// TestPartOfDuckDB: a part that another program wrote again without a row is planned from; what does not keep the columns as they were cannot be
// merged by current, which says so.
func TestPartOfDuckDB(t *testing.T) {
	t.Parallel()
	python := os.Getenv("TAGBEAM_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: set TAGBEAM_PYTHON to a Python with duckdb to write a part")
	}
	j := newJob(t, 3)
	tagbeam(t, j.args()...).want(exitOK)
	gone := filepath.Join(j.input, imageName(1))
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	parts := names(t, j.output, "labels/*/*.parquet")
	if len(parts) != 1 {
		t.Fatalf("%q", parts)
	}
	const rewrite = `
import duckdb, os, sys
part, uri = sys.argv[1:]
duckdb.sql(f"copy (select * from read_parquet('{part}', hive_partitioning = false) where uri <> '{uri}') to '{part}.new' (format parquet, compression zstd)")
os.replace(part + ".new", part)
`
	if out, err := exec.Command(python, "-c", rewrite, parts[0], gone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tagbeam(t, j.args()...).want(exitOK).prints("nothing to do: 2 images under the inputs, 2 tagged before")
	tagbeam(t, "current", j.output, "--output", filepath.Join(t.TempDir(), "c.parquet")).want(exitFailed).says("its columns are not those of the label table")
}
