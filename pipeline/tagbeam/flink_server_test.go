package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// flinkJars names the folder of Beam's job server for Flink (.ci/flink.sh); empty: tests on Flink are skipped.
const flinkJars = "TAGBEAM_FLINK"

// jobServer is Beam's job server with an embedded Flink: one Java process.
type jobServer struct {
	t        *testing.T
	cmd      *exec.Cmd
	endpoint string // of the job service
	rest     string // where Flink answers while a job runs
	tmp      string // its folder of temporary files, which its workers inherit
	log      *watchedLog
	files    map[string]bool // in tmp, and
	ports    map[string]bool // listened on, before there was a job
}

// startJobServer starts it on ports that are free, and stops it when the test ends. Its workers inherit its environment.
func startJobServer(t *testing.T) *jobServer {
	t.Helper()
	s := newJobServer(t)
	s.rest = "localhost:" + freePort(t)
	conf := t.TempDir()
	_, port, _ := net.SplitHostPort(s.rest)
	writeFile(t, filepath.Join(conf, "config.yaml"), fmt.Appendf(nil, "rest:\n  port: %s\n  bind-port: %s\n", port, port))
	s.start("--flink-master=[local]", "--flink-conf-dir="+conf)
	return s
}

func newJobServer(t *testing.T) *jobServer {
	t.Helper()
	if os.Getenv(flinkJars) == "" {
		t.Skipf("no Flink (make flink sets %s)", flinkJars)
	}
	return &jobServer{t: t, tmp: t.TempDir(), log: &watchedLog{}}
}

// start starts the job server for a Flink.
func (s *jobServer) start(flags ...string) {
	t := s.t
	t.Helper()
	args := []string{"-Xmx512m", "-Djava.io.tmpdir=" + s.tmp, "-cp", classPath(t, os.Getenv(flinkJars)), "org.apache.beam.runners.flink.FlinkJobServerDriver",
		"--job-host=localhost", "--job-port=0", "--artifact-port=0", "--expansion-port=-1", "--artifacts-dir=" + filepath.Join(s.tmp, "staging")}
	var ended <-chan struct{}
	s.cmd, ended = startJava(t, s.tmp, s.log, append(args, flags...)...)
	ready := regexp.MustCompile(`JobService started on (\S+)(?s:.*)Job server now running`)
	s.wait("the job server to start", func() bool {
		if m := ready.FindStringSubmatch(s.log.String()); m != nil {
			s.endpoint = m[1]
		}
		select {
		case <-ended:
			t.Fatalf("the job server ended:\n%s", s.log)
		default:
		}
		return s.endpoint != ""
	})
}

// startJava starts a Java process, which the test's end stops. It, and what it starts, has its temporary files in tmp.
func startJava(t *testing.T, tmp string, log *watchedLog, args ...string) (*exec.Cmd, <-chan struct{}) {
	t.Helper()
	cmd := exec.Command("java", args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, asCommand+"=1")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.WaitDelay = 10 * time.Second                                   // workers hold its output, too
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // also when the tests are killed
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // it is the thread's death that counts
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("the log of %s:\n%s", args[len(args)-1], log.tail(10_000))
		}
	})
	return cmd, ended
}

