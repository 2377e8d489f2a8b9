package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/model/head"
)

// flags of three countries that the tiny network's features, the mean colours of an image's quarters, tell apart.
var flagClasses = []string{"norge", "polska", "österreich"}

// flagImage is a small image of a class, another one for each i.
func flagImage(class, i int) []byte {
	rnd := rand.New(rand.NewPCG(uint64(i), uint64(class)))
	noisy := func(r, g, b int) color.RGBA {
		n := func(v int) uint8 { return uint8(min(max(v+rnd.IntN(60)-30, 0), 255)) }
		return color.RGBA{n(r), n(g), n(b), 255}
	}
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	fill := func(x0, y0, x1, y1 int, c color.RGBA) {
		draw.Draw(img, image.Rect(x0, y0, x1, y1), image.NewUniform(c), image.Point{}, draw.Src)
	}
	switch class {
	case 0:
		fill(0, 0, 16, 16, noisy(200, 40, 40))
		fill(0, 0, 8, 8, noisy(40, 40, 160))
	case 1:
		fill(0, 0, 16, 8, noisy(220, 220, 220))
		fill(0, 8, 16, 16, noisy(200, 40, 40))
	case 2:
		fill(0, 0, 16, 16, noisy(200, 40, 40))
		fill(0, 5, 16, 11, noisy(220, 220, 220))
	}
	return encodePNG(img)
}

// flagFolder is a folder of n images of each class.
func flagFolder(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "flags")
	for class, name := range flagClasses {
		for i := range n {
			writeFile(t, filepath.Join(dir, name, fmt.Sprintf("%03d.png", i)), flagImage(class, i))
		}
	}
	return dir
}

// course is a train command.
type course struct {
	input, base, output string
}

func newCourse(t *testing.T, n int) course {
	t.Helper()
	return course{flagFolder(t, n), tinyModel(t, "nchw.onnx"), filepath.Join(t.TempDir(), "model")}
}

func (c course) args(more ...string) []string {
	return append([]string{"train", "--input", c.input, "--model", c.base, "--output", c.output, "--cpu", "1"}, more...)
}

// trained runs train and reads its report.
func (c course) trained(t *testing.T, more ...string) (ended, trainReport) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	e := tagbeam(t, c.args(append(more, "--report-json", file)...)...)
	var r trainReport
	if data, err := os.ReadFile(file); err == nil {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&r); err != nil {
			t.Fatal(err)
		}
	}
	return e, r
}

// again is the same course with another output and the same features.
func (c course) again(t *testing.T) (course, string) {
	features := c.output + ".features"
	c.output = filepath.Join(t.TempDir(), "again")
	return c, features
}

