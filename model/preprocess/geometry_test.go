package preprocess

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Sizes and offsets as the libraries compute them: timm's ResizeKeepRatio, torchvision's Resize and CenterCrop, transformers' center_crop.
func TestGeometry(t *testing.T) {
	for _, tt := range []struct {
		resize        Resize
		crop          Crop
		width, height int
		want          geometry
	}{
		{Resize{Mode: "shortest_edge", Size: 256}, Crop{Width: 224, Height: 224, Rounding: "floor"}, 500, 375, geometry{341, 256, 58, 16, 224, 224, 0, 0}},
		{Resize{Mode: "shortest_edge", Size: 256}, Crop{Width: 224, Height: 224, Rounding: "half_even"}, 500, 375, geometry{341, 256, 58, 16, 224, 224, 0, 0}},
		{Resize{Mode: "shortest_edge", Size: 232}, Crop{Width: 225, Height: 225, Rounding: "half_even"}, 232, 232, geometry{232, 232, 4, 4, 225, 225, 0, 0}},
		{Resize{Mode: "shortest_edge", Size: 232}, Crop{Width: 225, Height: 225, Rounding: "trunc"}, 232, 232, geometry{232, 232, 3, 3, 225, 225, 0, 0}},
		// Smaller than the crop by 3: 1 or 2 pixels of padding come first.
		{Resize{Mode: "shortest_edge", Size: 7}, Crop{Width: 10, Height: 10, Rounding: "trunc"}, 7, 7, geometry{7, 7, -1, -1, 10, 10, 0, 0}},
		{Resize{Mode: "shortest_edge", Size: 7}, Crop{Width: 10, Height: 10, Rounding: "half_even"}, 7, 7, geometry{7, 7, -1, -1, 10, 10, 0, 0}},
		{Resize{Mode: "shortest_edge", Size: 7}, Crop{Width: 10, Height: 10, Rounding: "floor"}, 7, 7, geometry{7, 7, -2, -2, 10, 10, 0, 0}},
		// 375/248 and 500/248 are the ratios; edges to the nearest pixel.
		{Resize{Mode: "fit", Width: 248, Height: 248}, Crop{Width: 224, Height: 224, Rounding: "half_even"}, 500, 375, geometry{248, 186, 12, -19, 224, 224, 0, 0}},
		{Resize{Mode: "cover", Width: 400, Height: 200}, Crop{Width: 200, Height: 100, Rounding: "half_even"}, 500, 375, geometry{400, 300, 100, 100, 200, 100, 0, 0}},
		{Resize{Mode: "cover", Width: 3, Height: 3}, Crop{Width: 3, Height: 3, Rounding: "half_even"}, 5, 4, geometry{4, 3, 0, 0, 3, 3, 0, 0}},
		{Resize{Mode: "fit", Width: 4, Height: 4}, Crop{Width: 4, Height: 4, Rounding: "half_even"}, 1000, 1, geometry{4, 1, 0, -1, 4, 4, 0, 0}},
	} {
		spec := Spec{Resize: &tt.resize, Crop: &tt.crop}
		if diff := cmp.Diff(tt.want, spec.geometry(tt.width, tt.height), cmp.AllowUnexported(geometry{})); diff != "" {
			t.Errorf("%+v %+v of %d x %d (-want +got):\n%s", tt.resize, tt.crop, tt.width, tt.height, diff)
		}
	}
}

// An image that covers a box is nowhere smaller than it, one that fits is nowhere larger, and both touch it.
func TestKeepRatio(t *testing.T) {
	side := rapid.IntRange(1, 5000)
	rapid.Check(t, func(t *rapid.T) {
		r := Resize{Width: side.Draw(t, "box width"), Height: side.Draw(t, "box height")}
		width, height := side.Draw(t, "width"), side.Draw(t, "height")
		r.Mode = modeCover
		if w, h := r.apply(width, height); w < r.Width || h < r.Height || w != r.Width && h != r.Height {
			t.Fatalf("cover gives %d x %d", w, h)
		}
		r.Mode = modeFit
		if w, h := r.apply(width, height); w > r.Width || h > r.Height || w != r.Width && h != r.Height {
			t.Fatalf("fit gives %d x %d", w, h)
		}
	})
}

// The padding has the fill's colour, normalised as any other; and what divides twice divides twice.
func TestFillAndDivide(t *testing.T) {
	spec := Spec{
		Crop: &Crop{Width: 3, Height: 1, Rounding: "half_even", Fill: &[3]uint8{10, 20, 30}}, Channels: channelsBGR,
		Normalize: Normalize{Scale: 1, Std: [3]float32{2, 2, 2}, Divide: &[3]float32{5, 5, 5}},
	}
	for _, layout := range []string{layoutNCHW, layoutNHWC} {
		p, err := Compile(spec, TensorFormat{Layout: layout})
		if err != nil {
			t.Fatal(err)
		}
		spec.Crop.Fill[0], spec.Normalize.Divide[0] = 10, 5 // the program has copies
		got := make([]float32, p.Len())
		if err := p.NewWorker().ApplyPixels(&Pixels{Width: 1, Height: 1, Pix: []byte{100, 200, 0}}, Bytes(got)); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{layoutNCHW: "[3 0 3 2 20 2 1 10 1]", layoutNHWC: "[3 2 1 0 20 10 3 2 1]"}[layout]
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", layout, got, want)
		}
	}
}

// torchvision and timm divide float32(v) by 255, Keras divides by 127.5: for each byte the same as the rule of Normalize.
func TestOtherLibrariesArithmetic(t *testing.T) {
	torch := Normalize{Scale: 1.0 / 255, Mean: imagenetMean, Std: imagenetStd}.table()
	keras := Normalize{Scale: 1 / 127.5, Offset: -1, Std: ones}.table()
	for v := range 256 {
		for c := range 3 {
			if want := (float32(float32(v)/255) - imagenetMean[c]) / imagenetStd[c]; torch[c][v] != want {
				t.Errorf("%d of channel %d: %v, torchvision has %v", v, c, torch[c][v], want)
			}
			if want := float32(float32(v)/127.5) - 1; keras[c][v] != want {
				t.Errorf("%d of channel %d: %v, Keras has %v", v, c, keras[c][v], want)
			}
		}
	}
}
