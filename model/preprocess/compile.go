package preprocess

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The values that the text fields of a Spec and a TensorFormat may have.
const (
	modeExact        = "exact"
	modeShortestEdge = "shortest_edge"
	modeCover        = "cover"
	modeFit          = "fit"
	roundFloor       = "floor"
	roundTrunc       = "trunc"
	roundHalfEven    = "half_even"
	channelsRGB      = "rgb"
	channelsBGR      = "bgr"
	layoutNCHW       = "NCHW"
	layoutNHWC       = "NHWC"
)

// maxTensorSide bounds the sides that a spec may ask for: a larger one is a mistake, and would cost gigabytes per image.
const maxTensorSide = 8192

// Filters are the names of all filters.
var Filters = []Filter{Nearest, Box, Bilinear, Hamming, Bicubic, Lanczos}

// TensorFormat is what a model wants of one image, from its graph.
type TensorFormat struct {
	Layout string      // "NCHW" or "NHWC"
	Height int         // 0: the model takes any height, and the spec fixes it
	Width  int         // 0: as Height
	Type   ElementType // "": float32
}

// Program is a Spec that was checked against a model's input. It never changes and is shared by all workers.
type Program struct {
	spec   Spec
	format TensorFormat
	table  *lookup
}

// Compile checks spec, and that what it makes is what t wants. Errors name the key of the spec, as it is written in tagbeam.json, and
// what is allowed there; there can be several, joined.
func Compile(spec Spec, t TensorFormat) (*Program, error) {
	t.Type = cmp.Or(t.Type, Float32)
	errs := append(spec.check(), t.check()...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	width, height, err := spec.outputSize()
	if err != nil {
		return nil, err
	}
	if t.Width != 0 && t.Width != width || t.Height != 0 && t.Height != height {
		return nil, fmt.Errorf("preprocess makes %d x %d pixels (width x height), but the model's input is %s x %s: change preprocess.%s, or use another model",
			width, height, sideName(t.Width), sideName(t.Height), spec.lastStep())
	}
	t.Width, t.Height = width, height
	values := spec.Normalize.table()
	table, err := newLookup(&values, t.Type)
	if err != nil {
		return nil, err
	}
	return &Program{spec: spec.clone(), format: t, table: table}, nil
}

// Spec returns a copy of what was compiled.
func (p *Program) Spec() Spec { return p.spec.clone() }

// Format returns the tensor's format, with Height, Width and Type filled in.
func (p *Program) Format() TensorFormat { return p.format }

// Len returns the number of elements of one image: 3 x height x width.
func (p *Program) Len() int { return 3 * p.format.Height * p.format.Width }

// Size returns the number of bytes of one image's tensor.
func (p *Program) Size() int { return p.Len() * p.format.Type.Size() }

// Shape returns the shape of one image's tensor, without the batch: [3, height, width], or [height, width, 3].
func (p *Program) Shape() []int64 {
	h, w := int64(p.format.Height), int64(p.format.Width)
	if p.format.Layout == layoutNHWC {
		return []int64{h, w, 3}
	}
	return []int64{3, h, w}
}

func (s *Spec) check() (errs []error) {
	add := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("preprocess."+key+": "+format, args...))
	}
	side := func(key string, v int) {
		if v < 1 || v > maxTensorSide {
			add(key, "%d is not allowed: 1 to %d", v, maxTensorSide)
		}
	}
	oneOf := func(key, v string, allowed ...string) {
		if !slices.Contains(allowed, v) {
			add(key, "%q is not allowed: %s", v, strings.Join(allowed, ", "))
		}
	}
	if r := s.Resize; r != nil {
		switch r.Mode {
		case modeExact, modeCover, modeFit:
			side("resize.width", r.Width)
			side("resize.height", r.Height)
			if r.Size != 0 {
				add("resize.size", "%d has no meaning with mode %q: leave it out", r.Size, r.Mode)
			}
		case modeShortestEdge:
			side("resize.size", r.Size)
			if r.Width != 0 || r.Height != 0 {
				add("resize.width", "width and height have no meaning with mode %q: leave them out", r.Mode)
			}
		default:
			oneOf("resize.mode", r.Mode, modeExact, modeShortestEdge, modeCover, modeFit)
		}
		oneOf("resize.filter", string(r.Filter), filterNames()...)
	}
	if c := s.Crop; c != nil {
		side("crop.width", c.Width)
		side("crop.height", c.Height)
		oneOf("crop.rounding", c.Rounding, roundFloor, roundTrunc, roundHalfEven)
		if c.Corner != "" {
			oneOf("crop.corner", c.Corner, corners...)
		}
	}
	oneOf("channels", s.Channels, channelsRGB, channelsBGR)
	n := s.Normalize
	if n.Scale == 0 || math.IsInf(n.Scale, 0) || math.IsNaN(n.Scale) {
		add("normalize.scale", "%v is not allowed: any finite number but 0, for instance 1 (bytes as they are) or 0.00392156862745098 (1/255)", n.Scale)
	}
	if !finite(n.Offset) {
		add("normalize.offset", "%v is not a finite number", n.Offset)
	}
	for c := range 3 {
		if !finite(n.Mean[c]) {
			add("normalize.mean", "[%d] = %v is not a finite number", c, n.Mean[c])
		}
		if !finite(n.Std[c]) || n.Std[c] == 0 {
			add("normalize.std", "[%d] = %v is not allowed: values are divided by it (1 leaves them as they are)", c, n.Std[c])
		}
		if n.Divide != nil && (!finite(n.Divide[c]) || n.Divide[c] == 0) {
			add("normalize.divide", "[%d] = %v is not allowed: values are divided by it", c, n.Divide[c])
		}
	}
	return errs
}

