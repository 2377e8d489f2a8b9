package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"golang.org/x/image/webp"
)

var webpFormat = format{
	name: "webp",
	magic: func(data []byte) bool {
		return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
	},
	size:   webpSize,
	decode: decodeWebP,
}

// webpSize reads the canvas of an extended file, or the frame of a simple one.
func webpSize(data []byte) (int, int, error) {
	if len(data) < 30 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	chunk := data[20:]
	switch string(data[12:16]) {
	case "VP8 ":
		if chunk[3] != 0x9d || chunk[4] != 0x01 || chunk[5] != 0x2a {
			return 0, 0, errors.New("no key frame")
		}
		return int(binary.LittleEndian.Uint16(chunk[6:])) & 0x3fff, int(binary.LittleEndian.Uint16(chunk[8:])) & 0x3fff, nil
	case "VP8L":
		if chunk[0] != 0x2f {
			return 0, 0, errors.New("no lossless signature")
		}
		bits := int(binary.LittleEndian.Uint32(chunk[1:]))
		return bits&0x3fff + 1, bits>>14&0x3fff + 1, nil
	case "VP8X":
		if chunk[0]&0x02 != 0 {
			return 0, 0, errors.New("unsupported: animation")
		}
		uint24 := func(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
		return uint24(chunk[4:]) + 1, uint24(chunk[7:]) + 1, nil
	}
	return 0, 0, errors.New("the first chunk is none of VP8, VP8L and VP8X")
}

// decodeWebP relies on x/image/webp for refusing a frame whose size is not the canvas's.
func decodeWebP(d *Decoder, data []byte, h Header, dst *Pixels) error {
	img, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if err := checkBounds(img.Bounds(), h); err != nil {
		return err
	}
	dst.resize(h)
	switch img := img.(type) {
	case *image.YCbCr:
		d.chroma.webpToRGB(dst, img)
	case *image.NYCbCrA:
		d.chroma.webpToRGB(dst, &img.YCbCr)
	default:
		return toRGB(dst, img)
	}
	return nil
}
