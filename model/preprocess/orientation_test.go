package preprocess

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Images are turned as Pillow's ImageOps.exif_transpose turns them, in every format and wherever the orientation stands.
func TestTurnEqualsPillow(t *testing.T) {
	golden := readGolden(t)
	if len(golden.Turn) < 40 {
		t.Fatalf("%d images", len(golden.Turn))
	}
	for name, want := range golden.Turn {
		data := readImage(t, name)
		h, err := ReadHeader(data, Limits{})
		if err != nil {
			t.Fatal(name, err)
		}
		stored, err := Decode(data, h)
		if err != nil {
			t.Fatal(name, err)
		}
		turned := new(Pixels)
		stored.turn(orientationOf(h.Format, data), turned)
		if diff := cmp.Diff(want, goldenImage{turned.Width, turned.Height, digest(turned.Pix)}); diff != "" {
			t.Errorf("%s (-Pillow +ours):\n%s", name, diff)
		}
	}
}

// With the flag, the tensor is that of the turned pixels; without it that of the stored ones.
func TestOrientationIsOffUnlessAsked(t *testing.T) {
	for _, name := range []string{"orientation_6.jpg", "orientation_8.png", "orientation_3.webp", "orientation_6.tiff"} {
		data := readImage(t, name)
		h, err := ReadHeader(data, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		stored, err := Decode(data, h)
		if err != nil {
			t.Fatal(err)
		}
		turned := new(Pixels)
		stored.turn(orientationOf(h.Format, data), turned)
		for on, src := range map[bool]*Pixels{false: stored, true: turned} {
			spec, err := Preset("torchvision,resize=16,crop=12", 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			spec.EXIFOrientation = on
			p, err := Compile(spec, TensorFormat{Layout: layoutNHWC})
			if err != nil {
				t.Fatal(err)
			}
			w, got, want := p.NewWorker(), make([]byte, p.Size()), make([]byte, p.Size())
			if err := w.ApplyPixels(src, want); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time with buffers of the first
				if _, err := w.Apply(data, Limits{}, got); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s, orientation applied: %t: other values than from the pixels", name, on)
				}
			}
		}
	}
}

// Turning is a permutation of pixels, which another orientation undoes.
func TestTurnBack(t *testing.T) {
	inverse := map[orientation]orientation{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
	rapid.Check(t, func(t *rapid.T) {
		src := drawPixels(t, 50)
		o := orientation(rapid.IntRange(1, 8).Draw(t, "orientation"))
		there, back := new(Pixels), new(Pixels)
		src.turn(o, there)
		there.turn(inverse[o], back)
		if diff := cmp.Diff(src, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

// EXIF that is cut off, or that is none, says nothing.
func TestDamagedMetadata(t *testing.T) {
	for name, data := range ownImages(t) {
		f := formatOf(data)
		if f == nil {
			continue
		}
		for n := range data {
			if o := orientationOf(f.name, data[:n]); o < 1 || o > 8 {
				t.Fatalf("%s, %d bytes: orientation %d", name, n, o)
			}
		}
	}
	for _, exif := range []string{"", "Exif\x00\x00", "II", "XX*\x00\x08\x00\x00\x00", "II*\x00\xff\xff\xff\xff", "MM\x00*\x00\x00\x00\x08\x00\x05\x01\x12"} {
		if o := (metadata{exif: []byte(exif)}).orientation(); o != upright {
			t.Errorf("%q: %d", exif, o)
		}
	}
}
