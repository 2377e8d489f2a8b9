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

// Spec describes the preprocessing of one model, step by step in this order: decode to RGB, Resize, Crop, Channels, Normalize. It is
// what tagbeam.json holds under "preprocess", what the readers of other layouts translate into, and part of the model digest.
type Spec struct {
	Resize    *Resize   `json:"resize,omitempty"` // nil: not resized
	Crop      *Crop     `json:"crop,omitempty"`   // nil: not cropped
	Channels  string    `json:"channels"`         // "rgb" or "bgr": the order in the tensor
	Normalize Normalize `json:"normalize"`
}

// Resize resamples the image.
type Resize struct {
	// Mode is "exact" (to Width x Height), or "shortest_edge" (the shorter edge becomes Size, the aspect ratio is kept).
	Mode   string `json:"mode"`
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
	Size   int    `json:"size,omitempty"`
	Filter Filter `json:"filter"`
}

// Crop takes the centre Width x Height of the resized image; where the image is smaller, it is padded with zeros (before normalisation).
type Crop struct {
	Width  int `json:"width"`
	Height int `json:"height"`
	// Rounding of an odd margin: "floor" (HuggingFace's processors) or "half_even" (torchvision, timm).
	Rounding string `json:"rounding"`
}

// Normalize maps a byte v of channel c (in RGB order, whatever Channels says) to ((float32(v*Scale) + Offset) - Mean[c]) / Std[c]; v*Scale is computed in float64,
// rounded to float32, and the rest is float32 arithmetic, as transformers does it.
type Normalize struct {
	Scale  float64    `json:"scale"`
	Offset float32    `json:"offset,omitempty"`
	Mean   [3]float32 `json:"mean"`
	Std    [3]float32 `json:"std"`
}
