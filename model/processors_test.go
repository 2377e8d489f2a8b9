package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/model/preprocess"
)

func shortest(size int, f preprocess.Filter) *preprocess.Resize {
	return &preprocess.Resize{Mode: "shortest_edge", Size: size, Filter: f}
}

func exact(w, h int, f preprocess.Filter) *preprocess.Resize {
	return &preprocess.Resize{Mode: "exact", Width: w, Height: h, Filter: f}
}

func crop(w, h int) *preprocess.Crop { return &preprocess.Crop{Width: w, Height: h, Rounding: "floor"} }

// trunc is the crop of the fast classes.
func trunc(w, h int) *preprocess.Crop {
	return &preprocess.Crop{Width: w, Height: h, Rounding: "trunc"}
}

// fast is the normalisation of the fast classes: one step, on bytes.
func fast(mean, std [3]float32) preprocess.Normalize {
	n := preprocess.Normalize{Scale: 1}
	for c := range mean {
		n.Mean[c], n.Std[c] = mean[c]*255, std[c]*255
	}
	return n
}

func normalize(mean, std [3]float32) preprocess.Normalize {
	return preprocess.Normalize{Scale: 1.0 / 255, Mean: mean, Std: std}
}

// What transformers 4.57.6 does by each class's defaults and rules.
func TestProcessorSpec(t *testing.T) {
	fastHalves := fast(half, half)
	halves, ones := normalize(half, half), [3]float32{1, 1, 1}
	openai, imagenet := normalize(clipMean, clipStd), normalize(imagenetMean, imagenetStd)
	for _, tt := range []struct {
		name, config, modelType string
		want                    preprocess.Spec
	}{
		// all defaults
		{"vit", `{"image_processor_type": "ViTImageProcessor"}`, "", preprocess.Spec{Resize: exact(224, 224, "bilinear"), Normalize: halves}},
		{"vit fast", `{"image_processor_type": "ViTImageProcessorFast", "do_center_crop": null, "crop_size": null}`, "",
			preprocess.Spec{Resize: exact(224, 224, "bilinear"), Normalize: fastHalves}},
		{"deit", `{"image_processor_type": "DeiTImageProcessor"}`, "", preprocess.Spec{Resize: exact(256, 256, "bicubic"), Crop: crop(224, 224), Normalize: halves}},
		{"beit", `{"image_processor_type": "BeitImageProcessor"}`, "", preprocess.Spec{Resize: exact(256, 256, "bicubic"), Crop: crop(224, 224), Normalize: halves}},
		{"beit fast differs", `{"image_processor_type": "BeitImageProcessorFast"}`, "", preprocess.Spec{Resize: exact(224, 224, "bicubic"), Normalize: fastHalves}},
		{"clip", `{"image_processor_type": "CLIPImageProcessor"}`, "", preprocess.Spec{Resize: shortest(224, "bicubic"), Crop: crop(224, 224), Normalize: openai}},
		{"bit", `{"image_processor_type": "BitImageProcessor"}`, "", preprocess.Spec{Resize: shortest(224, "bicubic"), Crop: crop(224, 224), Normalize: openai}},
		{"mobilenet v1", `{"image_processor_type": "MobileNetV1ImageProcessor"}`, "", preprocess.Spec{Resize: shortest(256, "bilinear"), Crop: crop(224, 224), Normalize: halves}},
		{"mobilenet v2 fast", `{"image_processor_type": "MobileNetV2ImageProcessorFast"}`, "", preprocess.Spec{Resize: shortest(256, "bilinear"), Crop: trunc(224, 224), Normalize: fastHalves}},
		{"convnext", `{"image_processor_type": "ConvNextImageProcessor"}`, "", preprocess.Spec{Resize: exact(384, 384, "bilinear"), Normalize: halves}},
		{"levit", `{"image_processor_type": "LevitImageProcessor"}`, "", preprocess.Spec{Resize: shortest(256, "bicubic"), Crop: crop(224, 224), Normalize: imagenet}},
		{"siglip", `{"image_processor_type": "SiglipImageProcessor"}`, "", preprocess.Spec{Resize: exact(224, 224, "bicubic"), Normalize: halves}},
		{"siglip fast, number", `{"image_processor_type": "SiglipImageProcessorFast", "size": 9}`, "", preprocess.Spec{Resize: shortest(9, "bicubic"), Normalize: fastHalves}},
		{"pvt", `{"image_processor_type": "PvtImageProcessor"}`, "", preprocess.Spec{Resize: exact(224, 224, "bilinear"), Normalize: imagenet}},
		{"pvt fast", `{"image_processor_type": "PvtImageProcessorFast"}`, "", preprocess.Spec{Resize: exact(224, 224, "bilinear"), Normalize: fast(imagenetMean, imagenetStd)}},
		{"mobilevit", `{"image_processor_type": "MobileViTImageProcessor"}`, "",
			preprocess.Spec{Resize: shortest(224, "bilinear"), Crop: crop(256, 256), Channels: "bgr", Normalize: preprocess.Normalize{Scale: 1.0 / 255, Std: ones}}},
		{"mobilevit, not flipped", `{"feature_extractor_type": "MobileViTFeatureExtractor", "size": 288, "crop_size": 256, "do_flip_channel_order": false}`, "",
			preprocess.Spec{Resize: shortest(288, "bilinear"), Crop: crop(256, 256), Normalize: preprocess.Normalize{Scale: 1.0 / 255, Std: ones}}},
		{"poolformer", `{"image_processor_type": "PoolFormerImageProcessor"}`, "", preprocess.Spec{Resize: shortest(248, "bicubic"), Crop: crop(224, 224), Normalize: imagenet}},
		{"poolformer, square", `{"image_processor_type": "PoolFormerImageProcessor", "crop_pct": 0.95, "size": {"height": 224, "width": 224}}`, "",
			preprocess.Spec{Resize: shortest(235, "bicubic"), Crop: crop(224, 224), Normalize: imagenet}},
		{"poolformer, oblong", `{"image_processor_type": "PoolFormerImageProcessor", "size": {"height": 90, "width": 180}}`, "",
			preprocess.Spec{Resize: exact(200, 100, "bicubic"), Crop: crop(224, 224), Normalize: imagenet}},
		{"poolformer without crop_pct", `{"image_processor_type": "PoolFormerImageProcessor", "crop_pct": null}`, "",
			preprocess.Spec{Resize: shortest(224, "bicubic"), Crop: crop(224, 224), Normalize: imagenet}},
		{"efficientnet", `{"image_processor_type": "EfficientNetImageProcessor"}`, "",
			preprocess.Spec{Resize: exact(346, 346, "nearest"), Normalize: preprocess.Normalize{Scale: 1.0 / 255, Mean: half, Std: half, Divide: &half}}},
		{"efficientnet, offset", `{"image_processor_type": "EfficientNetImageProcessor", "rescale_factor": 0.5, "rescale_offset": true, "do_normalize": false, "include_top": false, "do_center_crop": true}`, "",
			preprocess.Spec{Resize: exact(346, 346, "nearest"), Crop: crop(289, 289), Normalize: preprocess.Normalize{Scale: 0.5, Offset: -1, Std: ones}}},
		{"efficientnet fast", `{"image_processor_type": "EfficientNetImageProcessorFast", "resample": 2, "rescale_offset": true}`, "",
			preprocess.Spec{Resize: exact(346, 346, "bilinear"), Normalize: preprocess.Normalize{Scale: 1.0 / 255, Offset: -1, Mean: half, Std: half, Divide: &half}}},
		// old files
		{"feature extractor", `{"feature_extractor_type": "DeiTFeatureExtractor", "size": 256, "crop_size": 224, "resample": 3}`, "",
			preprocess.Spec{Resize: exact(256, 256, "bicubic"), Crop: crop(224, 224), Normalize: halves}},
		{"no class, vit", `{"do_normalize": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "size": 224}`, "vit",
			preprocess.Spec{Resize: exact(224, 224, "bilinear"), Normalize: halves}},
		{"no class, resnet", `{"size": 224, "crop_pct": 0.875, "resample": 3}`, "resnet", preprocess.Spec{Resize: shortest(256, "bicubic"), Crop: crop(224, 224), Normalize: halves}},
		// rules
		{"clip, number", `{"image_processor_type": "CLIPImageProcessor", "size": 336, "crop_size": 336}`, "",
			preprocess.Spec{Resize: shortest(336, "bicubic"), Crop: crop(336, 336), Normalize: openai}},
		{"clip, exact", `{"image_processor_type": "CLIPImageProcessor", "size": {"height": 10, "width": 20}, "do_center_crop": false}`, "",
			preprocess.Spec{Resize: exact(20, 10, "bicubic"), Normalize: openai}},
		{"pair", `{"image_processor_type": "ViTImageProcessor", "size": [10, 20]}`, "", preprocess.Spec{Resize: exact(20, 10, "bilinear"), Normalize: halves}},
		{"vit fast, shortest edge", `{"image_processor_type": "ViTImageProcessorFast", "size": {"shortest_edge": 9}}`, "",
			preprocess.Spec{Resize: shortest(9, "bilinear"), Normalize: fastHalves}},
		{"convnext 224", `{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}, "crop_pct": null}`, "",
			preprocess.Spec{Resize: shortest(256, "bilinear"), Crop: crop(224, 224), Normalize: halves}},
		{"convnext 288 at 0.95", `{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 288}, "crop_pct": 0.95}`, "",
			preprocess.Spec{Resize: shortest(303, "bilinear"), Crop: crop(288, 288), Normalize: halves}},
		{"levit, exact", `{"image_processor_type": "LevitImageProcessor", "size": {"height": 224, "width": 224}}`, "",
			preprocess.Spec{Resize: exact(224, 224, "bicubic"), Crop: crop(224, 224), Normalize: imagenet}},
		{"nothing to do", `{"image_processor_type": "DeiTImageProcessor", "do_resize": false, "do_rescale": false, "do_normalize": false}`, "",
			preprocess.Spec{Crop: crop(224, 224), Normalize: preprocess.Normalize{Scale: 1, Std: ones}}},
		{"null is false to a slow class", `{"image_processor_type": "DeiTImageProcessor", "do_center_crop": null}`, "", preprocess.Spec{Resize: exact(256, 256, "bicubic"), Normalize: halves}},
		{"null is the default to a fast class", `{"image_processor_type": "DeiTImageProcessorFast", "do_center_crop": null}`, "",
			preprocess.Spec{Resize: exact(256, 256, "bicubic"), Crop: trunc(224, 224), Normalize: fastHalves}},
		{"one number for all channels", `{"image_processor_type": "ViTImageProcessor", "rescale_factor": 0.5, "image_mean": 2, "image_std": 3}`, "",
			preprocess.Spec{Resize: exact(224, 224, "bilinear"), Normalize: preprocess.Normalize{Scale: 0.5, Mean: [3]float32{2, 2, 2}, Std: [3]float32{3, 3, 3}}}},
		{"keys that change no pixel", `{"image_processor_type": "ViTImageProcessor", "do_convert_rgb": true, "do_reduce_labels": false, "processor_class": "X", "data_format": "channels_first",
			"do_center_crop": false, "do_pad": false, "auto_map": null, "device": null, "_valid_processor_keys": ["images"], "input_data_format": null, "return_tensors": null}`, "",
			preprocess.Spec{Resize: exact(224, 224, "bilinear"), Normalize: halves}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, warnings, err := processorSpec([]byte(tt.config), tt.modelType)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want.Channels == "" {
				tt.want.Channels = "rgb"
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if fast := strings.Contains(tt.config, `Fast"`); fast != (len(warnings) == 1) {
				t.Errorf("warnings %q", warnings)
			}
		})
	}
	for n, want := range []preprocess.Filter{"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"} {
		config := `{"image_processor_type": "ViTImageProcessor", "resample": ` + string(rune('0'+n)) + `}`
		if got, _, err := processorSpec([]byte(config), ""); err != nil || got.Resize.Filter != want {
			t.Errorf("resample %d: %+v, %v; want %s", n, got.Resize, err, want)
		}
	}
}

