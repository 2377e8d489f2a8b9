package head_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/model/graph"
	"github.com/tagbeam/tagbeam/model/head"
	"github.com/tagbeam/tagbeam/model/onnx"
)

// started starts ONNX Runtime, or skips the test.
func started(t *testing.T) {
	t.Helper()
	file, err := onnx.Find("")
	if err == nil {
		err = onnx.Init(file)
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// blobs is n examples around one centre a class, some of them far out.
func blobs(n, classes, dim int, seed uint64) head.Dataset {
	centres, rnd := rand.New(rand.NewPCG(7, 7)), rand.New(rand.NewPCG(seed, 1))
	means := make([]float64, classes*dim)
	for i := range means {
		means[i] = 2 * centres.NormFloat64()
	}
	d := head.Dataset{Dim: dim}
	for i := range n {
		class := i % classes
		d.Labels = append(d.Labels, class)
		for k := range dim {
			d.Features = append(d.Features, float32(means[class*dim+k]+1.5*rnd.NormFloat64()))
		}
	}
	return d
}

func accuracy(probabilities []float32, labels []int, classes int) float64 {
	hits := 0
	for i, label := range labels {
		row := probabilities[i*classes : (i+1)*classes]
		best := 0
		for k := range row {
			if row[k] > row[best] {
				best = k
			}
		}
		if best == label {
			hits++
		}
	}
	return float64(hits) / float64(len(labels))
}

// Every head learns, gives probabilities, is calibrated, and as ONNX gives the numbers it gives itself, at any opset.
func TestHeads(t *testing.T) {
	started(t)
	const classes, dim = 4, 12
	train, validation, test := blobs(240, classes, dim, 1), blobs(80, classes, dim, 2), blobs(200, classes, dim, 3)
	for _, kind := range head.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			var lines []head.Epoch
			h, err := head.Train(t.Context(), train, validation, head.Options{Kind: kind, Classes: classes, Seed: 3, Hidden: 64, Epochs: 60, Progress: func(e head.Epoch) { lines = append(lines, e) }})
			if err != nil {
				t.Fatal(err)
			}
			got, err := h.Predict(test.Features)
			if err != nil {
				t.Fatal(err)
			}
			if a := accuracy(got, test.Labels, classes); a < 0.9 {
				t.Errorf("accuracy %v", a)
			}
			for i := range test.Labels {
				sum := 0.0
				for _, p := range got[i*classes : (i+1)*classes] {
					sum += float64(p)
				}
				if math.Abs(sum-1) > 1e-5 {
					t.Fatalf("probabilities %v", got[i*classes:(i+1)*classes])
				}
			}
			if len(lines) == 0 || len(lines) != len(h.History) || h.Setting == "" || h.Interrupted || lines[0].ValidationLoss == nil {
				t.Errorf("%+v, %+v", lines, h)
			}
			if h.Temperature <= 0 || h.After.NLL > h.Before.NLL+1e-9 || h.After.Accuracy != h.Before.Accuracy {
				t.Errorf("temperature %v: %+v, %+v", h.Temperature, h.Before, h.After)
			}
			for _, opset := range []int64{7, 11, 13, 17, 21} {
				sameAsONNX(t, h, opset, test, got)
			}
			again, err := head.Train(t.Context(), train, validation, head.Options{Kind: kind, Classes: classes, Seed: 3, Hidden: 64, Epochs: 60})
			if err != nil {
				t.Fatal(err)
			}
			a, _ := h.ONNX(13)
			b, _ := again.ONNX(13)
			if !bytes.Equal(a, b) {
				t.Error("the same seed gives another head")
			}
		})
	}
}

// sameAsONNX runs the head as a model: features are its image.
func sameAsONNX(t *testing.T, h *head.Head, opset int64, d head.Dataset, want []float32) {
	t.Helper()
	model, err := h.ONNX(opset)
	if err != nil {
		t.Fatalf("opset %d: %v", opset, err)
	}
	s, err := onnx.Open(model, "", onnx.SessionOptions{
		Input:   onnx.Port{Name: graph.Features, Dims: []int64{int64(d.Dim)}},
		Outputs: []onnx.Port{{Name: graph.Probabilities, Dims: []int64{int64(h.Classes)}}},
	})
	if err != nil {
		t.Fatalf("opset %d: %v", opset, err)
	}
	defer s.Close()
	r, err := s.NewRunner(d.Len())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range d.Len() {
		row := d.Features[i*d.Dim : (i+1)*d.Dim]
		for k, v := range row {
			bits := math.Float32bits(v)
			copy(r.Image(i)[4*k:], []byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)})
		}
	}
	if err := r.Run(d.Len()); err != nil {
		t.Fatalf("opset %d: %v", opset, err)
	}
	for i, v := range r.Output(0)[:len(want)] {
		if math.Abs(float64(v-want[i])) > 2e-5 {
			t.Fatalf("opset %d: probability %d is %v as ONNX, %v by itself", opset, i, v, want[i])
		}
	}
}

