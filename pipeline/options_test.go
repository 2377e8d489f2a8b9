package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// complete are options without a fault.
func complete() pipeline.Options {
	o := pipeline.DefaultOptions()
	o.Inputs, o.Output, o.Model.URI = []string{"in"}, "out", "model"
	return o
}

func TestValidate(t *testing.T) {
	if err := complete().Validate(); err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	for _, test := range []struct {
		spoil func(o *pipeline.Options)
		says  string
	}{
		{func(o *pipeline.Options) { o.Inputs = nil }, "no --input"},
		{func(o *pipeline.Options) { o.Output = "" }, "no --output"},
		{func(o *pipeline.Options) { o.Output = "ftp://x/y" }, "--output: "},
		{func(o *pipeline.Options) { o.TopK = 0 }, "--top-k 0"},
		{func(o *pipeline.Options) { o.MinConfidence = -0.1 }, "--min-confidence -0.1"},
		{func(o *pipeline.Options) { o.MinConfidence = 1.1 }, "--min-confidence 1.1"},
		{func(o *pipeline.Options) { o.MinConfidence = nan }, "--min-confidence NaN"},
		{func(o *pipeline.Options) { o.MaxErrorRatio = -1 }, "--max-error-ratio -1"},
		{func(o *pipeline.Options) { o.MaxErrorRatio = 1.5 }, "--max-error-ratio 1.5"},
		{func(o *pipeline.Options) { o.MaxErrorRatio = nan }, "--max-error-ratio NaN"},
		{func(o *pipeline.Options) { o.Sample = 0 }, "--sample 0"},
		{func(o *pipeline.Options) { o.Sample = 1.5 }, "--sample 1.5"},
		{func(o *pipeline.Options) { o.Sample = nan }, "--sample NaN"},
		{func(o *pipeline.Options) { o.Limit = -1 }, "--limit -1"},
		{func(o *pipeline.Options) { o.Batch = -1 }, "--batch -1"},
		{func(o *pipeline.Options) { o.Batch = 5000 }, "--batch 5000"},
		{func(o *pipeline.Options) { o.CPU = -1 }, "--cpu -1"},
		{func(o *pipeline.Options) { o.CPU = 1 << 20 }, "--cpu 1048576"},
		{func(o *pipeline.Options) { o.Limits.MaxBytes = 0 }, "--max-bytes 0"},
		{func(o *pipeline.Options) { o.Limits.MaxPixels = -5 }, "--max-pixels -5"},
		{func(o *pipeline.Options) { o.Limits.MaxScans = 0 }, "--max-scans 0"},
		{func(o *pipeline.Options) { o.Limits.MaxFrames = 0 }, "--max-frames 0"},
		{func(o *pipeline.Options) { o.Limits.MaxMetadata = 0 }, "--max-metadata 0"},
		{func(o *pipeline.Options) { o.UnitImages = -1 }, "--unit-images -1"},
		{func(o *pipeline.Options) { o.Runner = "spark" }, "--runner spark: not known; one of direct, prism, flink, dataflow, universal"},
	} {
		o := complete()
		test.spoil(&o)
		err := o.Validate()
		var usage *pipeline.UsageError
		if !errors.As(err, &usage) || !strings.HasPrefix(err.Error(), test.says) {
			t.Errorf("expected a UsageError %q..., got %v", test.says, err)
		}
	}
}