func TestProcessorSpecErrors(t *testing.T) {
	of := func(class, more string) string {
		return `{"image_processor_type": "` + class + `ImageProcessor", ` + more + `}`
	}
	for _, tt := range []struct{ name, config, modelType, want string }{
		{"unknown class", of("Perceiver", `"size": 1`), "", `image processor class "PerceiverImageProcessor" is not known (known are BeitImageProcessor, `},
		{"no class", `{}`, "perceiver", `no image_processor_type in it, and model_type "perceiver" of config.json does not tell`},
		{"code of its own", of("ViT", `"auto_map": {"AutoImageProcessor": "x.Y"}`), "", "auto_map: its image processor is Python code"},
		{"unknown key", of("ViT", `"do_flip": true`), "", `unknown field "do_flip"`},
		{"broken", `{`, "", "unexpected EOF"},
		{"pad", of("ViT", `"do_pad": true`), "", "do_pad is not supported"},
		{"square", of("CLIP", `"use_square_size": true`), "", "use_square_size is not supported"},
		{"crop_pct", of("ViT", `"crop_pct": 0.9`), "", "crop_pct has a meaning for ConvNextImageProcessor and PoolFormerImageProcessor only"},
		{"crop_pct 0", of("ConvNext", `"size": 224, "crop_pct": 0`), "", "crop_pct is 0: it must be a number above 0"},
		{"crop_pct text", of("PoolFormer", `"crop_pct": "0.9"`), "", `crop_pct is "0.9": it must be a number above 0`},
		{"flip", of("ViT", `"do_flip_channel_order": true`), "", "do_flip_channel_order has a meaning for MobileViTImageProcessor only"},
		{"include_top", of("ViT", `"include_top": true`), "", "rescale_offset and include_top have a meaning for EfficientNetImageProcessor only"},
		{"filter of a fast class", `{"image_processor_type": "ViTImageProcessorFast", "resample": 1}`, "", "resample 1 (lanczos) is one that torchvision"},
		{"nearest of a fast class", `{"image_processor_type": "EfficientNetImageProcessorFast"}`, "", "resample 0 (nearest) of a fast class takes other pixels"},
		{"data format", of("ViT", `"data_format": "channels_last"`), "", `data_format "channels_last" is not supported`},
		{"crop of a class without", of("ViT", `"do_center_crop": true`), "", "the class has no centre crop"},
		{"filter", of("ViT", `"resample": 6`), "", "resample 6 is not one of Pillow's filters"},
		{"shortest edge", of("ViT", `"size": {"shortest_edge": 224}`), "", "size has shortest_edge, but the class wants height and width"},
		{"height and width", of("ConvNext", `"size": {"height": 224, "width": 224}`), "", "the class wants shortest_edge"},
		{"longest edge", of("CLIP", `"size": {"shortest_edge": 224, "longest_edge": 300}`), "", "it must be a number, or have height and width, or shortest_edge"},
		{"height only", of("ViT", `"size": {"height": 224}`), "", "size is {\"height\": 224}: it must be"},
		{"crop", of("CLIP", `"crop_size": {"shortest_edge": 224}`), "", "crop_size must be a number or have height and width"},
		{"crop text", of("CLIP", `"crop_size": "big"`), "", `crop_size is "big": it must be`},
		{"mean", of("ViT", `"image_mean": [1, 2]`), "", "image_mean is [1, 2]: it must be a number or three"},
		{"std", of("ViT", `"image_std": "x"`), "", `image_std is "x"`},
		{"boolean", of("ViT", `"do_resize": "yes"`), "", `"yes" is not true or false`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := processorSpec([]byte(tt.config), tt.modelType)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if !strings.Contains(err.Error(), "--preprocess") {
				t.Errorf("error %q does not say the way out", err)
			}
		})
	}
}

