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

// accuracies is set where the accuracy of all heads is measured (make accuracies): it takes minutes.
const accuracies = "TAGBEAM_ACCURACIES"

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
	t.Parallel()
	kinds := []head.Kind{head.Linear}
	if os.Getenv(accuracies) != "" {
		kinds = head.Kinds
	}
	bars := map[head.Kind]float64{head.Linear: 0.95, head.MLP: 0.95, head.SVM: 0.93, head.KNN: 0.93}
	manifests, features := foldsOf(t, root, 5), filepath.Join(t.TempDir(), "features")
	e, _ := course{root, base, filepath.Join(t.TempDir(), "first")}.trained(t, "--keep-features", features)
	e.want(exitOK)
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			mean, slowest := 0.0, 0.0
			var each []string
			for _, manifest := range manifests {
				c := course{manifest, base, filepath.Join(t.TempDir(), "model")}
				e, r := c.trained(t, "--head", string(kind), "--keep-features", features, "--quiet", "--refit")
				e.want(exitOK)
				if r.NewFeatures != 0 || r.KeptAside == 0 {
					t.Errorf("%d new features, %d kept aside", r.NewFeatures, r.KeptAside)
				}
				e, report := evaluated(t, "--input", manifest, "--split", "test", "--model", c.output, "--quiet")
				e.want(exitOK)
				mean += report.Accuracy / float64(len(manifests))
				slowest = max(slowest, r.HeadSeconds)
				each = append(each, fmt.Sprintf("%.3f", report.Accuracy))
			}
			t.Logf("accuracy %.4f (%s), slowest head %.2f s", mean, strings.Join(each, ", "), slowest)
			if mean < bars[kind] {
				t.Errorf("accuracy %.4f over five folds, want %.2f", mean, bars[kind])
			}
		})
	}
}

// CIFAR-10 on vision transformers that were trained on ten times as many images of the same classes: a new linear head, trained on four shards, is as
// good on the fifth as the networks' own. On the logits it is at least that; on what the last layer takes in it lacks a little of what 4,000 images
// cannot tell, for which half a percent is allowed: less than the standard error of either accuracy, .7 %.
func TestTrainOnShards(t *testing.T) {
	var shards []string
	for i := range 5 {
		shards = append(shards, shared(t, "cifar10", fmt.Sprintf("cifar10-test-%06d.tar", i)))
	}
	if os.Getenv(accuracies) == "" {
		t.Skipf("20 trainings: make accuracies sets %s", accuracies)
	}
	t.Parallel()
	for _, name := range []string{"vit-cifar10", "vit-cifar10-p16"} {
		base := shared(t, "models", name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, own := evaluated(t, "--input", filepath.Join(filepath.Dir(shards[0]), "*.tar"), "--model", base, "--quiet")
			e.want(exitOK)
			for _, tt := range []struct {
				tensor string // empty: the default
				less   float64
			}{{"", 0.005}, {"output", 0}} {
				mean, slowest := 0.0, 0.0
				features := filepath.Join(t.TempDir(), "features")
				for i, held := range shards {
					c := course{shards[(i+1)%5], base, filepath.Join(t.TempDir(), "model")}
					args := []string{"--keep-features", features, "--quiet", "--refit"}
					for j := 2; j < 5; j++ {
						args = append(args, "--input", shards[(i+j)%5])
					}
					if tt.tensor != "" {
						args = append(args, "--features", tt.tensor)
					}
					e, r := c.trained(t, args...)
					e.want(exitOK)
					e, report := evaluated(t, "--input", held, "--model", c.output, "--quiet")
					e.want(exitOK)
					if r.Classes[9] != "9" || report.Images != 1000 {
						t.Errorf("%+v", report.Report)
					}
					mean += report.Accuracy / 5
					slowest = max(slowest, r.HeadSeconds)
				}
				t.Logf("features %q: accuracy %.4f, the network's own %.4f, slowest head %.2f s", tt.tensor, mean, own.Accuracy, slowest)
				if mean < own.Accuracy-tt.less {
					t.Errorf("features %q: accuracy %.4f, the network's own %.4f", tt.tensor, mean, own.Accuracy)
				}
			}
		})
	}
}
