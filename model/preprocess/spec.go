// Package preprocess turns image bytes into the tensor a model was trained on: it reads the header and checks limits, decodes,
// resizes as Pillow does, crops and normalises. It knows nothing about models' files or runtimes.
package preprocess

// Filter is a resampling filter, by Pillow's names.
type Filter string

const (
	Nearest  Filter = "nearest"
	Box      Filter = "box"
	Bilinear Filter = "bilinear"
	Hamming  Filter = "hamming"
	Bicubic  Filter = "bicubic"
	Lanczos  Filter = "lanczos"
)

// Spec describes the preprocessing of one model, step by step in this order: decode to RGB, turn, Resize, Crop, Channels, Normalize. It is
// what tagbeam.json holds under "preprocess", what the readers of other layouts translate into, and part of the model digest.
type Spec struct {
	// FastDecode lets the decoder shrink an image that is far larger than needed: not the pixels of the model's own Python, but near (see
	// fastScale).
	FastDecode bool `json:"fast_decode,omitempty"`
	// EXIFOrientation turns the image as its EXIF data says before anything else, as Pillow's ImageOps.exif_transpose does.
	EXIFOrientation bool `json:"exif_orientation,omitempty"`

	Resize    *Resize   `json:"resize,omitempty"` // nil: not resized
	Crop      *Crop     `json:"crop,omitempty"`   // nil: not cropped
	Channels  string    `json:"channels"`         // "rgb" or "bgr": the order in the tensor
	Normalize Normalize `json:"normalize"`
	// Mirror turns the tensor's left and right around: one of the views that training sees of an image (see View).
	Mirror bool `json:"mirror,omitempty"`
}

// Resize resamples the image.
type Resize struct {
	// Mode is "exact" (to Width x Height), or one that keeps the aspect ratio: "shortest_edge" (the shorter edge becomes Size, the longer
	// one is rounded down), "cover" (the smallest image that covers Width x Height) or "fit" (the largest one within Width x Height), where
	// both edges are rounded to the nearest pixel.
	Mode   string `json:"mode"`
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
	Size   int    `json:"size,omitempty"`
	Filter Filter `json:"filter"`
}

// Crop takes the centre Width x Height of the resized image; where the image is smaller, it is padded (before normalisation).
type Crop struct {
	Width  int `json:"width"`
	Height int `json:"height"`
	// Rounding of an odd margin: "floor" (HuggingFace's slow processors), "trunc" (their fast ones) or "half_even" (torchvision, timm).
	Rounding string `json:"rounding"`
	// Fill is the colour of the padding, in RGB order; nil: black.
	Fill *[3]uint8 `json:"fill,omitempty"`
	// Corner is the corner that the crop is taken from ("top-left", "top-right", "bottom-left", "bottom-right") where the image is
	// larger; empty: the centre.
	Corner string `json:"corner,omitempty"`
}

// Normalize maps a byte v of channel c to ((float32(v*Scale) + Offset) - Mean[c]) / Std[c], and divides that by Divide[c] where it is given.
// v*Scale is computed in float64 and rounded to float32; the rest is float32 arithmetic, as transformers does it. torchvision, timm and
// Keras divide float32(v) by 255 or 127.5 instead, which gives the same for all 256 bytes. c is in RGB order, whatever Channels says.
type Normalize struct {
	Scale  float64    `json:"scale"`
	Offset float32    `json:"offset,omitempty"`
	Mean   [3]float32 `json:"mean"`
	Std    [3]float32 `json:"std"`
	// Divide is a second division, which EfficientNet's image processor does (include_top); nil: none.
	Divide *[3]float32 `json:"divide,omitempty"`
}
