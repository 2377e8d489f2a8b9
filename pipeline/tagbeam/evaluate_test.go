package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// sortedImages are n made images in a folder for each label that the tiny model gives them; of the first three the folder is a wrong one.
type sortedImages struct {
	folder, model string
	labels        []string // what the model says, by image
	classes       []string // the folder, by image
}

func newSortedImages(t *testing.T, n int) *sortedImages {
	t.Helper()
	j := newJob(t, n)
	tagbeam(t, j.args()...).want(exitOK)
	s := &sortedImages{folder: filepath.Join(t.TempDir(), "sorted"), model: j.model}
	for i, r := range j.rows(t) {
		class := r.Label
		if i < 3 {
			class = fiveLabels[(slices.Index(fiveLabels, r.Label)+1)%5]
		}
		s.labels, s.classes = append(s.labels, r.Label), append(s.classes, class)
		writeFile(t, filepath.Join(s.folder, class, imageName(i)), pngImage(i))
	}
	return s
}

// evaluated runs evaluate and reads its report.
func evaluated(t *testing.T, args ...string) (ended, evaluation) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	e := tagbeam(t, append([]string{"evaluate", "--cpu", "1", "--report-json", file}, args...)...)
	var r evaluation
	if data, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
	}
	return e, r
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	s := newSortedImages(t, 20)
	writeFile(t, filepath.Join(s.folder, s.classes[0], "broken.png"), []byte("no image"))
	wrong, plots := filepath.Join(t.TempDir(), "wrong.parquet"), filepath.Join(t.TempDir(), "plots")
	e, r := evaluated(t, "--input", s.folder, "--model", s.model, "--errors", wrong, "--plots", plots, "--plot-format", "png")
	e.want(exitPartial).prints("accuracy   0.8500", "of 20 images", "failed     1", "class \\ taken for")
	if r.Images != 20 || r.Accuracy != 0.85 || r.Failed != 1 || r.Top != 5 || r.TopAccuracy != 1 || r.Model != "tiny" || r.Errors["unsupported_format"] != 1 {
		t.Errorf("%+v", r)
	}
	for i, class := range s.classes[:3] {
		found := false
		for _, c := range r.Confusion {
			found = found || c.Class == class && c.Guess == s.labels[i]
		}
		if !found {
			t.Errorf("%s was taken for %s: %+v", class, s.labels[i], r.Confusion)
		}
	}
	for _, name := range []string{"confusion", "reliability", "coverage"} {
		if !bytes.HasPrefix(readFile(t, filepath.Join(plots, name+".png")), []byte("\x89PNG")) {
			t.Errorf("%s is no PNG", name)
		}
	}
	// Nothing else is left in the folder of --errors.
	if entries, err := os.ReadDir(filepath.Dir(wrong)); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	wantMistakes(t, wrong, s, filepath.Join(s.folder, s.classes[0], "broken.png"))
}

