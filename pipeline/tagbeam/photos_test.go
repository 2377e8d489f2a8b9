package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tagbeam/tagbeam/io/table"
)

// synsets are the 1,000 of ImageNet, sorted: a class's id is its position.
func synsets(t *testing.T) []string {
	t.Helper()
	var ids []string
	for lines := bufio.NewScanner(bytes.NewReader(readFile(t, shared(t, "models", "squeezenet", "synset.txt")))); lines.Scan(); {
		id, _, _ := strings.Cut(lines.Text(), " ")
		ids = append(ids, id)
	}
	if len(ids) != 1000 || !slices.IsSorted(ids) {
		t.Fatalf("%d synsets, want 1000, sorted", len(ids))
	}
	return ids
}

// right counts the rows whose label is the class in the file's name: n01440764_tench.JPEG.
func right(t *testing.T, rows []table.Row) int {
	t.Helper()
	ids := synsets(t)
	n := 0
	for _, r := range rows {
		synset, _, _ := strings.Cut(filepath.Base(r.URI), "_")
		class, ok := slices.BinarySearch(ids, synset)
		if !ok {
			t.Fatalf("%s: no synset", r.URI)
		}
		if r.LabelID != nil && int(*r.LabelID) == class {
			n++
		}
	}
	return n
}

// photos is tagged once for the tests that look at the outcome.
var photos struct {
	once   sync.Once
	job    job
	result ended
}

// taggedPhotos is 200 real photos tagged by mobilenetv2 on the direct runner.
func taggedPhotos(t *testing.T) (job, ended) {
	t.Helper()
	input, model := shared(t, "photos"), shared(t, "models", "mobilenetv2")
	photos.once.Do(func() {
		dir, err := os.MkdirTemp(filepath.Dir(program), "photos-")
		if err != nil {
			t.Fatal(err)
		}
		photos.job = job{input, model, filepath.Join(dir, "out")}
		p := prepared(t, photos.job.args()...)
		p.cmd.Env = append(p.cmd.Env, "TZ=Pacific/Kiritimati") // 14 hours ahead: dt= is of UTC
		photos.result = p.start().wait()
	})
	return photos.job, photos.result
}

