package preprocess

import (
	"fmt"
	"time"
	"unsafe"
)

// Worker runs a Program on images, one at a time, and keeps the buffers it needs for that. One goroutine uses it at a time.
type Worker struct {
	program   *Program
	decoder   Decoder
	pixels    Pixels
	turned    Pixels
	resampler resampler
	resizing  time.Duration
}

// Resizing is the part of the latest ApplyHeader that was not decoding: resize, crop and normalise.
func (w *Worker) Resizing() time.Duration { return w.resizing }

// NewWorker returns a worker of its own for one goroutine.
func (p *Program) NewWorker() *Worker {
	w := &Worker{program: p}
	if p.spec.Resize != nil {
		w.resampler.filter = p.spec.Resize.Filter
	}
	return w
}

// maxKeptPixels is how large an image's buffer may be for it to be kept: the few giants of a data set must not stay in every worker.
const maxKeptPixels = 16_000_000

// SetLimits sets the limits that ApplyHeader decodes within: those that its caller gave ReadHeader.
func (w *Worker) SetLimits(lim Limits) { w.decoder.Limits = lim }

// Apply makes the tensor of one image: data are the bytes of the file, dst is the tensor's memory, Program.Size() bytes, aligned for its
// elements, which are written in the program's layout and type and the machine's byte order. It is ReadHeader followed by ApplyHeader; the Header is returned with an error too, as far as it was known. Errors that the image causes are
// of type *Error; dst's content is undefined then.
func (w *Worker) Apply(data []byte, lim Limits, dst []byte) (Header, error) {
	w.SetLimits(lim)
	h, err := ReadHeader(data, lim)
	if err != nil {
		return h, err
	}
	return h, w.ApplyHeader(data, h, dst)
}

// ApplyHeader is the part of Apply after ReadHeader, which gave h for the same data. A caller that budgets memory takes h.Pixels() of its
// budget in between.
func (w *Worker) ApplyHeader(data []byte, h Header, dst []byte) error {
	err := w.applyHeader(data, h, dst)
	if err == nil && w.program.spec.Mirror {
		w.mirror(dst)
	}
	return err
}

func (w *Worker) applyHeader(data []byte, h Header, dst []byte) error {
	if h.Pixels() > maxKeptPixels {
		defer func() { w.pixels, w.turned = Pixels{}, Pixels{} }()
	}
	w.resizing = 0
	spec, o := &w.program.spec, upright
	if spec.EXIFOrientation {
		o = orientationOf(h.Format, data)
	}
	w.decoder.scale = 1
	if h.Format == jpegFormat.name && len(dst) == w.program.Size() && h.hasSize() {
		width, height := o.size(h.Width, h.Height)
		g := spec.geometry(width, height)
		if spec.FastDecode {
			w.decoder.scale = g.fastScale(width, height)
			g = g.shrunk(width, height, w.decoder.scale)
		}
		if o == upright {
			if done, err := w.applyJPEG(data, h, g, dst); done {
				return err
			}
		}
		if err := w.decode(data, h, o); err != nil {
			return err
		}
		began := time.Now()
		w.resize(&w.pixels, g, dst)
		w.resizing = time.Since(began)
		return nil
	}
	if err := w.decode(data, h, o); err != nil {
		return err
	}
	began := time.Now()
	err := w.applyPixels(&w.pixels, dst)
	w.resizing = time.Since(began)
	return err
}

// decode decodes to w.pixels and turns them.
func (w *Worker) decode(data []byte, h Header, o orientation) error {
	if err := w.decoder.Decode(data, h, &w.pixels); err != nil {
		return err
	}
	if o != upright {
		w.pixels.turn(o, &w.turned)
		w.pixels, w.turned = w.turned, w.pixels
	}
	return nil
}