func TestTimmSpec(t *testing.T) {
	imagenet := normalize(imagenetMean, imagenetStd)
	even := func(w, h int) *preprocess.Crop { return &preprocess.Crop{Width: w, Height: h, Rounding: "half_even"} }
	for _, tt := range []struct {
		config string
		want   preprocess.Spec
	}{
		{`{}`, preprocess.Spec{Resize: shortest(256, "bicubic"), Crop: even(224, 224), Normalize: imagenet}},
		{`{"input_size": [3, 288, 288], "crop_pct": 0.95, "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}`,
			preprocess.Spec{Resize: shortest(303, "bilinear"), Crop: even(288, 288), Normalize: normalize(half, half)}},
		{`{"crop_pct": null, "crop_mode": "center"}`, preprocess.Spec{Resize: shortest(256, "bicubic"), Crop: even(224, 224), Normalize: imagenet}},
		{`{"input_size": [3, 100, 200], "crop_pct": 0.5}`,
			preprocess.Spec{Resize: &preprocess.Resize{Mode: "cover", Width: 400, Height: 200, Filter: "bilinear"}, Crop: even(200, 100), Normalize: imagenet}},
		{`{"crop_pct": 0.9, "crop_mode": "border"}`, preprocess.Spec{Resize: &preprocess.Resize{Mode: "fit", Width: 248, Height: 248, Filter: "bicubic"},
			Crop: &preprocess.Crop{Width: 224, Height: 224, Rounding: "half_even", Fill: &[3]uint8{124, 116, 104}}, Normalize: imagenet}},
		{`{"input_size": [3, 100, 200], "crop_pct": 1.0, "crop_mode": "squash"}`, preprocess.Spec{Resize: exact(200, 100, "bicubic"), Crop: even(200, 100), Normalize: imagenet}},
	} {
		got, err := timmSpec([]byte(tt.config))
		if err != nil {
			t.Fatal(err)
		}
		tt.want.Channels = "rgb"
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.config, diff)
		}
	}
	for config, want := range map[string]string{
		`{"input_size": [1, 28, 28]}`: "is not [3, height, width]",
		`{"mean": [0.5]}`:             "three numbers each",
		`{"crop_pct": -1}`:            "crop_pct -1",
		`{"interpolation": "random"}`: `interpolation "random" is not supported`,
		`{"crop_mode": "stretch"}`:    `crop_mode "stretch" is not known (known are center, squash and border)`,
		`{"input_size": "big"}`:       "cannot unmarshal",
	} {
		if _, err := timmSpec([]byte(config)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", config, err, want)
		}
	}
}
