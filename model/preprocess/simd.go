package preprocess

// #include "resample.h"
import "C"

import "unsafe"

// haveSIMD tells whether the passes in resample.c run here. They give the same bits as those in Go, which other processors use.
var haveSIMD = C.tagbeam_has_simd() != 0

// packedAxis is an axis as resample.c reads it.
type packedAxis struct {
	// spans holds first and taps of each output; inputs are counted from the first one that is used.
	spans []int32
	// coefficients come in pairs, those of output i from i*stride on: a word of the low 15 bits of two neighbours, then one of the high bits.
	// They are padded with zeros to a multiple of four coefficients.
	coefficients []int32
	stride       int
}

// pack fills p from a.
func (p *packedAxis) pack(a *axis) {
	n := len(a.first)
	p.stride = (a.size + 3) / 4 * 4
	p.spans = grow(p.spans, 2*n)
	p.coefficients = grow(p.coefficients, n*p.stride)
	base := a.first[0]
	const low = 1<<15 - 1
	for i := range n {
		p.spans[2*i], p.spans[2*i+1] = int32(a.first[i]-base), int32(a.taps[i])
		packed, c := p.coefficients[i*p.stride:][:p.stride], a.of(i)
		for j := range p.stride / 2 {
			var x, y int32
			if 2*j < len(c) {
				x = c[2*j]
			}
			if 2*j+1 < len(c) {
				y = c[2*j+1]
			}
			packed[2*j] = x&low | (y&low)<<16
			packed[2*j+1] = x>>15&0xffff | y>>15<<16
		}
	}
}

func (p *packedAxis) pointers() (spans, coefficients *C.int32_t) {
	return (*C.int32_t)(unsafe.SliceData(p.spans)), (*C.int32_t)(unsafe.SliceData(p.coefficients))
}

// span is the rows or columns from up to end.
type span struct{ from, end int }

// sourceRows returns the rows of the source that the window is made of.
func (r *resampler) sourceRows() span {
	if r.vertical == nil {
		return span{r.y0, r.y1}
	}
	return span{r.vertical.first[0], r.vertical.end()}
}

// maxKeptRows bounds the memory of rows between the two passes, in bytes. Beyond it, the Go code is used, which keeps but a few.
const maxKeptRows = 64 << 20

// fits reports whether the fast passes can do this image; begin was called for it.
func (r *resampler) fits() bool {
	if !haveSIMD || r.filter == Nearest {
		return false
	}
	rows := r.sourceRows()
	if r.verticalFirst {
		return 3*(r.right-r.left)*(r.y1-r.y0) <= maxKeptRows
	}
	return 3*(r.x1-r.x0)*(rows.end-rows.from) <= maxKeptRows
}

// band is rows of packed RGB on their way through the passes.
type band struct {
	pix    []byte
	stride int
}

// fastBand takes the source through all passes but the vertical one that writeTensor does.
func (r *resampler) fastBand() band {
	rows := r.sourceRows()
	src := band{r.src.Pix[3*r.src.Width*rows.from : 3*r.src.Width*rows.end], 3 * r.src.Width}
	switch {
	case r.horizontal == nil:
		src.pix = src.pix[3*r.x0:]
		return src
	case r.verticalFirst:
		n, size := r.y1-r.y0, 3*(r.right-r.left)
		r.kept = grow(r.kept, size*n)
		spans, coefficients := r.vertical.packed.pointers()
		C.tagbeam_vertical(pointer(r.kept), C.size_t(size), pointer(src.pix[3*r.left:]), C.size_t(src.stride), C.int(size),
			spans, coefficients, C.int(r.vertical.packed.stride), C.int(n))
		return r.horizontalBand(band{r.kept, size}, n)
	}
	src.pix = src.pix[3*r.left:]
	return r.horizontalBand(src, rows.end-rows.from)
}

// horizontalBand takes rows of src, which begin with the first column that is used, through the horizontal pass.
func (r *resampler) horizontalBand(src band, rows int) band {
	out := r.newBand(rows)
	spans, coefficients := r.horizontal.packed.pointers()
	r.scratch = grow(r.scratch, int(C.tagbeam_horizontal_scratch(C.int(r.right-r.left))))
	C.tagbeam_horizontal(pointer(out.pix), pointer(src.pix), C.size_t(src.stride), C.size_t(len(src.pix)), C.int(rows), spans, coefficients,
		C.int(r.horizontal.packed.stride), C.int(r.x1-r.x0), pointer(r.scratch))
	return out
}

// newBand returns room for rows of the window's width.
func (r *resampler) newBand(rows int) band {
	stride := 3 * (r.x1 - r.x0)
	r.narrow = grow(r.narrow, stride*rows)
	return band{r.narrow, stride}
}

// writeTensor takes b through the vertical pass, where that comes last, and normalises it to the window's place in dst.
func (w *Worker) writeTensor(dst []byte, g geometry, b band) {
	r := &w.resampler
	x, y := r.x0-g.left, r.y0-g.top
	if r.y1-r.y0 < g.cropH || r.x1-r.x0 < g.cropW {
		w.writePadding(dst, 0, g.cropH)
	}
	red, step := w.offset(0, y)
	green, _ := w.offset(1, y)
	blue, _ := w.offset(2, y)
	var spans, coefficients *C.int32_t
	stride := 0
	if r.vertical != nil && !r.verticalFirst {
		spans, coefficients = r.vertical.packed.pointers()
		stride = r.vertical.packed.stride
	}
	width := r.x1 - r.x0
	r.out = grow(r.out, 3*width)
	size := w.program.format.Type.Size()
	C.tagbeam_tensor(unsafe.Pointer(unsafe.SliceData(dst[x*step*size:])), C.int(size), C.int64_t(red), C.int64_t(green), C.int64_t(blue),
		C.int64_t(g.cropW*step), C.int(step), w.program.table.pointer(size), pointer(b.pix), C.size_t(b.stride), C.int(width), spans, coefficients,
		C.int(stride), C.int(r.y1-r.y0), pointer(r.out))
}
