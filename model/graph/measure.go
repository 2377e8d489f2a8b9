package graph

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/onnx/onnxpb"
)

// measure finds the shapes of tensors, less the batch, by running the network on zeros with Shape operators added. A tensor that has
// no row for each image gets no shape.
func (n *network) measure(image Image, tensors []string) (map[string][]int64, error) {
	tensors = slices.Compact(slices.Sorted(slices.Values(tensors)))
	small, large, err := n.batches()
	if err != nil {
		return nil, err
	}
	shapes, err := n.run(image, tensors, small)
	if err != nil {
		return nil, fmt.Errorf("running the network on zeros: %w", err)
	}
	if more, err := n.run(image, tensors, large); err == nil { // it fails where an exporter has baked its batch of one in
		for name, dims := range more {
			if first := shapes[name]; len(dims) != len(first) || len(dims) == 0 || dims[0] != large || !slices.Equal(dims[1:], first[1:]) {
				delete(shapes, name)
			}
		}
	}
	for name, dims := range shapes {
		if len(dims) < 2 || dims[0] != small {
			delete(shapes, name)
			continue
		}
		shapes[name] = dims[1:]
	}
	return shapes, nil
}

// batches are the sizes of batch to try: two of them, to tell what grows with the batch, where the input lets us.
func (n *network) batches() (small, large int64, err error) {
	batch, err := n.batch()
	if size, fixed := batch.(int64); fixed {
		return size, size, err
	}
	return 1, 3, err
}

// run returns the whole shapes for a batch of that size.
func (n *network) run(image Image, tensors []string, batch int64) (_ map[string][]int64, err error) {
	model, err := n.withShapes(tensors)
	if err != nil {
		return nil, err
	}
	e, err := onnx.NewEvaluator(model, "", 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()

	info, err := onnx.Inspect(model)
	if err != nil {
		return nil, err
	}
	input, ok := info.Input(image.Name)
	if !ok {
		return nil, fmt.Errorf("the model has no input %q", image.Name)
	}
	if err := input.CheckInputType(); err != nil {
		return nil, err
	}
	zeros := onnx.Zeros(image.Name, input.Type, append([]int64{batch}, image.Dims...)...)
	ranks := make([][]int64, len(tensors))
	var outputs []onnx.Tensor
	for i, name := range tensors {
		ranks[i] = make([]int64, 1)
		outputs = append(outputs, onnx.Int64s(rankOf(name), ranks[i], 1))
	}
	if err := evaluate(e, zeros, outputs); err != nil {
		return nil, err
	}
	shapes := make(map[string][]int64, len(tensors))
	outputs = nil
	for i, name := range tensors {
		if shapes[name] = make([]int64, ranks[i][0]); ranks[i][0] > 0 {
			outputs = append(outputs, onnx.Int64s(shapeOf(name), shapes[name], ranks[i][0]))
		}
	}
	if len(outputs) == 0 {
		return shapes, nil
	}
	return shapes, evaluate(e, zeros, outputs)
}

func evaluate(e *onnx.Evaluator, input onnx.Tensor, outputs []onnx.Tensor) error {
	b, err := e.Bind([]onnx.Tensor{input}, outputs)
	if err != nil {
		return err
	}
	return errors.Join(b.Run(), b.Close())
}

func shapeOf(tensor string) string { return "tagbeam/shape/" + tensor }
func rankOf(tensor string) string  { return "tagbeam/rank/" + tensor }

// withShapes is the network whose outputs are the shapes and ranks of tensors.
func (n *network) withShapes(tensors []string) ([]byte, error) {
	m := n.clone()
	m.graph.Output = nil
	for _, name := range tensors {
		shape, rank := shapeOf(name), rankOf(name)
		m.graph.Node = append(m.graph.Node, node("Shape", []string{shape}, []string{name}), node("Shape", []string{rank}, []string{shape}))
		m.graph.Output = append(m.graph.Output, valueInfo(shape, onnx.Int64, "rank of "+name), valueInfo(rank, onnx.Int64, 1))
	}
	m.index()
	m.prune()
	return marshal(m.model)
}

// clone is a network that can be edited: graph, nodes' list and model are its own, the nodes and the weights are shared.
func (n *network) clone() *network {
	g := &onnxpb.GraphProto{
		Name: n.graph.Name, Node: slices.Clone(n.graph.Node), Input: slices.Clone(n.graph.Input), Output: slices.Clone(n.graph.Output),
		Initializer: slices.Clone(n.graph.Initializer), SparseInitializer: slices.Clone(n.graph.SparseInitializer), ValueInfo: n.graph.ValueInfo,
	}
	g.ProtoReflect().SetUnknown(n.graph.ProtoReflect().GetUnknown())
	m := &onnxpb.ModelProto{
		IrVersion: proto.Int64(n.model.GetIrVersion()), ProducerName: n.model.ProducerName, ProducerVersion: n.model.ProducerVersion, Graph: g,
		OpsetImport: n.model.OpsetImport, MetadataProps: n.model.MetadataProps, Functions: n.model.Functions,
	}
	m.ProtoReflect().SetUnknown(n.model.ProtoReflect().GetUnknown())
	c := &network{model: m, graph: g, opset: n.opset}
	c.index()
	return c
}
