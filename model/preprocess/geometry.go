package preprocess

import "math"

// geometry is where the pixels of the tensor come from, for one size of image.
type geometry struct {
	resizedW, resizedH int // the whole image after Resize
	// left and top are where the crop begins in the resized image; negative where it is padded there.
	left, top    int
	cropW, cropH int
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
	}
	return g
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