// Every head learns what there is to learn; the model runs in tag and evaluate; a second training does not run the network again, and with the same
// seed gives the same model.
func TestTrain(t *testing.T) {
	t.Parallel()
	for _, kind := range head.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			c := newCourse(t, 20)
			plots := filepath.Join(t.TempDir(), "plots")
			e, r := c.trained(t, "--head", string(kind), "--plots", plots)
			e.want(exitOK).prints("base       tiny, cut at features", "images     48 training, 12 validation, of 3 classes", "features   60 new", "head       "+string(kind), "model      "+c.output)
			e.says("val_loss", "val_accuracy")
			if r.Validation == nil || r.Validation.Images != 12 || r.Validation.Accuracy < 0.9 || r.NewFeatures != 60 || r.Seed != 1 || len(r.History) == 0 {
				t.Errorf("%+v", r)
			}
			if r.Before == nil || r.After == nil || r.Temperature <= 0 {
				t.Errorf("calibration %+v, %+v, temperature %v", r.Before, r.After, r.Temperature)
			}
			for _, name := range []string{"learning", "confusion", "reliability", "coverage"} {
				if !bytes.Contains(readFile(t, filepath.Join(plots, name+".svg")), []byte("<svg")) {
					t.Errorf("%s is no SVG", name)
				}
			}
			card := string(readFile(t, filepath.Join(c.output, "MODEL_CARD.md")))
			for _, words := range append([]string{"tiny", c.input, "österreich"}, flagClasses...) {
				if !strings.Contains(card, words) {
					t.Errorf("the card lacks %q:\n%s", words, card)
				}
			}
			// It is a model like any other.
			_, report := evaluated(t, "--input", c.input, "--model", c.output)
			if report.Images != 60 || report.Accuracy < 0.9 {
				t.Errorf("%+v", report.Report)
			}
			j := job{c.input, c.output, filepath.Join(t.TempDir(), "out")}
			tagbeam(t, j.args()...).want(exitOK)
			// What the report says of the validation images is what tag says: calibrated, of the same features.
			for _, row := range j.rows(t) {
				if row.Confidence == nil || *row.Confidence < 1./3-1e-4 || *row.Confidence > 1+1e-4 {
					t.Errorf("%s: %v", row.URI, row.Confidence)
				}
			}

			runsInPython(t, c.output, j.output)

			same, features := c.again(t)
			e, second := same.trained(t, "--head", string(kind), "--keep-features", features)
			e.want(exitOK)
			if second.NewFeatures != 0 {
				t.Errorf("the network was run on %d images again", second.NewFeatures)
			}
			if !bytes.Equal(readFile(t, filepath.Join(c.output, "model.onnx")), readFile(t, filepath.Join(same.output, "model.onnx"))) {
				t.Error("the same seed gave another model")
			}
			all, _ := c.again(t)
			e, third := all.trained(t, "--head", string(kind), "--keep-features", features, "--refit")
			e.want(exitOK)
			if third.Setting != second.Setting+", refit on all images" || third.Temperature != second.Temperature || third.Validation.Accuracy != second.Validation.Accuracy {
				t.Errorf("%+v, not refit %+v", third, second)
			}
			if bytes.Equal(readFile(t, filepath.Join(c.output, "model.onnx")), readFile(t, filepath.Join(all.output, "model.onnx"))) {
				t.Error("--refit changes nothing")
			}
			if _, report := evaluated(t, "--input", c.input, "--model", all.output); report.Accuracy < 0.9 {
				t.Errorf("refit: %+v", report.Report)
			}
			other, _ := c.again(t)
			e, _ = other.trained(t, "--head", string(kind), "--keep-features", features, "--seed", "2", "--quiet")
			e.want(exitOK)
			if e.stdout+e.stderr != "" {
				t.Errorf("--quiet: %s", e)
			}
			if bytes.Equal(readFile(t, filepath.Join(c.output, "model.onnx")), readFile(t, filepath.Join(other.output, "model.onnx"))) {
				t.Error("another seed gave the same model")
			}
		})
	}
}

