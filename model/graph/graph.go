// Package graph edits ONNX classifiers for transfer learning: it finds a network's top, cuts it off, so that the network gives features, and
// grafts another one on. It works on the bytes of model files; weights are carried along untouched.
package graph

import "errors"

// Features and Probabilities are the names of the outputs that Cut, Expose and Graft give.
const (
	Features      = "features"
	Probabilities = "probabilities"
)

// Image is the image input of the network, as a model.Bundle describes it: name, and shape of one image.
type Image struct {
	Name string
	Dims []int64
}

// Candidate is a tensor that can serve as features: what a Gemm, MatMul or Conv of the network takes in.
type Candidate struct {
	// Tensor is its name in the graph (--features TENSOR).
	Tensor string `json:"tensor"`
	// Layer is the operator that takes it in, and Weights the shape of that operator's weights.
	Layer   string  `json:"layer"`
	Weights []int64 `json:"weights,omitempty"`
	// Dims is the tensor's shape for one image, without the batch: [1280], [512, 13, 13], [65, 768].
	Dims []int64 `json:"dims"`
	// Size is the number of features of an image: what is left when positions are averaged.
	Size int `json:"size"`
}

// Candidates lists the tensors that can serve as features for the output, the nearest to it first; the first is the default. At most max of
// them are listed (0: all). ONNX Runtime must have been started (the shapes are found by running the network on zeros). path is the file
// when the model keeps weights in further files (model.Bundle.GraphPath), else empty.
func Candidates(model []byte, path string, image Image, output string, max int) ([]Candidate, error) {
	return nil, errors.ErrUnsupported
}

// Top is the candidate to cut at: the named tensor, or the input of the network's last Gemm, MatMul or Conv when tensor is empty.
// A name that is no tensor of the graph, or one that has no row for each image, is an error that lists the candidates.
func Top(model []byte, path string, image Image, output, tensor string) (Candidate, error) {
	return Candidate{}, errors.ErrUnsupported
}

// Cut makes the network that ends at the candidate: its only output is Features, float32 [batch, Size]. Positions ([C, H, W], [T, C]) are
// averaged. What the features do not need is dropped.
func Cut(model []byte, at Candidate) ([]byte, error) { return nil, errors.ErrUnsupported }

// Expose is the network with a further output, Features, float32 [batch, Size]; its own outputs stay as they are.
func Expose(model []byte, at Candidate) ([]byte, error) { return nil, errors.ErrUnsupported }

// Graft puts a head (one input Features, one output Probabilities; see head.Head.ONNX) on a network that Cut made. The outputs are
// Probabilities and Features. The two must have the same opset: make the head for Opset(base).
func Graft(base, head []byte) ([]byte, error) { return nil, errors.ErrUnsupported }

// Opset is the version of ONNX's own operators that a model file uses.
func Opset(model []byte) (int64, error) { return 0, errors.ErrUnsupported }

// Inline puts weights that a model keeps in further files into the model itself; read is given their names, relative to the model file. A
// model that comes to more than 2 GB cannot be one file.
func Inline(model []byte, read func(name string) ([]byte, error)) ([]byte, error) {
	return nil, errors.ErrUnsupported
}
