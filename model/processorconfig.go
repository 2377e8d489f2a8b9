package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tagbeam/tagbeam/model/preprocess"
)

// processorConfig is preprocessor_config.json. Pointers tell a key that is missing, or null, from one that is zero: transformers then takes the
// class's default.
type processorConfig struct {
	Class         string          `json:"image_processor_type"`
	OldClass      string          `json:"feature_extractor_type"`
	DoResize      flag            `json:"do_resize"`
	Size          json.RawMessage `json:"size"`
	Resample      *int            `json:"resample"`
	DoCenterCrop  flag            `json:"do_center_crop"`
	CropSize      json.RawMessage `json:"crop_size"`
	CropPct       *float64        `json:"crop_pct"`
	DoRescale     flag            `json:"do_rescale"`
	RescaleFactor *float64        `json:"rescale_factor"`
	DoNormalize   flag            `json:"do_normalize"`
	Mean          json.RawMessage `json:"image_mean"`
	Std           json.RawMessage `json:"image_std"`
	DoPad         *bool           `json:"do_pad"`
	AutoMap       json.RawMessage `json:"auto_map"`
	UseSquareSize *bool           `json:"use_square_size"`
	DataFormat    *string         `json:"data_format"`

	// Keys that change no pixel of a photo: tagbeam always converts to RGB, and the rest is about segmentation maps, devices and tensors' types.
	ConvertRGB       json.RawMessage `json:"do_convert_rgb"`
	ReduceLabels     json.RawMessage `json:"do_reduce_labels"`
	OldReduceLabels  json.RawMessage `json:"reduce_labels"`
	ProcessorClass   json.RawMessage `json:"processor_class"`
	Device           json.RawMessage `json:"device"`
	ReturnTensors    json.RawMessage `json:"return_tensors"`
	InputDataFormat  json.RawMessage `json:"input_data_format"`
	DisableGrouping  json.RawMessage `json:"disable_grouping"`
	PadSize          json.RawMessage `json:"pad_size"`
	DefaultToSquare  json.RawMessage `json:"default_to_square"`
	ValidKeys        json.RawMessage `json:"_valid_processor_keys"`
	TransformersVers json.RawMessage `json:"transformers_version"`
}

// processorSpec translates preprocessor_config.json. modelType is config.json's, for files that name no class.
func processorSpec(data []byte, modelType string) (spec preprocess.Spec, warnings []string, err error) {
	var c processorConfig
	if err := decodeStrict(data, &c); err != nil {
		return spec, nil, fmt.Errorf("%w%s", err, wayOutOfProcessor)
	}
	name, err := c.className(modelType)
	if err != nil {
		return spec, nil, err
	}
	p, ok := processors[name]
	if !ok {
		return spec, nil, fmt.Errorf("image processor class %q is not known (known are %s)%s", name, strings.Join(slices.Sorted(maps.Keys(processors)), ", "), wayOutOfProcessor)
	}
	p.fast = strings.HasSuffix(name, "Fast")
	spec, err = c.spec(p)
	if err != nil {
		return spec, nil, fmt.Errorf("%w%s", err, wayOutOfProcessor)
	}
	if p.fast {
		warnings = append(warnings, fmt.Sprintf("%s resizes with torchvision, tagbeam as Pillow does: a pixel may differ by one step of 255", name))
	}
	return spec, warnings, nil
}

const wayOutOfProcessor = `; say what the preprocessing is by --preprocess, or "preprocess" in tagbeam.json`

// className is the class that transformers would use.
func (c *processorConfig) className(modelType string) (string, error) {
	switch {
	case given(c.AutoMap):
		return "", errors.New("auto_map: its image processor is Python code of its own, which tagbeam cannot run" + wayOutOfProcessor)
	case c.Class != "":
		return strings.Replace(c.Class, "FeatureExtractor", "ImageProcessor", 1), nil
	case c.OldClass != "":
		return strings.Replace(c.OldClass, "FeatureExtractor", "ImageProcessor", 1), nil
	case processorOfModel[modelType] != "":
		return processorOfModel[modelType], nil
	}
	return "", fmt.Errorf("no image_processor_type in it, and model_type %q of config.json does not tell which it would be%s", modelType, wayOutOfProcessor)
}

func (c *processorConfig) spec(p processor) (spec preprocess.Spec, err error) {
	switch {
	case isTrue(c.DoPad):
		return spec, errors.New("do_pad is not supported")
	case isTrue(c.UseSquareSize):
		return spec, errors.New("use_square_size is not supported")
	case c.CropPct != nil && p.geometry != convnextSize:
		return spec, errors.New("crop_pct has a meaning for ConvNextImageProcessor only")
	case c.DataFormat != nil && *c.DataFormat != "channels_first":
		return spec, fmt.Errorf("data_format %q is not supported: the graph says where channels stand", *c.DataFormat)
	case p.crop == 0 && c.DoCenterCrop == flagTrue:
		return spec, errors.New("do_center_crop is true, but the class has no centre crop (transformers' slow and fast processors treat this differently)")
	}
	spec.Channels = "rgb"
	if c.DoResize.or(true, p.fast) {
		if err := c.resize(p, &spec); err != nil {
			return spec, err
		}
	}
	if p.crop != 0 && c.DoCenterCrop.or(p.cropped, p.fast) {
		crop, err := parseSide("crop_size", c.CropSize, side{height: p.crop, width: p.crop}, true)
		if err != nil {
			return spec, err
		}
		if crop.shortest != 0 {
			return spec, errors.New("crop_size must be a number or have height and width")
		}
		spec.Crop = &preprocess.Crop{Width: crop.width, Height: crop.height, Rounding: "floor"}
	}
	spec.Normalize, err = c.normalize(p)
	return spec, err
}

