package preprocess

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
)

// maxScans bounds the scans of a progressive JPEG. Each one costs a pass over all coefficients, so that a small file with thousands of
// empty scans would hold a worker for minutes; cameras and encoders write about ten.
const maxScans = 200

var jpegFormat = format{
	name:   "jpeg",
	magic:  func(data []byte) bool { return bytes.HasPrefix(data, []byte("\xff\xd8\xff")) },
	size:   jpegSize,
	decode: decodeJPEG,
}

// jpegSize walks the segments up to the frame header.
func jpegSize(data []byte) (int, int, error) {
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
		p += n
	}
}

// jpegFrame reads the frame header whose length field stands at p.
func jpegFrame(data []byte, p int, marker byte) (int, int, error) {
	if p+7 > len(data) {
		return 0, 0, io.ErrUnexpectedEOF
	}
	switch {
	case marker > 0xc8:
		return 0, 0, errors.New("unsupported: arithmetic coding")
	case marker > 0xc2:
		return 0, 0, errors.New("unsupported: lossless or hierarchical coding")
	case marker == 0xc2 && bytes.Count(data[p:], []byte{0xff, 0xda}) > maxScans:
		return 0, 0, fmt.Errorf("more than %d progressive scans", maxScans)
	case data[p+2] != 8:
		return 0, 0, fmt.Errorf("unsupported: %d bits per sample", data[p+2])
	}
	height, width := int(data[p+3])<<8|int(data[p+4]), int(data[p+5])<<8|int(data[p+6])
	return width, height, nil
}

func decodeJPEG(d *Decoder, data []byte, h Header, dst *Pixels) error {
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if err := checkBounds(img.Bounds(), h); err != nil {
		return err
	}
	dst.resize(h)
	if ycc, ok := img.(*image.YCbCr); ok {
		d.chroma.jpegToRGB(dst, ycc)
		return nil
	}
	return toRGB(dst, img)
}