// wantMistakes reads the file of --errors with pyarrow.
func wantMistakes(t *testing.T, file string, s *sortedImages, broken string) {
	t.Helper()
	python := os.Getenv("TAGBEAM_PYTHON")
	if python == "" {
		t.Log("TAGBEAM_PYTHON is not set: the file of --errors is not read")
		return
	}
	out, err := exec.Command(python, "-c", `
import json, sys, pyarrow.parquet as pq
print(json.dumps(pq.read_table(sys.argv[1]).to_pylist()))`, file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(out, &rows); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range rows {
		uri := row["uri"].(string)
		got[uri] = fmt.Sprint(row["class"], " ", row["label"], " ", row["error_code"], " ", row["member"])
		if (row["confidence"] == nil) != (uri == broken) || row["label"] != nil && row["class_confidence"] == nil {
			t.Errorf("%v", row)
		}
	}
	want := map[string]string{broken: s.classes[0] + " <nil> unsupported_format <nil>"}
	for i := range 3 {
		want[filepath.Join(s.folder, s.classes[i], imageName(i))] = s.classes[i] + " " + s.labels[i] + " <nil> <nil>"
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A table that tag wrote is evaluated by its folders, or by a manifest, without a model.
func TestEvaluateTable(t *testing.T) {
	t.Parallel()
	s := newSortedImages(t, 20)
	j := job{s.folder, s.model, filepath.Join(t.TempDir(), "out")}
	tagbeam(t, j.args()...).want(exitOK)
	e, r := evaluated(t, "--from", j.output)
	e.want(exitOK)
	if r.Images != 20 || r.Accuracy != 0.85 {
		t.Errorf("%+v", r)
	}
	// Kept by evaluate itself, it is the same; and it is not made a second time.
	kept := filepath.Join(t.TempDir(), "kept")
	for range 2 {
		e, again := evaluated(t, "--input", s.folder, "--model", s.model, "--output", kept)
		e.want(exitOK)
		if diff := gocmp.Diff(r.Report, again.Report); diff != "" {
			t.Error(diff)
		}
	}
	k := job{output: kept}
	if rows := k.rows(t); len(rows) != 20 || rows[0].RunID != 1 {
		t.Errorf("%d rows", len(rows))
	}
	// With a manifest of better labels, of which some are for testing; one image is not in the table.
	var list strings.Builder
	list.WriteString("path,label,split\n")
	for i := range 20 {
		split := "test"
		if i >= 15 {
			split = "train"
		}
		fmt.Fprintf(&list, "%s,%s,%s\n", filepath.Join(s.folder, s.classes[i], imageName(i)), strings.ToUpper(s.labels[i]), split)
	}
	other := filepath.Join(t.TempDir(), "other.png")
	writeFile(t, other, pngImage(99))
	fmt.Fprintf(&list, "%s,%s,test\n", other, "ant")
	csv := filepath.Join(t.TempDir(), "labels.csv")
	writeFile(t, csv, []byte(list.String()))
	e, r = evaluated(t, "--from", j.output, "--input", "@"+csv, "--split", "testing")
	e.want(exitOK).says("1 image is not in the table")
	if r.Images != 15 || r.Accuracy != 1 || r.NotTagged != 1 {
		t.Errorf("%+v", r)
	}
}

// WebDataset shards have numbers for classes.
func TestEvaluateShard(t *testing.T) {
	t.Parallel()
	s := newSortedImages(t, 12)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name string, data []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		w.Write(data)
	}
	for i, label := range s.labels {
		id := slices.Index(fiveLabels, label)
		if i == 0 {
			id = (id + 1) % 5
		}
		add(fmt.Sprintf("%03d.png", i), pngImage(i))
		add(fmt.Sprintf("%03d.cls", i), fmt.Append(nil, id))
	}
	w.Close()
	shard := filepath.Join(t.TempDir(), "shard.tar")
	writeFile(t, shard, b.Bytes())
	e, r := evaluated(t, "--input", shard, "--model", s.model)
	e.want(exitOK)
	if r.Images != 12 || r.Accuracy != 11./12 {
		t.Errorf("%+v", r)
	}
	for _, c := range r.Classes {
		if !slices.Contains(fiveLabels, c.Class) {
			t.Errorf("class %q", c.Class)
		}
	}
	output := filepath.Join(t.TempDir(), "out")
	tagbeam(t, "tag", "--input", shard, "--model", s.model, "--output", output, "--cpu", "1").want(exitOK)
	e, again := evaluated(t, "--from", output)
	e.want(exitOK)
	if diff := gocmp.Diff(r.Report, again.Report); diff != "" {
		t.Error(diff)
	}
}

func TestEvaluateMistakes(t *testing.T) {
	t.Parallel()
	s := newSortedImages(t, 6)
	j := newJob(t, 2)
	tagbeam(t, j.args()...).want(exitOK)
	strange := t.TempDir()
	writeFile(t, filepath.Join(strange, "zebras", "1.png"), pngImage(1))
	writeFile(t, filepath.Join(strange, "ant", "2.png"), pngImage(2))
	text := filepath.Join(t.TempDir(), "text")
	writeFile(t, text, nil)
	for _, tc := range []struct {
		name string
		args []string
		says []string
	}{
		{"no input", []string{"--model", s.model}, []string{"no --input"}},
		{"table and model", []string{"--from", j.output, "--model", s.model}, []string{"--from", "no --model"}},
		{"no table", []string{"--from", s.folder}, []string{"--from", "there is no table"}},
		{"classes of the table's folders", []string{"--from", j.output}, []string{"none of the classes", "is a label"}},
		{"other images", []string{"--from", j.output, "--input", s.folder}, []string{"none of the 6 images is in the table"}},
		{"a class without a label", []string{"--input", strange, "--model", s.model}, []string{"tiny", `no label "zebras"`, `"ant", "bee"`}},
		{"split", []string{"--input", s.folder, "--model", s.model, "--split", "third"}, []string{"--split third", "train, validation or test"}},
		{"nothing of the split", []string{"--input", s.folder, "--model", s.model, "--split", "test"}, []string{"split test"}},
		{"format", []string{"--input", s.folder, "--model", s.model, "--plot-format", "gif"}, []string{"--plot-format gif", "svg"}},
		{"plots", []string{"--input", s.folder, "--model", s.model, "--plots", text}, []string{"--plots", text}},
		{"errors", []string{"--input", s.folder, "--model", s.model, "--errors", filepath.Join(text, "x.parquet")}, []string{"--errors", text}},
		{"report", []string{"--input", s.folder, "--model", s.model, "--report-json", t.TempDir()}, []string{"--report-json"}},
		{"missing folder", []string{"--input", "/no/such", "--model", s.model}, []string{"--input", "/no/such"}},
		{"missing column", []string{"--input", "@" + filepath.Join(t.TempDir(), "none.csv"), "--model", s.model}, []string{"none.csv"}},
		{"model", []string{"--input", s.folder, "--model", "/no/such"}, []string{"--model", "/no/such"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tagbeam(t, append([]string{"evaluate"}, tc.args...)...).want(exitUsage).says(tc.says...)
		})
	}
	// All images broken.
	broken := t.TempDir()
	writeFile(t, filepath.Join(broken, "ant", "1.png"), []byte("x"))
	tagbeam(t, "evaluate", "--input", broken, "--model", s.model).want(exitFailed).says("none of 1 images could be classified")
}