// Every option either shapes rows, and then it is in the fingerprint, or it does not, and a run can be resumed with another one.
func TestFingerprintIsOfWhatShapesRows(t *testing.T) {
	shaping := map[string]func(o *pipeline.Options){
		"Inputs":                func(o *pipeline.Options) { o.Inputs = []string{"in", "more"} },
		"URIColumn":             func(o *pipeline.Options) { o.URIColumn = "src" },
		"ImageColumn":           func(o *pipeline.Options) { o.ImageColumn = "picture" },
		"TopK":                  func(o *pipeline.Options) { o.TopK++ },
		"MinConfidence":         func(o *pipeline.Options) { o.MinConfidence = 0.25 },
		"Limits.MaxBytes":       func(o *pipeline.Options) { o.Limits.MaxBytes++ },
		"Limits.MaxPixels":      func(o *pipeline.Options) { o.Limits.MaxPixels++ },
		"Limits.MaxScans":       func(o *pipeline.Options) { o.Limits.MaxScans++ },
		"Limits.MaxFrames":      func(o *pipeline.Options) { o.Limits.MaxFrames++ },
		"Limits.MaxMetadata":    func(o *pipeline.Options) { o.Limits.MaxMetadata++ },
		"Limits.AllowTruncated": func(o *pipeline.Options) { o.Limits.AllowTruncated = true },
		"Limit":                 func(o *pipeline.Options) { o.Limit = 10 },
		"Sample":                func(o *pipeline.Options) { o.Sample = 0.5 },
		"Retag":                 func(o *pipeline.Options) { o.Retag = true },
		"RetryErrors":           func(o *pipeline.Options) { o.RetryErrors = true },
		"Hash":                  func(o *pipeline.Options) { o.Hash = true },
	}
	others := map[string]func(o *pipeline.Options){
		"Output":        func(o *pipeline.Options) { o.Output = "elsewhere" },
		"Model":         func(o *pipeline.Options) { o.Model = engine.ModelRef{URI: "copy"} }, // the digest tells
		"Abandon":       func(o *pipeline.Options) { o.Abandon = true },
		"Stores":        func(o *pipeline.Options) { o.Stores.S3Region = "eu-central-1" }, // how objects are reached, not which
		"MaxErrorRatio": func(o *pipeline.Options) { o.MaxErrorRatio = 0.5 },
		"Runner":        func(o *pipeline.Options) { o.Runner = "prism" },
		"CPU":           func(o *pipeline.Options) { o.CPU = 3 },
		// Where the workers are, and how their job is looked after.
		"SharedFilesystem": func(o *pipeline.Options) { o.SharedFilesystem = true },
		"FlinkREST":        func(o *pipeline.Options) { o.FlinkREST = "localhost:8081" },
		"Detach":           func(o *pipeline.Options) { o.Detach = true },
		"JobAttempts":      func(o *pipeline.Options) { o.JobAttempts = 7 },
		"RunnerOptions":    func(o *pipeline.Options) { o.RunnerOptions = map[string]string{"a": "b"} },
		"Batch":            func(o *pipeline.Options) { o.Batch = 3 },
		"NoDedup":          func(o *pipeline.Options) { o.NoDedup = true },
		"UnitImages":       func(o *pipeline.Options) { o.UnitImages = 3 },
		"Command":          func(o *pipeline.Options) { o.Command = []string{"tagbeam"} },
	}
	fingerprint := func(o pipeline.Options, digest string) string { return run.Fingerprint(pipeline.Shape(o, digest)) }
	usual := fingerprint(complete(), "sha256:1")
	if fingerprint(complete(), "sha256:2") == usual {
		t.Error("another model has the same fingerprint")
	}
	seen := map[string]string{usual: "nothing"}
	for _, field := range fieldNames() {
		o := complete()
		change, shapes := shaping[field]
		if !shapes {
			if change = others[field]; change == nil {
				t.Errorf("does %s shape rows? Put it into one of the tables", field)
				continue
			}
		}
		change(&o)
		if reflect.DeepEqual(o, complete()) {
			t.Errorf("%s was not changed", field)
		}
		f := fingerprint(o, "sha256:1")
		switch {
		case !shapes && f != usual:
			t.Errorf("%s is in the fingerprint", field)
		case shapes && seen[f] != "":
			t.Errorf("%s has the fingerprint of a change of %s", field, seen[f])
		}
		seen[f] = field
	}
}

// fieldNames are those of Options, and those of its Limits one by one.
func fieldNames() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[pipeline.Options]()) {
		if f.Name != "Limits" && f.IsExported() {
			names = append(names, f.Name)
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[preprocess.Limits]()) {
		names = append(names, "Limits."+f.Name)
	}
	return names
}

// Lists of inputs that print alike are different inputs.
func TestFingerprintOfInputsIsExact(t *testing.T) {
	seen := map[string][]string{}
	for _, inputs := range [][]string{{"a b"}, {"a", "b"}, {`a" "b`}, {"a", "b", ""}, {"a\nb"}, {`a\nb`}} {
		o := complete()
		o.Inputs = inputs
		f := run.Fingerprint(pipeline.Shape(o, "sha256:1"))
		if other, ok := seen[f]; ok {
			t.Errorf("%q and %q have the same fingerprint", inputs, other)
		}
		seen[f] = inputs
	}
}

// The same images and table are meant by a relative path and by an absolute one, with a slash at its end or without.
func TestPathsAreResolved(t *testing.T) {
	_, o := inMemory(t, 0)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "a.png"), picture(1), 0o644); err != nil {
		t.Fatal(err)
	}
	o.Output = filepath.Join(t.TempDir(), "out")
	o.Inputs = []string{folder}
	mustRun(t, o)
	t.Chdir(folder)
	o.Model.URI, o.Output, o.Inputs = absoluteModel, o.Output+"/", []string{"."}
	if res := mustRun(t, o); !res.Nothing || res.Stats.Skipped != 1 {
		t.Errorf("%+v", res)
	}
}

