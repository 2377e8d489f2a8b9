package transforms_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/mtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/window"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"
	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/transforms"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

func init() {
	beam.RegisterDoFn(&stamp{})
	beam.RegisterDoFn(&windowOf{})
	beam.RegisterDoFn(&together{})
	beam.RegisterFunction(outcome)
}

// outcome is a prediction in short.
func outcome(p transforms.Prediction) string { return p.URI + ": " + p.Status + " " + p.ErrorCode }

// byEngine is what the engine itself makes of images, as predictions.
func byEngine(t *testing.T, images []transforms.Image, o transforms.ClassifyOptions) []transforms.Prediction {
	t.Helper()
	c, err := engine.LoadClassifier(t.Context(), o.Model)
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(engine.Config{CPU: 1})
	defer e.Close()
	task := engine.Task{Classifier: c, TopK: 5, Batch: 1}
	if o.TopK > 0 {
		task.TopK = o.TopK
	}
	for _, img := range images {
		data := append([]byte{}, img.Bytes...)
		task.Images = append(task.Images, engine.Image{Item: source.Item{URI: img.URI, Size: int64(len(data))}, Data: data})
	}
	results, err := e.Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	predictions := make([]transforms.Prediction, len(images))
	for i, r := range results {
		p := transforms.Prediction{URI: images[i].URI, Format: r.Header.Format, Width: int32(r.Header.Width), Height: int32(r.Header.Height)}
		if r.Failure != nil {
			p.Status, p.ErrorCode, p.ErrorMessage = "failed", r.Failure.Code, r.Failure.Message
		} else {
			for _, s := range r.Top {
				p.TopK = append(p.TopK, transforms.Label{LabelID: s.LabelID, Label: o.Model.Labels[s.LabelID], Confidence: s.Confidence})
			}
			p.Label, p.LabelID, p.Confidence = p.TopK[0].Label, p.TopK[0].LabelID, p.TopK[0].Confidence
			p.Status = "ok"
			if p.Confidence < float32(o.MinConfidence) {
				p.Status = "abstained"
			}
		}
		predictions[i] = p
	}
	return predictions
}

// equals asserts that a PCollection has these elements, in any order.
func equals[T any](s beam.Scope, got beam.PCollection, want []T) {
	if len(want) == 0 {
		passert.Empty(s, got)
		return
	}
	passert.EqualsList(s, got, want)
}

func TestClassifyGivesOnePredictionForEachImage(t *testing.T) {
	model := tiny(t, "nchw.onnx")
	some := append(pictures(9), corpus()[4:6]...) // damaged ones
	shuffled := append([]transforms.Image(nil), some...)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, k int) { shuffled[i], shuffled[k] = shuffled[k], shuffled[i] })
	tests := []struct {
		name    string
		images  []transforms.Image
		options transforms.ClassifyOptions
	}{
		{"all formats, some damaged", corpus(), transforms.ClassifyOptions{}},
		{"in another order", shuffled, transforms.ClassifyOptions{}},
		{"in batches of 4", some, transforms.ClassifyOptions{Batch: 4}},
		{"of one class", some, transforms.ClassifyOptions{TopK: 1}},
		{"of more classes than there are", some, transforms.ClassifyOptions{TopK: 99}},
		{"with some confidence", some, transforms.ClassifyOptions{MinConfidence: 0.5}},
		{"certain only", some, transforms.ClassifyOptions{MinConfidence: 1}},
		{"no image", []transforms.Image{}, transforms.ClassifyOptions{}},
		{"of no bytes", []transforms.Image{{URI: "nil"}, {URI: "empty", Bytes: []byte{}}}, transforms.ClassifyOptions{}},
		{"more than are gathered at once", pictures(300), transforms.ClassifyOptions{Batch: 64}},
	}
	eachRunner(t, func(t *testing.T, runner string) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				o := test.options
				o.Model, o.Engine = model, twoCPUs
				want := byEngine(t, test.images, o)
				mustExecute(t, runner, func(s beam.Scope) {
					equals(s, transforms.Classify(s, beam.CreateList(s, test.images), o), want)
				})
			})
		}
	})
}

