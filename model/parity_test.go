package model_test

import (
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// Python's onnxruntime gives the same logits for the same tensors: real photos through MobileNetV2. It takes TAGBEAM_PYTHON, an interpreter
// that has onnxruntime and numpy.
func TestAgainstPython(t *testing.T) {
	start(t)
	folder, photos := sharedData(t, "models", "mobilenetv2"), sharedData(t, "photos")
	python := os.Getenv("TAGBEAM_PYTHON")
	if python == "" || exec.Command(python, "-c", "import onnxruntime, numpy").Run() != nil {
		t.Skip("TAGBEAM_PYTHON names no Python with onnxruntime and numpy")
	}
	names, err := filepath.Glob(filepath.Join(photos, "*"))
	if err != nil || len(names) < 5 {
		t.Fatalf("%d photos, %v", len(names), err)
	}
	names = names[:5]

	b, err := model.Load(os.DirFS(folder), "mobilenetv2", model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	program, err := b.Program()
	if err != nil {
		t.Fatal(err)
	}
	session, err := b.Session()
	if err != nil {
		t.Fatal(err)
	}
	runner, err := session.NewRunner(len(names))
	if err != nil {
		t.Fatal(err)
	}
	defer runner.Close()
	worker := program.NewWorker()
	for i, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := worker.Apply(data, preprocess.Limits{}, runner.Image(i)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	theirs := pythonLogits(t, python, filepath.Join(folder, b.File), runner.Input())
	if err := runner.Run(len(names)); err != nil {
		t.Fatal(err)
	}
	ours := runner.Output(0)
	if len(ours) != len(theirs) {
		t.Fatalf("%d logits, Python has %d", len(ours), len(theirs))
	}
	worst := 0.0
	for i := range ours {
		// Relative to the size of logits, which go up to about 20.
		worst = max(worst, math.Abs(float64(ours[i]-theirs[i]))/max(1, math.Abs(float64(theirs[i]))))
	}
	t.Logf("largest difference %.2g over %d logits", worst, len(ours))
	if worst > 1e-5 {
		t.Errorf("logits differ by up to %g from Python's, want at most 1e-5", worst)
	}
	right := 0
	for i, name := range names {
		row := runner.Row(0, i)
		b.Probabilities(row)
		label := b.Labels[slices.Index(row, slices.Max(row))]
		if strings.Contains(strings.ToLower(filepath.Base(name)), strings.ReplaceAll(label, " ", "_")) {
			right++
		}
	}
	if right < 3 {
		t.Errorf("%d of %d photos get the label in their name, want most", right, len(names))
	}
}

// pythonLogits runs testdata/run_onnx.py on a batch of tensors.
func pythonLogits(t *testing.T, python, graph string, batch []byte) []float32 {
	t.Helper()
	in, out := filepath.Join(t.TempDir(), "in"), filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(in, batch, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join("testdata", "run_onnx.py"), graph, in, out)
	if message, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, message)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	logits := make([]float32, len(data)/4)
	if _, err := binary.Decode(data, binary.LittleEndian, logits); err != nil {
		t.Fatal(err)
	}
	return logits
}
