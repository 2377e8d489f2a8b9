package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
		{"below a file", with("--output", filepath.Join(other, "photo.jpg", "model")), []string{"--output", "is a file"}},
		{"features in the model", with("--keep-features", c.output+"/features"), []string{"--keep-features", "beside it"}},
		{"features as the model", with("--keep-features", c.output+"/"), []string{"--keep-features", "beside it"}},
		{"class weight", with("--class-weight", "norge"), []string{"--class-weight norge", "bees=2"}},
		{"weight of nothing", with("--class-weight", "norge=0"), []string{"more than 0"}},
		{"weight of no class", with("--class-weight", "norway=2"), []string{`no class "norway"`, `"norge"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
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

// A data set that is divided by folders is not taken for one, which is said.
func TestTrainOnDividedFolders(t *testing.T) {
	t.Parallel()
	c := newCourse(t, 4)
	divided := filepath.Join(t.TempDir(), "divided")
	for class, name := range flagClasses {
		for i := range 6 {
			part := "train"
			if i >= 4 {
				part = "val"
			}
			writeFile(t, filepath.Join(divided, part, name, fmt.Sprintf("%d.png", i)), flagImage(class, i))
		}
	}
	c.input = divided
	e, r := c.trained(t)
	e.want(exitOK).says("--input " + divided + "/train --validation-input " + divided + "/val")
	if len(r.Classes) != 3 {
		t.Errorf("%q", r.Classes)
	}
	c.input = filepath.Join(divided, "train")
	e, r = c.trained(t, "--overwrite", "--validation-input", filepath.Join(divided, "val"))
	e.want(exitOK)
	if strings.Contains(e.stderr, "to keep the parts") || r.TrainingImages[0] != 4 || r.ValidationImages[0] != 2 {
		t.Errorf("%+v\n%s", r, e)
	}
}
