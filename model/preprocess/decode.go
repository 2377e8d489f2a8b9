package preprocess

import (
	"errors"
	"fmt"
	"image"
)

// Pixels is a decoded image: packed 8-bit RGB, rows from top to bottom, Pix[3*(y*Width+x)+c].
type Pixels struct {
	Width, Height int
	Pix           []byte
}

// resize gives p the size of h; it allocates only when p has never been that large.
func (p *Pixels) resize(h Header) {
	p.Width, p.Height = h.Width, h.Height
	n := 3 * h.Width * h.Height
	if cap(p.Pix) < n {
		p.Pix = make([]byte, n)
	}
	p.Pix = p.Pix[:n]
}

// row returns the packed pixels of row y.
func (p *Pixels) row(y int) []byte { return p.Pix[3*p.Width*y : 3*p.Width*(y+1)] }

// Decoder decodes images one after another and keeps what it needs for it between them. The zero value is ready; it is for one goroutine
// at a time.
type Decoder struct {
	// Limits are those that ReadHeader was given; the zero value is DefaultLimits.
	Limits Limits

	// scale is the part of its size, 1/scale, that a JPEG is decoded to: 1, 2, 4 or 8; 0 is 1.
	scale       int
	strip       []byte      // rows of a JPEG on their way to the resampler
	resampling  nanoseconds // of a JPEG: the part of decoding that was resampling
	jpegMessage jpegMessage
}

// Decode decodes data, whose header is h, to newly allocated pixels; see Decoder.Decode.
func Decode(data []byte, h Header) (*Pixels, error) {
	var d Decoder
	p := new(Pixels)
	if err := d.Decode(data, h, p); err != nil {
		return nil, err
	}
	return p, nil
}

// Decode decodes data to dst, whose buffer is used again when it is large enough. h must be what ReadHeader returned for the same data;
// that is what makes the size known, and checked, before anything is allocated. The pixels are what Pillow's convert('RGB') gives: alpha
// and palette transparency are dropped and the colours under them kept, 16-bit samples keep their high byte, of an animation the first
// frame is taken on its full canvas, EXIF orientation and colour profiles are not applied, save that a TIFF is turned as its orientation
// says: dst then has the sides of h exchanged.
//
// Errors are of type *Error. A panic of a decoder is one too (corrupt); dst's content is undefined then.
func (d *Decoder) Decode(data []byte, h Header, dst *Pixels) (err error) {
	f := formatNamed(h.Format)
	if f == nil || !h.hasSize() {
		return fail(CodeUnsupportedFormat, h, "decoding needs the header that ReadHeader returned, not %+v", h)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fail(CodeCorrupt, h, "the %s data made the decoder fail: %v", h.Format, r)
		}
	}()
	if err := f.decode(d, data, h, dst); err != nil {
		return decoderError(h, err)
	}
	return nil
}

// hasSize reports whether ReadHeader can have returned h without an error.
func (h Header) hasSize() bool {
	return h.Width > 0 && h.Height > 0 && max(h.Width, h.Height) <= MaxSide
}

// errSize is returned when a decoder finds an image of another size than the header promised.
var errSize = errors.New("the image has another size than its header says")

func checkBounds(b image.Rectangle, h Header) error {
	if b.Dx() != h.Width || b.Dy() != h.Height {
		return fmt.Errorf("%w: %d x %d", errSize, b.Dx(), b.Dy())
	}
	return nil
}
