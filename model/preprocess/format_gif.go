package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/gif"
	"io"
)

var gifFormat = format{
	name: "gif",
	magic: func(data []byte) bool {
		return bytes.HasPrefix(data, []byte("GIF87a")) || bytes.HasPrefix(data, []byte("GIF89a"))
	},
	size:   gifSize,
	decode: decodeGIF,
}

func gifSize(data []byte) (int, int, error) {
	if len(data) < 13 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	return int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:])), nil
}

// decodeGIF puts the first frame on the full canvas. As in Pillow, what the frame does not cover has the transparent colour, or colour 0
// where none is transparent.
func decodeGIF(_ *Decoder, data []byte, h Header, dst *Pixels) error {
	img, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	frame, ok := img.(*image.Paletted)
	if !ok {
		return errors.New("the frame has no palette")
	}
	if !frame.Rect.In(image.Rect(0, 0, h.Width, h.Height)) {
		return errSize
	}
	palette, background, err := gifPalette(data)
	if err != nil {
		return err
	}
	dst.resize(h)
	if frame.Rect.Dx() != h.Width || frame.Rect.Dy() != h.Height {
		fill(dst.Pix, palette[background])
	}
	for y := frame.Rect.Min.Y; y < frame.Rect.Max.Y; y++ {
		src := frame.Pix[frame.PixOffset(frame.Rect.Min.X, y):][:frame.Rect.Dx()]
		paletteRow(dst.row(y)[3*frame.Rect.Min.X:], src, &palette)
	}
	return nil
}

// gifPalette reads the colours of the first frame, and the index of its transparent one (0: none). image/gif makes the transparent colour
// black; Pillow keeps it.
func gifPalette(data []byte) (palette [256][3]byte, transparent byte, err error) {
	flags, p := data[10], 13
	table := func() error {
		n := 2 << (flags & 7)
		if p+3*n > len(data) {
			return io.ErrUnexpectedEOF
		}
		palette = [256][3]byte{}
		for i := range n {
			palette[i] = [3]byte(data[p+3*i:])
		}
		p += 3 * n
		return nil
	}
	if flags&0x80 != 0 {
		if err := table(); err != nil {
			return palette, 0, err
		}
	}
	for p+10 <= len(data) {
		switch data[p] {
		case ',': // image descriptor
			flags = data[p+9]
			p += 10
			if flags&0x80 != 0 {
				err = table()
			}
			return palette, transparent, err
		case '!': // extension: label, then sub-blocks
			if data[p+1] == 0xf9 && data[p+2] == 4 && data[p+3]&1 != 0 {
				transparent = data[p+6]
			}
			for p += 2; p < len(data) && data[p] != 0; {
				p += int(data[p]) + 1
			}
			p++
		default:
			return palette, 0, errors.New("an unknown block before the first frame")
		}
	}
	return palette, 0, io.ErrUnexpectedEOF
}
