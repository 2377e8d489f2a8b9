package preprocess

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// samplings are images of many blocks, in every way that colour is sampled: those of testdata, and what patching the factors in their
// header makes of them (as many blocks to a unit, scrambled, but a JPEG).
func samplings(t *testing.T) map[string][]byte {
	t.Helper()
	images := map[string][]byte{}
	for _, name := range []string{"wide_444", "wide_422_restart", "wide_420", "wide_420_restart", "wide_420_progressive", "wide_grey", "wide_cmyk"} {
		images[name] = readImage(t, name+".jpg")
	}
	patch := func(from string, h, v byte) {
		data := bytes.Clone(images[from])
		at := bytes.Index(data, []byte{0xff, 0xc0})
		data[at+11] = h<<4 | v
		images[fmt.Sprintf("%s as %dx%d", from, h, v)] = data
	}
	patch("wide_422_restart", 1, 2)
	patch("wide_420", 4, 1)
	patch("wide_420", 1, 4)
	patch("wide_420_restart", 4, 1)
	patch("wide_444", 2, 1) // the data is too short for these: the end is grey
	patch("wide_420", 2, 1)
	patch("wide_420", 4, 2)
	patch("wide_420", 3, 1)
	patch("wide_420", 3, 2)
	return images
}

// What lies outside the window that a tensor is made of is passed over, and no bit of the tensor changes: for any window, sampling and
// scale. A file that is cut off anywhere is as much an error as when all of it is decoded.
func TestWindowOfAJPEG(t *testing.T) {
	if !haveSIMD {
		t.Skip("this processor decodes the whole image")
	}
	images := samplings(t)
	names := slices.Sorted(maps.Keys(images))
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "image")
		data := images[name]
		h, err := ReadHeader(data, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if rapid.IntRange(0, 4).Draw(t, "cut") == 0 {
			data = data[:rapid.IntRange(700, len(data)).Draw(t, "length")]
		}
		filter := rapid.SampledFrom([]Filter{Bilinear, Lanczos, Box}).Draw(t, "filter")
		scale := rapid.SampledFrom([]int{1, 1, 1, 2, 4, 8}).Draw(t, "scale")

		g := geometry{resizedW: rapid.IntRange(20, 300).Draw(t, "resized width"), resizedH: rapid.IntRange(20, 300).Draw(t, "resized height")}
		g.cropW, g.cropH = rapid.IntRange(1, g.resizedW).Draw(t, "crop width"), rapid.IntRange(1, g.resizedH).Draw(t, "crop height")
		g.left, g.top = rapid.IntRange(0, g.resizedW-g.cropW).Draw(t, "left"), rapid.IntRange(0, g.resizedH-g.cropH).Draw(t, "top")
		p := drawProgram(t, g)
		lim := Limits{AllowTruncated: rapid.IntRange(0, 5).Draw(t, "allow truncated") == 0}
		worker := func() *Worker {
			return &Worker{program: p, resampler: resampler{filter: filter}, decoder: Decoder{Limits: lim, scale: scale}}
		}

		w, got := worker(), unwritten(p.Size())
		done, gotErr := w.applyJPEG(data, h, g, got)
		if !done {
			t.Skip("not decoded by strips")
		}
		whole, want := worker(), unwritten(p.Size())
		wantErr := whole.decode(data, h, upright)
		if codeOf(gotErr) != codeOf(wantErr) {
			t.Fatalf("%s: %v by parts, %v as a whole", name, gotErr, wantErr)
		}
		if wantErr != nil {
			return
		}
		whole.resize(&whole.pixels, g, want)
		if !bytes.Equal(got, want) {
			t.Fatalf("%s: other values by parts than as a whole", name)
		}
	})
}
