package graph

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/onnx/onnxpb"
)

// Cut makes the network that ends at the candidate: its only output is Features, float32 [batch, Size]. What the features do not need is
// dropped.
func Cut(model []byte, at Candidate) ([]byte, error) {
	n, err := read(model)
	if err != nil {
		return nil, err
	}
	n.graph.Output = nil
	if err := n.addFeatures(at); err != nil {
		return nil, err
	}
	n.prune()
	return marshal(n.model)
}

// Expose is the network with a further output, Features, float32 [batch, Size]; its own outputs stay as they are, except that one which is called
// Features already is replaced.
func Expose(model []byte, at Candidate) ([]byte, error) {
	n, err := read(model)
	if err != nil {
		return nil, err
	}
	n.graph.Output = slices.DeleteFunc(n.graph.Output, func(v *onnxpb.ValueInfoProto) bool { return v.GetName() == Features })
	if err := n.addFeatures(at); err != nil {
		return nil, err
	}
	n.prune()
	return marshal(n.model)
}

// addFeatures adds the output Features: positions averaged, as float32.
func (n *network) addFeatures(at Candidate) error {
	tensor := at.Tensor
	if _, ok := n.producer[tensor]; !ok {
		return fmt.Errorf("the model has no tensor %q", tensor)
	}
	if at.Axis < 0 || at.Axis >= len(at.Dims) {
		return fmt.Errorf("features %s: axis %d of shape %v does not exist", tensor, at.Axis, at.Dims)
	}
	batch, err := n.batch()
	if err != nil {
		return err
	}
	if n.taken(Features) {
		spare := n.free(Features + "_")
		n.rename(Features, spare)
		if tensor == Features {
			tensor = spare
		}
	}
	if n.mixedPrecision() {
		cast := n.free(Features + "/float32")
		n.graph.Node = append(n.graph.Node, node("Cast", []string{cast}, []string{tensor}, Int("to", int64(onnx.Float32))))
		tensor = cast
	}
	if len(at.Dims) == 1 {
		n.graph.Node = append(n.graph.Node, node("Identity", []string{Features}, []string{tensor}))
	} else {
		var axes []int64
		for i := range at.Dims {
			if i != at.Axis {
				axes = append(axes, int64(i)+1)
			}
		}
		mean, constants := reduction(n.opset, "ReduceMean", Features, tensor, false, axes)
		n.graph.Node = append(n.graph.Node, mean)
		n.graph.Initializer = append(n.graph.Initializer, constants...)
	}
	n.graph.Output = append(n.graph.Output, valueInfo(Features, onnx.Float32, batch, at.Size))
	n.index()
	return nil
}

// mixedPrecision says that tensors may be of another type than float32.
func (n *network) mixedPrecision() bool {
	for _, t := range n.graph.Initializer {
		switch onnx.ElementType(t.GetDataType()) {
		case onnx.Float16, onnx.BFloat16, onnx.Float64:
			return true
		}
	}
	return slices.ContainsFunc(n.graph.Node, func(nd *onnxpb.NodeProto) bool { return nd.GetOpType() == "Cast" })
}

// Graft puts a head (one input Features, one output Probabilities; see head.Head.ONNX) on a network that Cut made. The outputs are
// Probabilities and Features. The two must have the same opset: make the head for Opset(base).
func Graft(base, head []byte) ([]byte, error) {
	n, err := read(base)
	if err != nil {
		return nil, fmt.Errorf("base: %w", err)
	}
	h, err := read(head)
	if err != nil {
		return nil, fmt.Errorf("head: %w", err)
	}
	if n.opset != h.opset {
		return nil, fmt.Errorf("the head is of opset %d and the base of %d: make the head for the base's", h.opset, n.opset)
	}
	if len(n.graph.Output) != 1 || n.graph.Output[0].GetName() != Features {
		return nil, fmt.Errorf("the base's only output has to be %q", Features)
	}
	if len(h.graph.Input) != 1 || h.graph.Input[0].GetName() != Features || len(h.graph.Output) != 1 || h.graph.Output[0].GetName() != Probabilities {
		return nil, fmt.Errorf("the head has to have one input %q and one output %q", Features, Probabilities)
	}
	if have, want := lastDim(n.graph.Output[0]), lastDim(h.graph.Input[0]); have != want {
		return nil, fmt.Errorf("the base gives %d features, the head wants %d", have, want)
	}
	batch, err := n.batch()
	if err != nil {
		return nil, err
	}
	if n.taken(Probabilities) {
		n.rename(Probabilities, n.free(Probabilities+"_"))
	}
	h.prefix(n)
	n.graph.Node = append(n.graph.Node, h.graph.Node...)
	n.graph.Initializer = append(n.graph.Initializer, h.graph.Initializer...)
	n.graph.Output = []*onnxpb.ValueInfoProto{
		valueInfo(Probabilities, onnx.Float32, batch, lastDim(h.graph.Output[0])),
		valueInfo(Features, onnx.Float32, batch, lastDim(h.graph.Input[0])),
	}
	n.model.IrVersion = proto.Int64(max(n.model.GetIrVersion(), irVersion(n.opset)))
	n.index()
	n.prune()
	return marshal(n.model)
}

// prefix puts "head/" before the names of the head's own tensors and nodes, or more where the base has such names.
func (n *network) prefix(base *network) {
	prefix := "head/"
	own := map[string]bool{}
	for _, nd := range n.graph.Node {
		for _, out := range nd.Output {
			own[out] = true
		}
	}
	for name := range n.constants {
		own[name] = true
	}
	for conflict := true; conflict; {
		conflict = false
		for name := range own {
			conflict = conflict || base.taken(prefix+name)
		}
		if conflict {
			prefix = "head/" + prefix
		}
	}
	for name := range own {
		if name != Probabilities {
			n.rename(name, prefix+name)
		}
	}
	for _, nd := range n.graph.Node {
		nd.Name = proto.String(prefix + nd.GetName())
	}
}

func lastDim(v *onnxpb.ValueInfoProto) int64 {
	dims := v.GetType().GetTensorType().GetShape().GetDim()
	if len(dims) == 0 {
		return 0
	}
	return dims[len(dims)-1].GetDimValue()
}
