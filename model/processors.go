package model

import "github.com/tagbeam/tagbeam/model/preprocess"

// processor is one of transformers' image processor classes: its defaults, and the rules by which it reads its file. Taken from the classes'
// source in transformers 4.57.6 (src/transformers/models/*/image_processing_*.py).
type processor struct {
	size     side // default of "size"
	crop     int  // default side of the crop; 0: the class has no crop
	cropped  bool // default of do_center_crop
	filter   preprocess.Filter
	mean     [3]float32
	std      [3]float32
	geometry geometry
	flips    bool // has do_flip_channel_order, true by default
	plain    bool // has no normalisation by mean and deviation
	twice    bool // has rescale_offset, false by default, and include_top, true by default: a second division by image_std
	fast     bool // one of the classes on torchvision; set from the name
}

// rounding of the margins of a crop.
func (p processor) rounding() string {
	if p.fast {
		return "trunc"
	}
	return "floor"
}

// side is a size as the classes write it.
type side struct {
	shortest      int // {"shortest_edge": n}, or
	height, width int // {"height": h, "width": w}
}

// geometry is what a class makes of its size.
type geometry int

const (
	// exactSize: {"height", "width"} only; an int n is n x n.
	exactSize geometry = iota
	// eitherSize: {"shortest_edge"} keeps the aspect ratio, {"height", "width"} does not; an int is the shortest edge.
	eitherSize
	// eitherSquare: as eitherSize, but an int n is n x n.
	eitherSquare
	// levitSize: as eitherSize, the shortest edge being 256/224 of the number.
	levitSize
	// convnextSize: {"shortest_edge": s} only. Below 384, shortest edge to s / crop_pct and centre crop of s; otherwise straight to s x s.
	convnextSize
	// poolformerSize: as eitherSize, but enlarged to size / crop_pct.
	poolformerSize
)

// The colour statistics of transformers' image_utils.
var (
	imagenetMean = [3]float32{0.485, 0.456, 0.406}
	imagenetStd  = [3]float32{0.229, 0.224, 0.225}
	half         = [3]float32{0.5, 0.5, 0.5}
	clipMean     = [3]float32{0.48145466, 0.4578275, 0.40821073}
	clipStd      = [3]float32{0.26862954, 0.26130258, 0.27577711}
)

var square224 = side{height: 224, width: 224}