// What is wrong with an image stands in its prediction.
func TestClassifySaysWhatIsWrongWithAnImage(t *testing.T) {
	model := tiny(t, "nchw.onnx")
	var got []string
	for _, p := range byEngine(t, corpus(), transforms.ClassifyOptions{Model: model}) {
		if p.Status == "failed" {
			got = append(got, p.URI+" "+p.ErrorCode)
		}
	}
	want := []string{"damaged-empty.png empty", "damaged-text.jpg unsupported_format", "damaged-truncated.jpg truncated"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	for name, o := range map[string]transforms.ClassifyOptions{
		"MaxBytes":  {Model: model, Engine: twoCPUs, Limits: preprocess.Limits{MaxBytes: int64(len(pictures(1)[0].Bytes)) - 1}},
		"MaxPixels": {Model: model, Engine: twoCPUs, Limits: preprocess.Limits{MaxPixels: 16*12 - 1}},
	} {
		t.Run(name, func(t *testing.T) {
			eachRunner(t, func(t *testing.T, runner string) {
				mustExecute(t, runner, func(s beam.Scope) {
					predictions := transforms.Classify(s, beam.CreateList(s, pictures(3)), o)
					passert.Equals(s, beam.ParDo(s, outcome, predictions),
						"picture 0000: failed too_large", "picture 0001: failed too_large", "picture 0002: failed too_large")
				})
			})
		})
	}
}

// An image that breaks its batch costs one prediction.
func TestClassifySurvivesAnImageThatBreaksItsBatch(t *testing.T) {
	o := transforms.ClassifyOptions{Model: tiny(t, "fails_on_white.onnx"), Engine: twoCPUs, Batch: 8}
	images := append(pictures(7), transforms.Image{URI: "white", Bytes: white()})
	want := byEngine(t, images, o)
	if p := want[7]; p.ErrorCode != engine.CodeInferenceFailed {
		t.Fatalf("the white image: %+v", p)
	}
	eachRunner(t, func(t *testing.T, runner string) {
		mustExecute(t, runner, func(s beam.Scope) {
			predictions := transforms.Classify(s, beam.CreateList(s, images), o)
			var all []string
			for _, p := range want {
				all = append(all, outcome(p))
			}
			equals(s, beam.ParDo(s, outcome, predictions), all)
		})
	})
}

func TestClassifyInfersBundlesInBatches(t *testing.T) {
	o := transforms.ClassifyOptions{Model: tiny(t, "nchw.onnx"), Engine: twoCPUs, Batch: 8}
	eachRunner(t, func(t *testing.T, runner string) {
		stats := &engine.Shared(twoCPUs).Stats
		images, batches := stats.Images.Load(), stats.Batches.Load()
		mustExecute(t, runner, func(s beam.Scope) {
			passert.Count(s, transforms.Classify(s, beam.CreateList(s, pictures(64)), o), "predictions", 64)
		})
		images, batches = stats.Images.Load()-images, stats.Batches.Load()-batches
		// Eight, if the runner gives all of them as one bundle.
		if images != 64 || batches < 8 || batches > 16 {
			t.Errorf("%d images in %d batches; expected 64 in about 8", images, batches)
		}
	})
}

// stamp gives picture n the time of n seconds.
type stamp struct{}

func (*stamp) ProcessElement(img transforms.Image, emit func(beam.EventTime, transforms.Image)) {
	var n int
	fmt.Sscanf(img.URI, "picture %d", &n)
	emit(mtime.FromTime(time.Unix(int64(n), 0)), img)
}

// windowOf says in which window a prediction is.
type windowOf struct{}

func (*windowOf) ProcessElement(w beam.Window, p transforms.Prediction, emit func(string)) {
	emit(fmt.Sprintf("%s from %d", p.URI, w.(window.IntervalWindow).Start.Milliseconds()/1000))
}

func TestPredictionsStayInTheWindowsOfTheirImages(t *testing.T) {
	o := transforms.ClassifyOptions{Model: tiny(t, "nchw.onnx"), Engine: twoCPUs, Batch: 8}
	images := pictures(35)
	want := make([]string, len(images))
	for i, img := range images {
		want[i] = fmt.Sprintf("%s from %d", img.URI, i/10*10)
	}
	eachRunner(t, func(t *testing.T, runner string) {
		mustExecute(t, runner, func(s beam.Scope) {
			stamped := beam.ParDo(s, &stamp{}, beam.CreateList(s, images))
			windowed := beam.WindowInto(s, window.NewFixedWindows(10*time.Second), stamped)
			windows := beam.ParDo(s, &windowOf{}, transforms.Classify(s, windowed, o))
			equals(s, beam.WindowInto(s, window.NewGlobalWindows(), windows), want)
		})
	})
}

func TestClassifyErrors(t *testing.T) {
	good := tiny(t, "nchw.onnx")
	missing, rank3 := good, good
	missing.URI = "models/not-there"
	rank3.URI = strings.Replace(good.URI, "nchw", "rank3", 1)
	eachRunner(t, func(t *testing.T, runner string) {
		for name, test := range map[string]struct {
			options transforms.ClassifyOptions
			says    []string
		}{
			"no such model":    {transforms.ClassifyOptions{Model: missing}, []string{"models/not-there", "no such model folder"}},
			"not a classifier": {transforms.ClassifyOptions{Model: rank3}, []string{"rank3"}},
			"top-k":            {transforms.ClassifyOptions{Model: good, TopK: -1}, []string{"top-k"}},
		} {
			t.Run(name, func(t *testing.T) {
				test.options.Engine = twoCPUs
				_, err := execute(runner, func(s beam.Scope) {
					transforms.Classify(s, beam.CreateList(s, pictures(2)), test.options)
				})
				contains(t, err, test.says...)
			})
		}
	})
}

// meeting is where bundles wait for each other; they reach it through this process's memory.
var meeting struct {
	sync.WaitGroup
	sync.Mutex
	at, peak int
}

// together emits an image when all bundles are there to do so.
type together struct{ Image transforms.Image }

func (fn *together) ProcessElement(_ []byte, emit func(transforms.Image)) error {
	meeting.Lock()
	meeting.at++
	meeting.peak = max(meeting.peak, meeting.at)
	meeting.Unlock()
	meeting.Done()
	meeting.Wait()
	emit(fn.Image)
	return nil
}

// A worker process loads a model once, however many instances of the DoFn ask for it at the same time. Prism runs a bundle of each of the
// branches at once, and none of them goes on before all are there.
func TestEightBundlesAtOnceLoadTheModelOnce(t *testing.T) {
	const bundles = 8
	o := transforms.ClassifyOptions{Model: tiny(t, "nchw.onnx"), Engine: twoCPUs}
	meeting.at, meeting.peak = 0, 0
	meeting.Add(bundles)
	engine.NewLoads() // those of other tests
	before := onnx.Loads()
	res := mustExecute(t, "prism", func(s beam.Scope) {
		var predictions []beam.PCollection
		for i, img := range pictures(bundles) {
			s := s.Scope(fmt.Sprint("branch", i))
			predictions = append(predictions, transforms.Classify(s, beam.ParDo(s, &together{img}, beam.Impulse(s)), o))
		}
		passert.Count(s, beam.Flatten(s, predictions...), "predictions", bundles)
	})
	if meeting.peak != bundles {
		t.Errorf("%d bundles met; expected %d", meeting.peak, bundles)
	}
	if n := onnx.Loads() - before; n != 1 {
		t.Errorf("%d sessions were created", n)
	}
	if n := counter(res, "model_loads"); n != 1 {
		t.Errorf("model_loads is %d", n)
	}
}
