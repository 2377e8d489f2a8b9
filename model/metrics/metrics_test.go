package metrics_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/tagbeam/tagbeam/model/metrics"
)

func guesses(pairs ...any) (g []metrics.Guess) {
	for i := 0; i < len(pairs); i += 2 {
		g = append(g, metrics.Guess{Class: pairs[i].(string), Confidence: pairs[i+1].(float64)})
	}
	return g
}

// Worked out by hand.
func TestReport(t *testing.T) {
	var tally metrics.Tally
	tally.Add("ant", guesses("ant", 0.9, "bee", 0.1))
	tally.Add("ant", guesses("ant", 0.8, "bee", 0.2))
	tally.Add("ant", guesses("bee", 0.6, "ant", 0.4))
	tally.Add("bee", guesses("bee", 1.0, "ant", 0.0))
	tally.Add("bee", guesses("cat", 0.5, "ant", 0.3))
	r := tally.Report()
	near := cmpopts.EquateApprox(0, 1e-12)
	if diff := cmp.Diff([]metrics.Class{
		{Class: "ant", Images: 3, Guessed: 2, Right: 2, Precision: 1, Recall: 2. / 3, F1: 0.8},
		{Class: "bee", Images: 2, Guessed: 2, Right: 1, Precision: 0.5, Recall: 0.5, F1: 0.5},
		{Class: "cat", Guessed: 1},
	}, r.Classes, near); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]metrics.Cell{{"ant", "ant", 2}, {"ant", "bee", 1}, {"bee", "bee", 1}, {"bee", "cat", 1}}, r.Confusion); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]int64{{2, 1, 0}, {0, 1, 1}, {0, 0, 0}}, r.Matrix()); diff != "" {
		t.Error(diff)
	}
	want := map[string][2]float64{
		"accuracy":     {r.Accuracy, 3. / 5},
		"top accuracy": {r.TopAccuracy, 4. / 5},
		"macro P":      {r.MacroPrecision, 0.75},
		"macro R":      {r.MacroRecall, 7. / 12},
		"macro F1":     {r.MacroF1, 0.65},
		// .9 right, .8 right, .6 wrong, 1 right, .5 wrong, each in a bin of its own.
		"ECE": {r.ECE, (0.1 + 0.2 + 0.6 + 0 + 0.5) / 5},
		"MCE": {r.MCE, 0.6},
	}
	for name, v := range want {
		if math.Abs(v[0]-v[1]) > 1e-12 {
			t.Errorf("%s is %v, not %v", name, v[0], v[1])
		}
	}
	if r.Top != 2 || r.Images != 5 {
		t.Errorf("top %d of %d images", r.Top, r.Images)
	}
	// A confidence is at or above a threshold as floats are.
	for threshold, images := range map[int]int64{0: 5, 50: 5, 51: 4, 60: 4, 61: 3, 80: 3, 90: 2, 91: 1, 100: 1} {
		if c := r.Coverage[threshold]; c.Images != images || c.Threshold != float64(threshold)/100 {
			t.Errorf("coverage at %d: %+v, want %d images", threshold, c, images)
		}
	}
	var text bytes.Buffer
	if err := r.Print(&text); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"accuracy   0.6000 (top-2 0.8000) of 5 images", "class \\ taken for  ant  bee  cat", "bee    0    1    1", "0.90    0.4000    1.0000"} {
		if !strings.Contains(text.String(), words) {
			t.Errorf("no %q in\n%s", words, text.String())
		}
	}
}

func TestReportOfNothing(t *testing.T) {
	var tally metrics.Tally
	r := tally.Report()
	if r.Accuracy != 0 || r.ECE != 0 || len(r.Classes) != 0 {
		t.Errorf("%+v", r)
	}
	var text bytes.Buffer
	if err := r.Print(&text); err != nil {
		t.Fatal(err)
	}
}

