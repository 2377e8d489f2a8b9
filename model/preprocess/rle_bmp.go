package preprocess

import "io"

// runLengths decodes the compressions RLE8 and RLE4: data are the file from its beginning. What it does with runs beyond a row or the image
// is Pillow's BmpRleDecoder's; so is that an image whose end was left out is an error.
func (b *bmpHeader) runLengths(data []byte, dst *Pixels, palette *[256][3]byte, allowTruncated bool) error {
	r := bmpRuns{width: b.width, size: b.width * b.height, nibbles: b.compression == bmpRLE4, pix: make([]byte, 0, b.width*b.height)}
	r.read(data, b.pixels)
	if len(r.pix) < r.size && !allowTruncated {
		return io.ErrUnexpectedEOF
	}
	pix := r.pix[:r.size] // what was not reached is colour 0
	for i := range b.height {
		paletteRow(dst.row(b.rowOf(i)), pix[i*b.width:][:b.width], palette)
	}
	return nil
}

// bmpRuns fills pix with the indices of size pixels, row by row as the file has them.
type bmpRuns struct {
	width, size int
	nibbles     bool // two indices in a byte
	pix         []byte
	x           int // in the row
}

func (r *bmpRuns) read(data []byte, p int) {
	for len(r.pix) < r.size && p+2 <= len(data) {
		count, value := int(data[p]), data[p+1]
		p += 2
		switch {
		case count > 0:
			r.run(min(count, max(r.width-r.x, 0)), value)
		case value == 0: // the row ends
			r.zeros((r.width - len(r.pix)%r.width) % r.width)
			r.x = 0
		case value == 1: // the image ends
			return
		case value == 2: // some pixels are left out
			if p+2 > len(data) {
				return
			}
			r.zeros(int(data[p]) + int(data[p+1])*r.width)
			r.x = len(r.pix) % r.width
			p += 2
		default:
			n := r.literal(data[p:], int(value))
			if n < 0 {
				return
			}
			r.x += int(value)
			p += n
			p += p & 1 // literals end at an even place in the file
		}
	}
}

func (r *bmpRuns) run(n int, value byte) {
	n = min(n, r.size-len(r.pix))
	for i := range n {
		v := value
		if r.nibbles {
			v = value >> 4
			if i%2 == 1 {
				v = value & 15
			}
		}
		r.pix = append(r.pix, v)
	}
	r.x += n
}

func (r *bmpRuns) zeros(n int) {
	n = min(n, r.size-len(r.pix))
	r.pix = append(r.pix, make([]byte, n)...)
}

// literal copies n indices, and returns how many bytes they took; -1 when the data or the image ends with them.
func (r *bmpRuns) literal(data []byte, n int) int {
	n = min(n, r.size-len(r.pix))
	bytes := n
	if r.nibbles {
		bytes = (n + 1) / 2
	}
	have := data[:min(bytes, len(data))]
	if !r.nibbles {
		r.pix = append(r.pix, have...)
	} else {
		for i, v := range have {
			r.pix = append(r.pix, v>>4)
			if 2*i+1 < n {
				r.pix = append(r.pix, v&15)
			}
		}
	}
	if len(have) < bytes || len(r.pix) == r.size {
		return -1
	}
	return bytes
}
