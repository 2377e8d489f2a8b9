package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
)

// Features are made by a job service, too, and they are the ones of the direct runner: the model is the same, byte for byte.
func TestTrainByJobService(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, err := prism.CreateJobServer(ctx, prism.Options{Port: n}); err != nil {
		t.Fatal(err)
	}
	elsewhere := []string{"--runner", "universal", "--endpoint", "localhost:" + port, "--environment_type", "LOOPBACK"}
	c := newCourse(t, 8)
	e, _ := c.trained(t, "--quiet")
	e.want(exitOK)
	d := course{c.input, c.base, filepath.Join(t.TempDir(), "elsewhere")}
	tagbeam(t, d.args(append(elsewhere, "--environment_type", "PROCESS")...)...).want(exitUsage).says("is local", "--shared-filesystem")
	e, r := d.trained(t, append(elsewhere, "--shared-filesystem", "--augment", "flip")...)
	e.want(exitOK).says("submitted to localhost:" + port)
	if r.NewFeatures != 48 {
		t.Errorf("features of %d images were made", r.NewFeatures)
	}
	e, _ = d.trained(t, append(elsewhere, "--shared-filesystem", "--overwrite")...)
	e.want(exitOK)
	if !bytes.Equal(readFile(t, filepath.Join(c.output, "model.onnx")), readFile(t, filepath.Join(d.output, "model.onnx"))) {
		t.Error("the models differ")
	}
	// evaluate, likewise.
	_, here := evaluated(t, "--input", c.input, "--model", c.output)
	e, there := evaluated(t, append(elsewhere, "--shared-filesystem", "--input", c.input, "--model", c.output, "--output", filepath.Join(t.TempDir(), "tags"))...)
	e.want(exitOK)
	if here.Accuracy != there.Accuracy || there.Images != 24 {
		t.Errorf("%+v there, %+v here", there.Report, here.Report)
	}
	tagbeam(t, append([]string{"evaluate", "--input", c.input, "--model", c.output, "--shared-filesystem"}, append(elsewhere, "--environment_type", "PROCESS")...)...).want(exitUsage).says("needs an --output")
}

// The same on a real Flink.
func TestFlinkTrain(t *testing.T) {
	s := startJobServer(t)
	c := newCourse(t, 8)
	e, _ := c.trained(t, "--quiet")
	e.want(exitOK)
	d := course{c.input, c.base, filepath.Join(t.TempDir(), "flink")}
	e, r := d.trained(t, "--runner=flink", "--endpoint="+s.endpoint, "--shared-filesystem", "--parallelism", "2")
	e.want(exitOK)
	if r.NewFeatures != 24 || !bytes.Equal(readFile(t, filepath.Join(c.output, "model.onnx")), readFile(t, filepath.Join(d.output, "model.onnx"))) {
		t.Errorf("%d features, or the models differ\n%s", r.NewFeatures, e)
	}
}
