package metrics

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

const (
	// maxMatrix is the number of classes up to which the confusion matrix is printed whole.
	maxMatrix = 12
	// maxClasses is the number of classes that are printed, those with the lowest F1.
	maxClasses = 40
	// maxConfusions is the number of confusions that are printed, the most frequent.
	maxConfusions = 10
)

// printedThresholds are those whose coverage is printed.
var printedThresholds = []float64{0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99}

// Print writes the report for a person.
func (r *Report) Print(w io.Writer) error {
	t := &printer{w: w}
	t.line("accuracy   %.4f (top-%d %.4f) of %d images", r.Accuracy, r.Top, r.TopAccuracy, r.Images)
	t.line("macro      precision %.4f, recall %.4f, F1 %.4f", r.MacroPrecision, r.MacroRecall, r.MacroF1)
	t.line("calibration  expected error %.4f, largest %.4f", r.ECE, r.MCE)
	r.printClasses(t)
	r.printConfusion(t)
	t.line("")
	t.table(func(w io.Writer) {
		fmt.Fprintln(w, "confidence from\tcoverage\taccuracy\timages\t")
		for _, c := range r.Coverage {
			if slices.Contains(printedThresholds, c.Threshold) {
				fmt.Fprintf(w, "%.2f\t%.4f\t%s\t%d\t\n", c.Threshold, c.Coverage, accuracyText(c), c.Images)
			}
		}
	})
	return t.err
}

func accuracyText(c Coverage) string {
	if c.Images == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4f", c.Accuracy)
}

func (r *Report) printClasses(t *printer) {
	shown, title := r.Classes, "class"
	if len(shown) > maxClasses {
		shown = slices.Clone(shown)
		slices.SortStableFunc(shown, func(a, b Class) int { return cmp.Compare(a.F1, b.F1) })
		shown, title = shown[:maxClasses], fmt.Sprintf("class (the %d worst of %d)", maxClasses, len(r.Classes))
	}
	t.line("")
	t.table(func(w io.Writer) {
		fmt.Fprintf(w, "%s\timages\tprecision\trecall\tF1\t\n", title)
		for _, c := range shown {
			fmt.Fprintf(w, "%s\t%d\t%.4f\t%.4f\t%.4f\t\n", onOneLine(c.Class), c.Images, c.Precision, c.Recall, c.F1)
		}
	})
}

// printConfusion prints the matrix where it is small, the most frequent confusions otherwise.
func (r *Report) printConfusion(t *printer) {
	t.line("")
	if n := len(r.Classes); n <= maxMatrix {
		matrix := r.Matrix()
		t.table(func(w io.Writer) {
			fmt.Fprint(w, "class \\ taken for\t")
			for _, c := range r.Classes {
				fmt.Fprintf(w, "%s\t", onOneLine(c.Class))
			}
			fmt.Fprintln(w)
			for i, c := range r.Classes {
				if c.Images == 0 {
					continue
				}
				fmt.Fprintf(w, "%s\t", onOneLine(c.Class))
				for _, n := range matrix[i] {
					fmt.Fprintf(w, "%d\t", n)
				}
				fmt.Fprintln(w)
			}
		})
		return
	}
	var wrong []Cell
	for _, c := range r.Confusion {
		if c.Class != c.Guess {
			wrong = append(wrong, c)
		}
	}
	slices.SortStableFunc(wrong, func(a, b Cell) int { return cmp.Compare(b.Images, a.Images) })
	t.table(func(w io.Writer) {
		fmt.Fprintln(w, "class\ttaken for\timages\t")
		for _, c := range wrong[:min(len(wrong), maxConfusions)] {
			fmt.Fprintf(w, "%s\t%s\t%d\t\n", onOneLine(c.Class), onOneLine(c.Guess), c.Images)
		}
	})
}

// onOneLine is a class's name without what would break a table: tabs, line ends and other control characters are escaped.
func onOneLine(name string) string {
	if !strings.ContainsFunc(name, unicode.IsControl) {
		return name
	}
	return strconv.Quote(name)
}

// Matrix is the confusion matrix in the order of Classes: rows are classes, columns guesses.
func (r *Report) Matrix() [][]int64 {
	at := make(map[string]int, len(r.Classes))
	matrix := make([][]int64, len(r.Classes))
	for i, c := range r.Classes {
		at[c.Class], matrix[i] = i, make([]int64, len(r.Classes))
	}
	for _, c := range r.Confusion {
		matrix[at[c.Class]][at[c.Guess]] = c.Images
	}
	return matrix
}

// printer keeps the first error of many writes.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) table(write func(io.Writer)) {
	if p.err != nil {
		return
	}
	t := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', tabwriter.AlignRight)
	write(t)
	p.err = t.Flush()
}
