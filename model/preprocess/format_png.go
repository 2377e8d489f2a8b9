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

func pngSize(data []byte, lim Limits) (int, int, error) {
	if len(data) < 33 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	if string(data[12:16]) != "IHDR" {
		return 0, 0, errors.New("the first chunk is not IHDR")
	}
	width, height := binary.BigEndian.Uint32(data[16:]), binary.BigEndian.Uint32(data[20:])
	return int(width), int(height), checkPNGChunks(data[33:], lim)
}

// checkPNGChunks adds up what stands before the pixels and is neither palette nor transparency.
func checkPNGChunks(data []byte, lim Limits) error {
	for metadata := int64(0); len(data) >= 8; {
		size := int64(binary.BigEndian.Uint32(data)) + 12
		switch string(data[4:8]) {
		case "IDAT":
			return nil
		case "PLTE", "tRNS":
		default:
			metadata += size
			if err := lim.checkMetadata(metadata); err != nil {
				return err
			}
		}
		data = data[min(size, int64(len(data))):]
	}
	return nil
}

func decodePNG(d *Decoder, data []byte, h Header, dst *Pixels) error {
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil && isShort(err) && d.Limits.AllowTruncated {
		if data, err = recoverPNG(data); err == nil {
			img, err = png.Decode(bytes.NewReader(data))
		}
	}
	if err != nil {
		return err
	}
	if err := checkBounds(img.Bounds(), h); err != nil {
		return err
	}
	dst.resize(h)
	return toRGB(dst, img)
}
