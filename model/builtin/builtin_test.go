package builtin_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/builtin"
	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

var update = flag.Bool("update", false, "write the golden files")

func load(t *testing.T) *model.Bundle {
	t.Helper()
	b, err := model.Load(builtin.FS(), builtin.Name, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The digest decides whether images are tagged again: a new one is a new version of the model, and never an accident.
func TestDigest(t *testing.T) {
	golden := filepath.Join("testdata", "digest.txt")
	got := load(t).Digest + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the digest is %s, %s says %s: if the model is meant to be another, go test -update", got, golden, want)
	}
}

func TestContract(t *testing.T) {
	b := load(t)
	if b.Name != "builtin" || b.Activation != model.ActivationNone || len(b.Warnings) > 0 {
		t.Errorf("name %s, activation %s, warnings %q", b.Name, b.Activation, b.Warnings)
	}
	if diff := cmp.Diff([]string{"photo", "document", "screenshot", "graphic", "code", "blank"}, b.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	var ports []string
	for _, v := range append(slices.Clone(b.Info.Inputs), b.Info.Outputs...) {
		ports = append(ports, v.String())
	}
	want := []string{
		"image: float32 [batch, 128, 128, 3]",
		"probabilities: float32 [batch, 6]", "embedding: float32 [batch, 96]", "cam: float32 [batch, 8, 8, 6]", "attention: float32 [batch, 8, 8]",
	}
	if diff := cmp.Diff(want, ports); diff != "" {
		t.Errorf("inputs and outputs (-want +got):\n%s", diff)
	}
	if n := len(b.Graph); n > 1_200_000 {
		t.Errorf("%d bytes, want at most 1.2 MB", n)
	}
	if b.Info.Opset < 17 {
		t.Errorf("opsets %v, want 17 or later", b.Info.Opsets)
	}
	meta := b.Info.Metadata
	for _, key := range []string{"author", "labels", "layout", "license", "range", "resize", "version"} {
		if meta[key] == "" {
			t.Errorf("metadata has no %s: %v", key, meta)
		}
	}
	if meta["labels"] != strings.Join(b.Labels, ",") || meta["license"] != "Apache-2.0" {
		t.Errorf("metadata %v", meta)
	}
}

// The card is about this model, and the pictures it shows are there.
func TestCard(t *testing.T) {
	card := builtin.Card()
	if v := load(t).Info.Metadata["version"]; !strings.Contains(card, "Version "+v+",") {
		t.Errorf("the card is not of version %s", v)
	}
	if strings.Contains(card, "Not measured") {
		t.Error("the card was written without the real photos")
	}
	for _, part := range strings.Split(card, "](")[1:] {
		name, _, _ := strings.Cut(part, ")")
		if !strings.HasPrefix(name, "card/") {
			continue
		}
		if _, err := os.Stat(filepath.FromSlash(name)); err != nil {
			t.Errorf("the card shows %s: %v", name, err)
		}
	}
}

// Images that the project made, by the kind their folder is named after.
func TestExamples(t *testing.T) {
	library, err := onnx.Find("")
	if err != nil {
		t.Skip("ONNX Runtime: ", err)
	}
	if err := onnx.Init(library); err != nil {
		t.Fatal(err)
	}
	b := load(t)
	program, err := b.Program()
	if err != nil {
		t.Fatal(err)
	}
	session, err := b.Session()
	if err != nil {
		t.Fatal(err)
	}
	runner, err := session.NewRunner(1)
	if err != nil {
		t.Fatal(err)
	}
	defer runner.Close()
	worker := program.NewWorker()

	examples := os.DirFS(filepath.Join("..", "..", "testdata", "examples"))
	images, right := 0, 0
	err = fs.WalkDir(examples, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(name, "/") {
			return err
		}
		data, err := fs.ReadFile(examples, name)
		if err != nil {
			return err
		}
		if _, err := worker.Apply(data, preprocess.DefaultLimits, runner.Image(0)); err != nil {
			t.Errorf("%s: %v", name, err)
			return nil
		}
		if err := runner.Run(1); err != nil {
			return err
		}
		row := runner.Row(0, 0)
		best := slices.Index(row, slices.Max(row))
		images++
		if kind, _, _ := strings.Cut(name, "/"); kind == b.Labels[best] {
			right++
		} else {
			t.Logf("%s is called %s (%.2f)", name, b.Labels[best], row[best])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d examples are right", right, images)
	if images < 50 || right*10 < images*8 {
		t.Errorf("%d of %d examples are right, want 8 of 10 of at least 50", right, images)
	}
}
