package preprocess

import "math"

// geometry is where the pixels of the tensor come from, for one size of image.
type geometry struct {
	resizedW, resizedH int // the whole image after Resize
	// left and top are where the crop begins in the resized image; negative where it is padded there.
	left, top    int
	cropW, cropH int
	// fractionW and fractionH are what the decoded image's last column and row hold of the image, where it was shrunk: the rest of them is
	// padding. 0: all.
	fractionW, fractionH float64
}

// window returns the part of the resized image that the crop shows: columns x0 up to x1, rows y0 up to y1. It can be empty.
func (g geometry) window() (x0, y0, x1, y1 int) {
	return max(g.left, 0), max(g.top, 0), min(g.left+g.cropW, g.resizedW), min(g.top+g.cropH, g.resizedH)
}

func (s *Spec) geometry(width, height int) geometry {
	w, h := width, height
	if s.Resize != nil {
		w, h = s.Resize.apply(width, height)
	}
	g := geometry{resizedW: w, resizedH: h, cropW: w, cropH: h}
	if s.Crop != nil {
		g.cropW, g.cropH = s.Crop.Width, s.Crop.Height
		g.left, g.top = s.Crop.offset(w, g.cropW), s.Crop.offset(h, g.cropH)
		if c := s.Crop.Corner; c != "" {
			g.left, g.top = corner(c, "right", w-g.cropW, g.left), corner(c, "bottom", h-g.cropH, g.top)
		}
	}
	return g
}

// shrunk is g for an image of width x height that is decoded to 1/scale of that, rounded up.
func (g geometry) shrunk(width, height, scale int) geometry {
	fraction := func(side int) float64 { return float64(side%scale) / float64(scale) }
	g.fractionW, g.fractionH = fraction(width), fraction(height)
	return g
}

// extent is the number of samples that the image takes of n.
func extent(n int, fraction float64) float64 {
	if fraction == 0 {
		return float64(n)
	}
	return float64(n-1) + fraction
}

// fastOversampling is how many times larger than needed, on both axes, an image still is after its decoder has shrunk it. Pillow calls the
// same number reducing_gap, and 3 "practically indistinguishable".
const fastOversampling = 3

// fastScale returns the divisor, 1, 2, 4 or 8, that a width x height image may be shrunk by when it is decoded.
func (g geometry) fastScale(width, height int) int {
	scale := 8
	for scale > 1 && (width < fastOversampling*scale*g.resizedW || height < fastOversampling*scale*g.resizedH) {
		scale /= 2
	}
	return scale
}

// apply returns the size of a width x height image after the resize.
func (r *Resize) apply(width, height int) (int, int) {
	switch r.Mode {
	case modeExact:
		return r.Width, r.Height
	case modeCover:
		return r.keepRatio(width, height, math.Min)
	case modeFit:
		return r.keepRatio(width, height, math.Max)
	}
	// int(size * long / short), as torchvision and transformers have it: a true division, then truncation.
	long := int(float64(r.Size*max(width, height)) / float64(min(width, height)))
	if width <= height {
		return r.Size, long
	}
	return long, r.Size
}

// keepRatio divides both edges by the smaller or the larger of their ratios to the target, as timm's ResizeKeepRatio does.
func (r *Resize) keepRatio(width, height int, choose func(a, b float64) float64) (int, int) {
	ratio := choose(float64(width)/float64(r.Width), float64(height)/float64(r.Height))
	edge := func(n int) int { return max(1, int(math.RoundToEven(float64(n)/ratio))) }
	return edge(width), edge(height)
}

// offset returns where a crop begins on an axis of the given length. A negative offset -n asks for n pixels of padding before the image;
// there torchvision rounds n down, and the rule of transformers' slow processors, which holds on both sides of zero, rounds it up.
func (c *Crop) offset(length, crop int) int {
	margin := length - crop
	switch {
	case c.Rounding == roundFloor:
		return margin >> 1
	case margin < 0 || c.Rounding == roundTrunc:
		return margin / 2
	}
	return int(math.RoundToEven(float64(margin) / 2))
}
