package preprocess

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"errors"
	"fmt"
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

func gifSize(data []byte, _ Limits) (int, int, error) {
	if len(data) < 13 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	return int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:])), nil
}

// gifFrame is the first image of a file.
type gifFrame struct {
	x, y, width, height int
	interlaced          bool
	palette             [256][3]byte
	transparent         byte   // the index of the transparent colour; 0 where there is none
	data                []byte // from the code size on
}

// decodeGIF puts the first frame on the full canvas. As in Pillow, what the frame does not cover has the transparent colour, or colour 0
// where none is transparent. (image/gif makes the transparent colour black, and refuses files that Pillow reads.)
func decodeGIF(d *Decoder, data []byte, h Header, dst *Pixels) error {
	if w, ht, err := gifSize(data, d.Limits); err != nil || w != h.Width || ht != h.Height {
		return errSize
	}
	f, err := readGIFFrame(data)
	if err != nil {
		return err
	}
	if f.x+f.width > h.Width || f.y+f.height > h.Height {
		return errSize
	}
	indices, err := f.indices(d.Limits.AllowTruncated)
	if err != nil {
		return err
	}
	dst.resize(h)
	if f.width != h.Width || f.height != h.Height {
		fill(dst.Pix, f.palette[f.transparent])
	}
	for i := range f.height {
		paletteRow(dst.row(f.y + f.rowOf(i))[3*f.x:], indices[i*f.width:][:f.width], &f.palette)
	}
	return nil
}

// readGIFFrame walks to the first frame.
func readGIFFrame(data []byte) (*gifFrame, error) {
	f, p, err := new(gifFrame), 13, error(nil)
	if p, err = f.readPalette(data, p, data[10]); err != nil {
		return nil, err
	}
	for p+10 <= len(data) {
		switch data[p] {
		case ',': // image descriptor
			u16 := func(at int) int { return int(binary.LittleEndian.Uint16(data[p+at:])) }
			f.x, f.y, f.width, f.height = u16(1), u16(3), u16(5), u16(7)
			flags := data[p+9]
			f.interlaced = flags&0x40 != 0
			if p, err = f.readPalette(data, p+10, flags); err != nil {
				return nil, err
			}
			f.data = data[min(p, len(data)):]
			return f, nil
		case '!': // extension: label, then sub-blocks
			if data[p+1] == 0xf9 && data[p+2] == 4 && data[p+3]&1 != 0 {
				f.transparent = data[p+6]
			}
			for p += 2; p < len(data) && data[p] != 0; {
				p += int(data[p]) + 1
			}
			p++
		default:
			return nil, errors.New("an unknown block before the first frame")
		}
	}
	return nil, io.ErrUnexpectedEOF
}

// readPalette reads a palette where flags say that there is one, and returns what stands behind it.
func (f *gifFrame) readPalette(data []byte, p int, flags byte) (int, error) {
	if flags&0x80 == 0 {
		return p, nil
	}
	n := 2 << (flags & 7)
	if p+3*n > len(data) {
		return p, io.ErrUnexpectedEOF
	}
	f.palette = [256][3]byte{}
	for i := range n {
		f.palette[i] = [3]byte(data[p+3*i:])
	}
	return p + 3*n, nil
}

// indices decompresses the frame, rows in the order of the file.
func (f *gifFrame) indices(allowTruncated bool) ([]byte, error) {
	if len(f.data) < 2 {
		return nil, io.ErrUnexpectedEOF
	}
	bits := int(f.data[0])
	if bits < 2 || bits > 8 {
		return nil, fmt.Errorf("a code size of %d bits", bits)
	}
	r := lzw.NewReader(&gifBlocks{data: f.data[1:]}, lzw.LSB, bits)
	defer r.Close()
	out := make([]byte, f.width*f.height)
	switch _, err := io.ReadFull(r, out); {
	case err == nil, allowTruncated && isShort(err):
		return out, nil
	default:
		return nil, err
	}
}

// rowOf returns where the i-th row of the file stands in the frame.
func (f *gifFrame) rowOf(i int) int {
	if !f.interlaced {
		return i
	}
	for _, pass := range [][2]int{{0, 8}, {4, 8}, {2, 4}, {1, 2}} {
		n := (f.height - pass[0] + pass[1] - 1) / pass[1]
		if i < n {
			return pass[0] + i*pass[1]
		}
		i -= n
	}
	return 0
}

// gifBlocks reads the bytes of sub-blocks one by one, as package lzw wants them.
type gifBlocks struct {
	data []byte
	left int // of the current block
}

func (b *gifBlocks) ReadByte() (byte, error) {
	if b.left == 0 {
		if len(b.data) == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		b.left, b.data = int(b.data[0]), b.data[1:]
		if b.left == 0 {
			return 0, io.EOF // the terminator
		}
	}
	if len(b.data) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	v := b.data[0]
	b.data, b.left = b.data[1:], b.left-1
	return v, nil
}

// Read is there because package lzw asks for an io.Reader.
func (b *gifBlocks) Read(p []byte) (int, error) {
	for i := range p {
		v, err := b.ReadByte()
		if err != nil {
			return i, err
		}
		p[i] = v
	}
	return len(p), nil
}
