package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/model/head"
)

// foldsOf divides the photos of a data set into folds, each class evenly, and writes a manifest for each: the fold itself is for testing, the rest has
// no split, so that train chooses its validation images from it.
func foldsOf(t *testing.T, root string, folds int) []string {
	t.Helper()
	rnd := rand.New(rand.NewPCG(20261126, 0))
	var lines []string
	var fold []int
	classes, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range classes {
		files, err := os.ReadDir(filepath.Join(root, class.Name()))
		if err != nil {
			t.Fatal(err)
		}
		order := rnd.Perm(len(files))
		for i, f := range files {
			lines = append(lines, filepath.Join(root, class.Name(), f.Name())+","+class.Name())
			fold = append(fold, order[i]%folds)
		}
	}
	var manifests []string
	for k := range folds {
		var b strings.Builder
		b.WriteString("uri,label,split\n")
		for i, line := range lines {
			split := ""
			if fold[i] == k {
				split = "test"
			}
			fmt.Fprintf(&b, "%s,%s\n", line, split)
		}
		name := filepath.Join(t.TempDir(), fmt.Sprintf("fold-%d.csv", k))
		writeFile(t, name, []byte(b.String()))
		manifests = append(manifests, "@"+name)
	}
	return manifests
}

// Ants and bees, told apart on features of mobilenetv2: the mean accuracy over five folds that neither head nor settings have seen.
func TestTrainOnPhotos(t *testing.T) {
	root, base := shared(t, "ants_bees"), shared(t, "models", "mobilenetv2")
	if testing.Short() {
		t.Skip("20 trainings")
	}
	bars := map[head.Kind]float64{head.Linear: 0.95, head.MLP: 0.95, head.SVM: 0.93, head.KNN: 0.93}
	manifests, features := foldsOf(t, root, 5), filepath.Join(t.TempDir(), "features")
	for _, kind := range head.Kinds {
		mean, slowest := 0.0, 0.0
		var each []string
		for _, manifest := range manifests {
			c := course{manifest, base, filepath.Join(t.TempDir(), "model")}
			e, r := c.trained(t, "--head", string(kind), "--keep-features", features, "--overwrite", "--quiet", "--refit")
			e.want(exitOK)
			e, report := evaluated(t, "--input", manifest, "--split", "test", "--model", c.output, "--quiet")
			e.want(exitOK)
			mean += report.Accuracy / 5
			slowest = max(slowest, r.HeadSeconds)
			each = append(each, fmt.Sprintf("%.3f", report.Accuracy))
		}
		t.Logf("%s: accuracy %.4f (%s), slowest head %.2f s", kind, mean, strings.Join(each, ", "), slowest)
		if mean < bars[kind] {
			t.Errorf("%s: accuracy %.4f over five folds, want %.2f", kind, mean, bars[kind])
		}
	}
}
