// Package figure draws what package metrics found, and how a training went, as SVG, PNG or PDF.
package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/tagbeam/tagbeam/model/metrics"
)

// Formats are what Write draws.
var Formats = []string{"svg", "png", "pdf"}

// The colours of ColorBrewer's Set1 that are told apart in grey, too.
var (
	blue = color.RGBA{55, 126, 184, 255}
	red  = color.RGBA{228, 26, 28, 255}
	grey = color.RGBA{160, 160, 160, 255}
)

// Figure is a drawing of a size.
type Figure struct {
	plot          *plot.Plot
	width, height vg.Length
}

// Write draws a figure in one of Formats.
func (f *Figure) Write(w io.Writer, format string) error {
	if !slices.Contains(Formats, format) {
		return fmt.Errorf("figures cannot be drawn as %q: %v can", format, Formats)
	}
	canvas, err := f.plot.WriterTo(f.width, f.height, format)
	if err != nil {
		return fmt.Errorf("draw %q: %w", f.plot.Title.Text, err)
	}
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return fmt.Errorf("draw %q: %w", f.plot.Title.Text, err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding = vg.Points(6)
	return p
}

// maxWritten is the number of classes up to which a confusion matrix has numbers in its cells, maxMatrix the number up to which it has all
// classes; of more, it has those that are confused most.
const (
	maxWritten = 20
	maxMatrix  = 60
)

// Confusion is the confusion matrix as a heat map: a row for each class, shaded by the fraction of its images that were taken for the column.
func Confusion(r *metrics.Report) *Figure {
	matrix, names := r.Matrix(), make([]string, len(r.Classes))
	for i, c := range r.Classes {
		names[i] = c.Class
	}
	title := "Confusion matrix"
	if len(names) > maxMatrix {
		matrix, names = mostConfused(matrix, names, maxMatrix)
		title = fmt.Sprintf("Confusion matrix: the %d most confused of %d classes", maxMatrix, len(r.Classes))
	}
	n := len(names)
	p := newPlot(title, "taken for", "class")
	if n == 0 {
		return &Figure{p, 10 * vg.Centimeter, 10 * vg.Centimeter}
	}
	heat := plotter.NewHeatMap(grid{matrix}, shades{})
	heat.Min, heat.Max = 0, 1
	p.Add(heat)
	ticks := make([]plot.Tick, n)
	mirrored := make([]plot.Tick, n)
	for i, name := range names {
		ticks[i] = plot.Tick{Value: float64(i), Label: shortened(name)}
		mirrored[i] = plot.Tick{Value: float64(n - 1 - i), Label: shortened(name)}
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(ticks), plot.ConstantTicks(mirrored)
	p.X.Tick.Label.Rotation = math.Pi / 4
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = text.XRight, text.YCenter
	if n <= maxWritten {
		p.Add(numbers(matrix))
	}
	side := vg.Length(min(max(n, 6), 40))*0.9*vg.Centimeter + 5*vg.Centimeter
	return &Figure{p, side, side}
}

func shortened(name string) string {
	const most = 24
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return name
}

// mostConfused leaves the classes with the most images off the diagonal.
func mostConfused(matrix [][]int64, names []string, n int) ([][]int64, []string) {
	wrong := make([]int64, len(names))
	for i, row := range matrix {
		for j, images := range row {
			if i != j {
				wrong[i] += images
				wrong[j] += images
			}
		}
	}
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(wrong[b] - wrong[a]) })
	order = order[:n]
	slices.Sort(order)
	left, kept := make([][]int64, n), make([]string, n)
	for i, from := range order {
		kept[i], left[i] = names[from], make([]int64, n)
		for j, to := range order {
			left[i][j] = matrix[from][to]
		}
	}
	return left, kept
}

// grid shows a matrix with its first row on top, each row as fractions of its sum.
type grid struct{ matrix [][]int64 }

func (g grid) Dims() (c, r int)   { return len(g.matrix), len(g.matrix) }
func (g grid) X(c int) float64    { return float64(c) }
func (g grid) Y(r int) float64    { return float64(r) }
func (g grid) Z(c, r int) float64 { return fraction(g.matrix[len(g.matrix)-1-r], c) }

func fraction(row []int64, c int) float64 {
	sum := int64(0)
	for _, n := range row {
		sum += n
	}
	if sum == 0 {
		return 0
	}
	return float64(row[c]) / float64(sum)
}

// shades go from white to blue.
type shades struct{}

func (shades) Colors() []color.Color {
	all := make([]color.Color, 101)
	for i := range all {
		f := float64(i) / 100
		mix := func(c uint8) uint8 { return uint8(math.Round(255 - f*(255-float64(c)))) }
		all[i] = color.RGBA{mix(blue.R), mix(blue.G), mix(blue.B), 255}
	}
	return all
}

