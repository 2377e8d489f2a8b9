package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/tagbeam/tagbeam/model/preprocess"
)

// timmConfig is what of timm's pretrained_cfg decides pixels. Its other keys are about weights and the network.
type timmConfig struct {
	InputSize     []int     `json:"input_size"` // channels, height, width
	Interpolation string    `json:"interpolation"`
	CropPct       float64   `json:"crop_pct"` // 0: the default, as to timm
	CropMode      string    `json:"crop_mode"`
	Mean          []float64 `json:"mean"`
	Std           []float64 `json:"std"`
}

// useTimm reads labels and preprocessing from timm's config.json.
func (f *folder) useTimm(config *configFile) {
	f.layout = LayoutTimm
	f.labels = func() ([]string, error) {
		switch {
		case given(config.LabelNames):
			var labels []string
			if err := json.Unmarshal(config.LabelNames, &labels); err != nil {
				return nil, fmt.Errorf("config.json: label_names: %w", err)
			}
			return labels, nil
		case given(config.ID2Label):
			return config.id2label()
		}
		return nil, errors.New("config.json has no label_names (timm leaves them out for ImageNet): give --model-labels FILE, with one label a line, " +
			"or \"labels\" in tagbeam.json")
	}
	f.spec = func(int, int) (preprocess.Spec, error) {
		spec, err := timmSpec(config.PretrainedCfg)
		if err != nil {
			return spec, fmt.Errorf("config.json: pretrained_cfg: %w%s", err, wayOutOfProcessor)
		}
		return spec, nil
	}
}

// timmSpec is timm's evaluation transform (timm.data.transforms_factory.transforms_imagenet_eval, with the defaults of
// timm.data.resolve_data_config).
func timmSpec(raw json.RawMessage) (spec preprocess.Spec, err error) {
	c := timmConfig{InputSize: []int{3, 224, 224}, Interpolation: "bicubic", CropPct: 0.875, CropMode: "center",
		Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225}}
	if err := json.Unmarshal(raw, &c); err != nil {
		return spec, err
	}
	filter := preprocess.Filter(c.Interpolation)
	if c.CropPct == 0 {
		c.CropPct = 0.875
	}
	switch {
	case len(c.InputSize) != 3 || c.InputSize[0] != 3:
		return spec, fmt.Errorf("input_size %v is not [3, height, width]", c.InputSize)
	case len(c.Mean) != 3 || len(c.Std) != 3:
		return spec, errors.New("mean and std need three numbers each")
	case c.CropPct < 0:
		return spec, fmt.Errorf("crop_pct %v is not more than 0", c.CropPct)
	case !slices.Contains(preprocess.Filters, filter):
		return spec, fmt.Errorf("interpolation %q is not supported", c.Interpolation)
	}
	h, w := c.InputSize[1], c.InputSize[2]
	scaledH, scaledW := int(math.Floor(float64(h)/c.CropPct)), int(math.Floor(float64(w)/c.CropPct))
	spec.Crop = &preprocess.Crop{Width: w, Height: h, Rounding: "half_even"}
	switch {
	case c.CropMode == "squash":
		spec.Resize = &preprocess.Resize{Mode: "exact", Width: scaledW, Height: scaledH, Filter: filter}
	case c.CropMode == "border":
		spec.Resize = &preprocess.Resize{Mode: "fit", Width: scaledW, Height: scaledH, Filter: filter}
		spec.Crop.Fill = timmFill(c.Mean)
	case c.CropMode == "center" && scaledH == scaledW:
		spec.Resize = &preprocess.Resize{Mode: "shortest_edge", Size: scaledH, Filter: filter}
	case c.CropMode == "center":
		// timm does not hand its interpolation on here, so that it is always bilinear.
		spec.Resize = &preprocess.Resize{Mode: "cover", Width: scaledW, Height: scaledH, Filter: preprocess.Bilinear}
	default:
		return spec, fmt.Errorf("crop_mode %q is not known (known are center, squash and border)", c.CropMode)
	}
	spec.Channels = "rgb"
	spec.Normalize = preprocess.Normalize{Scale: 1.0 / 255, Mean: colour(c.Mean), Std: colour(c.Std)}
	return spec, nil
}

// timmFill is the colour of border's padding: the mean colour.
func timmFill(mean []float64) *[3]uint8 {
	var fill [3]uint8
	for c := range fill {
		fill[c] = uint8(min(max(math.RoundToEven(255*mean[c]), 0), 255))
	}
	return &fill
}

func colour(v []float64) [3]float32 { return [3]float32{float32(v[0]), float32(v[1]), float32(v[2])} }
