package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"golang.org/x/image/tiff"
)

var tiffFormat = format{
	name: "tiff",
	magic: func(data []byte) bool {
		return bytes.HasPrefix(data, []byte("II*\x00")) || bytes.HasPrefix(data, []byte("MM\x00*"))
	},
	size:   tiffSize,
	decode: decodeTIFF,
}

// tiffSize reads ImageWidth and ImageLength of the first directory.
func tiffSize(data []byte) (int, int, error) {
	const (
		tagWidth, tagLength = 256, 257
		typeShort, typeLong = 3, 4
	)
	if len(data) < 8 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	var order binary.ByteOrder = binary.LittleEndian
	if data[0] == 'M' {
		order = binary.BigEndian
	}
	first := int(order.Uint32(data[4:]))
	if first+2 > len(data) {
		return 0, 0, io.ErrUnexpectedEOF
	}
	entries := data[first+2:]
	size := map[uint16]int{}
	for n := int(order.Uint16(data[first:])); n > 0; n-- {
		if len(entries) < 12 {
			return 0, 0, io.ErrUnexpectedEOF
		}
		if tag := order.Uint16(entries); tag == tagWidth || tag == tagLength {
			if _, twice := size[tag]; twice {
				return 0, 0, errors.New("two sizes in one directory")
			}
			switch order.Uint16(entries[2:]) {
			case typeShort:
				size[tag] = int(order.Uint16(entries[8:]))
			case typeLong:
				size[tag] = int(order.Uint32(entries[8:]))
			default:
				return 0, 0, errors.New("a size that is not an integer")
			}
		}
		entries = entries[12:]
	}
	return size[tagWidth], size[tagLength], nil
}

func decodeTIFF(_ *Decoder, data []byte, h Header, dst *Pixels) error {
	img, err := tiff.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if err := checkBounds(img.Bounds(), h); err != nil {
		return err
	}
	dst.resize(h)
	return toRGB(dst, img)
}
