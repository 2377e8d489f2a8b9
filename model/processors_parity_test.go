package model_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
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

// parityFolder has the scripts that run the libraries' own Python, and what they made of images of our own.
const parityFolder = "../testdata/preprocess"

// parityCase is a configuration as a library writes it, and the digests of the tensors that the library makes by it.
type parityCase struct {
	Kind   string // huggingface, timm or preset
	Config json.RawMessage
	Images map[string]string // digest by file
}

func parityCases(t *testing.T) map[string]parityCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parityFolder, "processors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Cases map[string]parityCase }
	if err := json.Unmarshal(data, &golden); err != nil || len(golden.Cases) == 0 {
		t.Fatalf("%d cases, %v", len(golden.Cases), err)
	}
	return golden.Cases
}

// worker reads the configuration and compiles it, for tensors of [3, height, width].
func (c parityCase) worker(t *testing.T) (*preprocess.Worker, []byte) {
	t.Helper()
	var spec preprocess.Spec
	var err error
	switch c.Kind {
	case "huggingface":
		spec, _, err = model.ProcessorSpec(c.Config, "")
	case "timm":
		spec, err = model.TimmSpec(c.Config)
	case "preset":
		var flag string
		if err = json.Unmarshal(c.Config, &flag); err == nil {
			spec, err = preprocess.Preset(flag, 224, 224)
		}
	default:
		err = fmt.Errorf("kind %q", c.Kind)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err := preprocess.Compile(spec, preprocess.TensorFormat{Layout: "NCHW"})
	if err != nil {
		t.Fatal(err)
	}
	return program.NewWorker(), make([]byte, program.Size())
}

func tensorDigest(tensor []byte) string {
	sum := sha256.Sum256(tensor)
	return hex.EncodeToString(sum[:])
}

// Every class's tensor of images of our own is the library's, bit for bit.
func TestProcessorsEqualPython(t *testing.T) {
	for name, c := range parityCases(t) {
		t.Run(name, func(t *testing.T) {
			worker, tensor := c.worker(t)
			for file, want := range c.Images {
				data, err := os.ReadFile(filepath.Join(parityFolder, file))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := worker.Apply(data, preprocess.Limits{}, tensor); err != nil {
					t.Fatal(err)
				}
				if got := tensorDigest(tensor); got != want {
					t.Errorf("%s: other values than Python's", file)
				}
			}
		})
	}
}

// parityPython is the interpreter with the packages of requirements.txt, or skips the test: `make parity` sets it.
func parityPython(t *testing.T) string {
	t.Helper()
	python := os.Getenv("TAGBEAM_PARITY_PYTHON")
	if python == "" {
		t.Skip("TAGBEAM_PARITY_PYTHON is not set; make parity compares with the libraries themselves")
	}
	return python
}

// runParity runs parity.py and calls line for each line it prints.
func runParity(t *testing.T, files []string, line func(i int, text []byte), args ...string) {
	t.Helper()
	cmd := exec.Command(parityPython(t), append([]string{filepath.Join(parityFolder, "parity.py")}, args...)...)
	cmd.Stdin, cmd.Stderr = strings.NewReader(strings.Join(files, "\n")), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	n := 0
	for ; lines.Scan(); n++ {
		line(n, lines.Bytes())
	}
	if err := cmd.Wait(); err != nil || n != len(files) {
		t.Fatalf("%d lines for %d files, %v", n, len(files), err)
	}
}

// The same for every real file: no bit differs in any class's tensor, and both sides refuse the same files.
func TestSharedDataEqualsProcessors(t *testing.T) {
	parityPython(t)
	cases := parityCases(t)
	type runner struct {
		worker *preprocess.Worker
		tensor []byte
	}
	runners := map[string]runner{}
	for name, c := range cases {
		w, tensor := c.worker(t)
		runners[name] = runner{w, tensor}
	}
	for _, folder := range []string{"photos", "ants_bees", "large", "odd"} {
		t.Run(folder, func(t *testing.T) {
			files := filesBelow(t, sharedData(t, folder))
			decoded, compared, differ := 0, 0, 0
			runParity(t, files, func(i int, text []byte) {
				var theirs struct {
					Digests map[string]string
					Error   string
				}
				if err := json.Unmarshal(text, &theirs); err != nil {
					t.Fatal(err)
				}
				data, err := os.ReadFile(files[i])
				if err != nil {
					t.Fatal(err)
				}
				name := filepath.Base(files[i])
				h, err := preprocess.ReadHeader(data, preprocess.Limits{})
				var pixels *preprocess.Pixels
				if err == nil {
					pixels, err = preprocess.Decode(data, h)
				}
				if (err != nil) != (theirs.Error != "") {
					t.Errorf("%s: %v, Python: %q", name, err, theirs.Error)
				}
				if err != nil || theirs.Error != "" {
					return
				}
				decoded++
				for _, c := range slices.Sorted(maps.Keys(runners)) {
					r := runners[c]
					if err := r.worker.ApplyPixels(pixels, r.tensor); err != nil {
						t.Fatal(err)
					}
					compared++
					if tensorDigest(r.tensor) != theirs.Digests[c] {
						differ++
						t.Errorf("%s: %s gives other values than Python", name, c)
					}
				}
			}, "compare")
			t.Logf("%d files, %d decoded, %d tensors compared, %d differ", len(files), decoded, compared, differ)
		})
	}
}

func filesBelow(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && filepath.Ext(path) != ".md" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s, %v", dir, err)
	}
	return files
}

// Labels equal those of Python's onnxruntime on all photos, and confidences are within 1e-5, for all models.
func TestLabelsEqualPython(t *testing.T) {
	parityPython(t)
	start(t)
	files := filesBelow(t, sharedData(t, "photos"))
	for name, opts := range map[string]model.Options{
		"mobilenetv2": {}, "mobilenetv2-int8": {}, "squeezenet": {Preprocess: "caffe"}, "vit-cifar10": {}, "vit-cifar10-p16": {},
	} {
		t.Run(name, func(t *testing.T) {
			folder := sharedData(t, "models", name)
			b, err := model.Load(os.DirFS(folder), name, opts)
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
			runner, err := session.NewRunner(1)
			if err != nil {
				t.Fatal(err)
			}
			defer runner.Close()
			worker, worst := program.NewWorker(), 0.0
			runParity(t, files, func(i int, text []byte) {
				var theirs struct {
					Class      int
					Confidence float64
				}
				if err := json.Unmarshal(text, &theirs); err != nil {
					t.Fatal(err)
				}
				data, err := os.ReadFile(files[i])
				if err != nil {
					t.Fatal(err)
				}
				if _, err := worker.Apply(data, preprocess.Limits{}, runner.Image(0)); err != nil {
					t.Fatal(err)
				}
				if err := runner.Run(1); err != nil {
					t.Fatal(err)
				}
				row := runner.Row(0, 0)
				b.Probabilities(row)
				confidence := slices.Max(row)
				if class := slices.Index(row, confidence); class != theirs.Class {
					t.Errorf("%s: class %d, Python has %d", filepath.Base(files[i]), class, theirs.Class)
				}
				difference := math.Abs(float64(confidence) - theirs.Confidence)
				if worst = max(worst, difference); difference > 1e-5 {
					t.Errorf("%s: confidence %v, Python has %v", filepath.Base(files[i]), confidence, theirs.Confidence)
				}
			}, "labels", folder)
			t.Logf("%d photos, largest difference of confidence %.2g", len(files), worst)
		})
	}
}
