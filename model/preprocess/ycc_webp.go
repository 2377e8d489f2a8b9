package preprocess

import "image"

// webpToRGB does what libwebp does: chroma is upsampled with weights 9, 3, 3 and 1 (dsp/upsampling.c), then converted from the limited
// range of BT.601 (dsp/yuv.h), which golang.org/x/image leaves to the caller. dst has the image's size; the subsampling is always 4:2:0.
func (s *chromaScratch) webpToRGB(dst *Pixels, img *image.YCbCr) {
	width, height := dst.Width, dst.Height
	u, v := s.lines(width)
	cw, ch := (width+1)/2, (height+1)/2
	for y := range height {
		cy := y / 2
		near := min(max(cy-1+2*(y&1), 0), ch-1)
		row, other := cy*img.CStride, near*img.CStride
		upsampleWebP(u, img.Cb[row:][:cw], img.Cb[other:][:cw])
		upsampleWebP(v, img.Cr[row:][:cw], img.Cr[other:][:cw])
		yuvRow(dst.row(y), img.Y[y*img.YStride:][:width], u, v)
	}
}

// upsampleWebP doubles both: row is the nearer row of chroma, near the further one. The two roundings are libwebp's: first the mean
// along a diagonal, then that with the nearest sample.
func upsampleWebP(out, row, near []byte) {
	n := len(row)
	out, near = out[:2*n], near[:n]
	a, b := uint32(row[0]), uint32(near[0])
	out[0] = uint8((3*a + b + 2) >> 2)
	for i := 1; i < n; i++ {
		c, d := uint32(row[i]), uint32(near[i])
		sum := a + b + c + d + 8
		o := out[2*i-1 : 2*i+1 : 2*i+1]
		o[0] = uint8(((sum+2*(b+c))>>3 + a) >> 1)
		o[1] = uint8(((sum+2*(a+d))>>3 + c) >> 1)
		a, b = c, d
	}
	out[2*n-1] = uint8((3*a + b + 2) >> 2)
}

// yuvRow converts with libwebp's 14-bit constants, of which 8 bits are dropped by each product and 6 by the end.
func yuvRow(out, luma, u, v []byte) {
	u, v = u[:len(luma)], v[:len(luma)]
	for i := range luma {
		o := out[3*i : 3*i+3 : 3*i+3]
		y, cb, cr := int32(luma[i])*19077>>8, int32(u[i]), int32(v[i])
		o[0] = clamp[(y+cr*26149>>8-14234)>>6&1023]
		o[1] = clamp[(y-cb*6419>>8-cr*13320>>8+8708)>>6&1023]
		o[2] = clamp[(y+cb*33050>>8-17685)>>6&1023]
	}
}
