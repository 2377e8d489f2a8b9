package preprocess

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var bmpFormat = format{
	name: "bmp",
	// Two letters are little; the four reserved bytes are zero in every BMP.
	magic: func(data []byte) bool {
		return len(data) >= 10 && data[0] == 'B' && data[1] == 'M' && binary.LittleEndian.Uint32(data[6:]) == 0
	},
	size: func(data []byte, _ Limits) (int, int, error) {
		b, err := readBMPHeader(data)
		return b.width, b.height, err
	},
	decode: decodeBMP,
}

// The values of the field compression.
const (
	bmpRaw       = 0
	bmpRLE8      = 1
	bmpRLE4      = 2
	bmpBitfields = 3
)

// bmpHeader is what a BMP's headers say. Fields that an old header lacks are zero.
type bmpHeader struct {
	width, height int
	topDown       bool
	bits          int
	compression   uint32
	masks         [4]uint32 // of red, green, blue and alpha, with bmpBitfields
	colours       int       // in the palette
	entry         int       // bytes of one of them
	palette       int       // where it begins
	pixels        int       // where the pixels begin
}

func readBMPHeader(data []byte) (b bmpHeader, err error) {
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(data[at:])) }
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(data[at:]) }
	if len(data) < 26 {
		return b, io.ErrUnexpectedEOF
	}
	size := u32(14)
	switch size {
	case 12:
		b.width, b.height, b.bits, b.entry = u16(18), u16(20), u16(24), 3
	case 40, 52, 56, 64, 108, 124:
		if len(data) < 14+int(size) {
			return b, io.ErrUnexpectedEOF
		}
		b.width, b.height, b.bits, b.entry = int(int32(u32(18))), int(int32(u32(22))), u16(28), 4
		if b.height < 0 {
			b.height, b.topDown = -b.height, true
		}
		b.compression, b.colours = u32(30), int(u32(46))
	default:
		return b, fmt.Errorf("unsupported: an information header of %d bytes", size)
	}
	b.pixels, b.palette = int(u32(10)), 14+int(size)
	if b.compression == bmpBitfields && size != 12 {
		n := 3
		if size >= 56 {
			n = 4
		}
		if len(data) < 54+4*n {
			return b, io.ErrUnexpectedEOF
		}
		for i := range n {
			b.masks[i] = u32(54 + 4*i)
		}
	}
	if b.colours == 0 {
		b.colours = 1 << min(b.bits, 16)
	}
	// Some writers forget the palette, or the field.
	if end := b.palette + b.paletteSize(); b.pixels == b.palette && b.bits <= 8 || b.pixels == 0 {
		b.pixels = end
	}
	if b.bits != 32 {
		b.masks[3] = 0
	}
	return b, b.check()
}

func (b *bmpHeader) check() error {
	switch b.bits {
	case 1, 4, 8:
		if b.colours > 65536 {
			return fmt.Errorf("a palette of %d colours", b.colours)
		}
	case 16, 24, 32:
	default:
		return fmt.Errorf("unsupported: %d bits per pixel", b.bits)
	}
	switch {
	case b.compression == bmpRaw:
	case b.compression == bmpRLE8 && b.bits == 8, b.compression == bmpRLE4 && b.bits == 4:
	case b.compression == bmpBitfields:
		if _, ok := bmpLayouts[bmpLayoutKey{b.bits, b.masks}]; !ok {
			return fmt.Errorf("unsupported: bit fields %#x of %d bits", b.masks, b.bits)
		}
	default:
		return fmt.Errorf("unsupported: compression %d of %d bits per pixel", b.compression, b.bits)
	}
	return nil
}

func decodeBMP(d *Decoder, data []byte, h Header, dst *Pixels) error {
	b, err := readBMPHeader(data)
	if err != nil {
		return err
	}
	if b.width != h.Width || b.height != h.Height {
		return fmt.Errorf("%w: %d x %d", errSize, b.width, b.height)
	}
	palette, err := b.readPalette(data)
	if err != nil {
		return err
	}
	if b.pixels > len(data) || b.pixels < b.palette {
		return errors.New("the pixels begin outside the data")
	}
	dst.resize(h)
	if b.compression == bmpRLE8 || b.compression == bmpRLE4 {
		return b.runLengths(data, dst, &palette, d.Limits.AllowTruncated)
	}
	return b.rows(data[b.pixels:], dst, &palette, d.Limits.AllowTruncated)
}

