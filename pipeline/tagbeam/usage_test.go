package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/io/source/sourcetest"
)

// TestUsageErrors: a mistake in the command, or something it names that is not there, exits with 2, names the flag or the object, leaves nothing
// behind, and says it in one message.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	j := newJob(t, 2)
	file := filepath.Join(j.input, imageName(0))
	library := filepath.Join(t.TempDir(), "libonnxruntime.so")
	writeFile(t, library, []byte("not a library"))
	csv := filepath.Join(t.TempDir(), "list.csv")
	writeFile(t, csv, []byte("first,second\na.jpg,b.jpg\nc.jpg,\n"))
	text := filepath.Join(t.TempDir(), "text.parquet")
	writeFile(t, text, sourcetest.Parquet(t, []struct {
		Name string `parquet:"name"`
	}{{"x"}}))
	without := func(flag string) []string {
		var args []string
		for rest := j.args(); len(rest) > 0; rest = rest[1:] {
			if rest[0] == flag {
				rest = rest[1:]
				continue
			}
			args = append(args, rest[0])
		}
		return args
	}
	for _, tc := range []struct {
		name string
		args []string
		says []string
	}{
		{"no input", without("--input"), []string{"no --input"}},
		{"no output", without("--output"), []string{"no --output"}},
		{"unknown flag", j.args("--colour"), []string{"--colour", "tagbeam tag --help"}},
		{"missing folder", j.args("--input", "/no/such/folder"), []string{"--input", "/no/such/folder"}},
		{"missing glob folder", j.args("--input", "/no/such/**/*.jpg"), []string{"--input", "/no/such/"}},
		{"malformed glob", j.args("--input", j.input+"/[a"), []string{"--input", "[a"}},
		{"empty input", j.args("--input", ""), []string{"--input", "empty"}},
		{"unknown input scheme", j.args("--input", "ftp://host/x"), []string{"--input", "ftp://"}},
		{"later input scheme", j.args("--input", "hdfs://bucket/x"), []string{"--input", "hdfs://", "not supported yet"}},
		{"missing manifest", j.args("--input", "@list.txt"), []string{"--input", "@", "list.txt", "no such manifest"}},
		{"manifest without a column", j.args("--input", "@"+csv), []string{csv, "--uri-column", "which column", "first", "second"}},
		{"manifest without that column", j.args("--input", "@"+csv, "--uri-column", "third"), []string{csv, "third", "first", "second"}},
		{"Parquet without images", j.args("--input", text), []string{text, "no column of images", "name (string)"}},
		{"Parquet without that column", j.args("--input", filepath.Dir(text)+"/*.parquet", "--image-column", "picture"), []string{text, "--image-column", "picture", "name (string)"}},
		{"Parquet without images, counted", j.args("--input", text, "--plan-only"), []string{text, "no column of images"}},
		{"compressed archive", j.args("--input", "*.tar.gz"), []string{"decompress it"}},
		{"manifest with a bad line", j.args("--input", "@"+csv, "--uri-column", "second"), []string{csv, "line 3", "second"}},
		{"unknown output scheme", j.args("--output", "ftp://host/x"), []string{"--output", "ftp://"}},
		{"unknown model scheme", j.args("--model", "ftp://host/x"), []string{"--model", "ftp://"}},
		{"missing model", j.args("--model", "/no/such/model"), []string{"--model", "/no/such/model"}},
		{"model folder without a model", j.args("--model", j.input), []string{j.input, ".onnx"}},
		{"output is a file", j.args("--output", file), []string{"--output", file, "it is a file"}},
		{"output below a file", j.args("--output", file+"/out"), []string{file}},
		{"output cannot be written", j.args("--output", "/sys/tagbeam"), []string{"/sys/tagbeam", "permission denied"}},
		{"top-k", j.args("--top-k", "0"), []string{"--top-k 0"}},
		{"top-k no number", j.args("--top-k", "many"), []string{"--top-k", "many"}},
		{"min-confidence", j.args("--min-confidence", "1.5"), []string{"--min-confidence 1.5"}},
		{"min-confidence NaN", j.args("--min-confidence", "NaN"), []string{"--min-confidence NaN"}},
		{"max-error-ratio", j.args("--max-error-ratio", "-1"), []string{"--max-error-ratio -1"}},
		{"sample", j.args("--sample", "0"), []string{"--sample 0"}},
		{"limit", j.args("--limit", "-3"), []string{"--limit -3"}},
		{"batch", j.args("--batch", "-1"), []string{"--batch -1"}},
		{"cpu", j.args("--cpu", "-1"), []string{"--cpu -1"}},
		{"unit-images", j.args("--unit-images", "-1"), []string{"--unit-images -1"}},
		{"max-bytes", j.args("--max-bytes", "0"), []string{"--max-bytes 0"}},
		{"max-pixels", j.args("--max-pixels", "0"), []string{"--max-pixels 0"}},
		{"runner", j.args("--runner", "spark"), []string{"--runner spark", "prism"}},
		{"a glob that the shell expanded", j.args("photo2.jpg"), []string{"photo2.jpg", "quotes"}},
		{"missing labels", j.args("--model-labels", "/no/labels.txt"), []string{"--model-labels /no/labels.txt"}},
		{"missing preprocessing", j.args("--preprocess", "/no/preprocess.json"), []string{"--preprocess /no/preprocess.json"}},
		{"unknown preprocessing", j.args("--preprocess", "magic"), []string{"preprocess", "magic"}},
		{"unknown model output", j.args("--model-output", "nope"), []string{"nope", "logits"}},
		{"missing ONNX Runtime", j.args("--onnxruntime", "/no/libonnxruntime.so"), []string{"--onnxruntime", "/no/libonnxruntime.so"}},
		{"garbage as ONNX Runtime", j.args("--onnxruntime", library), []string{library, "ONNX Runtime"}},
		{"unknown command", []string{"tga"}, []string{`"tga"`, "tagbeam --help"}},
		{"unknown model command", []string{"model", "look"}, []string{`"look"`, "tagbeam model --help"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := tagbeam(t, tc.args...).want(exitUsage).says(tc.says...)
			if !strings.HasPrefix(e.stderr, "tagbeam: ") || strings.Count(e.stderr, "tagbeam: ") != 1 || e.stdout != "" {
				t.Errorf("not one message\n%s", e)
			}
			if _, err := os.Stat(j.output); !os.IsNotExist(err) {
				t.Errorf("it left something at OUTPUT: %v", err)
			}
		})
	}
}

