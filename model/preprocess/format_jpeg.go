package preprocess

// #include "jpeg.h"
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unsafe"
)

var jpegFormat = format{
	name:   "jpeg",
	magic:  func(data []byte) bool { return bytes.HasPrefix(data, []byte("\xff\xd8\xff")) },
	size:   jpegSize,
	decode: decodeJPEG,
}

// jpegMessage takes libjpeg's words about a failure.
type jpegMessage [C.TAGBEAM_JPEG_MESSAGE]C.char

// nanoseconds is a time that C adds to.
type nanoseconds = C.int64_t

// jpegSize walks the segments up to the frame header.
func jpegSize(data []byte, lim Limits) (int, int, error) {
	metadata := int64(0)
	for p := 2; ; {
		// A marker may be preceded by any number of fill bytes; libjpeg also skips stray bytes before it.
		for p < len(data) && data[p] != 0xff {
			p++
		}
		for p < len(data) && data[p] == 0xff {
			p++
		}
		if p >= len(data) {
			return 0, 0, io.ErrUnexpectedEOF
		}
		marker := data[p]
		p++
		switch {
		case marker == 0x00 || marker == 0x01 || marker >= 0xd0 && marker <= 0xd8:
			continue // no segment follows
		case marker == 0xd9 || marker == 0xda:
			return 0, 0, errors.New("no frame header before the image data")
		}
		if p+2 > len(data) {
			return 0, 0, io.ErrUnexpectedEOF
		}
		n := int(data[p])<<8 | int(data[p+1])
		if n < 2 {
			return 0, 0, fmt.Errorf("a segment (marker %#x) of length %d", marker, n)
		}
		if marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc {
			return jpegFrame(data, p, marker)
		}
		if marker >= 0xe0 {
			metadata += int64(n)
			if err := lim.checkMetadata(metadata); err != nil {
				return 0, 0, err
			}
		}
		p += n
	}
}

// jpegFrame reads the frame header whose length field stands at p.
func jpegFrame(data []byte, p int, marker byte) (int, int, error) {
	if p+8 > len(data) {
		return 0, 0, io.ErrUnexpectedEOF
	}
	switch components := data[p+7]; {
	case marker > 0xc2 && marker != 0xc9 && marker != 0xca:
		return 0, 0, errors.New("unsupported: lossless or hierarchical coding")
	case data[p+2] != 8:
		return 0, 0, fmt.Errorf("unsupported: %d bits per sample", data[p+2])
	case components != 1 && components != 3 && components != 4:
		return 0, 0, fmt.Errorf("unsupported: %d components", components)
	}
	height, width := int(data[p+3])<<8|int(data[p+4]), int(data[p+5])<<8|int(data[p+6])
	return width, height, nil
}

func decodeJPEG(d *Decoder, data []byte, h Header, dst *Pixels) error {
	dst.resize(d.scaled(h))
	result := C.tagbeam_jpeg_decode(d.jpegFile(h), pointer(data), C.size_t(len(data)), pointer(dst.Pix), &d.jpegMessage[0])
	return d.jpegError(result)
}

// scaled is h at the scale that a JPEG is decoded to.
func (d *Decoder) scaled(h Header) Header {
	n := max(d.scale, 1)
	h.Width, h.Height = (h.Width+n-1)/n, (h.Height+n-1)/n
	return h
}

// resampleJPEG decodes an image and takes the rows and columns of window through the horizontal pass at once, so that the whole image
// never stands in memory. What lies outside is decoded only as far as damage shows.
func (d *Decoder) resampleJPEG(data []byte, h Header, dst []byte, rows, columns span, horizontal *axis) error {
	d.resampling = 0
	d.strip = grow(d.strip, int(C.tagbeam_jpeg_strip(C.int(d.scaled(h).Width))))
	spans, coefficients := horizontal.packed.pointers()
	window := C.tagbeam_window{x0: C.int(columns.from), x1: C.int(columns.end), y0: C.int(rows.from), y1: C.int(rows.end)}
	result := C.tagbeam_jpeg_resample(d.jpegFile(h), pointer(data), C.size_t(len(data)), pointer(dst), window, spans, coefficients,
		C.int(horizontal.packed.stride), C.int(len(horizontal.first)), pointer(d.strip), &d.resampling, &d.jpegMessage[0])
	return d.jpegError(result)
}

// jpegFile bounds libjpeg's memory by what the header claims: a progressive image keeps its coefficients, two bytes each, and its
// dimensions may be rounded up to whole units.
func (d *Decoder) jpegFile(h Header) C.tagbeam_jpeg_file {
	f := C.tagbeam_jpeg_file{width: C.int(h.Width), height: C.int(h.Height), scale: C.int(max(d.scale, 1)), scans: C.int(d.Limits.orDefault().MaxScans), memory: C.long(64<<20 + 16*h.Pixels())}
	if d.Limits.AllowTruncated {
		f.allow_truncated = 1
	}
	return f
}

func (d *Decoder) jpegError(result C.int) error {
	switch result {
	case C.TAGBEAM_JPEG_OK:
		return nil
	case C.TAGBEAM_JPEG_TRUNCATED:
		return io.ErrUnexpectedEOF
	case C.TAGBEAM_JPEG_SIZE:
		return errSize
	case C.TAGBEAM_JPEG_SCANS:
		return tooLarge("more than %d scans; raise --max-scans to decode it", d.Limits.orDefault().MaxScans)
	}
	return errors.New(C.GoString(&d.jpegMessage[0]))
}

// pointer returns where b begins, for the time of a call to C.
func pointer(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }
