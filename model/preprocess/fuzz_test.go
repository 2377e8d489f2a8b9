package preprocess

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// The decoders, one by one: any bytes are pixels of the header's size or an *Error, in bounded memory, truncated files allowed or not.
// Their seeds are the images of the tests; what fuzzing has found lies in testdata/fuzz.

func FuzzJPEG(f *testing.F) { fuzzDecoder(f, &jpegFormat) }
func FuzzWebP(f *testing.F) { fuzzDecoder(f, &webpFormat) }
func FuzzPNG(f *testing.F)  { fuzzDecoder(f, &pngFormat) }
func FuzzGIF(f *testing.F)  { fuzzDecoder(f, &gifFormat) }
func FuzzBMP(f *testing.F)  { fuzzDecoder(f, &bmpFormat) }
func FuzzTIFF(f *testing.F) { fuzzDecoder(f, &tiffFormat) }

func fuzzDecoder(f *testing.F, format *format) {
	for name, data := range ownImages(f) {
		if format.magic(data) {
			f.Add(data, false)
			f.Add(data[:len(data)*2/3], true)
		} else if len(data) == 0 {
			f.Fatal(name, "is empty")
		}
	}
	// Of these, one sees most of an image and one little.
	var workers []*Worker
	for _, preset := range []string{"torchvision", "torchvision,resize=80,crop=20"} {
		spec, err := Preset(preset, 224, 224)
		if err != nil {
			f.Fatal(err)
		}
		p, err := Compile(spec, TensorFormat{Layout: layoutNCHW})
		if err != nil {
			f.Fatal(err)
		}
		workers = append(workers, p.NewWorker())
	}
	var p Pixels
	f.Fuzz(func(t *testing.T, data []byte, allowTruncated bool) {
		lim := Limits{MaxPixels: 1 << 16, AllowTruncated: allowTruncated}
		h, err := ReadHeader(data, lim)
		if err == nil && h.Format != format.name {
			t.Skip("another format's")
		}
		if err == nil {
			d := Decoder{Limits: lim}
			err = d.Decode(data, h, &p)
			orientationOf(h.Format, data)
			// The way from bytes to tensor without all pixels between comes to the same end.
			for _, w := range workers {
				w.SetLimits(lim)
				got, want := make([]byte, w.program.Size()), make([]byte, w.program.Size())
				if again := w.ApplyHeader(data, h, got); codeOf(again) != codeOf(err) {
					t.Errorf("Decode: %v, ApplyHeader: %v", err, again)
				}
				if err != nil {
					continue
				}
				if w.ApplyPixels(&p, want) != nil || !bytes.Equal(got, want) {
					t.Errorf("other values from bytes than from pixels, with %+v", w.program.spec)
				}
			}
		}
		var e *Error
		switch {
		case err == nil && (p.Width*p.Height != h.Width*h.Height || format != &tiffFormat && p.Width != h.Width || len(p.Pix) != 3*int(h.Pixels()) || h.Pixels() > 1<<16):
			t.Errorf("%d x %d in %d bytes, header %+v", p.Width, p.Height, len(p.Pix), h)
		case err != nil && !errors.As(err, &e):
			t.Errorf("%v is no *Error", err)
		case err != nil && (e.Code == "" || e.Message == ""):
			t.Errorf("no code or message: %+v", e)
		}
	})
}

// ownImages are the images of the tests, by name.
func ownImages(t testing.TB) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(testdata, "images"))
	if err != nil {
		t.Fatal(err)
	}
	images := map[string][]byte{}
	for _, e := range entries {
		if images[e.Name()], err = os.ReadFile(filepath.Join(testdata, "images", e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return images
}

// FuzzResample holds that any size of image and any crop give a tensor without a panic, and with nothing left unwritten.
func FuzzResample(f *testing.F) {
	f.Add(uint16(500), uint16(375), uint8(2), uint8(0), uint16(256), uint16(224), uint16(224), []byte{1, 2, 3})
	f.Add(uint16(1), uint16(2000), uint8(5), uint8(1), uint16(7), uint16(300), uint16(1), []byte{255})
	f.Add(uint16(30), uint16(31), uint8(0), uint8(2), uint16(1), uint16(1), uint16(90), []byte{})
	f.Fuzz(func(t *testing.T, width, height uint16, filter, kind uint8, size, cropW, cropH uint16, content []byte) {
		src := new(Pixels)
		src.resize(Header{Width: 1 + int(width)%3000, Height: 1 + int(height)%3000})
		if src.Width*src.Height > 1<<18 {
			t.Skip("only slow")
		}
		for i := range src.Pix {
			src.Pix[i] = 255
			if len(content) > 0 {
				src.Pix[i] = content[i%len(content)]
			}
		}
		spec := Spec{Channels: "rgb", Normalize: Normalize{Scale: 1, Std: ones}}
		spec.Crop = &Crop{Width: 1 + int(cropW)%400, Height: 1 + int(cropH)%400, Rounding: []string{"floor", "half_even"}[kind%2]}
		name := Filters[int(filter)%len(Filters)]
		switch kind % 3 {
		case 0:
			spec.Resize = &Resize{Mode: "shortest_edge", Size: 1 + int(size)%400, Filter: name}
		case 1:
			spec.Resize = &Resize{Mode: "exact", Width: 1 + int(size)%400, Height: 1 + int(size/7)%400, Filter: name}
		}
		p, err := Compile(spec, TensorFormat{Layout: "NCHW"})
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]float32, p.Len())
		for i := range dst {
			dst[i] = -1
		}
		if err := p.NewWorker().ApplyPixels(src, Bytes(dst)); err != nil {
			t.Fatal(err)
		}
		for i, v := range dst {
			if v < 0 || v > 255 {
				t.Fatalf("value %d is %v", i, v)
			}
		}
	})
}