// rows decodes uncompressed rows, each of which is padded to a multiple of four bytes.
func (b *bmpHeader) rows(data []byte, dst *Pixels, palette *[256][3]byte, allowTruncated bool) error {
	stride := (b.width*b.bits + 31) / 32 * 4
	convert := b.converter(palette)
	for i := range b.height {
		out := dst.row(b.rowOf(i))
		switch {
		case len(data) >= stride:
			convert(out, data[:stride])
			data = data[stride:]
		case allowTruncated:
			fill(out, palette[0])
			data = nil
		default:
			return io.ErrUnexpectedEOF
		}
	}
	return nil
}

// rowOf returns where the i-th row of the file stands in the image.
func (b *bmpHeader) rowOf(i int) int {
	if b.topDown {
		return i
	}
	return b.height - 1 - i
}

// paletteSize is in bytes.
func (b *bmpHeader) paletteSize() int {
	if b.bits > 8 {
		return 0
	}
	return b.colours * b.entry
}

func (b *bmpHeader) readPalette(data []byte) (palette [256][3]byte, err error) {
	if b.bits > 8 {
		return palette, nil
	}
	n := min(b.colours, 256)
	if len(data) < b.palette+n*b.entry {
		return palette, io.ErrUnexpectedEOF
	}
	for i := range n {
		c := data[b.palette+i*b.entry:]
		palette[i] = [3]byte{c[2], c[1], c[0]}
	}
	return palette, nil
}

// converter returns what turns a row of the file into RGB.
func (b *bmpHeader) converter(palette *[256][3]byte) func(out, in []byte) {
	width := b.width
	switch b.bits {
	case 1, 4, 8:
		perByte, mask := 8/b.bits, byte(1<<b.bits-1)
		return func(out, in []byte) {
			for x := range width {
				v := in[x/perByte] >> (8 - b.bits*(x%perByte+1)) & mask
				copy(out[3*x:3*x+3], palette[v][:])
			}
		}
	case 16:
		green := 5
		if b.compression == bmpBitfields && b.masks[1] == 0x7e0 {
			green = 6
		}
		return func(out, in []byte) {
			for x := range width {
				v := int(binary.LittleEndian.Uint16(in[2*x:]))
				// Pillow's BGR;15 and BGR;16 (libImaging/Unpack.c).
				out[3*x] = uint8((v >> (5 + green) & 31) * 255 / 31)
				out[3*x+1] = uint8((v >> 5 & (1<<green - 1)) * 255 / (1<<green - 1))
				out[3*x+2] = uint8((v & 31) * 255 / 31)
			}
		}
	}
	step, at := b.bits/8, [3]int{2, 1, 0}
	if b.compression == bmpBitfields {
		at = bmpLayouts[bmpLayoutKey{b.bits, b.masks}]
	}
	return func(out, in []byte) {
		for x := range width {
			p, o := in[step*x:step*x+step], out[3*x:3*x+3:3*x+3]
			o[0], o[1], o[2] = p[at[0]], p[at[1]], p[at[2]]
		}
	}
}

type bmpLayoutKey struct {
	bits  int
	masks [4]uint32
}

// bmpLayouts are the bit fields that Pillow knows, and where they put the bytes of red, green and blue. Those of 16 bits are not bytes.
var bmpLayouts = map[bmpLayoutKey][3]int{
	{32, [4]uint32{0xff0000, 0xff00, 0xff, 0}}:          {2, 1, 0},
	{32, [4]uint32{0xff000000, 0xff0000, 0xff00, 0}}:    {3, 2, 1},
	{32, [4]uint32{0xff000000, 0xff00, 0xff, 0}}:        {3, 1, 0},
	{32, [4]uint32{0xff000000, 0xff0000, 0xff00, 0xff}}: {3, 2, 1},
	{32, [4]uint32{0xff, 0xff00, 0xff0000, 0xff000000}}: {0, 1, 2},
	{32, [4]uint32{0xff0000, 0xff00, 0xff, 0xff000000}}: {2, 1, 0},
	{32, [4]uint32{0xff000000, 0xff00, 0xff, 0xff0000}}: {3, 1, 0},
	{32, [4]uint32{}}:                          {2, 1, 0},
	{24, [4]uint32{0xff0000, 0xff00, 0xff, 0}}: {2, 1, 0},
	{16, [4]uint32{0xf800, 0x7e0, 0x1f, 0}}:    {},
	{16, [4]uint32{0x7c00, 0x3e0, 0x1f, 0}}:    {},
}