// runsInPython holds a table against what Python's onnxruntime makes of the model's one file.
func runsInPython(t *testing.T, model, output string) {
	t.Helper()
	python := os.Getenv("TAGBEAM_PYTHON")
	if python == "" {
		t.Log("TAGBEAM_PYTHON is not set: the model is not run in Python")
		return
	}
	script := `
import glob, json, sys
import numpy as np, onnxruntime, pyarrow.parquet as pq
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[1] + "/model.onnx")
names = json.load(open(sys.argv[1] + "/config.json"))["id2label"]
for row in pq.read_table(glob.glob(sys.argv[2] + "/labels/*/*.parquet")[0]).to_pylist():
    pixels = np.asarray(Image.open(row["uri"]).convert("RGB").resize((8, 8), Image.BILINEAR), dtype=np.float32) / 255
    got = session.run(["probabilities"], {session.get_inputs()[0].name: pixels.transpose(2, 0, 1)[None]})[0][0]
    assert abs(got.sum() - 1) < 1e-5, got
    for guess in row["top_k"]:
        assert names[str(guess["label_id"])] == guess["label"]
        assert abs(got[guess["label_id"]] - guess["confidence"]) < 1e-5, (row, got)
print("the same")
`
	out, err := exec.Command(python, "-c", script, model, output).CombinedOutput()
	if err != nil || string(out) != "the same\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

// Features are made of what is new, by image and by network.
func TestTrainKeepsFeatures(t *testing.T) {
	t.Parallel()
	c := newCourse(t, 6)
	_, r := c.trained(t)
	for _, step := range []struct {
		what string
		do   func()
		more []string
		want int64
	}{
		{"nothing", func() {}, nil, 0},
		{"an image more", func() { writeFile(t, filepath.Join(c.input, flagClasses[0], "new.png"), flagImage(0, 100)) }, nil, 1},
		{"another image of a name", func() { writeFile(t, filepath.Join(c.input, flagClasses[1], "000.png"), flagImage(1, 101)) }, nil, 1},
		{"another tensor", func() {}, []string{"--features", "logits"}, 19},
		{"mirrored, too", func() {}, []string{"--augment", "flip"}, 19},
		{"another runner", func() {}, []string{"--runner", "prism"}, 0},
		{"all views", func() {}, []string{"--augment", "flip,crop"}, 8 * 19},
		{"an image less", func() { os.Remove(filepath.Join(c.input, flagClasses[0], "001.png")) }, nil, 0},
		{"another preprocessing", func() {}, []string{"--preprocess", "keras-tf"}, 18},
	} {
		step.do()
		var e ended
		e, r = c.trained(t, append(step.more, "--overwrite")...)
		e.want(exitOK)
		if r.NewFeatures != step.want {
			t.Errorf("%s: features of %d images were made, want %d", step.what, r.NewFeatures, step.want)
		}
	}
	if r.TrainingImages[0]+r.TrainingImages[1]+r.TrainingImages[2] != 15 {
		t.Errorf("%+v", r.TrainingImages)
	}
}

// Further views are trained on, not validated on.
func TestTrainOnViews(t *testing.T) {
	t.Parallel()
	c := newCourse(t, 10)
	e, r := c.trained(t, "--augment", "flip,crop", "--head", "mlp")
	e.want(exitOK).prints("24 training, 10 views each, 6 validation").says("view 2 of 10: mirrored", "view 10 of 10: bottom-right mirrored")
	if r.Views != 10 || r.NewFeatures != 300 || r.Validation.Images != 6 || r.Validation.Accuracy < 0.8 {
		t.Errorf("%+v", r)
	}
}

// A manifest says classes and splits; what is for testing is kept aside.
func TestTrainByManifest(t *testing.T) {
	t.Parallel()
	c := newCourse(t, 10)
	var list strings.Builder
	list.WriteString("file,kind,part\n")
	for class, name := range flagClasses {
		for i := range 10 {
			part := "train"
			if i >= 6 {
				part = "val"
			}
			if i == 9 {
				part = "test"
			}
			fmt.Fprintf(&list, "%s,%s,%s\n", filepath.Join(c.input, name, fmt.Sprintf("%03d.png", i)), strings.ToUpper(name), part)
			_ = class
		}
	}
	csv := filepath.Join(t.TempDir(), "labels.csv")
	writeFile(t, csv, []byte(list.String()))
	c.input = "@" + csv
	columns := []string{"--label-column", "kind", "--split-column", "part"}
	e, r := c.trained(t, columns...)
	e.want(exitOK).prints("18 training, 9 validation")
	if r.KeptAside != 3 || r.Classes[0] != "NORGE" {
		t.Errorf("%+v", r)
	}
	if r.NewFeatures != 27 {
		t.Errorf("features of %d images were made: those for testing are none of training's business", r.NewFeatures)
	}
	output := filepath.Join(t.TempDir(), "tested")
	_, report := evaluated(t, append(columns, "--input", c.input, "--model", c.output, "--split", "test", "--output", output)...)
	if tested := (job{output: output}).rows(t); report.Images != 3 || len(tested) != 3 {
		t.Errorf("%d images tagged, %+v", len(tested), report.Report)
	}
}

func TestTrainWithValidationInput(t *testing.T) {
	t.Parallel()
	c := newCourse(t, 8)
	held := filepath.Join(t.TempDir(), "held")
	for class, name := range flagClasses {
		for i := range 3 {
			writeFile(t, filepath.Join(held, name, fmt.Sprintf("%d.png", i)), flagImage(class, 50+i))
		}
	}
	writeFile(t, filepath.Join(held, flagClasses[0], "copy.png"), flagImage(0, 5)) // leaks
	e, r := c.trained(t, "--validation-input", held)
	e.want(exitOK).prints("23 training, 10 validation").says("training and validation have images in common", "1 image is not trained on", "norge/005.png", "norge/copy.png")
	if r.Leaking != 1 {
		t.Errorf("%+v", r)
	}
	e, r = c.trained(t, "--overwrite", "--validation-split", "0")
	e.want(exitOK).prints("24 training, 0 validation")
	if r.Validation != nil || r.Before != nil {
		t.Errorf("%+v", r)
	}
	tagbeam(t, c.args("--overwrite", "--validation-input", filepath.Join(c.input, flagClasses[0]))...).want(exitUsage).
		says("under --input and under --validation-input", "norge/000.png")
	strange := filepath.Join(t.TempDir(), "strange")
	writeFile(t, filepath.Join(strange, "suomi", "1.png"), flagImage(0, 70))
	tagbeam(t, c.args("--overwrite", "--validation-input", strange)...).want(exitUsage).says(`class "suomi" has validation images`, "no training images")
}

// What is odd about the images is said, and counted; the rest is trained on.
func TestTrainOnOddImages(t *testing.T) {
	t.Parallel()
	c := newCourse(t, 8)
	at := func(elem ...string) string { return filepath.Join(append([]string{c.input}, elem...)...) }
	writeFile(t, at("norge", "broken.png"), []byte("no image"))
	writeFile(t, at("norge", "empty.jpg"), nil)
	writeFile(t, at("polska", "copy.png"), flagImage(0, 3)) // of norge
	writeFile(t, at("norge", "twin.png"), flagImage(0, 4))  // harmless
	writeFile(t, at("suomi", "1.png"), flagImage(1, 80))
	writeFile(t, at("sverige", "notes.txt"), []byte("none yet"))
	e, r := c.trained(t)
	e.want(exitOK).says(
		"2 images are left out, because they cannot be read: ", "empty 1", "unsupported_format 1", "norge/",
		"the same image is in two classes: 2 images are left out", "norge/003.png (class norge)", "polska/copy.png (class polska)",
		"1 class has one training image only: \\\"suomi\\\"",
		"the folder "+at("sverige")+" has no images",
	)
	if r.Contradictory != 2 || r.Failed["empty"] != 1 || r.Failed["unsupported_format"] != 1 || len(r.Classes) != 4 {
		t.Errorf("%+v", r)
	}
	card := string(readFile(t, filepath.Join(c.output, "MODEL_CARD.md")))
	for _, words := range []string{"2 images that could not be read", "2 images that have the content of an image of another class"} {
		if !strings.Contains(card, words) {
			t.Errorf("the card lacks %q:\n%s", words, card)
		}
	}
	// A class of which nothing can be read cannot be learnt.
	writeFile(t, at("suomi", "1.png"), []byte("no image"))
	tagbeam(t, c.args("--overwrite")...).want(exitUsage).says(`class "suomi" has no training image left`, "1 of its images could not be read", "suomi/1.png")
}

func TestTrainMistakes(t *testing.T) {
	t.Parallel()
	c := newCourse(t, 4)
	flat := imageFolder(t, 3)
	ids := t.TempDir()
	for i := range 4 {
		writeFile(t, filepath.Join(ids, fmt.Sprint("id", i), "1.png"), flagImage(0, i))
	}
	manifest := filepath.Join(t.TempDir(), "list.csv")
	writeFile(t, manifest, []byte("uri,label\n"+filepath.Join(c.input, flagClasses[0], "000.png")+",\n"))
	other := filepath.Join(t.TempDir(), "other")
	writeFile(t, filepath.Join(other, "photo.jpg"), []byte("dear"))
	with := func(flag, value string) []string {
		args := c.args()
		for i := range args {
			if args[i] == flag {
				args[i+1] = value
				return args
			}
		}
		return append(args, flag, value)
	}
	for _, tc := range []struct {
		name string
		args []string
		says []string
	}{
		{"no input", []string{"train", "--output", c.output}, []string{"no --input"}},
		{"no output", []string{"train", "--input", c.input}, []string{"no --output"}},
		{"one class", with("--input", flat), []string{"of one class", "folder of its own"}},
		{"a class for each image", with("--input", ids), []string{"4 classes", "for 4 images", "--label-column"}},
		{"no classes", with("--input", "@"+manifest), []string{"none of the images has a class", "@labels.csv"}},
		{"no images", with("--input", t.TempDir()), []string{"there are no images"}},
		{"missing folder", with("--input", "/no/such"), []string{"--input", "/no/such"}},
		{"head", with("--head", "tree"), []string{"--head tree", "linear mlp svm knn"}},
		{"augment", with("--augment", "rotate"), []string{"--augment rotate", "flip, crop"}},
		{"split", with("--validation-split", "1"), []string{"--validation-split 1"}},
		{"l2", with("--l2", "0"), []string{"--l2 0"}},
		{"neighbours", with("--neighbours", "0"), []string{"--neighbours 0"}},
		{"epochs", with("--epochs", "0"), []string{"--epochs"}},
		{"dropout", with("--dropout", "1"), []string{"--dropout"}},
		{"features", with("--features", "nothing"), []string{"nothing", "features"}},
		{"model", with("--model", "/no/such"), []string{"--model", "/no/such"}},
		{"output", with("--output", c.input), []string{"--output", "there is something already", "--overwrite"}},
		{"not a model", append(with("--output", other), "--overwrite"), []string{"no model of tagbeam train"}},
		{"file", with("--output", filepath.Join(other, "photo.jpg")), []string{"it is a file"}},
		{"column", with("--label-column", "kind"), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.says == nil {
				return
			}
			tagbeam(t, tc.args...).want(exitUsage).says(tc.says...)
		})
	}
	if data := readFile(t, filepath.Join(other, "photo.jpg")); string(data) != "dear" {
		t.Errorf("%q", data)
	}
	if _, err := os.Stat(c.output); err == nil {
		t.Error("a model was written")
	}
}

