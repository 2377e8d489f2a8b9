package preprocess

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzDecode holds that any bytes are pixels of the header's size or an *Error, in bounded memory.
func FuzzDecode(f *testing.F) {
	entries, err := os.ReadDir(filepath.Join(testdata, "images"))
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(testdata, "images", e.Name()))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	var d Decoder
	var p Pixels
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadHeader(data, Limits{MaxPixels: 1 << 16})
		if err == nil {
			err = d.Decode(data, h, &p)
		}
		var e *Error
		switch {
		case err == nil && (p.Width != h.Width || p.Height != h.Height || len(p.Pix) != 3*int(h.Pixels()) || h.Pixels() > 1<<16):
			t.Errorf("%d x %d in %d bytes, header %+v", p.Width, p.Height, len(p.Pix), h)
		case err != nil && !errors.As(err, &e):
			t.Errorf("%v is no *Error", err)
		case err != nil && (e.Code == "" || e.Message == ""):
			t.Errorf("no code or message: %+v", e)
		}
	})
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
		if err := p.NewWorker().ApplyPixels(src, dst); err != nil {
			t.Fatal(err)
		}
		for i, v := range dst {
			if v < 0 || v > 255 {
				t.Fatalf("value %d is %v", i, v)
			}
		}
	})
}