var absoluteModel, _ = filepath.Abs(filepath.Join("..", "testdata", "models", "softmax.onnx"))

// What is not there, or cannot be, is a UsageError that names the flag or the object.
func TestUsageErrors(t *testing.T) {
	_, good := inMemory(t, 1)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		spoil func(o *pipeline.Options)
		says  string
	}{
		"runner":           {func(o *pipeline.Options) { o.Runner = "spark" }, "--runner spark"},
		"model":            {func(o *pipeline.Options) { o.Model.URI = "not/there" }, "--model"},
		"model's scheme":   {func(o *pipeline.Options) { o.Model.URI = "ftp://x/y" }, "--model"},
		"input":            {func(o *pipeline.Options) { o.Inputs = []string{"not/there"} }, "not/there"},
		"empty input":      {func(o *pipeline.Options) { o.Inputs = []string{""} }, "--input"},
		"input's scheme":   {func(o *pipeline.Options) { o.Inputs = []string{"ftp://x/y"} }, "ftp"},
		"output is a file": {func(o *pipeline.Options) { o.Output = file }, "--output"},
	} {
		o := good
		test.spoil(&o)
		for call, do := range map[string]func() error{
			"Run":     func() error { _, err := pipeline.Run(t.Context(), o, pipeline.Observer{}); return err },
			"Prepare": func() error { _, err := pipeline.Prepare(t.Context(), o); return err },
			"Plan":    func() error { _, err := pipeline.Plan(t.Context(), o); return err },
		} {
			err := do()
			var usage *pipeline.UsageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s, %s: expected a UsageError that says %q, got %v", call, name, test.says, err)
			}
		}
	}
}

// A store that does not answer and a context that ended are no mistakes of the user.
func TestNotEverythingIsAUsageError(t *testing.T) {
	ended, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("Ctrl-C")
	cancel(cause)
	late, cancelLate := context.WithTimeout(t.Context(), 0)
	defer cancelLate()
	broken := fmt.Errorf("reading: %w", object.ErrTransient)
	for name, test := range map[string]struct {
		ctx   context.Context
		err   error
		want  error
		usage bool
	}{
		"a mistake":         {t.Context(), object.ErrNotFound, object.ErrNotFound, true},
		"a silent store":    {t.Context(), broken, object.ErrTransient, false},
		"an ended context":  {ended, object.ErrNotFound, cause, false},
		"a passed deadline": {late, object.ErrNotFound, context.DeadlineExceeded, false},
	} {
		err := pipeline.AsUsage(test.ctx, test.err)
		var usage *pipeline.UsageError
		if !errors.Is(err, test.want) || errors.As(err, &usage) != test.usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, o := inMemory(t, 1)
	if _, err := pipeline.Run(ended, o, pipeline.Observer{}); !errors.Is(err, cause) && !errors.Is(err, context.Canceled) {
		t.Errorf("Run with an ended context: %v", err)
	}
}

func TestEstimateRate(t *testing.T) {
	_, o := inMemory(t, 0)
	o.Batch = 1
	rate, how, err := pipeline.EstimateRate(t.Context(), o)
	if err != nil || !(rate > 0) || how == "" {
		t.Error(rate, how, err)
	}
	o.Model.URI = "not/there"
	if _, _, err := pipeline.EstimateRate(t.Context(), o); err == nil || !strings.Contains(err.Error(), "not/there") {
		t.Errorf("without a model: %v", err)
	}
}

// A POSIX shell reads back what ShellJoin writes.
func TestShellJoin(t *testing.T) {
	for want, args := range map[string][]string{
		"tagbeam tag --input gs://b/x":              {"tagbeam", "tag", "--input", "gs://b/x"},
		`tagbeam --input 'my photos/**'`:            {"tagbeam", "--input", "my photos/**"},
		`'it'\''s' '' '$HOME' '~' 'a` + "\n" + `b'`: {"it's", "", "$HOME", "~", "a\nb"},
	} {
		if got := pipeline.ShellJoin(args); got != want {
			t.Errorf("%q is written %s; expected %s", args, got, want)
		}
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	argument := rapid.Map(rapid.OneOf(
		rapid.String(),
		rapid.StringMatching("[-a-z'\"\\\\$`!*?~#&|;<>(){}\\[\\] \t\n=%]{0,12}"),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	), func(s string) string { return strings.ReplaceAll(s, "\x00", "") })
	rapid.Check(t, func(t *rapid.T) {
		args := rapid.SliceOfN(argument, 1, 20).Draw(t, "args")
		out, err := exec.Command(shell, "-c", `printf '%s\0' `+pipeline.ShellJoin(args)).Output()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(args, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
