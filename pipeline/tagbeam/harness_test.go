package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asCommand is the environment variable that makes this test binary the command: the tests run real processes, with exit codes, signals
// and the race detector.
const asCommand = "TAGBEAM_TEST_COMMAND"

// program is the test binary under the command's name, in a folder of its own; or the program that TAGBEAM_PROGRAM names.
var program string

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "tagbeam-e2e-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "tagbeam")
	if err := os.Symlink(exe, program); err != nil {
		panic(err)
	}
	if p := os.Getenv("TAGBEAM_PROGRAM"); p != "" {
		program = p
	}
	if library, err := filepath.Abs("../../bin/libonnxruntime.so"); err == nil && os.Getenv("TAGBEAM_ONNXRUNTIME") == "" {
		if _, err := os.Stat(library); err == nil {
			os.Setenv("TAGBEAM_ONNXRUNTIME", library)
		}
	}
	return m.Run()
}

// deadline is when a command counts as hanging: it is long, because it says nothing about speed.
const deadline = 5 * time.Minute

// process is a running tagbeam.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr watchedLog
	ended          chan struct{}
	result         ended
}

// ended is how a process came to its end.
type ended struct {
	t              *testing.T
	args           []string
	code           int // 128 + the signal's number when a signal killed it
	stdout, stderr string
}

// prepared is a command that is not yet started.
func prepared(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	p := &process{t: t, cmd: exec.CommandContext(ctx, program, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asCommand+"=1", "TMPDIR="+t.TempDir())
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.WaitDelay = 10 * time.Second
	// A hanging process says where it hangs.
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGQUIT) }
	return p
}

// start starts a prepared command. Go's children have SIGINT as it is by default; those of a shell's & have it ignored.
func (p *process) start() *process {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		err := p.cmd.Wait()
		p.result = ended{t: p.t, args: p.cmd.Args[1:], code: exitCode(err), stdout: p.stdout.String(), stderr: p.stderr.String()}
		close(p.ended)
	}()
	p.t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	return prepared(t, args...).start()
}

// tagbeam runs the command to its end.
func tagbeam(t *testing.T, args ...string) ended {
	t.Helper()
	return start(t, args...).wait()
}

func (p *process) wait() ended {
	<-p.ended
	return p.result
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// kill is SIGKILL, and returns when the process is gone.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	<-p.ended
}

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return -1
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// want ends the test unless the process exited with code.
func (e ended) want(code int) ended {
	e.t.Helper()
	if e.code != code {
		e.t.Fatalf("exit code %d, want %d\n%s", e.code, code, e)
	}
	return e
}

// says checks that standard error has all of these in it.
func (e ended) says(words ...string) ended {
	e.t.Helper()
	for _, w := range words {
		if !strings.Contains(e.stderr, w) {
			e.t.Errorf("standard error lacks %q\n%s", w, e)
		}
	}
	return e
}

// prints checks that standard output has all of these in it.
func (e ended) prints(words ...string) ended {
	e.t.Helper()
	for _, w := range words {
		if !strings.Contains(e.stdout, w) {
			e.t.Errorf("standard output lacks %q\n%s", w, e)
		}
	}
	return e
}

func (e ended) String() string {
	return fmt.Sprintf("tagbeam %q\nexit code %d\nstandard output:\n%sstandard error:\n%s", e.args, e.code, e.stdout, e.stderr)
}
