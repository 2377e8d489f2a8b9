package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

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