// The sums agree with each other, whatever was added, and parts that are merged are the whole.
func TestReportAddsUp(t *testing.T) {
	classes := []string{"a", "b", "c", "d", "e", "f", "g"}
	rapid.Check(t, func(t *rapid.T) {
		var whole, left, right metrics.Tally
		n := rapid.IntRange(1, 200).Draw(t, "images")
		calibrated := 0.0
		for range n {
			class := rapid.SampledFrom(classes).Draw(t, "class")
			var g []metrics.Guess
			for _, name := range rapid.Permutation(classes).Draw(t, "order")[:rapid.IntRange(1, 7).Draw(t, "depth")] {
				g = append(g, metrics.Guess{Class: name, Confidence: rapid.Float64Range(0, 1).Draw(t, "confidence")})
			}
			whole.Add(class, g)
			if rapid.Bool().Draw(t, "side") {
				left.Add(class, g)
			} else {
				right.Add(class, g)
			}
			calibrated += g[0].Confidence
		}
		r := whole.Report()
		var images, guessed, hits, cells, binned int64
		for _, c := range r.Classes {
			images, guessed, hits = images+c.Images, guessed+c.Guessed, hits+c.Right
			if c.Precision < 0 || c.Precision > 1 || c.Recall < 0 || c.Recall > 1 || c.F1 > max(c.Precision, c.Recall)+1e-12 {
				t.Fatalf("%+v", c)
			}
		}
		for _, c := range r.Confusion {
			cells += c.Images
		}
		mean := 0.0
		for _, b := range r.Bins {
			binned += b.Images
			mean += b.Confidence * float64(b.Images)
			if b.Images > 0 && (b.Confidence < b.From-1e-9 || b.Confidence > b.To+1e-9) {
				t.Fatalf("%+v", b)
			}
		}
		for _, sum := range []int64{images, guessed, cells, binned, r.Coverage[0].Images} {
			if sum != int64(n) {
				t.Fatalf("%d of %d images: %+v", sum, n, r)
			}
		}
		if math.Abs(r.Accuracy-float64(hits)/float64(n)) > 1e-12 || r.TopAccuracy < r.Accuracy || math.Abs(mean-calibrated) > 1e-6 {
			t.Fatalf("%+v", r)
		}
		// ECE is at least the distance between mean confidence and accuracy.
		if r.ECE < math.Abs(mean/float64(n)-r.Accuracy)-1e-9 || r.ECE > r.MCE+1e-12 {
			t.Fatalf("ECE %v, MCE %v", r.ECE, r.MCE)
		}
		for i := 1; i < len(r.Coverage); i++ {
			if r.Coverage[i].Images > r.Coverage[i-1].Images {
				t.Fatal("coverage grows with the threshold")
			}
		}
		left.Merge(&right)
		if diff := cmp.Diff(r, left.Report(), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Many classes are printed in short.
func TestPrintManyClasses(t *testing.T) {
	var tally metrics.Tally
	for i := range 100 {
		class := string(rune('a'+i/26)) + string(rune('a'+i%26))
		tally.Add(class, guesses(class, 0.5))
		tally.Add(class, guesses("aa", 0.5))
	}
	var text bytes.Buffer
	if err := tally.Report().Print(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "the 40 worst of 100") || !strings.Contains(text.String(), "taken for  images") || strings.Count(text.String(), "\n") > 80 {
		t.Error(text.String())
	}
}

// Names with tabs and line ends leave a table a table.
func TestPrintStrangeNames(t *testing.T) {
	for _, classes := range []int{2, 30} {
		var tally metrics.Tally
		for i := range classes {
			tally.Add(strings.Repeat("x", i)+"a\tb\nzz", guesses("other", 0.5))
		}
		var text bytes.Buffer
		if err := tally.Report().Print(&text); err != nil {
			t.Fatal(err)
		}
		if strings.Count(text.String(), "zz") != strings.Count(text.String(), `a\tb\nzz"`) || !strings.Contains(text.String(), `"a\tb\nzz"`) {
			t.Errorf("%s", text.String())
		}
	}
}