// classPath puts Beam's runner and core first: a jar further on holds older copies of some of their classes.
func classPath(t *testing.T, lib string) string {
	jars, err := filepath.Glob(filepath.Join(lib, "*.jar"))
	if err != nil || len(jars) == 0 {
		t.Fatalf("no jars in %s: %v", lib, err)
	}
	rank := func(jar string) int {
		if name := filepath.Base(jar); strings.HasPrefix(name, "beam-runners-") || strings.HasPrefix(name, "beam-sdks-java-core-") {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(jars, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return strings.Join(jars, ":")
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// wait looks again and again whether something has come about, and fails the test when it does not.
func (s *jobServer) wait(what string, done func() bool) {
	s.t.Helper()
	waitFor(s.t, what, done)
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// note keeps what is there before a job: the files and ports that the server needs for itself. A first job opens some for good.
func (s *jobServer) note() {
	s.files, s.ports = s.tempFiles(), s.listening()
}

// clean checks that a job has left nothing: no worker, no port, no temporary file.
func (s *jobServer) clean(workers *workerLog) {
	s.t.Helper()
	s.wait("the workers to end", func() bool { return len(workers.alive()) == 0 })
	var left []string
	gone := func() bool {
		left = append(extra(s.tempFiles(), s.files), extra(s.listening(), s.ports)...)
		return len(left) == 0
	}
	for end := time.Now().Add(30 * time.Second); !gone(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Errorf("a job left temporary files or ports: %v", left)
			return
		}
	}
}

func extra(now, before map[string]bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(now)), func(k string) bool { return before[k] })
}

// tempFiles are the files and folders in the folder of temporary files.
func (s *jobServer) tempFiles() map[string]bool {
	found := map[string]bool{}
	filepath.WalkDir(s.tmp, func(path string, _ os.DirEntry, err error) error {
		found[strings.TrimPrefix(path, s.tmp)] = true
		return nil
	})
	return found
}

// listening are the TCP ports that the server listens on.
func (s *jobServer) listening() map[string]bool {
	sockets := map[string]bool{}
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.cmd.Process.Pid))
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, "socket:[") {
			sockets[strings.Trim(target, "socket:[]")] = true
		}
	}
	ports := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) > 9 && fields[3] == "0A" && sockets[fields[9]] { // 0A: LISTEN
				_, hex, _ := strings.Cut(fields[1], ":")
				port, _ := strconv.ParseUint(hex, 16, 16)
				ports[strconv.FormatUint(port, 10)] = true
			}
		}
	}
	return ports
}

// workerLog knows every worker process that was started through its wrapper.
type workerLog struct {
	t      *testing.T
	file   string
	script string // the program to be named as the workers' own
}

func newWorkerLog(t *testing.T) *workerLog {
	t.Helper()
	dir := t.TempDir()
	w := &workerLog{t: t, file: filepath.Join(dir, "pids"), script: filepath.Join(dir, "tagbeam")}
	text := fmt.Sprintf("#!/bin/sh\necho $$ >> '%s'\nexec '%s' \"$@\"\n", w.file, program)
	if err := os.WriteFile(w.script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return w
}

// bare makes the workers a copy of the program in a folder of its own, with no library beside it or in the environment.
func (w *workerLog) bare() {
	w.t.Helper()
	alone := filepath.Join(filepath.Dir(w.file), "alone", "tagbeam")
	real, err := filepath.EvalSymlinks(program)
	if err != nil {
		w.t.Fatal(err)
	}
	writeFile(w.t, alone, readFile(w.t, real))
	if err := os.Chmod(alone, 0o755); err != nil {
		w.t.Fatal(err)
	}
	text := fmt.Sprintf("#!/bin/sh\necho $$ >> '%s'\nunset TAGBEAM_ONNXRUNTIME\nexport HOME=/nowhere XDG_CACHE_HOME=/nowhere\nexec '%s' \"$@\"\n", w.file, alone)
	if err := os.WriteFile(w.script, []byte(text), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

// flags make the workers of a job start through the wrapper.
func (w *workerLog) flags() []string { return []string{"--environment_config", w.script} }

// started are the ids of the processes, oldest first. The shell's is the worker's: it executes it.
func (w *workerLog) started() []int {
	data, _ := os.ReadFile(w.file)
	var pids []int
	for _, line := range strings.Fields(string(data)) {
		if pid, err := strconv.Atoi(line); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (w *workerLog) alive() []int {
	return slices.DeleteFunc(w.started(), func(pid int) bool { return syscall.Kill(pid, 0) != nil })
}

// watchedLog keeps what a process prints, and can be read meanwhile.
type watchedLog struct {
	mu   sync.Mutex
	text []byte
}

var _ io.Writer = (*watchedLog)(nil)

func (l *watchedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *watchedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

func (l *watchedLog) tail(n int) string {
	s := l.String()
	return s[max(0, len(s)-n):]
}
