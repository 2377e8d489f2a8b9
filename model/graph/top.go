package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tagbeam/tagbeam/model/onnx/onnxpb"
)

// Image is the image input of the network, as a model.Bundle describes it.
type Image struct {
	Name string
	// Dims is the shape of one image.
	Dims []int64
}

// Candidate is a tensor that can serve as features: what a Gemm, MatMul or Conv of the network takes in.
type Candidate struct {
	// Tensor is its name in the graph (--features TENSOR).
	Tensor string `json:"tensor"`
	// Layer is the operator that takes it in, and Weights the shape of that operator's weights; empty for a tensor named by hand that goes into
	// no such operator.
	Layer   string  `json:"layer,omitempty"`
	Weights []int64 `json:"weights,omitempty"`
	// Dims is the tensor's shape for one image, without the batch: [1280], [512, 13, 13], [65, 768].
	Dims []int64 `json:"dims"`
	// Axis is the dimension of Dims that counts features; the others are positions, which are averaged.
	Axis int `json:"axis"`
	// Size is the number of features of an image.
	Size int `json:"size"`
}

// String is the candidate in one line: "472: [1280], into MatMul [1280, 1000]".
func (c Candidate) String() string {
	s := fmt.Sprintf("%s: %v", c.Tensor, c.Dims)
	if len(c.Dims) > 1 {
		s += fmt.Sprintf(" (%d features)", c.Size)
	}
	if c.Layer != "" {
		s += ", into " + c.Layer
	}
	if c.Weights != nil {
		s += fmt.Sprintf(" %v", c.Weights)
	}
	return s
}

// Candidates lists the tensors that can serve as features for the output, the nearest to it first; the first is the default. At most limit of
// them are listed (0: all). ONNX Runtime must have been started (onnx.Init): the shapes are found by running the network on zeros. A model that keeps
// weights in further files has to be made one file before (Inline).
func Candidates(model []byte, image Image, output string, limit int) ([]Candidate, error) {
	n, err := read(model)
	if err != nil {
		return nil, err
	}
	return n.candidates(image, output, limit)
}

// Top is the candidate to cut at: the named tensor, or what the network's last Gemm, MatMul or Conv takes in when tensor is empty. A name that
// is no tensor of the graph, or one that has no row for each image, is an error that lists the candidates.
func Top(model []byte, image Image, output, tensor string) (Candidate, error) {
	n, err := read(model)
	if err != nil {
		return Candidate{}, err
	}
	if tensor != "" {
		return n.named(image, output, tensor)
	}
	found, err := n.candidates(image, output, 1)
	if err != nil {
		return Candidate{}, err
	}
	if len(found) == 0 {
		return Candidate{}, fmt.Errorf("no Gemm, MatMul or Conv with weights of its own was found before output %s: name the tensor that has the features (--features)", output)
	}
	return found[0], nil
}

// dataInput is, by operator, which input has the data where that is fixed; MatMul may have its weights on either side.
var dataInput = map[string]int{"Gemm": 0, "Conv": 0, "FusedConv": 0, "FusedGemm": 0, "FusedMatMul": -1, "MatMul": -1}

// layer is an operator with weights.
type layer struct {
	op, tensor string // tensor is what it takes in
	weights    []int64
}

func (n *network) candidates(image Image, output string, limit int) ([]Candidate, error) {
	dependent := n.imageDependent(image.Name)
	if !dependent[output] {
		return nil, fmt.Errorf("output %s does not depend on input %s", output, image.Name)
	}
	before := n.ancestors(output)
	var layers []layer
	for i, nd := range slices.Backward(n.graph.Node) {
		if !before[i] {
			continue
		}
		if l, ok := n.layerOf(nd, dependent); ok && !slices.ContainsFunc(layers, func(other layer) bool { return other.tensor == l.tensor }) {
			layers = append(layers, l)
		}
	}
	var found []Candidate
	const step = 8 // layers measured in one run, most often the only one
	for len(layers) > 0 && (limit == 0 || len(found) < limit) {
		some := layers[:min(step, len(layers))]
		layers = layers[len(some):]
		more, err := n.describe(image, some)
		if err != nil {
			return nil, err
		}
		for _, c := range more {
			if !slices.ContainsFunc(found, func(other Candidate) bool { return other.Tensor == c.Tensor }) {
				found = append(found, c)
			}
		}
	}
	if limit > 0 && len(found) > limit {
		found = found[:limit]
	}
	return found, nil
}

// layerOf says whether the node is a layer: one input depends on the image, the one with the weights does not.
func (n *network) layerOf(nd *onnxpb.NodeProto, dependent map[string]bool) (layer, bool) {
	data, ok := dataInput[nd.GetOpType()]
	if !ok || len(nd.Input) < 2 {
		return layer{}, false
	}
	if data < 0 {
		data = 0
		if !dependent[nd.Input[0]] {
			data = 1
		}
	}
	if !dependent[nd.Input[data]] || dependent[nd.Input[1-data]] {
		return layer{}, false
	}
	return layer{op: nd.GetOpType(), tensor: nd.Input[data], weights: n.shapeOfWeights(nd.Input[1-data])}, true
}