// numbers writes the counts that are not 0 into the cells.
func numbers(matrix [][]int64) plot.Plotter {
	var labels plotter.XYLabels
	var styles []draw.TextStyle
	for i, row := range matrix {
		for j, n := range row {
			if n == 0 {
				continue
			}
			labels.XYs = append(labels.XYs, plotter.XY{X: float64(j), Y: float64(len(matrix) - 1 - i)})
			labels.Labels = append(labels.Labels, fmt.Sprint(n))
			ink := color.Color(color.Black)
			if fraction(row, j) > 0.6 {
				ink = color.White
			}
			styles = append(styles, text.Style{
				Color: ink, Font: font.From(plot.DefaultFont, 9), XAlign: text.XCenter, YAlign: text.YCenter, Handler: plot.DefaultTextHandler,
			})
		}
	}
	l, err := plotter.NewLabels(labels)
	if err != nil {
		panic(err) // as many labels as points, all finite
	}
	l.TextStyle = styles
	return l
}

// Reliability is accuracy by confidence: bars on the diagonal are confidences that can be believed (Guo et al., 2017).
func Reliability(r *metrics.Report) *Figure {
	p := newPlot(fmt.Sprintf("Reliability (expected calibration error %.3f)", r.ECE), "confidence", "accuracy")
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	diagonal := line(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}}, grey)
	diagonal.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
	for _, b := range r.Bins {
		if b.Images == 0 {
			continue
		}
		bar, err := plotter.NewPolygon(plotter.XYs{{X: b.From, Y: 0}, {X: b.From, Y: b.Accuracy}, {X: b.To, Y: b.Accuracy}, {X: b.To, Y: 0}})
		if err != nil {
			panic(err) // four finite points
		}
		// The more images, the darker.
		bar.Color = color.NRGBA{blue.R, blue.G, blue.B, uint8(60 + 180*float64(b.Images)/float64(r.Images))}
		bar.LineStyle.Color, bar.LineStyle.Width = blue, vg.Points(0.5)
		p.Add(bar)
	}
	p.Add(diagonal)
	return &Figure{p, 12 * vg.Centimeter, 12 * vg.Centimeter}
}

// Coverage is the accuracy of what is left above each threshold of confidence, against how much that is.
func Coverage(r *metrics.Report) *Figure {
	p := newPlot("Accuracy of the surest images", "coverage (fraction of images)", "accuracy")
	var points plotter.XYs
	for _, c := range r.Coverage {
		if c.Images > 0 {
			points = append(points, plotter.XY{X: c.Coverage, Y: c.Accuracy})
		}
	}
	p.X.Min, p.X.Max, p.Y.Max = 0, 1, 1
	if len(points) > 0 {
		p.Add(plotter.NewGrid(), line(points, blue))
	}
	p.X.Min, p.X.Max, p.Y.Max = 0, 1, 1
	return &Figure{p, 12 * vg.Centimeter, 9 * vg.Centimeter}
}

// Point is one epoch of a training, or one setting that was tried. Values that are NaN are not drawn.
type Point struct{ Loss, Accuracy, ValidationLoss, ValidationAccuracy float64 }

// Learning is accuracy and loss by epoch.
func Learning(history []Point, x string) *Figure {
	p := newPlot("Learning curve", x, "accuracy, loss")
	p.Add(plotter.NewGrid())
	p.Legend.Top = true
	add := func(name string, c color.Color, dashed bool, value func(Point) float64) {
		var points plotter.XYs
		for i, h := range history {
			if v := value(h); !math.IsNaN(v) && !math.IsInf(v, 0) {
				points = append(points, plotter.XY{X: float64(i + 1), Y: v})
			}
		}
		if len(points) == 0 {
			return
		}
		l := line(points, c)
		if dashed {
			l.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
		}
		dots, err := plotter.NewScatter(points)
		if err != nil {
			panic(err) // finite points
		}
		dots.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(1.8), Shape: draw.CircleGlyph{}}
		p.Add(l, dots)
		p.Legend.Add(name, l)
	}
	add("accuracy", blue, false, func(h Point) float64 { return h.Accuracy })
	add("validation accuracy", blue, true, func(h Point) float64 { return h.ValidationAccuracy })
	add("loss", red, false, func(h Point) float64 { return h.Loss })
	add("validation loss", red, true, func(h Point) float64 { return h.ValidationLoss })
	p.Y.Min, p.Y.Max = 0, 1.3*p.Y.Max // room for the legend
	return &Figure{p, 14 * vg.Centimeter, 9 * vg.Centimeter}
}

func line(points plotter.XYs, c color.Color) *plotter.Line {
	l, err := plotter.NewLine(points)
	if err != nil {
		panic(err) // finite points
	}
	l.Color, l.Width = c, vg.Points(1.4)
	return l
}
