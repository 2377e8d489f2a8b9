package pipeline

import (
	"fmt"
	"strings"

	"github.com/tagbeam/tagbeam/model/head"
	"github.com/tagbeam/tagbeam/model/metrics"
)

// notes are paragraphs of the model card: what was left out, and how the model does on the validation images.
func (d *TrainingData) notes(views []string, r *metrics.Report) []string {
	var notes []string
	for _, n := range []struct {
		count int
		text  string
	}{
		{sumCounts(d.Failed), "could not be read (" + countsText(d.Failed) + ")"},
		{d.Contradictory, "have the content of an image of another class"},
		{d.Leaking, "have the content of a validation image"},
		{d.Unlabelled, "have no class"},
		{d.KeptAside, "are of the split test"},
	} {
		if n.count > 0 {
			notes = append(notes, fmt.Sprintf("Left out: %d images that %s.", n.count, n.text))
		}
	}
	if len(views) > 1 {
		notes = append(notes, fmt.Sprintf("Trained on %d views of each image: as it is, %s.", len(views), strings.Join(views[1:], ", ")))
	}
	if r != nil {
		notes = append(notes, reportMarkdown(r))
	}
	return notes
}

func sumCounts(counts map[string]int64) int {
	n := int64(0)
	for _, v := range counts {
		n += v
	}
	return int(n)
}

// maxCardClasses is how many classes a model card lists.
const maxCardClasses = 100

// reportMarkdown is the report on the validation images as a table.
func reportMarkdown(r *metrics.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "On the %d validation images: accuracy %.4f, top-%d %.4f, macro F1 %.4f, expected calibration error %.4f.\n\n", r.Images, r.Accuracy, r.Top, r.TopAccuracy, r.MacroF1, r.ECE)
	b.WriteString("| class | images | precision | recall | F1 |\n|---|---|---|---|---|\n")
	for _, c := range r.Classes[:min(len(r.Classes), maxCardClasses)] {
		fmt.Fprintf(&b, "| %s | %d | %.4f | %.4f | %.4f |\n", head.InMarkdown(c.Class), c.Images, c.Precision, c.Recall, c.F1)
	}
	return strings.TrimRight(b.String(), "\n")
}
