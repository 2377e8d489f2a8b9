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
	CropPct       json.RawMessage `json:"crop_pct"`
	DoRescale     flag            `json:"do_rescale"`
	RescaleFactor *float64        `json:"rescale_factor"`
	DoNormalize   flag            `json:"do_normalize"`
	Mean          json.RawMessage `json:"image_mean"`
	Std           json.RawMessage `json:"image_std"`
	DoPad         *bool           `json:"do_pad"`
	AutoMap       json.RawMessage `json:"auto_map"`
	UseSquareSize *bool           `json:"use_square_size"`
	FlipChannels  flag            `json:"do_flip_channel_order"`
	RescaleOffset flag            `json:"rescale_offset"`
	IncludeTop    flag            `json:"include_top"`
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
//
// The slow classes' tensors are equal to Python's, bit for bit (testdata/preprocess/parity.py). The fast ones' are not: torchvision resizes
// bytes by arithmetic of its own, and we resize as Pillow does. Compared with torch 2.5.1 on 25 photos, 0.2 to 1 % of the values differ, by one
// step of 255; DeiT's, by up to six. With nearest, single pixels are others altogether: that is refused.
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
		warnings = append(warnings, fmt.Sprintf("%s resizes with torchvision, tagbeam as Pillow does: about one value of a hundred differs by a step of 255 (DeiT's by some)", name))
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
	case given(c.CropPct) && p.geometry != convnextSize && p.geometry != poolformerSize:
		return spec, errors.New("crop_pct has a meaning for ConvNextImageProcessor and PoolFormerImageProcessor only")
	case c.FlipChannels == flagTrue && !p.flips:
		return spec, errors.New("do_flip_channel_order has a meaning for MobileViTImageProcessor only")
	case (c.RescaleOffset == flagTrue || c.IncludeTop == flagTrue) && !p.twice:
		return spec, errors.New("rescale_offset and include_top have a meaning for EfficientNetImageProcessor only")
	case c.DataFormat != nil && *c.DataFormat != "channels_first":
		return spec, fmt.Errorf("data_format %q is not supported: the graph says where channels stand", *c.DataFormat)
	case p.crop == 0 && c.DoCenterCrop == flagTrue:
		return spec, errors.New("do_center_crop is true, but the class has no centre crop (transformers' slow and fast processors treat this differently)")
	}
	spec.Channels = "rgb"
	if p.flips && c.FlipChannels.or(true, p.fast) {
		spec.Channels = "bgr"
	}
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
		spec.Crop = &preprocess.Crop{Width: crop.width, Height: crop.height, Rounding: p.rounding()}
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
	switch {
	case p.fast && filter == preprocess.Nearest:
		return errors.New("resample 0 (nearest) of a fast class takes other pixels than Pillow does (torchvision rounds places differently): " +
			"the class of the same name without Fast is what use_fast=False loads")
	case p.fast && filter != preprocess.Bilinear && filter != preprocess.Bicubic:
		return fmt.Errorf("resample %d (%s) is one that torchvision, on which the class is built, cannot do (it can 0, 2 and 3)", *c.Resample, filter)
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
		return c.resizeConvNext(size.shortest, filter, p, spec)
	case p.geometry == poolformerSize:
		if size, err = c.enlarge(size); err != nil {
			return err
		}
	case p.geometry == levitSize && size.shortest != 0:
		size.shortest = int(256.0 / 224.0 * float64(size.shortest))
	}
	spec.Resize = &preprocess.Resize{Mode: "exact", Width: size.width, Height: size.height, Filter: filter}
	if size.shortest != 0 {
		spec.Resize = &preprocess.Resize{Mode: "shortest_edge", Size: size.shortest, Filter: filter}
	}
	return nil
}

func (c *processorConfig) resizeConvNext(s int, filter preprocess.Filter, p processor, spec *preprocess.Spec) error {
	if s >= 384 {
		spec.Resize = &preprocess.Resize{Mode: "exact", Width: s, Height: s, Filter: filter}
		return nil
	}
	pct, err := c.cropPct(224.0 / 256)
	if err != nil {
		return err
	}
	spec.Resize = &preprocess.Resize{Mode: "shortest_edge", Size: int(float64(s) / pct), Filter: filter}
	spec.Crop = &preprocess.Crop{Width: s, Height: s, Rounding: p.rounding()}
	return nil
}

// enlarge is PoolFormer's: the crop that follows shows crop_pct of each edge. A square counts as a shortest edge, and null turns it off.
func (c *processorConfig) enlarge(size side) (side, error) {
	if c.CropPct != nil && !given(c.CropPct) {
		return size, nil
	}
	pct, err := c.cropPct(0.9)
	if err != nil {
		return size, err
	}
	if size.shortest == 0 && size.height == size.width {
		size.shortest = size.height
	}
	if size.shortest != 0 {
		return side{shortest: int(float64(size.shortest) / pct)}, nil
	}
	return side{height: int(float64(size.height) / pct), width: int(float64(size.width) / pct)}, nil
}

func (c *processorConfig) cropPct(otherwise float64) (float64, error) {
	if !given(c.CropPct) {
		return otherwise, nil
	}
	var pct float64
	if err := json.Unmarshal(c.CropPct, &pct); err != nil || pct <= 0 {
		return 0, fmt.Errorf("crop_pct is %s: it must be a number above 0", c.CropPct)
	}
	return pct, nil
}

func (c *processorConfig) normalize(p processor) (preprocess.Normalize, error) {
	n := preprocess.Normalize{Scale: 1, Std: [3]float32{1, 1, 1}}
	rescale := c.DoRescale.or(true, p.fast)
	if rescale {
		n.Scale = valueOr(c.RescaleFactor, 1.0/255)
	}
	if rescale && p.twice && c.RescaleOffset == flagTrue {
		n.Offset = -1
	}
	mean, err := parseColour("image_mean", c.Mean, p.mean)
	if err != nil {
		return n, err
	}
	std, err := parseColour("image_std", c.Std, p.std)
	if err != nil {
		return n, err
	}
	if p.twice && c.IncludeTop.or(true, p.fast) {
		n.Divide = &std
	}
	if p.plain || !c.DoNormalize.or(true, p.fast) {
		return n, nil
	}
	n.Mean, n.Std = mean, std
	if p.fast && rescale && n.Offset == 0 {
		n = fused(n)
	}
	return n, nil
}

// fused is what the fast classes make of rescaling and normalising: one step, on bytes.
func fused(n preprocess.Normalize) preprocess.Normalize {
	unit := float32(1 / n.Scale)
	for c := range n.Mean {
		n.Mean[c] *= unit
		n.Std[c] *= unit
	}
	n.Scale = 1
	return n
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
