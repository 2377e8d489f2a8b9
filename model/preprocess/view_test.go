package preprocess

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func viewsTest() []Spec {
	plain := Normalize{Scale: 1, Std: [3]float32{1, 1, 1}}
	return []Spec{
		{Resize: &Resize{Mode: modeExact, Width: 14, Height: 21, Filter: Bilinear}, Channels: channelsRGB, Normalize: plain},
		{Resize: &Resize{Mode: modeShortestEdge, Size: 24, Filter: Bicubic}, Crop: &Crop{Width: 14, Height: 14, Rounding: roundHalfEven}, Channels: channelsBGR, Normalize: plain},
		{Resize: &Resize{Mode: modeShortestEdge, Size: 14, Filter: Bilinear}, Crop: &Crop{Width: 14, Height: 14, Rounding: roundFloor}, Channels: channelsRGB, Normalize: plain},
		{Crop: &Crop{Width: 14, Height: 14, Rounding: roundFloor}, Channels: channelsRGB, Normalize: plain},
		{Crop: &Crop{Width: 70, Height: 14, Rounding: roundFloor}, Channels: channelsRGB, Normalize: plain},
	}
}

func viewTensor(t *testing.T, s Spec, f TensorFormat, src *Pixels) (*Program, []byte) {
	t.Helper()
	p, err := Compile(s, f)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, p.Size())
	if err := p.NewWorker().ApplyPixels(src, dst); err != nil {
		t.Fatal(err)
	}
	return p, dst
}

// A mirrored view is the view mirrored, in every layout and type, and a view mirrored twice is itself.
func TestMirroredViews(t *testing.T) {
	src := randomPixels(40, 33, 1)
	for i, s := range viewsTest() {
		for _, layout := range []string{layoutNCHW, layoutNHWC} {
			for _, element := range ElementTypes[:3] {
				format := TensorFormat{Layout: layout, Type: element}
				p, want := viewTensor(t, s, format, src)
				m, err := s.View("mirrored")
				if err != nil {
					t.Fatal(err)
				}
				_, got := viewTensor(t, m, format, src)
				shape, size := p.Shape(), element.Size()
				at := func(data []byte, c, y, x int) string {
					k := (c*int(shape[1])+y)*int(shape[2]) + x
					if layout == layoutNHWC {
						k = (y*int(shape[1])+x)*3 + c
					}
					return string(data[k*size : (k+1)*size])
				}
				height, width := p.Format().Height, p.Format().Width
				for range 50 {
					c, y, x := rand.IntN(3), rand.IntN(height), rand.IntN(width)
					if at(got, c, y, x) != at(want, c, y, width-1-x) {
						t.Fatalf("spec %d, %s %s: channel %d, row %d, column %d", i, layout, element, c, y, x)
					}
				}
				if back, err := m.View("mirrored"); err != nil || back.Mirror {
					t.Errorf("%+v, %v", back, err)
				}
			}
		}
	}
}

// The corners of an image without a resize are its corners.
func TestCornerViews(t *testing.T) {
	src := randomPixels(40, 33, 2)
	s := viewsTest()[3]
	origin := map[string][2]int{"top-left": {0, 0}, "top-right": {26, 0}, "bottom-left": {0, 19}, "bottom-right": {26, 19}}
	for view, from := range origin {
		v, err := s.View(view)
		if err != nil {
			t.Fatal(err)
		}
		p, data := viewTensor(t, v, TensorFormat{Layout: layoutNHWC, Type: Uint8}, src)
		var want []byte
		for y := range p.Format().Height {
			at := 3 * ((from[1]+y)*src.Width + from[0])
			want = append(want, src.Pix[at:at+3*p.Format().Width]...)
		}
		if diff := cmp.Diff(want, data); diff != "" {
			t.Errorf("%s: %s", view, diff)
		}
	}
}

// Every view of every kind of spec makes a tensor of the same shape, and they all differ where there is room to.
func TestViewsDiffer(t *testing.T) {
	src := randomPixels(60, 55, 3)
	for i, s := range viewsTest()[:4] {
		before := fmt.Sprintf("%+v", s)
		seen := map[string]string{}
		p, data := viewTensor(t, s, TensorFormat{Layout: layoutNCHW}, src)
		seen[string(data)] = "as it is"
		for _, view := range Views(true, true) {
			v, err := s.View(view)
			if err != nil {
				t.Fatal(err)
			}
			q, data := viewTensor(t, v, TensorFormat{Layout: layoutNCHW}, src)
			if !slices.Equal(p.Shape(), q.Shape()) {
				t.Errorf("spec %d, %s: %v", i, view, q.Shape())
			}
			if other, ok := seen[string(data)]; ok {
				t.Errorf("spec %d: %q is %q", i, view, other)
			}
			seen[string(data)] = view
		}
		if len(seen) != 10 {
			t.Errorf("spec %d: %d views", i, len(seen))
		}
		if now := fmt.Sprintf("%+v", s); now != before {
			t.Errorf("spec %d was changed: %s", i, now)
		}
	}
	// Where the crop is larger than the image, it is padded as ever.
	wide, err := viewsTest()[4].View("bottom-right")
	if err != nil {
		t.Fatal(err)
	}
	if g := wide.geometry(60, 55); g.left != -5 || g.top != 55-14 {
		t.Errorf("%+v", g)
	}
}

func TestViewsThatAreNone(t *testing.T) {
	for _, view := range []string{"centre", "mirrored top-left", "top-left, mirrored"} {
		if _, err := viewsTest()[0].View(view); err == nil || !strings.Contains(err.Error(), view) {
			t.Errorf("%s: %v", view, err)
		}
	}
	s := viewsTest()[1]
	s.Crop.Corner = "middle"
	if _, err := Compile(s, TensorFormat{Layout: layoutNCHW}); err == nil || !strings.Contains(err.Error(), "crop.corner") {
		t.Errorf("%v", err)
	}
}

// JPEGs take a path of their own.
func TestMirroredJPEG(t *testing.T) {
	data := readTestImage(t)
	s := viewsTest()[1]
	m, _ := s.View("mirrored")
	tensor := func(s Spec) []byte {
		p, err := Compile(s, TensorFormat{Layout: layoutNCHW, Type: Uint8})
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]byte, p.Size())
		if _, err := p.NewWorker().Apply(data, DefaultLimits, dst); err != nil {
			t.Fatal(err)
		}
		return dst
	}
	want, got := tensor(s), tensor(m)
	for row := 0; row < len(want); row += 14 {
		slices.Reverse(want[row : row+14])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// randomPixels is an image of noise.
func randomPixels(width, height int, seed uint64) *Pixels {
	rnd := rand.New(rand.NewPCG(seed, 0))
	p := &Pixels{Width: width, Height: height, Pix: make([]byte, 3*width*height)}
	for i := range p.Pix {
		p.Pix[i] = byte(rnd.Uint32())
	}
	return p
}

func readTestImage(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "images", "landscape.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