// resize sets the resize, and for ConvNext the crop that belongs to it.
func (c *processorConfig) resize(p processor, spec *preprocess.Spec) error {
	filter := p.filter
	if c.Resample != nil {
		var ok bool
		if filter, ok = filterOfNumber[*c.Resample]; !ok {
			return fmt.Errorf("resample %d is not one of Pillow's filters (0 to 5)", *c.Resample)
		}
	}
	size, err := parseSide("size", c.Size, p.size, p.geometry == exactSize || p.geometry == eitherSquare)
	if err != nil {
		return err
	}
	switch {
	case p.geometry == exactSize && size.shortest != 0:
		return errors.New("size has shortest_edge, but the class wants height and width")
	case p.geometry == convnextSize:
		if size.shortest == 0 {
			return errors.New("size has height and width, but the class wants shortest_edge")
		}
		c.resizeConvNext(size.shortest, filter, spec)
		return nil
	case p.geometry == levitSize && size.shortest != 0:
		size.shortest = int(256.0 / 224.0 * float64(size.shortest))
	}
	spec.Resize = &preprocess.Resize{Mode: "exact", Width: size.width, Height: size.height, Filter: filter}
	if size.shortest != 0 {
		spec.Resize = &preprocess.Resize{Mode: "shortest_edge", Size: size.shortest, Filter: filter}
	}
	return nil
}

func (c *processorConfig) resizeConvNext(s int, filter preprocess.Filter, spec *preprocess.Spec) {
	if s >= 384 {
		spec.Resize = &preprocess.Resize{Mode: "exact", Width: s, Height: s, Filter: filter}
		return
	}
	spec.Resize = &preprocess.Resize{Mode: "shortest_edge", Size: int(float64(s) / valueOr(c.CropPct, 224.0/256)), Filter: filter}
	spec.Crop = &preprocess.Crop{Width: s, Height: s, Rounding: "floor"}
}

func (c *processorConfig) normalize(p processor) (preprocess.Normalize, error) {
	n := preprocess.Normalize{Scale: 1, Std: [3]float32{1, 1, 1}}
	if c.DoRescale.or(true, p.fast) {
		n.Scale = valueOr(c.RescaleFactor, 1.0/255)
	}
	if !c.DoNormalize.or(true, p.fast) {
		return n, nil
	}
	var err error
	if n.Mean, err = parseColour("image_mean", c.Mean, p.mean); err != nil {
		return n, err
	}
	n.Std, err = parseColour("image_std", c.Std, p.std)
	return n, err
}

// parseSide reads a size: a number, [height, width], {"height", "width"} or {"shortest_edge"}.
func parseSide(key string, raw json.RawMessage, otherwise side, square bool) (side, error) {
	if !given(raw) {
		return otherwise, nil
	}
	var n int
	if json.Unmarshal(raw, &n) == nil {
		if square {
			return side{height: n, width: n}, nil
		}
		return side{shortest: n}, nil
	}
	var pair []int
	if json.Unmarshal(raw, &pair) == nil && len(pair) == 2 {
		return side{height: pair[0], width: pair[1]}, nil
	}
	var s struct {
		Height   int `json:"height"`
		Width    int `json:"width"`
		Shortest int `json:"shortest_edge"`
	}
	err := decodeStrict(raw, &s)
	exact, shortest := s.Height > 0 && s.Width > 0, s.Shortest > 0
	if err != nil || exact == shortest {
		return side{}, fmt.Errorf("%s is %s: it must be a number, or have height and width, or shortest_edge", key, raw)
	}
	return side{shortest: s.Shortest, height: s.Height, width: s.Width}, nil
}

// parseColour reads one number for all channels, or three.
func parseColour(key string, raw json.RawMessage, otherwise [3]float32) ([3]float32, error) {
	if !given(raw) {
		return otherwise, nil
	}
	var one float32
	if json.Unmarshal(raw, &one) == nil {
		return [3]float32{one, one, one}, nil
	}
	var three []float32
	if err := json.Unmarshal(raw, &three); err != nil || len(three) != 3 {
		return otherwise, fmt.Errorf("%s is %s: it must be a number or three", key, raw)
	}
	return [3]float32(three), nil
}

// flag is a boolean that may be missing or null.
type flag int

const (
	flagMissing flag = iota
	flagNull
	flagFalse
	flagTrue
)

// UnmarshalJSON is called for null too.
func (f *flag) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "true":
		*f = flagTrue
	case "false":
		*f = flagFalse
	case "null":
		*f = flagNull
	default:
		return fmt.Errorf("%s is not true or false", data)
	}
	return nil
}

// or is the flag's value. null is the class's default to the fast classes, which write it for what they were not given, and false to the
// slow ones, where it is Python's None.
func (f flag) or(otherwise, fast bool) bool {
	if f == flagMissing || f == flagNull && fast {
		return otherwise
	}
	return f == flagTrue
}

func isTrue(b *bool) bool { return b != nil && *b }

func valueOr[T any](v *T, otherwise T) T {
	if v == nil {
		return otherwise
	}
	return *v
}
