package metrics

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Report is what a Tally came to. Its field names are a contract: `tagbeam evaluate --report-json` writes it.
type Report struct {
	Images int64 `json:"images"`
	// Accuracy is the fraction of images whose best guess is right, TopAccuracy that of those with the right class among the Top best.
	Accuracy    float64 `json:"accuracy"`
	Top         int     `json:"top"`
	TopAccuracy float64 `json:"top_accuracy"`
	// MacroPrecision, MacroRecall and MacroF1 are means over the classes that images have, whatever their number of images.
	MacroPrecision float64 `json:"macro_precision"`
	MacroRecall    float64 `json:"macro_recall"`
	MacroF1        float64 `json:"macro_f1"`
	// Classes are the classes of images, and those that were guessed only, by name.
	Classes []Class `json:"classes"`
	// Confusion has the cells of the confusion matrix that are not 0, by class, the most frequent guess first.
	Confusion []Cell `json:"confusion"`
	// ECE is the expected calibration error: how far confidence and accuracy are apart, in the mean over images, by Bins. MCE is the largest
	// of these distances.
	ECE  float64 `json:"ece"`
	MCE  float64 `json:"mce"`
	Bins []Bin   `json:"bins"`
	// Coverage says, for thresholds of confidence, how many images are at or above it and how many of those are right.
	Coverage []Coverage `json:"coverage"`
}

// Class is how one class fared.
type Class struct {
	Class string `json:"class"`
	// Images are of this class, Guessed those that were taken for it, Right both.
	Images  int64 `json:"images"`
	Guessed int64 `json:"guessed"`
	Right   int64 `json:"right"`
	// Precision is Right/Guessed, Recall is Right/Images, F1 their harmonic mean; 0 where the divisor is, as in scikit-learn.
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

// Cell is one cell of the confusion matrix.
type Cell struct {
	Class  string `json:"class"`
	Guess  string `json:"guess"`
	Images int64  `json:"images"`
}

// Bin is the images with a confidence above From, and at most To.
type Bin struct {
	From   float64 `json:"from"`
	To     float64 `json:"to"`
	Images int64   `json:"images"`
	// Confidence and Accuracy are means over the bin's images; 0 when there are none.
	Confidence float64 `json:"confidence"`
	Accuracy   float64 `json:"accuracy"`
}

// Coverage is what is left when images below a threshold are left to somebody else.
type Coverage struct {
	Threshold float64 `json:"threshold"`
	Images    int64   `json:"images"`
	// Coverage is the fraction of all images, Accuracy that of the right ones among them; 0 when there are none.
	Coverage float64 `json:"coverage"`
	Accuracy float64 `json:"accuracy"`
}

// Report sums up.
func (t *Tally) Report() *Report {
	r := &Report{
		Images: t.images, Accuracy: ratio(t.hits, t.images),
		Top: t.depth, TopAccuracy: ratio(t.hitsTop, t.images),
		Classes: t.classes(), Confusion: t.cells(),
		Coverage: t.coverage(),
	}
	n := 0
	for _, c := range r.Classes {
		if c.Images == 0 {
			continue
		}
		n++
		r.MacroPrecision += c.Precision
		r.MacroRecall += c.Recall
		r.MacroF1 += c.F1
	}
	if n > 0 {
		r.MacroPrecision, r.MacroRecall, r.MacroF1 = r.MacroPrecision/float64(n), r.MacroRecall/float64(n), r.MacroF1/float64(n)
	}
	for i, b := range t.bins {
		out := Bin{From: float64(i) / bins, To: float64(i+1) / bins, Images: b.images}
		if b.images > 0 {
			out.Confidence, out.Accuracy = b.confidence/float64(b.images), ratio(b.hits, b.images)
			gap := math.Abs(out.Confidence - out.Accuracy)
			r.ECE += gap * float64(b.images) / float64(t.images)
			r.MCE = max(r.MCE, gap)
		}
		r.Bins = append(r.Bins, out)
	}
	return r
}

func (t *Tally) classes() []Class {
	byName := map[string]*Class{}
	class := func(name string) *Class {
		c := byName[name]
		if c == nil {
			c = &Class{Class: name}
			byName[name] = c
		}
		return c
	}
	for truth, row := range t.confusion {
		for guess, n := range row {
			class(truth).Images += n
			class(guess).Guessed += n
			if truth == guess {
				class(truth).Right += n
			}
		}
	}
	all := make([]Class, 0, len(byName))
	for _, c := range byName {
		c.Precision, c.Recall = ratio(c.Right, c.Guessed), ratio(c.Right, c.Images)
		if c.Right > 0 {
			c.F1 = 2 * c.Precision * c.Recall / (c.Precision + c.Recall)
		}
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Class) int { return strings.Compare(a.Class, b.Class) })
	return all
}

func (t *Tally) cells() []Cell {
	var all []Cell
	for truth, row := range t.confusion {
		for guess, n := range row {
			all = append(all, Cell{truth, guess, n})
		}
	}
	slices.SortFunc(all, func(a, b Cell) int {
		return cmp.Or(strings.Compare(a.Class, b.Class), cmp.Compare(b.Images, a.Images), strings.Compare(a.Guess, b.Guess))
	})
	return all
}

func (t *Tally) coverage() []Coverage {
	all := make([]Coverage, steps+1)
	var above count
	for s := steps; s >= 0; s-- {
		above.images += t.thresholds[s].images
		above.hits += t.thresholds[s].hits
		all[s] = Coverage{threshold(s), above.images, ratio(above.images, t.images), ratio(above.hits, above.images)}
	}
	return all
}

func ratio(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
