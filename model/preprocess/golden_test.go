package preprocess

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testdata is made by make.py in it, which says what the digests are of.
const testdata = "../../testdata/preprocess"

type goldenImage struct {
	Width, Height int
	SHA256        string
}

type goldenResample struct {
	Image  string
	Filter Filter
	Size   [2]int
	Window [4]int
	SHA256 string
}

type goldenTensor struct {
	Image  string
	Layout string
	Spec   Spec
	SHA256 string
}

type golden struct {
	Decode   map[string]goldenImage
	Turn     map[string]goldenImage
	Resample map[string]goldenResample
	Tensor   map[string]goldenTensor
}

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(testdata, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func readImage(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(testdata, "images", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Every format and kind of pixel gives the bytes that Pillow gives.
func TestDecodeEqualsPillow(t *testing.T) {
	for name, want := range readGolden(t).Decode {
		t.Run(name, func(t *testing.T) {
			data := readImage(t, name)
			got, err := readAndDecode(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, goldenImage{got.Width, got.Height, digest(got.Pix)}); diff != "" {
				t.Errorf("pixels (-Pillow +ours):\n%s", diff)
			}
		})
	}
}

func TestResampleEqualsPillow(t *testing.T) {
	for name, want := range readGolden(t).Resample {
		src, err := readAndDecode(readImage(t, want.Image))
		if err != nil {
			t.Fatal(err)
		}
		got := resampleWindow(&resampler{filter: want.Filter}, src, windowOf(want.Size, want.Window))
		if d := digest(got); d != want.SHA256 {
			t.Errorf("%s: other bytes than Pillow's (make.py --dump %q prints those)", name, name)
		}
	}
}

func TestTensorEqualsNumpy(t *testing.T) {
	for name, want := range readGolden(t).Tensor {
		p, err := Compile(want.Spec, TensorFormat{Layout: want.Layout})
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]float32, p.Len())
		if _, err := p.NewWorker().Apply(readImage(t, want.Image), Limits{}, Bytes(dst)); err != nil {
			t.Fatal(err)
		}
		var b []byte
		for _, v := range dst {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		if d := digest(b); d != want.SHA256 {
			t.Errorf("%s: other values than numpy's (make.py --dump %q prints those)", name, name)
		}
	}
}

func readAndDecode(data []byte) (*Pixels, error) {
	h, err := ReadHeader(data, Limits{})
	if err != nil {
		return nil, err
	}
	return Decode(data, h)
}

func windowOf(size [2]int, window [4]int) geometry {
	return geometry{resizedW: size[0], resizedH: size[1], left: window[0], top: window[1], cropW: window[2] - window[0], cropH: window[3] - window[1]}
}

// resampleWindow returns the window's pixels.
func resampleWindow(r *resampler, src *Pixels, g geometry) (pix []byte) {
	r.begin(src, g)
	for y := r.y0; y < r.y1; y++ {
		pix = append(pix, r.row(y)...)
	}
	return pix
}