// Without validation data heads are trained, not chosen or calibrated.
func TestHeadsWithoutValidation(t *testing.T) {
	started(t)
	train := blobs(90, 3, 6, 1)
	for _, kind := range head.Kinds {
		h, err := head.Train(t.Context(), train, head.Dataset{}, head.Options{Kind: kind, Classes: 3, Seed: 1, Hidden: 64, Epochs: 60})
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		p, err := h.Predict(train.Features)
		if err != nil || accuracy(p, train.Labels, 3) < 0.9 {
			t.Errorf("%s: %v", kind, err)
		}
		if h.Temperature != 1 || h.Before != (head.Calibration{}) || h.History[0].ValidationLoss != nil {
			t.Errorf("%s: %+v", kind, h)
		}
	}
}

// With Balance a rare class is found as often as a frequent one.
func TestBalance(t *testing.T) {
	started(t)
	rnd := rand.New(rand.NewPCG(5, 5))
	make_ := func(frequent, rare int) head.Dataset {
		d := head.Dataset{Dim: 1}
		for i := range frequent + rare {
			class, centre := 0, -0.7
			if i >= frequent {
				class, centre = 1, 0.7
			}
			d.Labels = append(d.Labels, class)
			d.Features = append(d.Features, float32(centre+rnd.NormFloat64()))
		}
		return d
	}
	train, test := make_(2000, 60), make_(500, 500)
	recall := map[bool]float64{}
	for _, balance := range []bool{false, true} {
		h, err := head.Train(t.Context(), train, head.Dataset{}, head.Options{Kind: head.Linear, Classes: 2, Seed: 1, Balance: balance})
		if err != nil {
			t.Fatal(err)
		}
		p, err := h.Predict(test.Features[500:])
		if err != nil {
			t.Fatal(err)
		}
		recall[balance] = accuracy(p, test.Labels[500:], 2)
	}
	if recall[true] < recall[false]+0.3 {
		t.Errorf("recall of the rare class: %v", recall)
	}
}

func TestDataThatCannotBeLearnt(t *testing.T) {
	good := blobs(20, 2, 3, 1)
	with := func(change func(*head.Dataset)) head.Dataset {
		d := head.Dataset{Features: slices.Clone(good.Features), Dim: good.Dim, Labels: slices.Clone(good.Labels)}
		change(&d)
		return d
	}
	for name, test := range map[string]struct {
		train head.Dataset
		opts  head.Options
	}{
		"no examples":        {head.Dataset{Dim: 3}, head.Options{Kind: head.Linear, Classes: 2}},
		"one class":          {good, head.Options{Kind: head.Linear, Classes: 1}},
		"a class with none":  {good, head.Options{Kind: head.Linear, Classes: 3}},
		"NaN":                {with(func(d *head.Dataset) { d.Features[4] = float32(math.NaN()) }), head.Options{Kind: head.Linear, Classes: 2}},
		"infinity":           {with(func(d *head.Dataset) { d.Features[4] = float32(math.Inf(1)) }), head.Options{Kind: head.Linear, Classes: 2}},
		"too few features":   {with(func(d *head.Dataset) { d.Features = d.Features[1:] }), head.Options{Kind: head.Linear, Classes: 2}},
		"label out of range": {with(func(d *head.Dataset) { d.Labels[0] = 2 }), head.Options{Kind: head.Linear, Classes: 2}},
		"unknown head":       {good, head.Options{Kind: "tree", Classes: 2}},
		"l2":                 {good, head.Options{Kind: head.Linear, Classes: 2, L2: []float64{0}}},
	} {
		if _, err := head.Train(t.Context(), test.train, head.Dataset{}, test.opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A context that ends leaves the best head until then, or its error when there is none.
func TestTrainingIsInterrupted(t *testing.T) {
	started(t)
	train, validation := blobs(120, 3, 8, 1), blobs(60, 3, 8, 2)
	for _, kind := range head.Kinds {
		ctx, cancel := context.WithCancel(t.Context())
		h, err := head.Train(ctx, train, validation, head.Options{Kind: kind, Classes: 3, Seed: 1, Hidden: 16, Epochs: 1000, Patience: -1, Progress: func(e head.Epoch) {
			if e.Epoch == 2 {
				cancel()
			}
		}})
		if err != nil || !h.Interrupted || len(h.History) > 3 {
			t.Errorf("%s: %v, %+v", kind, err, h)
		}
		if _, err = head.Train(ctx, train, validation, head.Options{Kind: kind, Classes: 3, Seed: 1}); err == nil || !strings.Contains(fmt.Sprint(err), "cancel") {
			t.Errorf("%s, with a context that ended: %v", kind, err)
		}
	}
}