// processors has the classes by name.
var processors = func() map[string]processor {
	vit := processor{size: square224, filter: preprocess.Bilinear, mean: half, std: half}
	vitFast := vit
	vitFast.geometry, vitFast.crop = eitherSquare, 0

	deit := processor{size: side{height: 256, width: 256}, crop: 224, cropped: true, filter: preprocess.Bicubic, mean: half, std: half}
	deitFast := deit
	deitFast.geometry = eitherSquare

	beit := deit
	beitFast := deitFast // the two classes differ in their defaults
	beitFast.size, beitFast.cropped = square224, false

	clip := processor{size: side{shortest: 224}, crop: 224, cropped: true, filter: preprocess.Bicubic, mean: clipMean, std: clipStd, geometry: eitherSize}
	mobilenet := processor{size: side{shortest: 256}, crop: 224, cropped: true, filter: preprocess.Bilinear, mean: half, std: half, geometry: eitherSize}
	convnext := processor{size: side{shortest: 384}, filter: preprocess.Bilinear, mean: half, std: half, geometry: convnextSize}
	levit := processor{size: side{shortest: 224}, crop: 224, cropped: true, filter: preprocess.Bicubic, mean: imagenetMean, std: imagenetStd, geometry: levitSize}
	siglip := processor{size: square224, filter: preprocess.Bicubic, mean: half, std: half}
	siglipFast := siglip
	siglipFast.geometry = eitherSize
	efficientnet := processor{size: side{height: 346, width: 346}, crop: 289, filter: preprocess.Nearest, mean: half, std: half, twice: true}
	efficientnetFast := efficientnet
	efficientnetFast.geometry = eitherSquare
	poolformer := processor{size: side{shortest: 224}, crop: 224, cropped: true, filter: preprocess.Bicubic, mean: imagenetMean, std: imagenetStd, geometry: poolformerSize}
	mobilevit := processor{size: side{shortest: 224}, crop: 256, cropped: true, filter: preprocess.Bilinear, geometry: eitherSize, flips: true, plain: true}
	pvt := processor{size: square224, filter: preprocess.Bilinear, mean: imagenetMean, std: imagenetStd}
	pvtFast := pvt
	pvtFast.geometry = eitherSquare

	return map[string]processor{
		"ViTImageProcessor": vit, "ViTImageProcessorFast": vitFast,
		"DeiTImageProcessor": deit, "DeiTImageProcessorFast": deitFast,
		"BeitImageProcessor": beit, "BeitImageProcessorFast": beitFast,
		"CLIPImageProcessor": clip, "CLIPImageProcessorFast": clip,
		"BitImageProcessor": clip, "BitImageProcessorFast": clip,
		"MobileNetV1ImageProcessor": mobilenet, "MobileNetV1ImageProcessorFast": mobilenet,
		"MobileNetV2ImageProcessor": mobilenet, "MobileNetV2ImageProcessorFast": mobilenet,
		"ConvNextImageProcessor": convnext, "ConvNextImageProcessorFast": convnext,
		"LevitImageProcessor": levit, "LevitImageProcessorFast": levit,
		"SiglipImageProcessor": siglip, "SiglipImageProcessorFast": siglipFast,
		"EfficientNetImageProcessor": efficientnet, "EfficientNetImageProcessorFast": efficientnetFast,
		"PoolFormerImageProcessor": poolformer, "PoolFormerImageProcessorFast": poolformer,
		"MobileViTImageProcessor": mobilevit, "MobileViTImageProcessorFast": mobilevit,
		"PvtImageProcessor": pvt, "PvtImageProcessorFast": pvtFast,
	}
}()

// processorOfModel is the class that transformers takes for a model type when preprocessor_config.json, as old ones do, names none
// (models/auto/image_processing_auto.py).
var processorOfModel = map[string]string{
	"beit": "BeitImageProcessor", "bit": "BitImageProcessor", "clip": "CLIPImageProcessor", "convnext": "ConvNextImageProcessor",
	"convnextv2": "ConvNextImageProcessor", "cvt": "ConvNextImageProcessor", "data2vec-vision": "BeitImageProcessor", "deit": "DeiTImageProcessor",
	"dinat": "ViTImageProcessor", "efficientnet": "EfficientNetImageProcessor", "ijepa": "ViTImageProcessor", "mobilevit": "MobileViTImageProcessor",
	"mobilevitv2": "MobileViTImageProcessor", "poolformer": "PoolFormerImageProcessor", "pvt": "PvtImageProcessor", "pvt_v2": "PvtImageProcessor",
	"swiftformer": "ViTImageProcessor", "dinov2": "BitImageProcessor", "focalnet": "BitImageProcessor", "hiera": "BitImageProcessor",
	"levit": "LevitImageProcessor", "mobilenet_v1": "MobileNetV1ImageProcessor", "mobilenet_v2": "MobileNetV2ImageProcessor",
	"nat": "ViTImageProcessor", "regnet": "ConvNextImageProcessor", "resnet": "ConvNextImageProcessor", "siglip": "SiglipImageProcessor",
	"swin": "ViTImageProcessor", "swinv2": "ViTImageProcessor", "van": "ConvNextImageProcessor", "vit": "ViTImageProcessor", "vit_msn": "ViTImageProcessor",
}

// filterOfNumber is Pillow's numbering of the filters, which "resample" holds.
var filterOfNumber = map[int]preprocess.Filter{
	0: preprocess.Nearest, 1: preprocess.Lanczos, 2: preprocess.Bilinear, 3: preprocess.Bicubic, 4: preprocess.Box, 5: preprocess.Hamming,
}