// shapeOfWeights is that of the constant, also behind a cast or a dequantisation; nil where that is not the whole story.
func (n *network) shapeOfWeights(name string) []int64 {
	for range len(n.graph.Node) {
		if t := n.constants[name]; t != nil {
			return t.Dims
		}
		i, ok := n.producer[name]
		if !ok {
			return nil
		}
		nd := n.graph.Node[i]
		switch nd.GetOpType() {
		case "Constant":
			for _, a := range nd.Attribute {
				if a.T != nil {
					return a.T.Dims
				}
			}
			return nil
		case "DequantizeLinear", "Cast", "Identity", "QuantizeLinear":
			name = nd.Input[0]
		default:
			return nil
		}
	}
	return nil
}

// sameElements are operators that change the shape of a tensor and not its elements.
var sameElements = map[string]bool{"Reshape": true, "Flatten": true, "Squeeze": true, "Unsqueeze": true, "Identity": true, "Dropout": true}

// behind lists a tensor, and those before it that hold the same elements, in another shape.
func (n *network) behind(tensor string) []string {
	chain := []string{tensor}
	for {
		i, ok := n.producer[tensor]
		if !ok || !sameElements[n.graph.Node[i].GetOpType()] || len(chain) > len(n.graph.Node) {
			return chain
		}
		tensor = n.graph.Node[i].Input[0]
		chain = append(chain, tensor)
	}
}

// describe measures what layers take in. Where an exporter has folded positions into the batch ([batch*64, 96]), the tensor before that is
// taken; a layer for which there is none is left out.
func (n *network) describe(image Image, layers []layer) ([]Candidate, error) {
	var tensors []string
	for _, l := range layers {
		tensors = append(tensors, n.behind(l.tensor)...)
	}
	shapes, err := n.measure(image, tensors)
	if err != nil {
		return nil, err
	}
	var found []Candidate
	for _, l := range layers {
		for _, tensor := range n.behind(l.tensor) {
			if n.onlyDropout(tensor) {
				continue // what comes before it is the same tensor
			}
			dims := shapes[tensor]
			if len(dims) == 0 {
				continue
			}
			c := Candidate{Tensor: tensor, Layer: l.op, Weights: l.weights, Dims: dims, Axis: len(dims) - 1}
			if strings.Contains(l.op, "Conv") {
				c.Axis = 0
			}
			c.Size = int(dims[c.Axis])
			found = append(found, c)
			break
		}
	}
	return found, nil
}

// onlyDropout says that a tensor is what a Dropout or an Identity passes on.
func (n *network) onlyDropout(tensor string) bool {
	i, ok := n.producer[tensor]
	return ok && (n.graph.Node[i].GetOpType() == "Dropout" || n.graph.Node[i].GetOpType() == "Identity")
}

// named describes a tensor that somebody chose.
func (n *network) named(image Image, output, tensor string) (Candidate, error) {
	refuse := func(reason string) (Candidate, error) {
		found, err := n.candidates(image, output, 5)
		if err != nil {
			return Candidate{}, errors.Join(fmt.Errorf("features %q: %s", tensor, reason), err)
		}
		words := make([]string, len(found))
		for i, c := range found {
			words[i] = c.String()
		}
		return Candidate{}, fmt.Errorf("features %q: %s; good ones are: %s", tensor, reason, strings.Join(words, "; "))
	}
	if _, ok := n.producer[tensor]; !ok {
		return refuse("the model has no tensor of that name")
	}
	dependent := n.imageDependent(image.Name)
	if !dependent[tensor] {
		return refuse("it does not depend on the image")
	}
	shapes, err := n.measure(image, []string{tensor})
	if err != nil {
		return Candidate{}, err
	}
	dims := shapes[tensor]
	if len(dims) == 0 {
		return refuse("it has no row for each image of a batch")
	}
	c := Candidate{Tensor: tensor, Dims: dims, Axis: len(dims) - 1}
	if len(dims) == 3 { // [C, H, W], unless a layer says otherwise
		c.Axis = 0
	}
	for _, nd := range n.graph.Node { // the axis is the one that candidates has for it
		if l, ok := n.layerOf(nd, dependent); ok && slices.Contains(n.behind(l.tensor), tensor) {
			c.Layer, c.Weights, c.Axis = l.op, l.weights, len(dims)-1
			if strings.Contains(l.op, "Conv") {
				c.Axis = 0
			}
		}
	}
	c.Size = int(dims[c.Axis])
	return c, nil
}
