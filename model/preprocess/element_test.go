package preprocess

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Numbers go into a type and come back as that type's nearest.
func TestElementsRound(t *testing.T) {
	for _, test := range []struct {
		to   ElementType
		x    float32
		want float32
		ok   bool
	}{
		{Uint8, 0.49, 0, true}, {Uint8, 0.5, 1, true}, {Uint8, 254.6, 255, true}, {Uint8, 255.4, 255, true}, {Uint8, -0.5, 0, true},
		{Uint8, 255.5, 0, false}, {Uint8, -0.6, 0, false},
		{Int8, -128.5, -128, true}, {Int8, -0.5, 0, true}, {Int8, -1.6, -2, true}, {Int8, 127.4, 127, true}, {Int8, 127.5, 0, false},
		{Float16, 1 + 1.0/2048, 1, true}, {Float16, 1 + 3.0/2048, 1 + 4.0/2048, true}, // half-way: to even
		{Float16, 1 + 1.0/2048 + 1.0/65536, 1 + 2.0/2048, true},
		{Float16, 65504, 65504, true}, {Float16, 65519, 65504, true}, {Float16, 65520, 0, false}, {Float16, 6e-8, 5.9604645e-08, true},
		{Float32, 0.1, 0.1, true}, {Float32, float32(math.Inf(1)), 0, false},
	} {
		bits, ok := test.to.bits(test.x)
		if got := test.to.value(bits); ok != test.ok || ok && got != test.want {
			t.Errorf("%v as %s: %v, %t, want %v, %t", test.x, test.to, got, ok, test.want, test.ok)
		}
	}
}

// The tensor of any type holds the numbers of the float32 tensor, rounded to that type, in the same places.
func TestTypesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := drawPixels(t, 60)
		to := rapid.SampledFrom(ElementTypes).Draw(t, "type")
		spec := Spec{
			Resize: &Resize{Mode: modeShortestEdge, Size: rapid.IntRange(1, 30).Draw(t, "size"), Filter: rapid.SampledFrom(Filters).Draw(t, "filter")},
			Crop:   &Crop{Width: rapid.IntRange(1, 30).Draw(t, "width"), Height: rapid.IntRange(1, 30).Draw(t, "height"), Rounding: roundFloor},
		}
		spec.Channels = rapid.SampledFrom([]string{channelsRGB, channelsBGR}).Draw(t, "channels")
		spec.Normalize = normalizeFor(to)
		if rapid.Bool().Draw(t, "fill") {
			spec.Crop.Fill = &[3]uint8{10, 20, 30}
		}
		layout := rapid.SampledFrom([]string{layoutNCHW, layoutNHWC}).Draw(t, "layout")
		tensor := func(e ElementType) []byte {
			p, err := Compile(spec, TensorFormat{Layout: layout, Type: e})
			if err != nil {
				t.Fatal(err)
			}
			dst := unwritten(p.Size())
			if err := p.NewWorker().ApplyPixels(src, dst); err != nil {
				t.Fatal(err)
			}
			return dst
		}
		want := Float32.Values(tensor(Float32))
		for i, x := range want {
			bits, _ := to.bits(x)
			want[i] = to.value(bits)
		}
		if got := to.Values(tensor(to)); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestBytesAreTheMemory(t *testing.T) {
	values := []float32{1, 2}
	binary.NativeEndian.PutUint32(Bytes(values)[4:], math.Float32bits(7))
	if values[1] != 7 || len(Bytes(nil)) != 0 {
		t.Error(values)
	}
}
