package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rootfsScript makes the root file system of the image.
const rootfsScript = "../../.ci/rootfs.sh"

// newRootfs makes the root file system of the image, with this program in it.
func newRootfs(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	library := os.Getenv("TAGBEAM_ONNXRUNTIME")
	if library == "" {
		t.Skip("SKIPPED: no ONNX Runtime (set TAGBEAM_ONNXRUNTIME)")
	}
	out, err := exec.Command(rootfsScript, "make", dir, self(t), library).CombinedOutput()
	if code := exitCode(err); code == 77 {
		t.Skipf("SKIPPED: %s", out)
	} else if code != 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// forNobody is a job like j whose table the image's user can write, and whose images and model it can read. It is nobody here, and t.TempDir's own
// folder lets in its owner only.
func forNobody(t *testing.T, j job) job {
	t.Helper()
	inside := job{j.input, j.model, filepath.Join(t.TempDir(), "inside")}
	if err := os.Mkdir(inside.output, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{j.input, j.model, inside.output} {
		for p := path; strings.HasPrefix(p, filepath.Clean(os.TempDir())+"/"); p = filepath.Dir(p) {
			if err := os.Chmod(p, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chmod(inside.output, 0o777); err != nil {
		t.Fatal(err)
	}
	return inside
}

// TestRootfs: in the image's root file system, read-only and without a shell, as the image's user, the table is the same as outside, and its entry
// point is a boot program of workers.
func TestRootfs(t *testing.T) {
	dir := newRootfs(t)
	j := newJob(t, 20)
	tagbeam(t, j.args()...).want(exitOK)
	inside := forNobody(t, j)
	within := func(args ...string) (string, int) {
		binds := []string{"run", dir, "--bind", j.input, "--bind", j.model, "--bind", inside.output, "--"}
		cmd := exec.Command(rootfsScript, append(binds, args...)...)
		cmd.Env = append(os.Environ(), asCommand+"=1")
		out, err := cmd.CombinedOutput()
		return string(out), exitCode(err)
	}
	if text, code := within(inside.args()...); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, text)
	}
	sameRows(t, j.rows(t), inside.rows(t))

	if text, code := within("tag", "--input", j.input, "--model", j.model, "--output", "/usr/tags"); code != exitUsage || !strings.Contains(text, "read-only file system") {
		t.Errorf("writing to the root: exit code %d\n%s", code, text)
	}
	if text, code := within("--id=1", "--provision_endpoint=localhost:1"); code != exitFailed || !strings.Contains(text, "provision service at localhost:1") {
		t.Errorf("the entry point is no boot program: exit code %d\n%s", code, text)
	}
}

// TestDockerfile: the image and .ci/rootfs.sh cannot differ in what they are made of: the script has no list of its own, and the Dockerfile has what
// the program needs and pins what .ci/onnxruntime.sh fetches.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	file := string(readFile(t, "../../Dockerfile"))
	script := string(readFile(t, rootfsScript))
	args := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^ARG (\w+)="?([^"\n]*)"?$`).FindAllStringSubmatch(file, -1) {
		args[m[1]] = m[2]
	}
	for _, m := range regexp.MustCompile(`arg ([A-Z_0-9]+)\b`).FindAllStringSubmatch(script, -1) {
		if m[1] != "NAME" && args[m[1]] == "" {
			t.Errorf("the script takes %s from the Dockerfile, which has none", m[1])
		}
	}
	for _, pkg := range strings.Fields(args["RUNTIME_PACKAGES"]) {
		if strings.Contains(script, pkg) {
			t.Errorf("the script names the package %s itself", pkg)
		}
	}
	makefile := string(readFile(t, "../../Makefile"))
	if m := regexp.MustCompile(`(?m)^SYSTEM_PACKAGES := (.*)$`).FindStringSubmatch(makefile); m == nil || m[1] != args["BUILD_PACKAGES"] {
		t.Errorf("the Makefile builds with %q, the Dockerfile with %q", m, args["BUILD_PACKAGES"])
	}
	fetch := string(readFile(t, "../../.ci/onnxruntime.sh"))
	linux := fetch[strings.Index(fetch, "linux/amd64)"):strings.Index(fetch, "linux/arm64)")]
	var pinned []string
	for _, m := range regexp.MustCompile(`(?m)^  (?:npm|wheel)_sha256=(\w+)$`).FindAllStringSubmatch(linux, -1) {
		pinned = append(pinned, m[1])
	}
	if got := strings.Fields(args["ONNXRUNTIME_SHA256"]); !slices.Equal(got, pinned) || len(got) != 2 {
		t.Errorf("the Dockerfile pins %q, .ci/onnxruntime.sh %q", got, pinned)
	}
	if m := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(readFile(t, "../../go.mod"))); m == nil || m[1] != args["GO"] {
		t.Errorf("go.mod has Go %v, the Dockerfile %s", m, args["GO"])
	}
	for _, want := range []string{"\nUSER 65532:65532\n", "\nENTRYPOINT [\"/usr/local/bin/tagbeam\"]\n"} {
		if !strings.Contains(file, want) {
			t.Errorf("the Dockerfile lacks %q", want)
		}
	}
}
