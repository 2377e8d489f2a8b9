package preprocess

import (
	"fmt"
	"time"
)

// Worker runs a Program on images, one at a time, and keeps the buffers it needs for that. One goroutine uses it at a time.
type Worker struct {
	program   *Program
	decoder   Decoder
	pixels    Pixels
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

// Apply makes the tensor of one image: data are the bytes of the file, dst takes Program.Len() values in the program's layout. It is
// ReadHeader followed by ApplyHeader; the Header is returned with an error too, as far as it was known. Errors that the image causes are
// of type *Error; dst's content is undefined then.
func (w *Worker) Apply(data []byte, lim Limits, dst []float32) (Header, error) {
	w.SetLimits(lim)
	h, err := ReadHeader(data, lim)
	if err != nil {
		return h, err
	}
	return h, w.ApplyHeader(data, h, dst)
}

// ApplyHeader is the part of Apply after ReadHeader, which gave h for the same data. A caller that budgets memory takes h.Pixels() of its
// budget in between.
func (w *Worker) ApplyHeader(data []byte, h Header, dst []float32) error {
	if h.Pixels() > maxKeptPixels {
		defer func() { w.pixels = Pixels{} }()
	}
	w.resizing = 0
	if h.Format == jpegFormat.name && len(dst) == w.program.Len() && h.hasSize() {
		if done, err := w.applyJPEG(data, h, dst); done {
			return err
		}
	}
	if err := w.decoder.Decode(data, h, &w.pixels); err != nil {
		return err
	}
	began := time.Now()
	err := w.ApplyPixels(&w.pixels, dst)
	w.resizing = time.Since(began)
	return err
}

// applyJPEG decodes and resamples strip by strip, which keeps the image in the cache. It does so only where the horizontal pass is the
// first, and reports whether it did.
func (w *Worker) applyJPEG(data []byte, h Header, dst []float32) (done bool, err error) {
	g := w.program.spec.geometry(h.Width, h.Height)
	x0, y0, x1, y1 := g.window()
	if x0 >= x1 || y0 >= y1 {
		return false, nil
	}
	r := &w.resampler
	r.plan(h.Width, h.Height, g)
	if !r.fits() || r.horizontal == nil || r.verticalFirst {
		return false, nil
	}
	rows := r.sourceRows()
	b := r.newBand(rows.end - rows.from)
	if err := w.decoder.resampleJPEG(data, h, b.pix, rows, r.horizontal); err != nil {
		return true, decoderError(h, err)
	}
	began := time.Now()
	w.writeTensor(dst, g, b)
	w.resizing = time.Duration(w.decoder.resampling) + time.Since(began)
	return true, nil
}

// ApplyPixels is the part of Apply after decoding: resize, crop, normalise. It reads src and does not keep it. The only errors are a dst
// or src of the wrong length.
func (w *Worker) ApplyPixels(src *Pixels, dst []float32) error {
	if len(dst) != w.program.Len() {
		return fmt.Errorf("the tensor of one image has %d values, dst %d", w.program.Len(), len(dst))
	}
	if src.Width < 1 || src.Height < 1 || len(src.Pix) != 3*src.Width*src.Height {
		return fmt.Errorf("an image of %d x %d cannot have %d bytes of pixels", src.Width, src.Height, len(src.Pix))
	}
	g := w.program.spec.geometry(src.Width, src.Height)
	x0, y0, x1, y1 := g.window()
	if x0 >= x1 || y0 >= y1 {
		w.writePadding(dst, 0, g.cropH)
		return nil
	}
	w.resampler.begin(src, g)
	if w.resampler.fits() {
		w.writeTensor(dst, g, w.resampler.fastBand())
		w.resampler.src = nil
		return nil
	}
	w.writePadding(dst, 0, y0-g.top)
	for y := y0; y < y1; y++ {
		w.writeRow(dst, y-g.top, x0-g.left, w.resampler.row(y))
	}
	w.writePadding(dst, y1-g.top, g.cropH)
	w.resampler.src = nil
	return nil
}

// writeRow normalises one row of packed RGB to row y of the tensor, from column x on; the columns on both sides are padding.
func (w *Worker) writeRow(dst []float32, y, x int, row []byte) {
	f := &w.program.format
	for c := range 3 {
		out, step := w.channel(dst, c, y)
		table, padding := &w.program.table[c], w.program.padding[c]
		for i := range x {
			out[i*step] = padding
		}
		n := len(row) / 3
		if n > 0 {
			normalizeRow(out[x*step:], step, row[c:], n, table)
		}
		for i := x + n; i < f.Width; i++ {
			out[i*step] = padding
		}
	}
}

// writePadding fills rows y up to end of the tensor with padding.
func (w *Worker) writePadding(dst []float32, y, end int) {
	for ; y < end; y++ {
		w.writeRow(dst, y, w.program.format.Width, nil)
	}
}

// channel returns where the values of channel c (in RGB order) of row y begin, and how far they stand apart.
func (w *Worker) channel(dst []float32, c, y int) (out []float32, step int) {
	offset, step := w.offset(c, y)
	return dst[offset:], step
}

// offset is channel without the tensor.
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

func normalizeRow(out []float32, step int, row []byte, n int, table *[256]float32) {
	if step == 1 {
		out = out[:n]
		for i := range out {
			out[i] = table[row[3*i]]
		}
		return
	}
	for i := range n {
		out[3*i] = table[row[3*i]]
	}
}
