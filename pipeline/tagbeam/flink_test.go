package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tagbeam/tagbeam/io/table"
)

// onFlink are the flags of a job on s.
func (s *jobServer) args(j job, more ...string) []string {
	args := []string{"tag", "--input", j.input, "--model", j.model, "--output", j.output, "--batch", "4", "--runner=flink", "--endpoint=" + s.endpoint}
	return append(args, more...)
}

// counted are the counters of the one job of a command.
func counted(t *testing.T, s summary) map[string]int64 {
	t.Helper()
	if len(s.Runs) != 1 || s.Runs[0].Job == nil || s.Runs[0].State != "published" {
		t.Fatalf("not one run of one job: %+v", s.Runs)
	}
	return s.Runs[0].Job.Counters
}

// TestFlinkTable: the table that Flink makes is the direct runner's, row for row, however many subtasks there are.
func TestFlinkTable(t *testing.T) {
	s := startJobServer(t)
	local := imageFolder(t, 200)
	type set struct{ name, input, model string }
	sets := []set{{"made images", local, tinyModel(t, "nchw.onnx")}}
	t.Run("warm up", func(t *testing.T) { // what the first job opens, the server keeps
		j := job{local, sets[0].model, filepath.Join(t.TempDir(), "out")}
		tagbeam(t, s.args(j, "--shared-filesystem", "--limit", "1")...).want(exitOK)
	})
	s.note()
	t.Run("real", func(t *testing.T) {
		photos := shared(t, "photos")
		for _, m := range []string{"mobilenetv2", "vit-cifar10"} {
			sets = append(sets, set{m, photos, shared(t, "models", m)})
		}
	})
	for _, set := range sets {
		want := job{set.input, set.model, filepath.Join(t.TempDir(), "direct")}
		tagbeam(t, want.args("--batch", "4")...).want(exitOK)
		rows := want.rows(t)
		for _, parallelism := range []int{1, 2, 4} {
			t.Run(fmt.Sprintf("%s, parallelism %d", set.name, parallelism), func(t *testing.T) {
				got := job{set.input, set.model, filepath.Join(t.TempDir(), "flink")}
				workers := newWorkerLog(t)
				e, sum := summarised(t, append(s.args(got, "--shared-filesystem", "--parallelism", fmt.Sprint(parallelism), "--unit-images", "16"), workers.flags()...)...)
				e.want(exitOK)
				sameRows(t, rows, got.rows(t))
				c := counted(t, sum)
				if n := int64(len(workers.started())); n == 0 || c["model_loads"] != n {
					t.Errorf("%d worker processes, %d model loads", n, c["model_loads"])
				}
				if c["images"] != 200 || c["units_tagged"] != 13 || c["images_failed"] != 0 {
					t.Errorf("counters %v", c)
				}
				s.clean(workers)
			})
		}
	}
	t.Run("nothing else set", func(t *testing.T) {
		got := job{local, sets[0].model, filepath.Join(t.TempDir(), "flink")}
		tagbeam(t, s.args(got, "--shared-filesystem")...).want(exitOK)
		got.wantEachOnce(t, 200)
		if r := got.rows(t)[0]; r.Status != table.StatusOK {
			t.Errorf("%+v", r)
		}
		s.clean(&workerLog{t: t})
	})
}
