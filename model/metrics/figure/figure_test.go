package figure_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/model/metrics"
	"github.com/tagbeam/tagbeam/model/metrics/figure"
)

func report(classes int) *metrics.Report {
	var t metrics.Tally
	for i := range classes * 7 {
		truth := fmt.Sprintf("class-%03d", i%classes)
		guess := truth
		if i%5 == 0 {
			guess = fmt.Sprintf("class-%03d", (i+1)%classes)
		}
		t.Add(truth, []metrics.Guess{{Class: guess, Confidence: 0.3 + float64(i%7)/10}})
	}
	return t.Report()
}

func TestFigures(t *testing.T) {
	nan := math.NaN()
	figures := map[string]*figure.Figure{
		"confusion":      figure.Confusion(report(4)),
		"many":           figure.Confusion(report(30)),
		"too many":       figure.Confusion(report(90)),
		"one":            figure.Confusion(report(1)),
		"none":           figure.Confusion(&metrics.Report{}),
		"reliability":    figure.Reliability(report(4)),
		"no reliability": figure.Reliability(&metrics.Report{}),
		"coverage":       figure.Coverage(report(4)),
		"no coverage":    figure.Coverage(&metrics.Report{}),
		"learning":       figure.Learning([]figure.Point{{1, .5, nan, nan}, {.5, .8, .7, .7}, {math.Inf(1), .8, .7, .7}}, "epoch"),
		"no learning":    figure.Learning(nil, "epoch"),
	}
	for name, f := range figures {
		for _, format := range figure.Formats {
			var b bytes.Buffer
			if err := f.Write(&b, format); err != nil {
				t.Errorf("%s as %s: %v", name, format, err)
				continue
			}
			switch format {
			case "svg":
				if err := wellFormed(b.Bytes()); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			case "png":
				if img, err := png.Decode(&b); err != nil || img.Bounds().Dx() < 200 {
					t.Errorf("%s: %v", name, err)
				}
			case "pdf":
				if !bytes.HasPrefix(b.Bytes(), []byte("%PDF-")) {
					t.Errorf("%s is no PDF", name)
				}
			}
		}
	}
	if err := figures["one"].Write(io.Discard, "gif"); err == nil {
		t.Error("a GIF, although none can be drawn")
	}
}

// What stands in a figure is what was found.
func TestConfusionShowsNumbers(t *testing.T) {
	var tally metrics.Tally
	for range 17 {
		tally.Add("ants", []metrics.Guess{{Class: "bees & <wasps>", Confidence: 0.5}})
	}
	var b bytes.Buffer
	if err := figure.Confusion(tally.Report()).Write(&b, "svg"); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{">17<", "ants", "bees &amp; &lt;wasps"} {
		if !strings.Contains(b.String(), words) {
			t.Errorf("no %q in the figure", words)
		}
	}
	if err := wellFormed(b.Bytes()); err != nil {
		t.Error(err)
	}
}

func wellFormed(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
