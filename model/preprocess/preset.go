package preprocess

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// defaultSide is the input size that is assumed where the model takes any.
const defaultSide = 224

// PresetNames are the names that Preset knows.
var PresetNames = []string{"torchvision", "imagenet", "caffe", "keras-caffe", "keras-tf", "keras-torch", "none", "unit"}

// presetKeys are the keys that can stand after a preset's name, with the form of their values.
var presetKeys = []struct{ name, form string }{
	{"resize", "256 (shortest edge), 256x224 (width x height) or none"},
	{"crop", "224, 256x224 (width x height) or none"},
	{"filter", "nearest, box, bilinear, hamming, bicubic or lanczos"},
	{"rounding", "floor, trunc or half_even"},
	{"channels", "rgb or bgr"},
	{"scale", "a number, or a fraction like 1/255"},
	{"offset", "a number"},
	{"mean", "one number, or three in RGB order like 0.485:0.456:0.406"},
	{"std", "one number, or three in RGB order like 0.229:0.224:0.225"},
}

// Preset returns the preprocessing that a flag describes: the name of a preset, then any number of key=value, all separated by commas, as in
// "torchvision,resize=232,filter=bicubic". h and w are the model's input size in pixels (0: any, then 224).
//
//	torchvision  the shortest edge to crop / 0.875, centre crop, values 0..1, ImageNet's mean and deviation (also: imagenet)
//	caffe        the same geometry; BGR, values 0..255 less ImageNet's mean colour
//	keras-caffe  straight to the input size, as Keras' load_img does (nearest); BGR, 0..255 less the mean colour: ResNet50, VGG
//	keras-tf     the same geometry; x / 127.5 - 1: MobileNet, Inception, Xception
//	keras-torch  the same geometry; 0..1, ImageNet's mean and deviation: DenseNet
//	none         straight to the input size (bilinear), values 0..255
//	unit         the same, values 0..1
//
// torchvision alone is what torchvision's IMAGENET1K_V1 weights take, "torchvision,resize=232" most of its IMAGENET1K_V2 weights.
// mean and std apply to values after scale and offset. Errors say what is known. That the parts fit together is for Compile to check.
func Preset(flag string, h, w int) (Spec, error) {
	name, rest, _ := strings.Cut(flag, ",")
	if h <= 0 {
		h = defaultSide
	}
	if w <= 0 {
		w = defaultSide
	}
	spec, err := presetNamed(strings.TrimSpace(name), h, w)
	if err != nil {
		return Spec{}, err
	}
	settings, err := presetSettings(rest)
	if err != nil {
		return Spec{}, fmt.Errorf("preset %q: %w", flag, err)
	}
	if err := spec.applySettings(settings); err != nil {
		return Spec{}, fmt.Errorf("preset %q: %w", flag, err)
	}
	return spec, nil
}

var (
	imagenetMean = [3]float32{0.485, 0.456, 0.406}
	imagenetStd  = [3]float32{0.229, 0.224, 0.225}
	ones         = [3]float32{1, 1, 1}
)

func presetNamed(name string, h, w int) (Spec, error) {
	cropped := func(channels string, n Normalize) Spec {
		c := &Crop{Width: w, Height: h, Rounding: roundHalfEven}
		return Spec{Resize: resizeFor(c, Bilinear), Crop: c, Channels: channels, Normalize: n}
	}
	exact := func(f Filter, channels string, n Normalize) Spec {
		return Spec{Resize: &Resize{Mode: modeExact, Width: w, Height: h, Filter: f}, Channels: channels, Normalize: n}
	}
	imagenet := Normalize{Scale: 1.0 / 255, Mean: imagenetMean, Std: imagenetStd}
	switch name {
	case "torchvision", "imagenet":
		return cropped(channelsRGB, imagenet), nil
	case "caffe":
		return cropped(channelsBGR, Normalize{Scale: 1, Mean: [3]float32{123, 117, 104}, Std: ones}), nil
	case "keras-caffe":
		return exact(Nearest, channelsBGR, Normalize{Scale: 1, Mean: [3]float32{123.68, 116.779, 103.939}, Std: ones}), nil
	case "keras-tf":
		return exact(Nearest, channelsRGB, Normalize{Scale: 1 / 127.5, Offset: -1, Std: ones}), nil
	case "keras-torch":
		return exact(Nearest, channelsRGB, imagenet), nil
	case "none":
		return exact(Bilinear, channelsRGB, Normalize{Scale: 1, Std: ones}), nil
	case "unit":
		return exact(Bilinear, channelsRGB, Normalize{Scale: 1.0 / 255, Std: ones}), nil
	}
	return Spec{}, fmt.Errorf("preset %q is not known: %s", name, strings.Join(PresetNames, ", "))
}

// resizeFor is the resize that goes with a centre crop: the crop shows 0.875 of the shortest edge, 224 of 256.
func resizeFor(c *Crop, f Filter) *Resize {
	return &Resize{Mode: modeShortestEdge, Size: int(math.Round(float64(max(c.Width, c.Height)) / 0.875)), Filter: f}
}

