package onnx

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/tagbeam/tagbeam/model/onnx/onnxpb"
)

// Info is what a model file says about itself.
type Info struct {
	// Inputs are what a caller has to feed: the graph's inputs less those that have an initializer.
	Inputs []Value `json:"inputs"`
	// Outputs are in the graph's order.
	Outputs []Value `json:"outputs"`
	// Opset is the version of ONNX's own operator set; Opsets has those of all domains ("ai.onnx" is ONNX's own).
	Opset  int64            `json:"opset"`
	Opsets map[string]int64 `json:"opsets"`
	// Producer is the name and version of the program that wrote the file, or empty.
	Producer string            `json:"producer,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	// Operators counts the nodes by type, subgraphs and local functions included; operators that are not ONNX's own carry their domain:
	// "com.microsoft.FusedConv".
	Operators map[string]int `json:"operators"`
	// ExternalData lists the files, relative to the model's folder, that hold weights outside the model file, sorted.
	ExternalData []string `json:"external_data,omitempty"`
	// BatchDependent says why the result for an image would depend on the images beside it in a batch; empty when it does not. A Session
	// runs such a model image by image.
	BatchDependent string `json:"batch_dependent,omitempty"`
	// Warnings are for people: what will be slow, or may not run.
	Warnings []string `json:"warnings,omitempty"`
}

// Value is an input or output of a graph.
type Value struct {
	Name string      `json:"name"`
	Type ElementType `json:"type"`
	// Dims is nil where the model does not say the rank.
	Dims []Dim `json:"dims"`
	// Activation, of an output, is the function it is the result of: "softmax", "logsoftmax", "sigmoid", or "none" (logits, as far as
	// the graph tells).
	Activation Activation `json:"activation,omitempty"`
}

// String is the value in one line: "input: float32 [batch, 3, 224, 224]".
func (v Value) String() string {
	return fmt.Sprintf("%s: %s %s", v.Name, v.Type, FormatDims(v.Dims))
}

// Dim is one dimension: a size (> 0 or 0), or a symbol, or neither when the model does not say.
type Dim struct {
	// Size is -1 where the dimension is not fixed.
	Size   int64  `json:"size"`
	Symbol string `json:"symbol,omitempty"`
}

// Fixed says that the dimension is a number.
func (d Dim) Fixed() bool { return d.Size >= 0 }

func (d Dim) String() string {
	switch {
	case d.Fixed():
		return fmt.Sprint(d.Size)
	case d.Symbol != "":
		return d.Symbol
	}
	return "?"
}

// FormatDims writes a shape as "[batch, 3, 224, 224]", and an unknown one as "[rank unknown]".
func FormatDims(dims []Dim) string {
	if dims == nil {
		return "[rank unknown]"
	}
	words := make([]string, len(dims))
	for i, d := range dims {
		words[i] = d.String()
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// Input returns the input of that name, or false.
func (i *Info) Input(name string) (Value, bool) { return findValue(i.Inputs, name) }

// Output returns the output of that name, or false.
func (i *Info) Output(name string) (Value, bool) { return findValue(i.Outputs, name) }

func findValue(values []Value, name string) (Value, bool) {
	k := slices.IndexFunc(values, func(v Value) bool { return v.Name == name })
	if k < 0 {
		return Value{}, false
	}
	return values[k], true
}

// Inspect reads a model file without running it. What is not an ONNX model (a Git LFS pointer, a web page, a truncated file, another
// framework's format) is an error that says what it is.
func Inspect(model []byte) (*Info, error) {
	if err := sniff(model); err != nil {
		return nil, err
	}
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(model, &m); err != nil {
		return nil, fmt.Errorf("not an ONNX model or truncated (%d bytes): %w", len(model), err)
	}
	// ModelProto ends with opset_import, so a file that was cut between two fields, and most garbage, lacks it.
	if m.Graph == nil || len(m.OpsetImport) == 0 || len(m.Graph.Output) == 0 {
		return nil, fmt.Errorf("not an ONNX model or truncated (%d bytes): no graph, outputs or operator set in it", len(model))
	}
	info := &Info{
		Producer:     strings.TrimSpace(m.GetProducerName() + " " + m.GetProducerVersion()),
		Opsets:       map[string]int64{},
		Operators:    map[string]int{},
		ExternalData: externalData(m.Graph),
	}
	for _, o := range m.OpsetImport {
		info.Opsets[domainName(o.GetDomain())] = o.GetVersion()
	}
	info.Opset = info.Opsets["ai.onnx"]
	if len(m.MetadataProps) > 0 {
		info.Metadata = make(map[string]string, len(m.MetadataProps))
		for _, p := range m.MetadataProps {
			info.Metadata[p.GetKey()] = p.GetValue()
		}
	}
	info.Inputs, info.Outputs = ports(m.Graph)
	countOperators(&m, info.Operators)
	info.BatchDependent = batchDependent(info.Operators)
	info.Warnings = operatorWarnings(&m, info)
	return info, nil
}

func ports(g *onnxpb.GraphProto) (inputs, outputs []Value) {
	initialized := make(map[string]bool, len(g.Initializer))
	for _, t := range g.Initializer {
		initialized[t.GetName()] = true
	}
	for _, t := range g.SparseInitializer {
		initialized[t.GetValues().GetName()] = true
	}
	for _, v := range g.Input {
		if !initialized[v.GetName()] {
			inputs = append(inputs, describeValue(v))
		}
	}
	producers := producersOf(g)
	for _, v := range g.Output {
		out := describeValue(v)
		out.Activation = activationOf(out.Name, producers)
		outputs = append(outputs, out)
	}
	return inputs, outputs
}

func describeValue(v *onnxpb.ValueInfoProto) Value {
	tensor := v.GetType().GetTensorType()
	out := Value{Name: v.GetName(), Type: ElementType(tensor.GetElemType())}
	if tensor.GetShape() == nil {
		return out
	}
	out.Dims = []Dim{}
	for _, d := range tensor.GetShape().GetDim() {
		dim := Dim{Size: -1}
		switch x := d.GetValue().(type) {
		case *onnxpb.TensorShapeProto_Dimension_DimValue:
			dim.Size = x.DimValue // a negative one is some exporters' way to say "not fixed"
		case *onnxpb.TensorShapeProto_Dimension_DimParam:
			dim.Symbol = x.DimParam
		}
		out.Dims = append(out.Dims, Dim{Size: max(dim.Size, -1), Symbol: dim.Symbol})
	}
	return out
}

// externalData walks the subgraphs too: any tensor may live outside the file.
func externalData(g *onnxpb.GraphProto) []string {
	files := map[string]bool{}
	add := func(t *onnxpb.TensorProto) {
		if t.GetDataLocation() != onnxpb.TensorProto_EXTERNAL {
			return
		}
		for _, e := range t.ExternalData {
			if e.GetKey() == "location" {
				files[e.GetValue()] = true
			}
		}
	}
	eachGraph(g, func(g *onnxpb.GraphProto) {
		for _, t := range g.Initializer {
			add(t)
		}
		for _, n := range g.Node {
			for _, a := range n.Attribute {
				if a.T != nil {
					add(a.T)
				}
			}
		}
	})
	names := make([]string, 0, len(files))
	for f := range files {
		names = append(names, f)
	}
	slices.Sort(names)
	if len(names) == 0 {
		return nil
	}
	return names
}

// eachGraph calls fn for a graph and for the subgraphs of its nodes (If, Loop, Scan), at any depth.
func eachGraph(g *onnxpb.GraphProto, fn func(*onnxpb.GraphProto)) {
	fn(g)
	for _, n := range g.Node {
		for _, a := range n.Attribute {
			if a.G != nil {
				eachGraph(a.G, fn)
			}
			for _, sub := range a.Graphs {
				eachGraph(sub, fn)
			}
		}
	}
}

func domainName(domain string) string {
	if domain == "" {
		return "ai.onnx"
	}
	return domain
}
