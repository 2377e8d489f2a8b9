package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFlinkRootfs: workers that Flink starts in the image's root file system make the direct runner's table, and nothing of them is left.
func TestFlinkRootfs(t *testing.T) {
	s := startJobServer(t)
	dir := newRootfs(t)
	want := newJob(t, 50)
	tagbeam(t, want.args("--batch", "4")...).want(exitOK)
	got := forNobody(t, want)
	script, err := filepath.Abs(rootfsScript)
	if err != nil {
		t.Fatal(err)
	}
	// What a task manager starts for a worker, in place of docker run.
	boot := filepath.Join(t.TempDir(), "boot")
	text := fmt.Sprintf("#!/bin/sh\nexport %s=1\nexec '%s' run '%s' --bind '%s' --bind '%s' --bind '%s' -- \"$@\"\n", asCommand, script, dir, got.input, got.model, got.output)
	if err := os.WriteFile(boot, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	// The command outside is another user, and the workers add to folders that it makes.
	umask := syscall.Umask(0)
	defer syscall.Umask(umask)
	tagbeam(t, s.args(job{want.input, want.model, filepath.Join(t.TempDir(), "warm up")}, "--shared-filesystem", "--limit", "1")...).want(exitOK)
	s.note() // what the first job opens, the server keeps
	e, sum := summarised(t, s.args(got, "--shared-filesystem", "--environment_config", boot, "--unit-images", "16")...)
	e.want(exitOK)
	sameRows(t, want.rows(t), got.rows(t))
	if c := counted(t, sum); c["images"] != 50 || c["model_loads"] != 1 {
		t.Errorf("counters %v", c)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), dir) {
		t.Errorf("mounts are left:\n%s", mounts)
	}
	s.clean(&workerLog{t: t})
}
