package preprocess

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The fast passes give the bits of the Go code, for any geometry, filter, layout and type.
func TestFastEqualsPlain(t *testing.T) {
	if !haveSIMD {
		t.Skip("this processor runs the Go code only")
	}
	workers := map[Filter]*Worker{}
	for _, f := range Filters[1:] {
		workers[f] = &Worker{resampler: resampler{filter: f}}
	}
	rapid.Check(t, func(t *rapid.T) {
		src := drawPixels(t, rapid.SampledFrom([]int{3, 40, 400}).Draw(t, "max side"))
		filter := rapid.SampledFrom(Filters[1:]).Draw(t, "filter")
		g := drawGeometry(t, src)
		w := workers[filter]
		w.program = drawProgram(t, g)

		got := unwritten(w.program.Size())
		w.resampler.begin(src, g)
		if !w.resampler.fits() {
			t.Fatal("the fast passes refuse it")
		}
		w.writeTensor(got, g, w.resampler.fastBand())

		want := unwritten(len(got))
		reference := &Worker{program: w.program, resampler: resampler{filter: filter}}
		r := &reference.resampler
		r.begin(src, g)
		reference.writePadding(want, 0, g.cropH)
		for y := r.y0; y < r.y1; y++ {
			reference.writeRow(want, y-g.top, r.x0-g.left, r.row(y))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-Go +C):\n%s", diff)
		}
	})
}

// drawGeometry draws a resize and a crop that shows something of it, with or without padding on each side.
func drawGeometry(t *rapid.T, src *Pixels) geometry {
	side := rapid.OneOf(rapid.IntRange(1, 12), rapid.IntRange(1, 120))
	g := geometry{resizedW: side.Draw(t, "resized width"), resizedH: side.Draw(t, "resized height")}
	if rapid.IntRange(0, 3).Draw(t, "width stays") == 0 {
		g.resizedW = src.Width
	}
	if rapid.IntRange(0, 3).Draw(t, "height stays") == 0 {
		g.resizedH = src.Height
	}
	g.left, g.top = rapid.IntRange(-5, g.resizedW-1).Draw(t, "left"), rapid.IntRange(-5, g.resizedH-1).Draw(t, "top")
	g.cropW = rapid.IntRange(max(1, 1-g.left), g.resizedW+7).Draw(t, "crop width")
	g.cropH = rapid.IntRange(max(1, 1-g.top), g.resizedH+7).Draw(t, "crop height")
	return g
}

func drawProgram(t *rapid.T, g geometry) *Program {
	p := &Program{format: TensorFormat{
		Layout: rapid.SampledFrom([]string{layoutNCHW, layoutNHWC}).Draw(t, "layout"), Height: g.cropH, Width: g.cropW,
		Type: rapid.SampledFrom(ElementTypes).Draw(t, "type"),
	}}
	p.spec.Channels = rapid.SampledFrom([]string{channelsRGB, channelsBGR}).Draw(t, "channels")
	values := normalizeFor(p.format.Type).table()
	var err error
	if p.table, err = newLookup(&values, p.format.Type); err != nil {
		t.Fatal(err)
	}
	return p
}

// normalizeFor is a normalisation whose values an input of that type can hold.
func normalizeFor(t ElementType) Normalize {
	switch t {
	case Uint8:
		return Normalize{Scale: 1, Std: ones}
	case Int8:
		return Normalize{Scale: 1, Offset: -128, Std: ones}
	}
	return Normalize{Scale: 1 / 255., Mean: imagenetMean, Std: imagenetStd}
}

// unwritten is a tensor in which what was not written shows.
func unwritten(n int) []byte { return bytes.Repeat([]byte{0xa5}, n) }

// A JPEG that is resampled strip by strip gives the tensor of its pixels.
func TestStripsEqualPixels(t *testing.T) {
	images := ownImages(t)
	for name, data := range images {
		if !jpegFormat.magic(data) {
			delete(images, name)
		}
	}
	images["photo"] = photoLike(t)
	for name, data := range images {
		src, err := readAndDecode(data)
		if err != nil {
			t.Fatal(name, err)
		}
		for _, preset := range []string{"torchvision", "torchvision,filter=lanczos", "torchvision,resize=250", "torchvision,filter=nearest"} {
			w, want := benchWorker(t, preset)
			got := unwritten(4 * len(want))
			if err := w.ApplyPixels(src, Bytes(want)); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Apply(data, Limits{}, got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, Bytes(want)) {
				t.Errorf("%s, %s: other values from strips than from pixels", name, preset)
			}
		}
	}
}

// Where the rows between the passes would be too large, the Go code takes over, which keeps a few only.
func TestManyRowsAreNotKept(t *testing.T) {
	r := resampler{filter: Bilinear}
	r.plan(3000, 60_000, geometry{resizedW: 8000, resizedH: 8000, cropW: 8000, cropH: 8000})
	if r.fits() {
		t.Error("kept")
	}
	r.plan(3000, 4000, geometry{resizedW: 256, resizedH: 341, cropW: 224, cropH: 224})
	if r.fits() != haveSIMD {
		t.Error("a photo is left to the Go code")
	}
}
