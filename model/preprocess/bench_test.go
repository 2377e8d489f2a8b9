package preprocess

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"
)

// photoLike returns a 500 x 375 JPEG (4:2:0) with about as many bytes as a photo of that size.
func photoLike(t testing.TB) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	img := image.NewRGBA(image.Rect(0, 0, 500, 375))
	for y := range 375 {
		for x := range 500 {
			v := 128 + 60*math.Sin(float64(x*y)/4000) + 20*math.Sin(float64(x)/3) + rng.NormFloat64()*12
			img.Set(x, y, color.RGBA{uint8(v), uint8(v/2 + float64(x)/8), uint8(255 - v/2 - float64(y)/6), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func BenchmarkReadHeader(b *testing.B) {
	data := photoLike(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadHeader(data, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	data := photoLike(b)
	h, err := ReadHeader(data, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	var d Decoder
	var p Pixels
	b.ReportMetric(float64(len(data)), "bytes")
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Decode(data, h, &p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkResize is everything after decoding.
func BenchmarkResize(b *testing.B) {
	src, err := readAndDecode(photoLike(b))
	if err != nil {
		b.Fatal(err)
	}
	for _, filter := range Filters {
		b.Run(string(filter), func(b *testing.B) {
			w, dst := benchWorker(b, "torchvision,filter="+string(filter))
			b.ReportAllocs()
			for b.Loop() {
				if err := w.ApplyPixels(src, Bytes(dst)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	data := photoLike(b)
	w, dst := benchWorker(b, "torchvision")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Apply(data, Limits{}, Bytes(dst)); err != nil {
			b.Fatal(err)
		}
	}
}

func benchWorker(t testing.TB, preset string) (*Worker, []float32) {
	t.Helper()
	spec, err := Preset(preset, 224, 224)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(spec, TensorFormat{Layout: layoutNCHW, Height: 224, Width: 224})
	if err != nil {
		t.Fatal(err)
	}
	return p.NewWorker(), make([]float32, p.Len())
}