func (t TensorFormat) check() (errs []error) {
	if t.Layout != layoutNCHW && t.Layout != layoutNHWC {
		errs = append(errs, fmt.Errorf("layout %q of the model's input is not known: %s or %s", t.Layout, layoutNCHW, layoutNHWC))
	}
	if t.Type.Size() == 0 {
		errs = append(errs, fmt.Errorf("elements of type %q cannot be made for the model's input: %v can", t.Type, ElementTypes))
	}
	if t.Height < 0 || t.Width < 0 {
		errs = append(errs, fmt.Errorf("the model's input cannot be %d x %d: 0 stands for any size", t.Width, t.Height))
	}
	return errs
}

// outputSize returns the size that every image gets.
func (s *Spec) outputSize() (width, height int, err error) {
	switch {
	case s.Crop != nil:
		return s.Crop.Width, s.Crop.Height, nil
	case s.Resize == nil:
		return 0, 0, errors.New("preprocess: neither resize nor crop is there, so that images keep sizes of their own: add one of them")
	case s.Resize.Mode != modeExact:
		return 0, 0, fmt.Errorf("preprocess.crop: missing; resize.mode %q leaves an edge open: add a crop, or use mode %q", s.Resize.Mode, modeExact)
	}
	return s.Resize.Width, s.Resize.Height, nil
}

func (s *Spec) lastStep() string {
	if s.Crop != nil {
		return "crop"
	}
	return "resize"
}

func (s Spec) clone() Spec {
	if s.Resize != nil {
		r := *s.Resize
		s.Resize = &r
	}
	if s.Crop != nil {
		c := *s.Crop
		if c.Fill != nil {
			fill := *c.Fill
			c.Fill = &fill
		}
		s.Crop = &c
	}
	if s.Normalize.Divide != nil {
		d := *s.Normalize.Divide
		s.Normalize.Divide = &d
	}
	return s
}

// fill is the padding's byte of channel c.
func (s *Spec) fill(c int) uint8 {
	if s.Crop == nil || s.Crop.Fill == nil {
		return 0
	}
	return s.Crop.Fill[c]
}

// table tabulates the normalisation, which is a function of the channel and the byte.
func (n Normalize) table() (t [3][256]float32) {
	for c := range t {
		for v := range t[c] {
			x := float32(float64(v) * n.Scale)
			x = float32(x+n.Offset) - n.Mean[c]
			t[c][v] = x / n.Std[c]
			if n.Divide != nil {
				t[c][v] /= n.Divide[c]
			}
		}
	}
	return t
}

func finite(x float32) bool { return !math.IsInf(float64(x), 0) && !math.IsNaN(float64(x)) }

func filterNames() []string {
	names := make([]string, len(Filters))
	for i, f := range Filters {
		names[i] = string(f)
	}
	return names
}

func sideName(n int) string {
	if n == 0 {
		return "any"
	}
	return fmt.Sprint(n)
}
