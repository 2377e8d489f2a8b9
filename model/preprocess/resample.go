package preprocess

// resampler yields the rows of a resized and cropped image one by one, from top to bottom. The bits are those of Pillow's resize followed
// by its crop: two passes, each rounded and cut off to 8 bits, of which one that would change no size is left out. Rows and columns
// outside the crop are not computed.
type resampler struct {
	filter Filter
	// A cache for each axis: in one for both, the second could evict what the first has just returned.
	horizontals, verticals axisCache

	src                  *Pixels
	x0, y0, x1, y1       int   // the window of the resized image
	horizontal, vertical *axis // nil: this axis keeps its size
	verticalFirst        bool

	// ring holds the source rows after the horizontal pass that the vertical one still needs; row y stands at y % ringRows. It is so
	// small that it stays in the cache.
	ring     []byte
	ringRows int
	done     int    // source rows before this one have been through the horizontal pass
	last     int    // source rows from this one on are not needed
	between  []byte // a row after the vertical pass, where that is the first
	// The horizontal pass reads the source's columns from left up to right.
	left, right int

	out   []byte
	pairs []uint64
	lines [][]byte

	// The fast passes keep all rows between them: after the horizontal pass, or before it where the vertical one is first.
	narrow, kept, scratch []byte
}

// begin prepares for one image. The crop's window must not be empty.
func (r *resampler) begin(src *Pixels, g geometry) {
	r.plan(src.Width, src.Height, g)
	r.src = src
	if r.filter == Nearest || r.vertical == nil || r.horizontal == nil {
		return
	}
	if r.verticalFirst {
		r.between = grow(r.between, 3*(r.right-r.left))
		return
	}
	// One row more than the filter needs, because rows are computed in pairs.
	r.ringRows = r.vertical.size + 1
	r.ring = grow(r.ring, r.ringRows*3*(r.x1-r.x0))
	r.done, r.last = r.vertical.first[0], r.vertical.end()
}

// plan chooses the passes for an image of width x height.
func (r *resampler) plan(width, height int, g geometry) {
	r.x0, r.y0, r.x1, r.y1 = g.window()
	r.horizontal, r.vertical = nil, nil
	if g.resizedW != width {
		r.horizontal = r.horizontals.get(axisKey{width, g.resizedW, r.x0, r.x1, extent(width, g.fractionW)}, r.filter)
	}
	if r.horizontal != nil && r.filter != Nearest {
		r.left, r.right = r.horizontal.first[0], r.horizontal.end()
	}
	if g.resizedH != height {
		r.vertical = r.verticals.get(axisKey{height, g.resizedH, r.y0, r.y1, extent(height, g.fractionH)}, r.filter)
	}
	r.out = grow(r.out, 3*(r.x1-r.x0))
	r.verticalFirst = false
	if r.filter == Nearest || r.vertical == nil || r.horizontal == nil {
		return
	}
	// Pillow 13 begins with the vertical pass where the height shrinks by far more pixels than the width does (Resample.c); before, it
	// always began with the horizontal one. For most images the two orders agree, elsewhere they differ by one.
	r.verticalFirst = g.resizedH < height && height-g.resizedH > 2*(width-g.resizedW)
}

// row returns row y of the resized image, within the window's columns. y must grow from call to call; the row is valid until the next.
func (r *resampler) row(y int) []byte {
	if r.filter == Nearest {
		return r.nearestRow(y)
	}
	switch i := y - r.y0; {
	case r.horizontal == nil && r.vertical == nil:
		return r.src.row(y)[3*r.x0 : 3*r.x1]
	case r.vertical == nil:
		r.horizontalRows(r.out, r.out, r.sourceRow(y), r.sourceRow(y))
	case r.horizontal == nil:
		r.sourceLines(i, r.x0, r.x1)
		verticalPass(r.out, r.lines, r.vertical.of(i))
	case r.verticalFirst:
		r.sourceLines(i, r.left, r.right)
		verticalPass(r.between, r.lines, r.vertical.of(i))
		r.horizontalRows(r.out, r.out, r.between, r.between)
	default:
		r.ringLines(i)
		verticalPass(r.out, r.lines, r.vertical.of(i))
	}
	return r.out
}

// nearestRow picks the pixels of one row.
func (r *resampler) nearestRow(y int) []byte {
	if r.vertical != nil {
		y = r.vertical.first[y-r.y0]
	}
	in := r.src.row(y)
	if r.horizontal == nil {
		return in[3*r.x0 : 3*r.x1]
	}
	for i, x := range r.horizontal.first {
		copy(r.out[3*i:3*i+3], in[3*x:3*x+3])
	}
	return r.out
}

// sourceLines sets lines to what row i of the window is made of: rows of the source, columns from up to end.
func (r *resampler) sourceLines(i, from, end int) {
	r.lines = r.lines[:0]
	first := r.vertical.first[i]
	for y := first; y < first+r.vertical.taps[i]; y++ {
		r.lines = append(r.lines, r.src.row(y)[3*from:3*end])
	}
}

// ringLines does the same with rows of the ring, after it has taken the source rows that are missing there through the horizontal pass.
func (r *resampler) ringLines(i int) {
	first := r.vertical.first[i]
	end := first + r.vertical.taps[i]
	n := len(r.out)
	slot := func(y int) []byte { return r.ring[y%r.ringRows*n:][:n] }
	// A filter narrower than the step between two rows would skip some; none is, but nothing here depends on that.
	for r.done = max(r.done, first); r.done < end; r.done += 2 {
		a, b := r.done, min(r.done+1, r.last-1)
		r.horizontalRows(slot(a), slot(b), r.sourceRow(a), r.sourceRow(b))
	}
	r.lines = r.lines[:0]
	for y := first; y < end; y++ {
		r.lines = append(r.lines, slot(y))
	}
}

// sourceRow returns what the horizontal pass reads of row y.
func (r *resampler) sourceRow(y int) []byte { return r.src.row(y)[3*r.left : 3*r.right] }

// horizontalRows resamples two rows of columns left up to right; they may be the same.
func (r *resampler) horizontalRows(outA, outB, inA, inB []byte) {
	r.pairs = grow(r.pairs, r.right-r.left)
	pairPixels(r.pairs, inA, inB)
	horizontalPass(outA, outB, r.pairs, r.horizontal, r.left)
}