// TestOldONNXRuntime: a library that is too old, or another one, is refused with its version and the way out.
func TestOldONNXRuntime(t *testing.T) {
	t.Parallel()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	dir := t.TempDir()
	for name, source := range map[string]string{
		// What OrtGetApiBase has given since 1.0: a table of two functions, the first of which knows no newer API than its own.
		"old.so": `struct base { const void *(*get)(unsigned); const char *(*version)(void); };
static const void *get(unsigned v) { return 0; }
static const char *version(void) { return "1.17.3"; }
static const struct base b = { get, version };
const struct base *OrtGetApiBase(void) { return &b; }`,
		"other.so": `int answer(void) { return 42; }`,
	} {
		c := filepath.Join(dir, name+".c")
		writeFile(t, c, []byte(source))
		if out, err := exec.Command(cc, "-shared", "-fPIC", "-o", filepath.Join(dir, name), c).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	j := newJob(t, 1)
	tagbeam(t, j.args("--onnxruntime", filepath.Join(dir, "old.so"))...).want(exitUsage).says("too old", "1.24", "old.so", "make build")
	tagbeam(t, j.args("--onnxruntime", filepath.Join(dir, "other.so"))...).want(exitUsage).says("other.so", "not ONNX Runtime")

	p := prepared(t, j.args()...)
	p.cmd.Env = append(p.cmd.Env, "TAGBEAM_ONNXRUNTIME="+filepath.Join(dir, "none.so"))
	p.start().wait().want(exitUsage).says("TAGBEAM_ONNXRUNTIME", "none.so")

	// Nowhere named, and nowhere to be found, unless this system has one.
	p = prepared(t, j.args("--plan-only")...)
	p.cmd.Dir = dir
	p.cmd.Env = append(p.cmd.Env, "TAGBEAM_ONNXRUNTIME=", "HOME="+dir, "XDG_CACHE_HOME="+dir)
	if e := p.start().wait(); e.code != exitOK {
		e.want(exitUsage).says("was not found; looked in:", filepath.Join(dir, "tagbeam", "onnxruntime"), "make build", "--onnxruntime", "TAGBEAM_ONNXRUNTIME")
	}
	if _, err := os.Stat(j.output); !os.IsNotExist(err) {
		t.Errorf("there is something at OUTPUT: %v", err)
	}
}

// TestModelThatCannotRun: what only ONNX Runtime finds wrong with a model is found before a run is planned, so that no open run is left
// behind.
func TestModelThatCannotRun(t *testing.T) {
	t.Parallel()
	j := newJob(t, 2)
	j.model = tinyModel(t, "custom_op.onnx")
	tagbeam(t, j.args()...).want(exitFailed).says("com.example", "Whiten")
	if left := j.objects(t, ""); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	j.model = tinyModel(t, "nchw.onnx")
	tagbeam(t, j.args()...).want(exitOK)
	j.wantEachOnce(t, 2)
}
