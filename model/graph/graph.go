// Package graph edits ONNX classifiers for transfer learning: it finds a network's top, cuts it off, so that the network gives features, and
// grafts another one on. It works on the bytes of model files; weights are carried along untouched.
package graph

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/onnx/onnxpb"
)

// Features and Probabilities are the names of the outputs that Cut, Expose and Graft give.
const (
	Features      = "features"
	Probabilities = "probabilities"
)

// MinOpset is the oldest opset of ONNX's own operators that is edited; MaxOpset the newest that was tried.
const (
	MinOpset = 7
	MaxOpset = 23
)

// Opset is the version of ONNX's own operators that a model file uses.
func Opset(model []byte) (int64, error) {
	n, err := read(model)
	if err != nil {
		return 0, err
	}
	return n.opset, nil
}

// network is a model file taken apart.
type network struct {
	model *onnxpb.ModelProto
	graph *onnxpb.GraphProto
	opset int64
	// producer is the number of the node that makes a tensor, consumers are those of the nodes that take it in, subgraphs included.
	producer  map[string]int
	consumers map[string][]int
	// constants are the initializers by name.
	constants map[string]*onnxpb.TensorProto
}

func read(model []byte) (*network, error) {
	info, err := onnx.Inspect(model)
	if err != nil {
		return nil, err
	}
	if info.Opset < MinOpset || info.Opset > MaxOpset {
		return nil, fmt.Errorf("the model is of opset %d; one of %d to %d can be edited: convert it (onnx.version_converter.convert_version)",
			info.Opset, MinOpset, MaxOpset)
	}
	n := &network{model: &onnxpb.ModelProto{}, opset: info.Opset}
	if err := proto.Unmarshal(model, n.model); err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	n.graph = n.model.Graph
	if len(n.graph.Node) == 0 {
		return nil, errors.New("the model's graph is empty")
	}
	n.index()
	return n, nil
}

// index makes the maps anew, after an edit.
func (n *network) index() {
	n.producer, n.consumers, n.constants = map[string]int{}, map[string][]int{}, map[string]*onnxpb.TensorProto{}
	for i, nd := range n.graph.Node {
		for _, out := range nd.Output {
			n.producer[out] = i
		}
		for _, in := range uses(nd) {
			n.consumers[in] = append(n.consumers[in], i)
		}
	}
	for _, t := range n.graph.Initializer {
		n.constants[t.GetName()] = t
	}
}

