package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image/png"
	"io"
)

var pngFormat = format{
	name:   "png",
	magic:  func(data []byte) bool { return bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")) },
	size:   pngSize,
	decode: decodePNG,
}

func pngSize(data []byte) (int, int, error) {
	if len(data) < 33 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	if string(data[12:16]) != "IHDR" {
		return 0, 0, errors.New("the first chunk is not IHDR")
	}
	width, height := binary.BigEndian.Uint32(data[16:]), binary.BigEndian.Uint32(data[20:])
	return int(width), int(height), nil
}

func decodePNG(_ *Decoder, data []byte, h Header, dst *Pixels) error {
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if err := checkBounds(img.Bounds(), h); err != nil {
		return err
	}
	dst.resize(h)
	return toRGB(dst, img)
}