// presetSettings splits key=value,key=value.
func presetSettings(text string) (map[string]string, error) {
	settings := map[string]string{}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		key, value, ok := strings.Cut(item, "=")
		known := slices.ContainsFunc(presetKeys, func(k struct{ name, form string }) bool { return k.name == key })
		_, twice := settings[key]
		switch {
		case !known:
			return nil, fmt.Errorf("key %q is not known: %s", key, presetKeyNames())
		case !ok || value == "":
			return nil, fmt.Errorf("%s needs a value: %s=%s", key, key, presetForm(key))
		case twice:
			return nil, fmt.Errorf("%s is given twice", key)
		}
		settings[key] = value
	}
	return settings, nil
}

// applySettings changes s by what the flag says.
func (s *Spec) applySettings(settings map[string]string) error {
	steps := []struct {
		key   string
		apply func(value string) error
	}{
		// crop before resize: a new crop brings its resize with it, unless the flag has one.
		{"crop", s.setCrop},
		{"resize", s.setResize},
		{"filter", s.setFilter},
		{"rounding", s.setRounding},
		{"channels", s.setChannels},
		{"scale", func(v string) (err error) { s.Normalize.Scale, err = parseScale(v); return err }},
		{"offset", func(v string) (err error) { s.Normalize.Offset, err = parseFloat32(v); return err }},
		{"mean", func(v string) (err error) { s.Normalize.Mean, err = parseColour(v); return err }},
		{"std", func(v string) (err error) { s.Normalize.Std, err = parseColour(v); return err }},
	}
	for _, step := range steps {
		value, ok := settings[step.key]
		if !ok {
			continue
		}
		if err := step.apply(value); err != nil {
			return fmt.Errorf("%s=%s: %w; allowed: %s", step.key, value, err, presetForm(step.key))
		}
	}
	return nil
}

func (s *Spec) setCrop(value string) error {
	if value == "none" {
		s.Crop = nil
		return nil
	}
	w, h, err := parseSize(value)
	if err != nil {
		return err
	}
	if s.Crop == nil {
		s.Crop = &Crop{Rounding: roundHalfEven}
	}
	s.Crop.Width, s.Crop.Height = w, h
	if s.Resize != nil && s.Resize.Mode == modeShortestEdge {
		s.Resize = resizeFor(s.Crop, s.Resize.Filter)
	}
	return nil
}

func (s *Spec) setResize(value string) error {
	if value == "none" {
		s.Resize = nil
		return nil
	}
	w, h, err := parseSize(value)
	if err != nil {
		return err
	}
	if strings.ContainsRune(value, 'x') {
		s.Resize = &Resize{Mode: modeExact, Width: w, Height: h, Filter: s.Resize.Filter}
	} else {
		s.Resize = &Resize{Mode: modeShortestEdge, Size: w, Filter: s.Resize.Filter}
	}
	return nil
}

func (s *Spec) setFilter(value string) error {
	switch {
	case s.Resize == nil:
		return errors.New("there is no resize that it could apply to")
	case !slices.Contains(Filters, Filter(value)):
		return errors.New("not known")
	}
	s.Resize.Filter = Filter(value)
	return nil
}

func (s *Spec) setRounding(value string) error {
	switch {
	case s.Crop == nil:
		return errors.New("there is no crop that it could apply to")
	case value != roundFloor && value != roundTrunc && value != roundHalfEven:
		return errors.New("not known")
	}
	s.Crop.Rounding = value
	return nil
}

func (s *Spec) setChannels(value string) error {
	if value != channelsRGB && value != channelsBGR {
		return errors.New("not known")
	}
	s.Channels = value
	return nil
}

// parseSize parses 224, which is 224x224, or WxH.
func parseSize(text string) (w, h int, err error) {
	first, second, both := strings.Cut(text, "x")
	if w, err = strconv.Atoi(first); err != nil || w < 1 {
		return 0, 0, errors.New("not a size in pixels")
	}
	if !both {
		return w, w, nil
	}
	if h, err = strconv.Atoi(second); err != nil || h < 1 {
		return 0, 0, errors.New("not a size in pixels")
	}
	return w, h, nil
}

// parseScale parses a number or a fraction.
func parseScale(text string) (float64, error) {
	numerator, denominator, fraction := strings.Cut(text, "/")
	x, err := strconv.ParseFloat(numerator, 64)
	if err != nil {
		return 0, errors.New("not a number")
	}
	if !fraction {
		return x, nil
	}
	y, err := strconv.ParseFloat(denominator, 64)
	if err != nil || y == 0 {
		return 0, errors.New("not a fraction")
	}
	return x / y, nil
}

func parseFloat32(text string) (float32, error) {
	x, err := strconv.ParseFloat(text, 32)
	if err != nil {
		return 0, errors.New("not a number")
	}
	return float32(x), nil
}

// parseColour parses one number for all channels, or three with colons between them, in RGB order.
func parseColour(text string) (c [3]float32, err error) {
	parts := strings.Split(text, ":")
	if len(parts) != 1 && len(parts) != 3 {
		return c, fmt.Errorf("%d numbers", len(parts))
	}
	for i := range c {
		if c[i], err = parseFloat32(parts[i%len(parts)]); err != nil {
			return c, err
		}
	}
	return c, nil
}

func presetForm(key string) string {
	for _, k := range presetKeys {
		if k.name == key {
			return k.form
		}
	}
	return ""
}

func presetKeyNames() string {
	names := make([]string, len(presetKeys))
	for i, k := range presetKeys {
		names[i] = k.name
	}
	return strings.Join(names, ", ")
}
