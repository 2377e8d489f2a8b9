package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// importing is a Go file that imports paths, the first of them on line 4.
func importing(paths ...string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("package p\n\nimport (\n\t_ \"" + strings.Join(paths, "\"\n\t_ \"") + "\"\n)\n")}
}

const (
	beam    = "github.com/apache/beam/sdks/v2/go/pkg/beam"
	storage = "cloud.google.com/go/storage"
	ort     = "github.com/yalue/onnxruntime_go"
	parquet = "github.com/parquet-go/parquet-go"
	self    = "example.org/m/"
)

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		file    string
		imports []string
		want    []string // problems
	}{
		{"pipeline/tagbeam/main.go", []string{self + "pipeline", self + "transforms", self + "model/onnx", self + "io/run", beam}, nil},
		{"pipeline/tag.go", []string{self + "transforms", self + "transforms/engine", self + "model", self + "io/table", beam + "/register"}, nil},
		{"transforms/tag.go", []string{self + "transforms/engine", self + "model/head", self + "io/run", beam}, nil},
		{"transforms/engine/engine.go", []string{self + "model", self + "io/object", "context"}, nil},
		{"model/model.go", []string{self + "model/preprocess", "io/fs"}, nil},
		{"model/onnx/session.go", []string{ort}, nil},
		{"io/run/run.go", []string{self + "io/table", "io"}, nil},
		{"io/object/gs.go", []string{storage, "gocloud.dev/blob"}, nil},
		{"io/table/part.go", []string{parquet}, nil},
		{"io/source/parquet.go", []string{parquet, self + "io/object"}, nil},

		{"pipeline/tag.go", []string{self + "pipeline/tagbeam"}, []string{
			"imports example.org/m/pipeline/tagbeam: pipeline may import only transforms, transforms/engine, model, io"}},
		{"transforms/tag.go", []string{self + "pipeline"}, []string{
			"imports example.org/m/pipeline: transforms may import only transforms/engine, model, io"}},
		{"transforms/engine/engine.go", []string{self + "transforms"}, []string{
			"imports example.org/m/transforms: transforms/engine may import only model, io"}},
		{"transforms/engine/fetch/fetch.go", []string{beam}, []string{
			"imports " + beam + ": only pipeline and transforms may import Apache Beam (not transforms/engine)"}},
		{"model/bundle.go", []string{self + "io/object"}, []string{
			"imports example.org/m/io/object: model may import no other layer of this module"}},
		{"model/bundle_test.go", []string{self + "io/object"}, []string{
			"imports example.org/m/io/object: model may import no other layer of this module"}},
		{"model/bundle_windows.go", []string{beam}, []string{
			"imports " + beam + ": only pipeline and transforms may import Apache Beam (not transforms/engine)"}},
		{"io/run/run.go", []string{self + "model", beam}, []string{
			"imports example.org/m/model: io may import no other layer of this module",
			"imports " + beam + ": only pipeline and transforms may import Apache Beam (not transforms/engine)"}},
		{"io/source/list.go", []string{storage}, []string{
			"imports " + storage + ": only io/object may import a storage client"}},
		{"model/head/head.go", []string{ort}, []string{
			"imports " + ort + ": only model/onnx may import ONNX Runtime"}},
		{"io/run/ledger.go", []string{parquet + "/encoding"}, []string{
			"imports " + parquet + "/encoding: only io/table and io/source may import a Parquet library"}},
		{"io/tablet/x.go", []string{parquet, "github.com/parquet-go/parquet-gold"}, []string{
			"imports " + parquet + ": only io/table and io/source may import a Parquet library"}},
		{"pipeline/tag.go", []string{self + "internal/x"}, []string{
			"imports example.org/m/internal/x: it belongs to no layer"}},
		{"tools/tools.go", []string{beam}, []string{
			"folder tools belongs to no layer; give it one in .ci/layers/rules.go if it should be there"}},
		{"main.go", []string{"fmt"}, []string{
			"folder . belongs to no layer; give it one in .ci/layers/rules.go if it should be there"}},

		{"testdata/tool/main.go", []string{beam, self + "io"}, nil},
		{"model/.hidden/main.go", []string{beam}, nil},
	} {
		t.Run(test.file+" "+strings.Join(test.imports, " "), func(t *testing.T) {
			module := fstest.MapFS{
				"go.mod":  {Data: []byte("// The module.\nmodule example.org/m\n\ngo 1.26\n")},
				test.file: importing(test.imports...),
			}
			violations, err := Check(module)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range violations {
				if v.File != test.file {
					t.Errorf("violation in %q, want it in %q", v.File, test.file)
				}
				got = append(got, v.Problem)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckNamesFileAndLine(t *testing.T) {
	violations, err := Check(fstest.MapFS{
		"go.mod":            {Data: []byte("module example.org/m")},
		"io/a.go":           importing("fmt", beam),
		"model/b.go":        importing("fmt"),
		"nested/go.mod":     {Data: []byte("module example.org/nested")},
		"nested/main.go":    importing(beam),
		"transforms/c_x.go": importing("context", "fmt", self+"pipeline"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"io/a.go:5: imports " + beam + ": only pipeline and transforms may import Apache Beam (not transforms/engine)",
		"transforms/c_x.go:6: imports example.org/m/pipeline: transforms may import only transforms/engine, model, io",
	}
	var got []string
	for _, v := range violations {
		got = append(got, v.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

func TestCheckErrors(t *testing.T) {
	for name, test := range map[string]struct {
		root fstest.MapFS
		want string
	}{
		"no go.mod":      {fstest.MapFS{"io/a.go": importing("fmt")}, "run it at the root of the module"},
		"no module line": {fstest.MapFS{"go.mod": {Data: []byte("go 1.26\n")}}, "go.mod has no module line"},
		"not Go":         {fstest.MapFS{"go.mod": {Data: []byte("module m\n")}, "io/a.go": {Data: []byte("packag")}}, "io/a.go:1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Check(test.root); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// TestCommand runs the program as CI does: over this module, which must be clean, and over one with a violation.
func TestCommand(t *testing.T) {
	program := filepath.Join(t.TempDir(), "layers")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if out, err := exec.Command(program, "../..").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("over this module: %v\n%s", err, out)
	}

	violating := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		file := filepath.Join(violating, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.org/m\n")
	write("model/m.go", "package model\n\nimport _ \"example.org/m/io/run\"\n")
	out, err := exec.Command(program, violating).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 {
		t.Errorf("over a module with a violation: %v, want exit status 1", err)
	}
	want := "model/m.go:3: imports example.org/m/io/run: model may import no other layer of this module\n" +
		"layers: 1 violations of .ci/layers/rules.go\n"
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}