// TestPhotos: a real model over real photos.
func TestPhotos(t *testing.T) {
	t.Parallel()
	before := time.Now().UTC()
	j, result := taggedPhotos(t)
	result.want(exitOK).prints("images     200", "ok         200", "labels ", "table      "+j.output+"/labels")
	rows := j.rows(t)
	if len(rows) != 200 {
		t.Fatalf("%d rows, want 200", len(rows))
	}
	if n := right(t, rows); n < 160 {
		t.Errorf("top-1 right on %d of 200, want 160", n)
	}
	files, err := os.ReadDir(j.input)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		if want := filepath.Join(j.input, files[i].Name()); r.URI != want {
			t.Fatalf("row %d is of %s, want %s", i, r.URI, want)
		}
		checkTagged(t, r, "mobilenetv2", before)
	}
	dates := map[string]bool{}
	for name := range j.objects(t, "labels/") {
		dates[filepath.Dir(name)] = true
	}
	date := rows[0].TaggedAt.UTC().Format("labels/dt=2006-01-02")
	if day := before.Format("labels/dt=2006-01-02"); !dates[date] && !dates[day] || len(dates) != 1 {
		t.Errorf("partitions %v, want %s", dates, date)
	}
	for d := range dates {
		for _, name := range []string{"/_SUCCESS", "/run-000001-part-00000.parquet"} {
			if _, err := os.Stat(filepath.Join(j.output, d, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

// checkTagged holds a row of an image that was tagged to what the columns mean.
func checkTagged(t *testing.T, r table.Row, model string, before time.Time) {
	t.Helper()
	info, err := os.Stat(r.URI)
	if err != nil {
		t.Fatal(err)
	}
	sum := float32(0)
	descending := true
	for i, l := range r.TopK {
		sum += l.Confidence
		descending = descending && (i == 0 || l.Confidence <= r.TopK[i-1].Confidence) && l.Label != ""
	}
	for what, ok := range map[string]bool{
		"status":       r.Status == table.StatusOK,
		"version":      strings.HasPrefix(r.Version, "mtime:"),
		"size":         r.Size != nil && *r.Size == info.Size(),
		"format":       r.Format == "jpeg",
		"width":        r.Width != nil && *r.Width > 0 && r.Height != nil && *r.Height > 0,
		"top_k":        len(r.TopK) == 5 && descending && sum <= 1.0001,
		"label":        r.Label != "" && r.Label == r.TopK[0].Label,
		"label_id":     r.LabelID != nil && *r.LabelID == r.TopK[0].LabelID,
		"confidence":   r.Confidence != nil && *r.Confidence == r.TopK[0].Confidence && *r.Confidence > 0 && *r.Confidence <= 1,
		"no error":     r.ErrorCode == "" && r.ErrorMessage == "" && r.Retryable == nil,
		"no embedding": r.Embedding == nil && r.Member == "",
		"model":        r.Model == model && len(r.ModelDigest) >= 32,
		"run_id":       r.RunID == 1,
		"tagged_at":    !r.TaggedAt.Before(before.Add(-deadline)) && r.TaggedAt.Before(time.Now().Add(time.Minute)),
	} {
		if !ok {
			t.Errorf("%s: %s is not right: %+v", filepath.Base(r.URI), what, r)
		}
	}
}

// TestModels: the other layouts: ONNX Model Zoo with a flag, and attention models of 32 pixels.
func TestModels(t *testing.T) {
	t.Parallel()
	t.Run("squeezenet", func(t *testing.T) {
		t.Parallel()
		j := job{shared(t, "photos"), shared(t, "models", "squeezenet"), filepath.Join(t.TempDir(), "out")}
		tagbeam(t, j.args("--preprocess", "caffe")...).want(exitOK)
		rows := j.rows(t)
		if n := right(t, rows); len(rows) != 200 || n < 120 {
			t.Errorf("%d rows, top-1 right on %d, want 200 and 120", len(rows), n)
		}
	})
	for _, model := range []string{"vit-cifar10", "vit-cifar10-p16"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			input, n := filepath.Join("..", "..", "testdata", "images"), 12
			j := job{input, shared(t, "models", model), filepath.Join(t.TempDir(), "out")}
			tagbeam(t, j.args()...).want(exitPartial)
			var labels []string
			for _, r := range j.rows(t) {
				if r.Status == table.StatusOK {
					labels = append(labels, r.Label)
				}
			}
			cifar10 := []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}
			if len(labels) != n {
				t.Errorf("%d labels, want %d", len(labels), n)
			}
			for _, l := range labels {
				if !slices.Contains(cifar10, l) {
					t.Errorf("label %q is none of CIFAR-10's", l)
				}
			}
		})
	}
}

// TestRunnersAgree: direct and prism give the same rows.
func TestRunnersAgree(t *testing.T) {
	t.Parallel()
	t.Run("made images", func(t *testing.T) {
		t.Parallel()
		direct := newJob(t, 120)
		direct.input = t.TempDir()
		for i := range 120 {
			writeFile(t, filepath.Join(direct.input, imageName(i)), pngImage(i))
		}
		files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "images", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			writeFile(t, filepath.Join(direct.input, filepath.Base(f)), readFile(t, f))
		}
		prism := direct
		prism.output += "-prism"
		tagbeam(t, direct.args("--unit-images", "7")...).want(exitPartial)
		_, s := summarised(t, prism.args("--unit-images", "7", "--runner", "prism")...)
		if s.Runner != "prism" || s.Failed != 3 {
			t.Errorf("runner %s, %d failed, want prism, 3", s.Runner, s.Failed)
		}
		rows := direct.rows(t)
		if len(rows) != 120+len(files) {
			t.Errorf("%d rows, want %d", len(rows), 120+len(files))
		}
		sameRows(t, rows, prism.rows(t))
	})
	t.Run("photos", func(t *testing.T) {
		t.Parallel()
		direct, result := taggedPhotos(t)
		result.want(exitOK)
		prism := direct
		prism.output = filepath.Join(t.TempDir(), "out")
		// In other units: rows depend neither on the runner nor on what else is in the unit.
		tagbeam(t, prism.args("--runner=prism", "--unit-images=21")...).want(exitOK)
		sameRows(t, direct.rows(t), prism.rows(t))
	})
}
