package preprocess

import "image"

// chromaScratch holds the lines on which chroma is brought to full width.
type chromaScratch struct {
	cb, cr []byte
}

func (s *chromaScratch) lines(width int) (cb, cr []byte) {
	if n := width + 2; cap(s.cb) < n {
		s.cb, s.cr = make([]byte, n), make([]byte, n)
	}
	return s.cb[:cap(s.cb)], s.cr[:cap(s.cr)]
}

// The tables of libjpeg's conversion from YCbCr to RGB (jdcolor.c): 16 fractional bits, rounded.
var (
	crToR, cbToB [256]int32
	crToG, cbToG [256]int32
	// clamp[v&1023] is v cut off to a byte, for -256 <= v < 768.
	clamp [1024]uint8
)

func init() {
	const half = 1 << 15
	fix := func(x float64) int32 { return int32(x*(1<<16) + 0.5) }
	for i := range int32(256) {
		x := i - 128
		crToR[i] = (fix(1.40200)*x + half) >> 16
		cbToB[i] = (fix(1.77200)*x + half) >> 16
		crToG[i] = -fix(0.71414) * x
		cbToG[i] = -fix(0.34414)*x + half
	}
	for i := range clamp {
		switch {
		case i < 256:
			clamp[i] = uint8(i)
		case i < 768:
			clamp[i] = 255
		}
	}
}

// jpegToRGB does what libjpeg-turbo does by default: "fancy" upsampling of chroma (jdsample.c), then the conversion to RGB. dst has the
// image's size.
func (s *chromaScratch) jpegToRGB(dst *Pixels, img *image.YCbCr) {
	width, height := dst.Width, dst.Height
	cb, cr := s.lines(width)
	hs, vs := subsampling(img.SubsampleRatio)
	cw, ch := (width+hs-1)/hs, (height+vs-1)/vs
	cbRow := func(y int) []byte { return img.Cb[y*img.CStride:][:cw] }
	crRow := func(y int) []byte { return img.Cr[y*img.CStride:][:cw] }
	for y := range height {
		luma := img.Y[y*img.YStride:][:width]
		out := dst.row(y)
		cy := y / vs
		// The row of chroma next to this one, above or below; at the border the row itself.
		near := cy
		if vs == 2 {
			near = min(max(cy-1+2*(y&1), 0), ch-1)
		}
		switch {
		case hs == 1 && vs == 1:
			yccRow(out, luma, cbRow(cy), crRow(cy))
		case hs == 2 && vs == 1 && cw > 2:
			fancyH2V1(cb, cbRow(cy))
			fancyH2V1(cr, crRow(cy))
			yccRow(out, luma, cb, cr)
		case hs == 2 && vs == 2 && cw > 2:
			fancyH2V2(cb, cbRow(cy), cbRow(near))
			fancyH2V2(cr, crRow(cy), crRow(near))
			yccRow(out, luma, cb, cr)
		case hs == 1 && vs == 2:
			bias := int32(1 + y&1)
			fancyH1V2(cb, cbRow(cy), cbRow(near), bias)
			fancyH1V2(cr, crRow(cy), crRow(near), bias)
			yccRow(out, luma, cb, cr)
		default:
			for x := range width {
				cb[x], cr[x] = cbRow(cy)[x/hs], crRow(cy)[x/hs]
			}
			yccRow(out, luma, cb, cr)
		}
	}
}

func subsampling(r image.YCbCrSubsampleRatio) (h, v int) {
	switch r {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}

// fancyH2V1 doubles the width: each output is 3/4 the nearer sample and 1/4 the further one, rounded down and up in turn.
func fancyH2V1(out, in []byte) {
	n := len(in)
	out = out[:2*n]
	last := int32(in[0])
	cur := last
	for i, b := range in[1:] {
		next := int32(b)
		o := out[2*i : 2*i+2 : 2*i+2]
		o[0] = uint8((3*cur + last + 1) >> 2)
		o[1] = uint8((3*cur + next + 2) >> 2)
		last, cur = cur, next
	}
	out[0] = in[0]
	out[2*n-2] = uint8((3*cur + last + 1) >> 2)
	out[2*n-1] = in[n-1]
}

// fancyH2V2 doubles both: row is the nearer row of chroma, near the further one.
func fancyH2V2(out, row, near []byte) {
	n := len(row)
	out, near = out[:2*n], near[:n]
	last := int32(row[0])*3 + int32(near[0])
	cur := last
	for i := 1; i < n; i++ {
		next := int32(row[i])*3 + int32(near[i])
		o := out[2*i-2 : 2*i : 2*i]
		o[0] = uint8((3*cur + last + 8) >> 4)
		o[1] = uint8((3*cur + next + 7) >> 4)
		last, cur = cur, next
	}
	out[2*n-2] = uint8((3*cur + last + 8) >> 4)
	out[2*n-1] = uint8((4*cur + 7) >> 4)
}

// fancyH1V2 doubles the height.
func fancyH1V2(out, row, near []byte, bias int32) {
	out, near = out[:len(row)], near[:len(row)]
	for i, v := range row {
		out[i] = uint8((3*int32(v) + int32(near[i]) + bias) >> 2)
	}
}

func yccRow(out, luma, cb, cr []byte) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for i, v := range luma {
		o := out[3*i : 3*i+3 : 3*i+3]
		y, b, r := int32(v), cb[i], cr[i]
		o[0] = clamp[(y+crToR[r])&1023]
		o[1] = clamp[(y+(cbToG[b]+crToG[r])>>16)&1023]
		o[2] = clamp[(y+cbToB[b])&1023]
	}
}