// uses are the tensors that a node reads, those that its subgraphs take from outside included. "" is an input left out.
func uses(nd *onnxpb.NodeProto) []string {
	names := slices.Clone(nd.Input)
	eachSubgraph(nd, func(g *onnxpb.GraphProto) {
		for _, inner := range g.Node {
			names = append(names, uses(inner)...)
		}
		for _, out := range g.Output { // an output may be a tensor from outside
			names = append(names, out.GetName())
		}
	})
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

func eachSubgraph(nd *onnxpb.NodeProto, fn func(*onnxpb.GraphProto)) {
	for _, a := range nd.Attribute {
		if a.G != nil {
			fn(a.G)
		}
		for _, g := range a.Graphs {
			fn(g)
		}
	}
}

// ancestors marks the nodes that the tensors are computed from.
func (n *network) ancestors(tensors ...string) []bool {
	marked := make([]bool, len(n.graph.Node))
	for todo := tensors; len(todo) > 0; {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		i, ok := n.producer[name]
		if !ok || marked[i] {
			continue
		}
		marked[i] = true
		todo = append(todo, uses(n.graph.Node[i])...)
	}
	return marked
}

// imageDependent is the set of tensors whose values depend on the image: not those computed from constants or from shapes alone.
func (n *network) imageDependent(input string) map[string]bool {
	dependent := map[string]bool{input: true}
	for _, nd := range n.graph.Node { // ONNX wants them in the order in which they can run
		if op := nd.GetOpType(); op == "Shape" || op == "Size" {
			continue
		}
		if slices.ContainsFunc(uses(nd), func(name string) bool { return dependent[name] }) {
			for _, out := range nd.Output {
				dependent[out] = true
			}
		}
	}
	return dependent
}

// rename gives a tensor another name, everywhere.
func (n *network) rename(from, to string) {
	var walk func(g *onnxpb.GraphProto)
	swap := func(names []string) {
		for i, name := range names {
			if name == from {
				names[i] = to
			}
		}
	}
	walk = func(g *onnxpb.GraphProto) {
		for _, nd := range g.Node {
			swap(nd.Input)
			swap(nd.Output)
			eachSubgraph(nd, walk)
		}
		for _, t := range g.Initializer {
			if t.GetName() == from {
				t.Name = &to
			}
		}
		for _, v := range slices.Concat(g.Input, g.Output) {
			if v.GetName() == from {
				v.Name = &to
			}
		}
	}
	walk(n.graph)
	n.index()
}

// taken says whether a tensor has the name.
func (n *network) taken(name string) bool {
	_, made := n.producer[name]
	_, used := n.consumers[name]
	return made || used || n.constants[name] != nil
}

// free is a name nobody has, that begins with name.
func (n *network) free(name string) string {
	for n.taken(name) {
		name += "_"
	}
	return name
}

// prune drops what the outputs do not need, and descriptions of tensors that may be stale. Initializers that are listed as inputs too, as old
// files have it, become plain constants.
func (n *network) prune() {
	names := make([]string, len(n.graph.Output))
	for i, out := range n.graph.Output {
		names[i] = out.GetName()
	}
	marked := n.ancestors(names...)
	var nodes []*onnxpb.NodeProto
	used := map[string]bool{}
	for _, name := range names {
		used[name] = true
	}
	for i, nd := range n.graph.Node {
		if !marked[i] {
			continue
		}
		nodes = append(nodes, nd)
		for _, name := range uses(nd) {
			used[name] = true
		}
	}
	n.graph.Node = nodes
	n.graph.Initializer = slices.DeleteFunc(n.graph.Initializer, func(t *onnxpb.TensorProto) bool { return !used[t.GetName()] })
	n.graph.SparseInitializer = slices.DeleteFunc(n.graph.SparseInitializer, func(t *onnxpb.SparseTensorProto) bool { return !used[t.GetValues().GetName()] })
	n.graph.ValueInfo = nil
	sparse := map[string]bool{}
	for _, t := range n.graph.SparseInitializer {
		sparse[t.GetValues().GetName()] = true
	}
	n.graph.Input = slices.DeleteFunc(n.graph.Input, func(v *onnxpb.ValueInfoProto) bool {
		return n.constants[v.GetName()] != nil || sparse[v.GetName()]
	})
	if n.model.GetIrVersion() < 4 {
		n.model.IrVersion = proto.Int64(4)
	}
	n.tellApart()
	n.index()
}

// tellApart gives nodes that were added names of their own: those of a network that was made here already are taken.
func (n *network) tellApart() {
	seen := map[string]bool{}
	for _, nd := range n.graph.Node {
		for nd.GetName() != "" && seen[nd.GetName()] {
			nd.Name = proto.String(nd.GetName() + "_")
		}
		seen[nd.GetName()] = true
	}
}

// batch is the batch dimension of the image input: a number or a symbol.
func (n *network) batch() (any, error) {
	for _, v := range n.graph.Input {
		if n.constants[v.GetName()] != nil {
			continue
		}
		dims := v.GetType().GetTensorType().GetShape().GetDim()
		if len(dims) == 0 {
			return "batch", nil
		}
		if size := dims[0].GetDimValue(); size > 0 {
			return size, nil
		}
		if symbol := dims[0].GetDimParam(); symbol != "" {
			return symbol, nil
		}
		return "batch", nil
	}
	return nil, errors.New("the model has no input")
}
