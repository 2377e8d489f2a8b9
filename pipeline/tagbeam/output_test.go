package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestQuiet: nothing but errors is printed.
func TestQuiet(t *testing.T) {
	t.Parallel()
	j := newJob(t, 3)
	if e := tagbeam(t, j.args("--quiet")...).want(exitOK); e.stdout+e.stderr != "" {
		t.Errorf("it says something\n%s", e)
	}
	if e := tagbeam(t, j.args("--quiet", "--input", t.TempDir())...).want(exitOK); e.stdout+e.stderr != "" {
		t.Errorf("nothing to do, and it says something\n%s", e)
	}
	writeFile(t, filepath.Join(j.input, "x.png"), []byte("x"))
	if e := tagbeam(t, j.args("--quiet", "--max-error-ratio=0")...).want(exitFailed).says("aborted"); e.stdout != "" {
		t.Errorf("it prints\n%s", e)
	}
	tagbeam(t, j.args("--quiet", "--top-k=0")...).want(exitUsage).says("--top-k")
}

// TestLogLines: where there is no terminal, a run says what it does in lines.
func TestLogLines(t *testing.T) {
	t.Parallel()
	j := newJob(t, 3)
	empty := t.TempDir()
	e := tagbeam(t, j.args("--input", empty)...).want(exitOK).says("planned run 1: 3 images", "no images under --input "+empty)
	if strings.ContainsAny(e.stderr, "\r\x1b") {
		t.Errorf("a bar, but no terminal\n%q", e.stderr)
	}
}

// TestJSONLines: with --log-format json every line on standard error is JSON, errors included.
func TestJSONLines(t *testing.T) {
	t.Parallel()
	j := newJob(t, 3)
	writeFile(t, filepath.Join(j.input, "x.png"), []byte("x"))
	for _, tc := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"aborted", j.args("--log-format", "json", "--max-error-ratio", "0"), exitFailed, "aborted"},
		{"prism", j.args("--log-format", "json", "--runner", "prism"), exitPartial, "planned run"},
		{"nothing to do", j.args("--log-format", "json", "--input", t.TempDir()), exitOK, "no images under"},
		{"missing folder", j.args("--log-format", "json", "--input", "/nowhere"), exitUsage, "/nowhere"},
		{"bad flag", append([]string{"tag", "--log-format=json"}, "--top-k", "x"), exitUsage, "--top-k"},
		{"argument", []string{"tag", "--log_format=json", "x.jpg"}, exitUsage, "x.jpg"},
	} {
		e := tagbeam(t, tc.args...).want(tc.code).says(tc.says)
		for line := range strings.Lines(e.stderr) {
			var fields struct {
				Time       time.Time
				Level, Msg string
			}
			if err := json.Unmarshal([]byte(line), &fields); err != nil || fields.Msg == "" || fields.Level == "" || fields.Time.IsZero() {
				t.Errorf("%s: %v: %q", tc.name, err, line)
			}
		}
	}
	tagbeam(t, j.args("--log-format", "xml")...).want(exitUsage).says("--log-format", "text or json")
}

// TestProgressBar: on a terminal there is a bar, which ends at the last image.
func TestProgressBar(t *testing.T) {
	t.Parallel()
	j := newJob(t, 20)
	writeFile(t, filepath.Join(j.input, "x.png"), []byte("x"))
	p := prepared(t, j.args()...)
	terminal := openTerminal(t)
	p.cmd.Stderr = terminal.slave
	p.start()
	terminal.slave.Close()
	shown := terminal.readAll()
	p.wait().want(exitPartial).prints("run 1 published")
	for _, words := range []string{"run 1", "21 / 21", "100.00%", "images/s", "1 error,", "left", "\r"} {
		if !strings.Contains(shown, words) {
			t.Errorf("the terminal does not show %q:\n%q", words, shown)
		}
	}
	if strings.Contains(shown, "level=INFO") {
		t.Errorf("log lines between the bars:\n%q", shown)
	}
	if !strings.HasSuffix(shown, "\n") {
		t.Errorf("the bar does not end its line: %q", shown)
	}

	for _, more := range [][]string{{"--retag", "--log-format=json"}, {"--retag", "--quiet"}} {
		p := prepared(t, j.args(more...)...)
		terminal := openTerminal(t)
		p.cmd.Stderr = terminal.slave
		p.start()
		terminal.slave.Close()
		if shown := terminal.readAll(); strings.Contains(shown, "images/s") {
			t.Errorf("%v: a bar:\n%q", more, shown)
		}
		p.wait().want(exitPartial)
	}
}

// terminal is a pseudo-terminal.
type terminal struct {
	t             *testing.T
	master, slave *os.File
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 120})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &terminal{t, master, slave}
}

// readAll reads until nobody has the terminal open for writing.
func (x *terminal) readAll() string {
	var all strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := x.master.Read(buffer)
		all.Write(buffer[:n])
		if err != nil { // EIO: the other end is closed
			return all.String()
		}
	}
}
