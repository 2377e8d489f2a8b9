package preprocess

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// torchvisionSpec is a valid spec of 224 x 224, for tests to damage.
func torchvisionSpec(t testing.TB) Spec {
	t.Helper()
	s, err := Preset("torchvision", 224, 224)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCompileErrors(t *testing.T) {
	nchw := TensorFormat{Layout: "NCHW", Height: 224, Width: 224}
	for _, test := range []struct {
		name   string
		change func(s *Spec, f *TensorFormat)
		want   string
	}{
		{"mode", func(s *Spec, _ *TensorFormat) { s.Resize.Mode = "longest_edge" }, `preprocess.resize.mode: "longest_edge" is not allowed: exact, shortest_edge, cover, fit`},
		{"size", func(s *Spec, _ *TensorFormat) { s.Resize.Size = 0 }, `preprocess.resize.size: 0 is not allowed: 1 to 8192`},
		{"filter", func(s *Spec, _ *TensorFormat) { s.Resize.Filter = "cubic" }, `preprocess.resize.filter: "cubic" is not allowed: nearest, box, bilinear, hamming, bicubic, lanczos`},
		{"width with shortest_edge", func(s *Spec, _ *TensorFormat) { s.Resize.Width = 5 }, `preprocess.resize.width: width and height have no meaning with mode "shortest_edge": leave them out`},
		{"size with exact", func(s *Spec, _ *TensorFormat) {
			s.Resize = &Resize{Mode: "exact", Width: 9, Height: 9, Size: 9, Filter: Box}
		}, `preprocess.resize.size: 9 has no meaning with mode "exact": leave it out`},
		{"exact sides", func(s *Spec, _ *TensorFormat) {
			s.Resize = &Resize{Mode: "exact", Width: -1, Height: 9000, Filter: Box}
		}, "preprocess.resize.width: -1 is not allowed: 1 to 8192\npreprocess.resize.height: 9000 is not allowed: 1 to 8192"},
		{"crop", func(s *Spec, _ *TensorFormat) { *s.Crop = Crop{Width: 0, Height: 224} }, "preprocess.crop.width: 0 is not allowed: 1 to 8192\n" +
			`preprocess.crop.rounding: "" is not allowed: floor, trunc, half_even`},
		{"channels", func(s *Spec, _ *TensorFormat) { s.Channels = "RGB" }, `preprocess.channels: "RGB" is not allowed: rgb, bgr`},
		{"scale", func(s *Spec, _ *TensorFormat) { s.Normalize.Scale = 0 }, `preprocess.normalize.scale: 0 is not allowed: any finite number but 0, for instance 1 (bytes as they are) or 0.00392156862745098 (1/255)`},
		{"offset", func(s *Spec, _ *TensorFormat) { s.Normalize.Offset = float32(math.Inf(1)) }, `preprocess.normalize.offset: +Inf is not a finite number`},
		{"mean", func(s *Spec, _ *TensorFormat) { s.Normalize.Mean[2] = float32(math.NaN()) }, `preprocess.normalize.mean: [2] = NaN is not a finite number`},
		{"std", func(s *Spec, _ *TensorFormat) { s.Normalize.Std[1] = 0 }, `preprocess.normalize.std: [1] = 0 is not allowed: values are divided by it (1 leaves them as they are)`},
		{"no crop", func(s *Spec, _ *TensorFormat) { s.Crop = nil }, `preprocess.crop: missing; resize.mode "shortest_edge" leaves an edge open: add a crop, or use mode "exact"`},
		{"nothing", func(s *Spec, _ *TensorFormat) { s.Crop, s.Resize = nil, nil }, `preprocess: neither resize nor crop is there, so that images keep sizes of their own: add one of them`},
		{"other input", func(_ *Spec, f *TensorFormat) { f.Height, f.Width = 0, 299 }, `preprocess makes 224 x 224 pixels (width x height), but the model's input is 299 x any: change preprocess.crop, or use another model`},
		{"other input, no crop", func(s *Spec, f *TensorFormat) {
			s.Resize, s.Crop = &Resize{Mode: "exact", Width: 96, Height: 64, Filter: Box}, nil
		}, `preprocess makes 96 x 64 pixels (width x height), but the model's input is 224 x 224: change preprocess.resize, or use another model`},
		{"layout", func(_ *Spec, f *TensorFormat) { f.Layout = "NCWH" }, `layout "NCWH" of the model's input is not known: NCHW or NHWC`},
		{"type", func(_ *Spec, f *TensorFormat) { f.Type = "bfloat16" }, `elements of type "bfloat16" cannot be made for the model's input: [float32 float16 uint8 int8] can`},
		{"uint8 below 0", func(_ *Spec, f *TensorFormat) { f.Type = Uint8 }, "the model's input is uint8, and preprocess.normalize makes -2.117904 of the byte 0: that type cannot hold it; " +
			"the model was probably made for other values (--preprocess none: 0 to 255 as they are)"},
		{"int8 above 127", func(s *Spec, f *TensorFormat) { f.Type, s.Normalize = Int8, Normalize{Scale: 1, Std: ones} }, "the model's input is int8, and preprocess.normalize makes 128 of the byte 128: " +
			"that type cannot hold it; the model was probably made for other values (--preprocess none: 0 to 255 as they are)"},
		{"uint8 of units", func(s *Spec, f *TensorFormat) { f.Type, s.Normalize = Uint8, Normalize{Scale: 1. / 255, Std: ones} }, "the model's input is uint8, and preprocess.normalize makes 0 to 1 of the bytes, " +
			"which leaves 2 steps of 256; the model was probably made for other values (--preprocess none: 0 to 255 as they are)"},
		{"float16 too large", func(s *Spec, f *TensorFormat) { f.Type, s.Normalize.Scale = Float16, 100 }, "the model's input is float16, and preprocess.normalize makes 65936.74 of the byte 151: that type cannot hold it; " +
			"the model was probably made for other values (--preprocess none: 0 to 255 as they are)"},
		{"negative input", func(_ *Spec, f *TensorFormat) { f.Width = -1 }, `the model's input cannot be -1 x 224: 0 stands for any size`},
	} {
		s, f := torchvisionSpec(t), nchw
		test.change(&s, &f)
		p, err := Compile(s, f)
		if err == nil {
			t.Errorf("%s: compiled to %v", test.name, p.Format())
		} else if diff := cmp.Diff(test.want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestProgramFormat(t *testing.T) {
	s, err := Preset("none,resize=20x10", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		in    TensorFormat
		want  TensorFormat
		shape []int64
	}{
		{TensorFormat{Layout: "NCHW"}, TensorFormat{"NCHW", 10, 20, Float32}, []int64{3, 10, 20}},
		{TensorFormat{Layout: "NHWC", Height: 10}, TensorFormat{"NHWC", 10, 20, Float32}, []int64{10, 20, 3}},
	} {
		p, err := Compile(s, test.in)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, p.Format()); diff != "" || p.Len() != 600 {
			t.Errorf("length %d, format (-want +got):\n%s", p.Len(), diff)
		}
		if diff := cmp.Diff(test.shape, p.Shape()); diff != "" {
			t.Errorf("shape (-want +got):\n%s", diff)
		}
	}
}

// A program keeps its spec, whatever the caller does with his.
func TestProgramIsImmutable(t *testing.T) {
	s := torchvisionSpec(t)
	p, err := Compile(s, TensorFormat{Layout: "NCHW"})
	if err != nil {
		t.Fatal(err)
	}
	s.Resize.Size, s.Crop.Width = 1, 1
	p.Spec().Resize.Size = 2
	if diff := cmp.Diff(torchvisionSpec(t), p.Spec()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// keras' preprocess_input(mode="tf") divides by 127.5 in float32; the table must give the same values.
func TestNormalizeKerasTF(t *testing.T) {
	s, err := Preset("keras-tf", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	table := s.Normalize.table()
	for v := range 256 {
		want := float32(float32(v)/127.5) - 1
		if got := table[1][v]; got != want {
			t.Errorf("%d: %v, want %v", v, got, want)
		}
	}
}

func TestPreset(t *testing.T) {
	exact := func(w, h int, f Filter) *Resize { return &Resize{Mode: "exact", Width: w, Height: h, Filter: f} }
	edge := func(size int, f Filter) *Resize { return &Resize{Mode: "shortest_edge", Size: size, Filter: f} }
	crop := func(w, h int, rounding string) *Crop { return &Crop{Width: w, Height: h, Rounding: rounding} }
	imagenet := Normalize{Scale: 1.0 / 255, Mean: [3]float32{0.485, 0.456, 0.406}, Std: [3]float32{0.229, 0.224, 0.225}}
	caffe := Normalize{Scale: 1, Mean: [3]float32{123, 117, 104}, Std: [3]float32{1, 1, 1}}
	kerasCaffe := Normalize{Scale: 1, Mean: [3]float32{123.68, 116.779, 103.939}, Std: [3]float32{1, 1, 1}}
	kerasTF := Normalize{Scale: 1 / 127.5, Offset: -1, Std: [3]float32{1, 1, 1}}
	bytes := Normalize{Scale: 1, Std: [3]float32{1, 1, 1}}
	unit := Normalize{Scale: 1.0 / 255, Std: [3]float32{1, 1, 1}}
	for _, test := range []struct {
		flag string
		h, w int
		want Spec
	}{
		{"torchvision", 224, 224, Spec{false, false, edge(256, Bilinear), crop(224, 224, "half_even"), "rgb", imagenet, false}},
		{"imagenet", 0, 0, Spec{false, false, edge(256, Bilinear), crop(224, 224, "half_even"), "rgb", imagenet, false}},
		{"torchvision", 299, 299, Spec{false, false, edge(342, Bilinear), crop(299, 299, "half_even"), "rgb", imagenet, false}},
		{"caffe", 227, 227, Spec{false, false, edge(259, Bilinear), crop(227, 227, "half_even"), "bgr", caffe, false}},
		{"keras-caffe", 160, 224, Spec{false, false, exact(224, 160, Nearest), nil, "bgr", kerasCaffe, false}},
		{"keras-caffe,filter=bilinear", 0, 0, Spec{false, false, exact(224, 224, Bilinear), nil, "bgr", kerasCaffe, false}},
		{"keras-tf", 128, 128, Spec{false, false, exact(128, 128, Nearest), nil, "rgb", kerasTF, false}},
		{"keras-torch", 128, 128, Spec{false, false, exact(128, 128, Nearest), nil, "rgb", imagenet, false}},
		{"none", 32, 32, Spec{false, false, exact(32, 32, Bilinear), nil, "rgb", bytes, false}},
		{"unit", 32, 32, Spec{false, false, exact(32, 32, Bilinear), nil, "rgb", unit, false}},
		{"torchvision,resize=232,filter=bicubic,rounding=floor", 0, 0, Spec{false, false, edge(232, Bicubic), crop(224, 224, "floor"), "rgb", imagenet, false}},
		{"torchvision,crop=280", 0, 0, Spec{false, false, edge(320, Bilinear), crop(280, 280, "half_even"), "rgb", imagenet, false}},
		{"torchvision,crop=none,resize=224x160", 0, 0, Spec{false, false, exact(224, 160, Bilinear), nil, "rgb", imagenet, false}},
		{"torchvision,resize=none", 32, 32, Spec{false, false, nil, crop(32, 32, "half_even"), "rgb", imagenet, false}},
		{"unit,resize=40,crop=32x24", 0, 0, Spec{false, false, edge(40, Bilinear), crop(32, 24, "half_even"), "rgb", unit, false}},
		{" none, channels=bgr, scale=1/128, offset=-1, mean=0.5, std=1:2:4,", 8, 8, Spec{false, false, exact(8, 8, Bilinear), nil, "bgr",
			Normalize{Scale: 1.0 / 128, Offset: -1, Mean: [3]float32{.5, .5, .5}, Std: [3]float32{1, 2, 4}}, false}},
	} {
		got, err := Preset(test.flag, test.h, test.w)
		if err != nil {
			t.Errorf("%s: %v", test.flag, err)
		} else if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.flag, diff)
		} else if _, err := Compile(got, TensorFormat{Layout: "NCHW"}); err != nil {
			t.Errorf("%s: %v", test.flag, err)
		}
	}
}

func TestPresetErrors(t *testing.T) {
	for flag, want := range map[string]string{
		"":                            `preset "" is not known: torchvision, imagenet, caffe, keras-caffe, keras-tf, keras-torch, none, unit`,
		"resnet":                      `preset "resnet" is not known: torchvision, imagenet, caffe, keras-caffe, keras-tf, keras-torch, none, unit`,
		"none,size=3":                 `preset "none,size=3": key "size" is not known: resize, crop, filter, rounding, channels, scale, offset, mean, std`,
		"none,crop":                   `preset "none,crop": crop needs a value: crop=224, 256x224 (width x height) or none`,
		"none,scale=1,scale=2":        `preset "none,scale=1,scale=2": scale is given twice`,
		"none,resize=0":               `preset "none,resize=0": resize=0: not a size in pixels; allowed: 256 (shortest edge), 256x224 (width x height) or none`,
		"none,crop=3x":                `preset "none,crop=3x": crop=3x: not a size in pixels; allowed: 224, 256x224 (width x height) or none`,
		"none,crop=a":                 `preset "none,crop=a": crop=a: not a size in pixels; allowed: 224, 256x224 (width x height) or none`,
		"none,filter=cubic":           `preset "none,filter=cubic": filter=cubic: not known; allowed: nearest, box, bilinear, hamming, bicubic or lanczos`,
		"none,resize=none,filter=box": `preset "none,resize=none,filter=box": filter=box: there is no resize that it could apply to; allowed: nearest, box, bilinear, hamming, bicubic or lanczos`,
		"none,rounding=floor":         `preset "none,rounding=floor": rounding=floor: there is no crop that it could apply to; allowed: floor, trunc or half_even`,
		"caffe,rounding=up":           `preset "caffe,rounding=up": rounding=up: not known; allowed: floor, trunc or half_even`,
		"none,channels=gray":          `preset "none,channels=gray": channels=gray: not known; allowed: rgb or bgr`,
		"none,scale=x":                `preset "none,scale=x": scale=x: not a number; allowed: a number, or a fraction like 1/255`,
		"none,scale=1/0":              `preset "none,scale=1/0": scale=1/0: not a fraction; allowed: a number, or a fraction like 1/255`,
		"none,offset=x":               `preset "none,offset=x": offset=x: not a number; allowed: a number`,
		"none,mean=1:2":               `preset "none,mean=1:2": mean=1:2: 2 numbers; allowed: one number, or three in RGB order like 0.485:0.456:0.406`,
		"none,std=1:2:x":              `preset "none,std=1:2:x": std=1:2:x: not a number; allowed: one number, or three in RGB order like 0.229:0.224:0.225`,
	} {
		spec, err := Preset(flag, 0, 0)
		if err == nil {
			t.Errorf("%q: no error, but %+v", flag, spec)
		} else if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", flag, diff)
		}
	}
}

// What tagbeam.json holds survives being written and read.
func TestSpecJSON(t *testing.T) {
	for _, name := range PresetNames {
		want, err := Preset(name, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Spec
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestShortestEdge(t *testing.T) {
	r := Resize{Mode: "shortest_edge", Size: 256}
	var got []string
	for _, s := range [][2]int{{500, 375}, {375, 500}, {256, 256}, {333, 500}, {1, 65535}, {500, 333}} {
		w, h := r.apply(s[0], s[1])
		got = append(got, fmt.Sprintf("%dx%d", w, h))
	}
	if want := "341x256 256x341 256x256 256x384 256x16776960 384x256"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}
