package preprocess

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/image/bmp"
)

var bmpFormat = format{
	name: "bmp",
	// Two letters are little; the four reserved bytes are zero in every BMP.
	magic: func(data []byte) bool {
		return len(data) >= 10 && data[0] == 'B' && data[1] == 'M' && binary.LittleEndian.Uint32(data[6:]) == 0
	},
	size:   bmpSize,
	decode: decodeBMP,
}

func bmpSize(data []byte) (int, int, error) {
	if len(data) < 26 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	if n := binary.LittleEndian.Uint32(data[14:]); n < 40 {
		return 0, 0, fmt.Errorf("unsupported: an information header of %d bytes", n)
	}
	width, height := int(int32(binary.LittleEndian.Uint32(data[18:]))), int(int32(binary.LittleEndian.Uint32(data[22:])))
	if height < 0 {
		height = -height // rows are stored from top to bottom
	}
	return width, height, nil
}

func decodeBMP(_ *Decoder, data []byte, h Header, dst *Pixels) error {
	img, err := bmp.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if err := checkBounds(img.Bounds(), h); err != nil {
		return err
	}
	dst.resize(h)
	return toRGB(dst, img)
}
