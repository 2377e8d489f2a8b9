package preprocess

// resampler yields the rows of a resized and cropped image one by one, from top to bottom. The bits are those of Pillow's resize followed
// by its crop: first the horizontal pass, rounded and cut off to 8 bits, then the vertical one; a pass that changes no size is left out.
// Rows and columns outside the crop are not computed. The rows between the passes stand in a ring that is as high as the vertical
// filter, so that they stay in the cache.
type resampler struct {
	filter Filter
	axes   axisCache

	src                  *Pixels
	x0, y0, x1, y1       int   // the window of the resized image
	horizontal, vertical *axis // nil: this axis keeps its size

	ring []byte // rows after the horizontal pass; source row y stands at y % ringRows
	rows int    // of the ring
	done int    // source rows up to this one are in the ring, as far as it reaches back
	sums []int32
	out  []byte
}

// begin prepares for one image. The crop's window must not be empty.
func (r *resampler) begin(src *Pixels, g geometry) {
	r.src = src
	r.x0, r.y0, r.x1, r.y1 = g.window()
	r.horizontal, r.vertical = nil, nil
	if g.resizedW != src.Width {
		r.horizontal = r.axes.get(axisKey{src.Width, g.resizedW, r.x0, r.x1}, r.filter)
	}
	if g.resizedH != src.Height {
		r.vertical = r.axes.get(axisKey{src.Height, g.resizedH, r.y0, r.y1}, r.filter)
	}
	n := 3 * (r.x1 - r.x0)
	r.out = grow(r.out, n)
	if r.vertical != nil && r.filter != Nearest {
		r.rows = r.vertical.size
		r.done = r.vertical.first[0]
		r.ring = grow(r.ring, r.rows*n)
		r.sums = grow(r.sums, n)
	}
}

// row returns row y of the resized image, within the window's columns. y must grow from call to call; the row is valid until the next.
func (r *resampler) row(y int) []byte {
	switch {
	case r.filter == Nearest:
		return r.nearestRow(y)
	case r.vertical == nil:
		return r.horizontalRow(r.out, y)
	}
	i := y - r.y0
	first, taps := r.vertical.first[i], r.vertical.taps[i]
	n := 3 * (r.x1 - r.x0)
	// Rows that lie between two windows (box filters, when they shrink, have none; the others overlap) are never needed.
	for r.done = max(r.done, first); r.done < first+taps; r.done++ {
		slot := r.ring[r.done%r.rows*n:][:n]
		if row := r.horizontalRow(slot, r.done); r.horizontal == nil {
			copy(slot, row)
		}
	}
	r.verticalRow(r.vertical.coefficients[i*r.vertical.size:][:taps], first, n)
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

// horizontalRow computes one row of the source after the horizontal pass; into out, or as a part of the source where nothing is to be
// done.
func (r *resampler) horizontalRow(out []byte, y int) []byte {
	in := r.src.row(y)
	a := r.horizontal
	if a == nil {
		return in[3*r.x0 : 3*r.x1]
	}
	for i, first := range a.first {
		taps := a.taps[i]
		p := in[3*first:][:3*taps]
		red, green, blue := int32(1<<(precision-1)), int32(1<<(precision-1)), int32(1<<(precision-1))
		for _, k := range a.coefficients[i*a.size:][:taps] {
			if len(p) < 3 {
				break // never: it only spares the three checks of an index
			}
			red += int32(p[0]) * k
			green += int32(p[1]) * k
			blue += int32(p[2]) * k
			p = p[3:]
		}
		o := out[3*i : 3*i+3 : 3*i+3]
		o[0], o[1], o[2] = clip(red), clip(green), clip(blue)
	}
	return out
}

// verticalRow sums up len(k) rows of the ring, from source row first on, four at a time.
func (r *resampler) verticalRow(k []int32, first, n int) {
	line := func(i int) []byte { return r.ring[(first+i)%r.rows*n:][:n] }
	sums := r.sums[:n]
	for i := range sums {
		sums[i] = 1 << (precision - 1)
	}
	j := 0
	for ; j+4 <= len(k); j += 4 {
		addRows4(sums, line(j), line(j+1), line(j+2), line(j+3), k[j], k[j+1], k[j+2], k[j+3])
	}
	for ; j < len(k); j++ {
		c := k[j]
		for i, v := range line(j) {
			sums[i] += int32(v) * c
		}
	}
	for i, s := range sums {
		r.out[i] = clip(s)
	}
}

func addRows4(sums []int32, a, b, c, d []byte, ka, kb, kc, kd int32) {
	a, b, c, d = a[:len(sums)], b[:len(sums)], c[:len(sums)], d[:len(sums)]
	for i := range sums {
		sums[i] += int32(a[i])*ka + int32(b[i])*kb + int32(c[i])*kc + int32(d[i])*kd
	}
}

// clip rounds a sum to a byte; half a unit has been added to it before.
func clip(sum int32) uint8 {
	v := sum >> precision
	if uint32(v) > 255 {
		if v < 0 {
			return 0
		}
		return 255
	}
	return uint8(v)
}