// applyJPEG decodes and resamples strip by strip, which keeps the image in the cache. It does so only where the horizontal pass is the
// first, and reports whether it did.
func (w *Worker) applyJPEG(data []byte, h Header, g geometry, dst []byte) (done bool, err error) {
	x0, y0, x1, y1 := g.window()
	if x0 >= x1 || y0 >= y1 {
		return false, nil
	}
	r, decoded := &w.resampler, w.decoder.scaled(h)
	r.plan(decoded.Width, decoded.Height, g)
	if !r.fits() || r.horizontal == nil || r.verticalFirst {
		return false, nil
	}
	rows := r.sourceRows()
	b := r.newBand(rows.end - rows.from)
	if err := w.decoder.resampleJPEG(data, h, b.pix, rows, span{r.left, r.right}, r.horizontal); err != nil {
		return true, decoderError(h, err)
	}
	began := time.Now()
	w.writeTensor(dst, g, b)
	w.resizing = time.Duration(w.decoder.resampling) + time.Since(began)
	return true, nil
}

// ApplyPixels is the part of Apply after decoding: resize, crop, normalise. It reads src and does not keep it. The only errors are a dst
// or src of the wrong length.
func (w *Worker) ApplyPixels(src *Pixels, dst []byte) error {
	err := w.applyPixels(src, dst)
	if err == nil && w.program.spec.Mirror {
		w.mirror(dst)
	}
	return err
}

func (w *Worker) applyPixels(src *Pixels, dst []byte) error {
	if len(dst) != w.program.Size() {
		return fmt.Errorf("the tensor of one image has %d bytes, dst %d", w.program.Size(), len(dst))
	}
	if src.Width < 1 || src.Height < 1 || len(src.Pix) != 3*src.Width*src.Height {
		return fmt.Errorf("an image of %d x %d cannot have %d bytes of pixels", src.Width, src.Height, len(src.Pix))
	}
	w.resize(src, w.program.spec.geometry(src.Width, src.Height), dst)
	return nil
}

// resize resamples src to the tensor. src may have been decoded at a scale that g knows nothing of.
func (w *Worker) resize(src *Pixels, g geometry, dst []byte) {
	x0, y0, x1, y1 := g.window()
	if x0 >= x1 || y0 >= y1 {
		w.writePadding(dst, 0, g.cropH)
		return
	}
	w.resampler.begin(src, g)
	if w.resampler.fits() {
		w.writeTensor(dst, g, w.resampler.fastBand())
		w.resampler.src = nil
		return
	}
	w.writePadding(dst, 0, y0-g.top)
	for y := y0; y < y1; y++ {
		w.writeRow(dst, y-g.top, x0-g.left, w.resampler.row(y))
	}
	w.writePadding(dst, y1-g.top, g.cropH)
	w.resampler.src = nil
}

// writeRow normalises one row of packed RGB to row y of the tensor, from column x on; the columns on both sides are padding.
func (w *Worker) writeRow(dst []byte, y, x int, row []byte) {
	switch t := w.program.table; w.program.format.Type.Size() {
	case 1:
		writeElements(w, dst, y, x, row, &t.bits8)
	case 2:
		writeElements(w, elements[uint16](dst), y, x, row, &t.bits16)
	default:
		writeElements(w, elements[uint32](dst), y, x, row, &t.bits32)
	}
}

// elements is the memory of a tensor as elements of one size.
func elements[T uint16 | uint32](dst []byte) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst)/int(unsafe.Sizeof(T(0))))
}

func writeElements[T uint8 | uint16 | uint32](w *Worker, dst []T, y, x int, row []byte, tables *[3 * 256]T) {
	width := w.program.format.Width
	for c := range 3 {
		offset, step := w.offset(c, y)
		out := dst[offset:]
		table := (*[256]T)(tables[256*c:])
		padding := table[w.program.spec.fill(c)]
		for i := range x {
			out[i*step] = padding
		}
		n := len(row) / 3
		for i := range n {
			out[(x+i)*step] = table[row[3*i+c]]
		}
		for i := x + n; i < width; i++ {
			out[i*step] = padding
		}
	}
}

// writePadding fills rows y up to end of the tensor with padding.
func (w *Worker) writePadding(dst []byte, y, end int) {
	for ; y < end; y++ {
		w.writeRow(dst, y, w.program.format.Width, nil)
	}
}

// offset returns where the elements of channel c (in RGB order) of row y begin, and how far they stand apart.
func (w *Worker) offset(c, y int) (offset, step int) {
	f := &w.program.format
	if w.program.spec.Channels == channelsBGR {
		c = 2 - c
	}
	if f.Layout == layoutNHWC {
		return 3*y*f.Width + c, 3
	}
	return (c*f.Height + y) * f.Width, 1
}
