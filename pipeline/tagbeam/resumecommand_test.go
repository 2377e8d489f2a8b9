package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// The command that is printed works in any folder: local paths are whole, those of manifests included, and names that are no paths stay.
func TestResumeCommandOfPaths(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	at := func(elem ...string) string { return filepath.Join(append([]string{here}, elem...)...) }
	cmd := newTrainCommand()
	if err := cmd.ParseFlags([]string{
		"--input", "photos", "--input", "@labels.csv", "--input", "@gs://bucket/list.csv", "--input", "s3://bucket/photos",
		"--model", "builtin", "--output", "my model", "--class-weight", "a=2", "--augment", "flip,crop", "--abandon", "--dropout", "-1",
	}); err != nil {
		t.Fatal(err)
	}
	got := resumeCommand("train", cmd.Flags())[1:]
	slices.Sort(got[1:]) // flags come by name
	want := []string{"train", "--augment", "flip", "--augment", "crop", "--class-weight", "a=2", "--dropout=-1",
		"--input", at("photos"), "--input", "@" + at("labels.csv"), "--input", "@gs://bucket/list.csv", "--input", "s3://bucket/photos",
		"--model", "builtin", "--output", at("my model")}
	slices.Sort(want[1:])
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
