package preprocess

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawPixels draws an image of random bytes.
func drawPixels(t *rapid.T, maxSide int) *Pixels {
	p := new(Pixels)
	p.resize(Header{Width: rapid.IntRange(1, maxSide).Draw(t, "width"), Height: rapid.IntRange(1, maxSide).Draw(t, "height")})
	seed := rapid.Uint32().Draw(t, "seed")
	for i := range p.Pix {
		seed = seed*1664525 + 1013904223
		p.Pix[i] = byte(seed >> 24)
	}
	return p
}

// Resampling only what a crop needs gives the bytes of the whole image, cropped. A resampler that has seen other images gives the same.
func TestWindowEqualsCrop(t *testing.T) {
	used := map[Filter]*resampler{}
	for _, f := range Filters {
		used[f] = &resampler{filter: f}
	}
	rapid.Check(t, func(t *rapid.T) {
		src := drawPixels(t, 40)
		filter := rapid.SampledFrom(Filters).Draw(t, "filter")
		w, h := rapid.IntRange(1, 60).Draw(t, "resized width"), rapid.IntRange(1, 60).Draw(t, "resized height")
		x0, y0 := rapid.IntRange(0, w-1).Draw(t, "x0"), rapid.IntRange(0, h-1).Draw(t, "y0")
		x1, y1 := rapid.IntRange(x0+1, w).Draw(t, "x1"), rapid.IntRange(y0+1, h).Draw(t, "y1")
		whole := resampleWindow(&resampler{filter: filter}, src, windowOf([2]int{w, h}, [4]int{0, 0, w, h}))
		var want []byte
		for y := y0; y < y1; y++ {
			want = append(want, whole[3*(y*w+x0):3*(y*w+x1)]...)
		}
		got := resampleWindow(used[filter], src, windowOf([2]int{w, h}, [4]int{x0, y0, x1, y1}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-whole, cropped +window):\n%s", diff)
		}
	})
}

// The fast passes give what the plain sums give.
func TestPassesEqualPlainSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := drawPixels(t, 30)
		filter := rapid.SampledFrom([]Filter{Box, Bilinear, Hamming, Bicubic, Lanczos}).Draw(t, "filter")
		out := rapid.IntRange(1, 50).Draw(t, "resized height")
		if out == src.Height {
			out++
		}
		var a axis
		a.fill(axisKey{src.Height, out, 0, out, float64(src.Height)}, kernels[filter], nil)
		got := resampleWindow(&resampler{filter: filter}, src, windowOf([2]int{src.Width, out}, [4]int{0, 0, src.Width, out}))
		n := 3 * src.Width
		for i := range got {
			sum := int32(1 << (precision - 1))
			for j, k := range a.of(i / n) {
				sum += k * int32(src.Pix[(a.first[i/n]+j)*n+i%n])
			}
			if want := clip(sum); got[i] != want {
				t.Fatalf("byte %d: %d, want %d", i, got[i], want)
			}
		}
	})
}

// One colour stays that colour, whatever is done to it, and padding is black.
func TestOneColour(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := drawPixels(t, 50)
		c := [3]byte{rapid.Byte().Draw(t, "r"), rapid.Byte().Draw(t, "g"), rapid.Byte().Draw(t, "b")}
		fill(src.Pix, c)
		side := rapid.IntRange(1, 40)
		spec := Spec{Channels: "bgr", Normalize: Normalize{Scale: 1, Std: ones}}
		spec.Crop = &Crop{Width: side.Draw(t, "crop width"), Height: side.Draw(t, "crop height"), Rounding: rapid.SampledFrom([]string{"floor", "half_even"}).Draw(t, "rounding")}
		if rapid.Bool().Draw(t, "resized") {
			spec.Resize = &Resize{Mode: "shortest_edge", Size: side.Draw(t, "size"), Filter: rapid.SampledFrom(Filters).Draw(t, "filter")}
		}
		p, err := Compile(spec, TensorFormat{Layout: rapid.SampledFrom([]string{"NCHW", "NHWC"}).Draw(t, "layout")})
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]float32, p.Len())
		for i := range dst {
			dst[i] = float32(math.NaN())
		}
		if err := p.NewWorker().ApplyPixels(src, Bytes(dst)); err != nil {
			t.Fatal(err)
		}
		g := spec.geometry(src.Width, src.Height)
		inside := max(0, min(g.cropW, g.resizedW)) * max(0, min(g.cropH, g.resizedH))
		for channel := range 3 {
			coloured := 0
			for i := range g.cropW * g.cropH {
				at := channel*g.cropW*g.cropH + i
				if p.format.Layout == "NHWC" {
					at = 3*i + channel
				}
				switch v := dst[at]; {
				case v == float32(c[2-channel]):
					coloured++
				case v != 0:
					t.Fatalf("channel %d, pixel %d: %v", channel, i, v)
				}
			}
			if want := inside; coloured != want && c[2-channel] != 0 {
				t.Fatalf("channel %d: %d coloured pixels, want %d", channel, coloured, want)
			}
		}
	})
}

