// Package metrics says how good a classifier is: it takes what a model said of images whose class is known, one by one, and sums it up as
// accuracy, precision and recall by class, a confusion matrix, calibration, and accuracy against coverage. Memory grows with the number of
// classes, not with that of images. It knows nothing of models, images or files.
package metrics

import "math"

const (
	// topN is how deep the second accuracy looks.
	topN = 5
	// bins is the number of equally wide bins of confidence that calibration is measured by, as in Guo et al., "On Calibration of Modern
	// Neural Networks" (2017).
	bins = 15
	// steps is the number of thresholds between 0 and 1 by which coverage is measured.
	steps = 100
)

// Guess is one of the classes that a model considered.
type Guess struct {
	Class      string
	Confidence float64
}

// Tally sums up predictions. The zero value is ready for use.
type Tally struct {
	images, hits, hitsTop int64
	depth                 int // of the longest list of guesses, at most topN
	confusion             map[string]map[string]int64
	bins                  [bins]bin
	thresholds            [steps + 1]count // by the highest threshold, in steps, that the confidence reaches
}

type bin struct {
	images, hits int64
	confidence   float64 // the sum
}

type count struct{ images, hits int64 }

// Add takes one image: its class, and the model's best guesses, best first, at least one.
func (t *Tally) Add(class string, guesses []Guess) {
	best := guesses[0]
	hit := int64(0)
	if best.Class == class {
		hit = 1
	}
	t.images++
	t.hits += hit
	top := guesses[:min(len(guesses), topN)]
	t.depth = max(t.depth, len(top))
	for _, g := range top {
		if g.Class == class {
			t.hitsTop++
			break
		}
	}
	if t.confusion == nil {
		t.confusion = map[string]map[string]int64{}
	}
	if t.confusion[class] == nil {
		t.confusion[class] = map[string]int64{}
	}
	t.confusion[class][best.Class]++

	confidence := min(max(best.Confidence, 0), 1)
	// Bins are open below and closed above, (0, 1/15], (1/15, 2/15] ...; 0 belongs to the first.
	b := &t.bins[min(max(int(math.Ceil(confidence*bins))-1, 0), bins-1)]
	b.images++
	b.hits += hit
	b.confidence += confidence
	s := &t.thresholds[step(confidence)]
	s.images++
	s.hits += hit
}

// step is the highest threshold, in steps, that a confidence reaches: threshold s is s/steps, as a float64.
func step(confidence float64) int {
	s := min(int(confidence*steps)+1, steps)
	for s > 0 && confidence < threshold(s) {
		s--
	}
	return s
}

func threshold(step int) float64 { return float64(step) / steps }

// Merge adds what another tally has seen.
func (t *Tally) Merge(other *Tally) {
	t.images += other.images
	t.hits += other.hits
	t.hitsTop += other.hitsTop
	t.depth = max(t.depth, other.depth)
	for class, row := range other.confusion {
		if t.confusion == nil {
			t.confusion = map[string]map[string]int64{}
		}
		if t.confusion[class] == nil {
			t.confusion[class] = map[string]int64{}
		}
		for guess, n := range row {
			t.confusion[class][guess] += n
		}
	}
	for i, b := range other.bins {
		t.bins[i].images += b.images
		t.bins[i].hits += b.hits
		t.bins[i].confidence += b.confidence
	}
	for i, s := range other.thresholds {
		t.thresholds[i].images += s.images
		t.thresholds[i].hits += s.hits
	}
}

// Images is the number of images that were added.
func (t *Tally) Images() int64 { return t.images }