// lookout is a writer that tells when some words have gone by.
type lookout struct {
	mu    sync.Mutex
	text  bytes.Buffer
	words string
	seen  chan struct{}
}

func (l *lookout) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := strings.Contains(l.text.String(), l.words)
	l.text.Write(p)
	if !before && strings.Contains(l.text.String(), l.words) {
		close(l.seen)
	}
	return len(p), nil
}

func (l *lookout) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Ctrl-C while the head is trained keeps the best until then.
func TestTrainInterrupted(t *testing.T) {
	t.Parallel()
	c := newCourse(t, 10)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := prepared(t, c.args("--head", "mlp", "--epochs", "1000000", "--patience", "-1", "--overwrite")...)
		l := &lookout{words: "Epoch 5/1000000", seen: make(chan struct{})}
		p.cmd.Stderr = l
		p.start()
		select {
		case <-l.seen:
		case <-p.ended:
			t.Fatalf("it ended before its time\n%s\n%s", p.result, l)
		}
		p.signal(signal)
		p.wait().want(128 + int(signal)).prints("model      " + c.output)
		if !strings.Contains(l.String(), "the best model until then (epoch ") {
			t.Error(l)
		}
		e, report := evaluated(t, "--input", c.input, "--model", c.output)
		e.want(exitOK)
		if report.Accuracy < 0.6 {
			t.Errorf("%+v", report.Report)
		}
	}
}

