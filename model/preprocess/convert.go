package preprocess

import (
	"fmt"
	"image"
	"image/color"
)

// toRGB writes img to dst, which has its size, as Pillow's convert('RGB') would. Alpha is dropped; colours that were stored multiplied by
// it are divided by it again.
func toRGB(dst *Pixels, img image.Image) error {
	switch img := img.(type) {
	case *image.Gray:
		eachRow(dst, img.Pix, img.Stride, 1, func(out, in []byte) {
			for i, v := range in {
				o := out[3*i : 3*i+3 : 3*i+3]
				o[0], o[1], o[2] = v, v, v
			}
		})
	case *image.NRGBA:
		eachRow(dst, img.Pix, img.Stride, 4, dropAlpha)
	case *image.RGBA:
		eachRow(dst, img.Pix, img.Stride, 4, divideAlpha)
	case *image.CMYK:
		eachRow(dst, img.Pix, img.Stride, 4, cmykRow)
	case *image.Gray16:
		eachRow(dst, img.Pix, img.Stride, 2, func(out, in []byte) {
			for i := range len(in) / 2 {
				v := in[2*i]
				o := out[3*i : 3*i+3 : 3*i+3]
				o[0], o[1], o[2] = v, v, v
			}
		})
	case *image.NRGBA64:
		eachRow(dst, img.Pix, img.Stride, 8, highBytes)
	case *image.RGBA64:
		eachRow(dst, img.Pix, img.Stride, 8, divideAlpha64)
	case *image.Paletted:
		palette := straightPalette(img.Palette)
		eachRow(dst, img.Pix, img.Stride, 1, func(out, in []byte) { paletteRow(out, in, &palette) })
	default:
		return fmt.Errorf("unsupported: pixels of type %T", img)
	}
	return nil
}

// eachRow calls convert for each row of an image whose pixels take size bytes each.
func eachRow(dst *Pixels, pix []byte, stride, size int, convert func(out, in []byte)) {
	for y := range dst.Height {
		convert(dst.row(y), pix[y*stride:][:dst.Width*size])
	}
}

func dropAlpha(out, in []byte) {
	for i := range len(in) / 4 {
		p, o := in[4*i:4*i+4:4*i+4], out[3*i:3*i+3:3*i+3]
		o[0], o[1], o[2] = p[0], p[1], p[2]
	}
}

// divideAlpha is Pillow's conversion from RGBa to RGBA: 255*c/a, cut off at 255, and c itself where a is 0 or 255.
func divideAlpha(out, in []byte) {
	for i := range len(in) / 4 {
		p, o := in[4*i:4*i+4:4*i+4], out[3*i:3*i+3:3*i+3]
		o[0], o[1], o[2] = p[0], p[1], p[2]
		if a := int(p[3]); a != 0 && a != 255 {
			for c := range o {
				o[c] = uint8(min(255*int(p[c])/a, 255))
			}
		}
	}
}

// highBytes keeps the high byte of 16-bit samples: Pillow does so for colour. For grey it clips, which is white nearly everywhere and of
// no use to a classifier; we do not follow it there.
func highBytes(out, in []byte) {
	for i := range len(in) / 8 {
		p, o := in[8*i:8*i+8:8*i+8], out[3*i:3*i+3:3*i+3]
		o[0], o[1], o[2] = p[0], p[2], p[4]
	}
}

func divideAlpha64(out, in []byte) {
	for i := range len(in) / 8 {
		p, o := in[8*i:8*i+8:8*i+8], out[3*i:3*i+3:3*i+3]
		o[0], o[1], o[2] = p[0], p[2], p[4]
		if a := int(p[6]); a != 0 && a != 255 {
			for c := range o {
				o[c] = uint8(min(255*int(p[2*c])/a, 255))
			}
		}
	}
}

// cmykRow is Pillow's cmyk2rgb (libImaging/Convert.c); 0 means no ink.
func cmykRow(out, in []byte) {
	for i := range len(in) / 4 {
		p, o := in[4*i:4*i+4:4*i+4], out[3*i:3*i+3:3*i+3]
		white := 255 - uint(p[3])
		for c := range o {
			// Pillow's MULDIV255: a*b/255, rounded.
			t := uint(p[c])*white + 128
			o[c] = uint8(max(int(white)-int((t>>8+t)>>8), 0))
		}
	}
}

func paletteRow(out, in []byte, palette *[256][3]byte) {
	for i, v := range in {
		o := out[3*i : 3*i+3 : 3*i+3]
		c := &palette[v]
		o[0], o[1], o[2] = c[0], c[1], c[2]
	}
}

// straightPalette returns the colours of p without their transparency; image/png and image/bmp store them straight.
func straightPalette(p color.Palette) (t [256][3]byte) {
	for i, c := range p[:min(len(p), 256)] {
		switch c := c.(type) {
		case color.NRGBA:
			t[i] = [3]byte{c.R, c.G, c.B}
		case color.RGBA:
			t[i] = [3]byte{c.R, c.G, c.B}
		default:
			r, g, b, _ := c.RGBA()
			t[i] = [3]byte{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}
		}
	}
	return t
}

func fill(pix []byte, c [3]byte) {
	for i := 0; i+3 <= len(pix); i += 3 {
		pix[i], pix[i+1], pix[i+2] = c[0], c[1], c[2]
	}
}
