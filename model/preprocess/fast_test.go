package preprocess

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// An image is shrunk only as far as it stays three times as large as needed, on both axes, and then as far as it can be.
func TestFastScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(1, 12_000)
		width, height := side.Draw(t, "width"), side.Draw(t, "height")
		g := geometry{resizedW: rapid.IntRange(1, 600).Draw(t, "resized width"), resizedH: rapid.IntRange(1, 600).Draw(t, "resized height")}
		enough := func(scale int) bool { return width/scale >= 3*g.resizedW && height/scale >= 3*g.resizedH }
		scale := g.fastScale(width, height)
		if scale > 1 && !enough(scale) || scale < 8 && enough(2*scale) {
			t.Fatalf("1/%d", scale)
		}
	})
}

// smooth is a JPEG of width x height without sharp edges.
func smooth(t *testing.T, width, height int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			u, v := float64(x)/float64(width), float64(y)/float64(height)
			img.Set(x, y, color.RGBA{uint8(255 * u), uint8(127 + 120*math.Sin(9*v)), uint8(127 + 120*math.Cos(7*u*v)), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Fast decoding gives nearly the tensor of the whole image, and exactly that of the image decoded at the scale; without the flag, or where
// the image is not large enough, it gives the tensor itself. Sides need not be multiples of the scale.
func TestFastDecode(t *testing.T) {
	tensor := func(data []byte, fast bool, filter string) []float32 {
		spec, err := Preset("none,resize=32x32,filter="+filter, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		spec.FastDecode = fast
		p, err := Compile(spec, TensorFormat{Layout: layoutNCHW})
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]float32, p.Len())
		if _, err := p.NewWorker().Apply(data, Limits{}, Bytes(dst)); err != nil {
			t.Fatal(err)
		}
		return dst
	}
	for _, tt := range []struct{ width, height, scale int }{{100, 90, 1}, {191, 500, 1}, {192, 192, 2}, {401, 399, 4}, {803, 771, 8}, {1500, 1031, 8}} {
		data := smooth(t, tt.width, tt.height)
		for _, filter := range []string{"bilinear", "bicubic", "nearest"} {
			exact, fast := tensor(data, false, filter), tensor(data, true, filter)
			worst, sum := 0.0, 0.0
			for i := range exact {
				d := math.Abs(float64(exact[i] - fast[i]))
				worst, sum = max(worst, d), sum+d
			}
			mean := sum / float64(len(exact))
			if filter == "nearest" {
				worst, mean = worst/3, mean/2 // it takes one of the pixels that a shrunk one is the mean of
			}
			if same := worst == 0; same != (tt.scale == 1) || worst > 6 || mean > 1.5 {
				t.Errorf("%d x %d, %s: differs by %.1f at most, %.2f on average", tt.width, tt.height, filter, worst, mean)
			}
		}
	}
}