// The buffers of very large images are not kept, and lengths are checked.
func TestWorkerBuffers(t *testing.T) {
	p, err := Compile(torchvisionSpec(t), TensorFormat{Layout: "NCHW"})
	if err != nil {
		t.Fatal(err)
	}
	w := p.NewWorker()
	if err := w.ApplyPixels(&Pixels{Width: 1, Height: 1, Pix: make([]byte, 3)}, Bytes(make([]float32, 5))); err == nil || err.Error() != "the tensor of one image has 602112 bytes, dst 20" {
		t.Error(err)
	}
	if err := w.ApplyPixels(&Pixels{Width: 2, Height: 1, Pix: make([]byte, 3)}, Bytes(make([]float32, p.Len()))); err == nil || err.Error() != "an image of 2 x 1 cannot have 3 bytes of pixels" {
		t.Error(err)
	}
	dst := make([]float32, p.Len())
	if _, err := w.Apply(readImage(t, "rgb.png"), Limits{}, Bytes(dst)); err != nil || w.pixels.Pix == nil {
		t.Errorf("after a small image: %v, buffer kept: %t", err, w.pixels.Pix != nil)
	}
	if err := w.ApplyHeader(nil, Header{Format: "png", Width: 5000, Height: 5000}, Bytes(dst)); codeOf(err) != CodeTruncated || w.pixels.Pix != nil {
		t.Errorf("after a large one: %v, buffer kept: %t", err, w.pixels.Pix != nil)
	}
	if h, err := w.Apply(nil, Limits{}, Bytes(dst)); codeOf(err) != CodeEmpty || h != (Header{}) {
		t.Error(h, err)
	}
}

// Once warm, a worker allocates nothing of its own; what is left are the decoders.
func TestNoAllocations(t *testing.T) {
	src, err := readAndDecode(readImage(t, "tall.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Filters {
		w, dst := benchWorker(t, "torchvision,filter="+string(f))
		if n := testing.AllocsPerRun(10, func() {
			if err := w.ApplyPixels(src, Bytes(dst)); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations an image", f, n)
		}
	}
}

// Workers share one program; the race detector watches.
func TestWorkersInParallel(t *testing.T) {
	p, err := Compile(torchvisionSpec(t), TensorFormat{Layout: "NHWC"})
	if err != nil {
		t.Fatal(err)
	}
	data := readImage(t, "flat_420_64x64.jpg")
	results := make([][]float32, 4)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			w := p.NewWorker()
			results[i] = make([]float32, p.Len())
			for range 3 {
				if _, err := w.Apply(data, Limits{}, Bytes(results[i])); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, r := range results[1:] {
		if diff := cmp.Diff(results[0], r); diff != "" {
			t.Fatal(diff)
		}
	}
}

// More sizes than the caches have slots, some of which come again: each image gets the coefficients of its own size.
func TestAxisCacheEvicts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	r := resampler{filter: Bilinear}
	for i := range 500 {
		src := new(Pixels)
		src.resize(Header{Width: 3 + rng.IntN(24), Height: 3 + rng.IntN(24)})
		for i := range src.Pix {
			src.Pix[i] = byte(rng.Uint32())
		}
		g := windowOf([2]int{8, 8}, [4]int{0, 0, 8, 8})
		want := resampleWindow(&resampler{filter: Bilinear}, src, g)
		if got := resampleWindow(&r, src, g); !bytes.Equal(want, got) {
			t.Fatalf("image %d, %d x %d: other pixels than a new resampler's", i, src.Width, src.Height)
		}
	}
}

// Real photos pass, and their tensors are in the range that the normalisation allows.
func TestPhotos(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedData(t, "photos"), "*.JPEG"))
	if err != nil || len(files) == 0 {
		t.Fatal("no photos", err)
	}
	w, dst := benchWorker(t, "torchvision")
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Apply(data, Limits{}, Bytes(dst)); err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
		}
		for _, v := range dst {
			if !(v > -2.2 && v < 2.7) {
				t.Fatalf("%s: a value of %v", filepath.Base(f), v)
			}
		}
	}
}