// Ctrl-C while features are made loses none, and the same command goes on.
func TestTrainFeaturesInterrupted(t *testing.T) {
	g := objecttest.StartGS(t, "data", "models")
	t.Cleanup(func() { object.Close() })
	for class, name := range flagClasses {
		for i := range 10 {
			putGS(g, "data", fmt.Sprintf("flags/%s/%03d.png", name, i), flagImage(class, i))
		}
	}
	c := course{"gs://data/flags", tinyModel(t, "nchw.onnx"), "gs://models/flags"}
	stop := hold(g, false, reads("polska/005.png"))
	p := start(t, c.args("--unit-images", "5")...)
	select {
	case <-stop.reached:
	case <-p.ended:
		t.Fatalf("it ended before its time\n%s", p.result)
	}
	p.signal(syscall.SIGINT)
	p.endsWithin(generous).want(130).says("run the same command again")
	g.Inject(nil)
	// Another course over the same features is told of it.
	tagbeam(t, c.args("--unit-images", "5", "--max-pixels", "1000000")...).want(exitUsage).says("is not finished", "--max-pixels", "--abandon", "tagbeam train")
	e, r := c.trained(t, "--unit-images", "5")
	e.want(exitOK).says("going on with run 1")
	if r.NewFeatures != 30 || r.Validation.Accuracy < 0.8 {
		t.Errorf("%+v", r)
	}
	// The model is in the bucket, and runs from there.
	_, report := evaluated(t, "--input", c.input, "--model", c.output)
	if report.Images != 30 || report.Accuracy < 0.8 {
		t.Errorf("%+v", report.Report)
	}
	tagbeam(t, c.args()...).want(exitUsage).says("there is something already")
	e, r = c.trained(t, "--overwrite", "--head", "knn")
	e.want(exitOK)
	if r.NewFeatures != 0 {
		t.Errorf("%+v", r)
	}
}
