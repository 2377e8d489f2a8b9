package onnx

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// initChild makes the test binary call Init with its value and print the error: what a process can hold only once is tried in processes of
// their own.
const initChild = "TAGBEAM_TEST_INIT"

func TestInitChild(t *testing.T) {
	paths := os.Getenv(initChild)
	if paths == "" {
		t.Skip("run by other tests")
	}
	for _, path := range filepath.SplitList(paths) {
		if err := Init(path); err != nil {
			t.Logf("init error: %v", err)
		} else {
			t.Logf("init started %s from %s", Version(), Library())
		}
	}
}

// inits is what Init says of each path in turn, in a process of its own.
func inits(t *testing.T, paths ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestInitChild$", "-test.v")
	cmd.Env = append(os.Environ(), initChild+"="+strings.Join(paths, string(filepath.ListSeparator)))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return string(out)
}

func TestInit(t *testing.T) {
	start(t)
	real := Library()
	if real == "" || Version() == "" {
		t.Fatalf("started from %q, version %q", real, Version())
	}
	if err := Init(real); err != nil {
		t.Errorf("Init again: %v", err)
	}
	if err := Init("/elsewhere/libonnxruntime.so"); err == nil || !strings.Contains(err.Error(), "was started from "+real) {
		t.Errorf("Init from elsewhere: %v", err)
	}
	text := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(text, []byte("no library"), 0o755); err != nil {
		t.Fatal(err)
	}
	out := inits(t, text, real, real)
	if !strings.Contains(out, text+" cannot be loaded as ONNX Runtime's library (not a shared library, or one for another system): "+text) {
		t.Errorf("a text file:\n%s", out)
	}
	if strings.Count(out, "init started "+Version()+" from "+real) != 2 {
		t.Errorf("the right library after a wrong one, twice:\n%s", out)
	}
}

// compile makes a shared library of C code, or skips the test.
func compile(t *testing.T, name, code string, flags ...string) string {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	dir := t.TempDir()
	source, library := filepath.Join(dir, "x.c"), filepath.Join(dir, name)
	if err := os.WriteFile(source, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, append([]string{"-shared", "-fPIC", "-o", library, source}, flags...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return library
}

// tooOld answers as a library does that is older than the API it is asked for.
const tooOld = `
static const void *get_api(unsigned version) { return 0; }
static const char *get_version(void) { return "1.20.1"; }
static struct { const void *(*a)(unsigned); const char *(*b)(void); } base = {get_api, get_version};
const void *OrtGetApiBase(void) { return &base; }
`

func TestInitTooOld(t *testing.T) {
	start(t)
	versions := filepath.Join(t.TempDir(), "versions")
	if err := os.WriteFile(versions, []byte("VERS_1.20.1 { global: OrtGetApiBase; local: *; };"), 0o644); err != nil {
		t.Fatal(err)
	}
	named := compile(t, "libonnxruntime.so.1.19.2", tooOld)
	link := filepath.Join(filepath.Dir(named), "libonnxruntime.so")
	if err := os.Symlink(named, link); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, path, want string }{
		{"symbol version", compile(t, "libonnxruntime.so", tooOld, "-Wl,--version-script="+versions), "is too old: it is version 1.20.1, and at least 1.24 is needed"},
		{"name", named, "is too old: it is version 1.19.2"},
		{"name behind a link", link, "is too old: it is version 1.19.2"},
		{"nothing tells", compile(t, "libonnxruntime.so", tooOld), "is too old: it is of a version that cannot be told"},
	} {
		if out := inits(t, tt.path); !strings.Contains(out, tt.path+" "+tt.want) {
			t.Errorf("%s:\n%s", tt.name, out)
		}
	}
}

func TestInitNotONNXRuntime(t *testing.T) {
	start(t)
	other := compile(t, "libonnxruntime.so", "int x;")
	if out := inits(t, other); !strings.Contains(out, other+" is a shared library, but not ONNX Runtime's: it has no OrtGetApiBase") {
		t.Errorf("another library:\n%s", out)
	}
}

func TestNotStarted(t *testing.T) {
	out := func() string {
		cmd := exec.Command(os.Args[0], "-test.run=^TestOpenNotStarted$", "-test.v")
		cmd.Env = append(os.Environ(), "TAGBEAM_TEST_NOT_STARTED=1")
		b, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v:\n%s", err, b)
		}
		return string(b)
	}()
	if !strings.Contains(out, "open error: ONNX Runtime is not started: call onnx.Init first") {
		t.Error(out)
	}
}

func TestOpenNotStarted(t *testing.T) {
	if os.Getenv("TAGBEAM_TEST_NOT_STARTED") == "" {
		t.Skip("run by TestNotStarted")
	}
	_, err := Open(tiny(t, "nchw.onnx"), "", usual)
	t.Logf("open error: %v; version %q", err, Version())
}

// TestNoTelemetry: ONNX Runtime sends nothing home, and leaves no log of that: it would write one into the temporary folder as it starts.
func TestNoTelemetry(t *testing.T) {
	path, err := Find("")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	if out := inits(t, path); !strings.Contains(out, "init started") {
		t.Fatalf("%s", out)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v %v", left, err)
	}
}
