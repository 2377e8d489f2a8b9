package graph

import (
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/onnx/onnxpb"
)

// irVersion is that of the files Builder writes: 4 is the first in which an initializer need not be an input too, 8 the one of opset 15 and on.
func irVersion(opset int64) int64 {
	if opset >= 15 {
		return 8
	}
	return 4
}

// Builder writes a graph from scratch, node by node in the order in which they run.
type Builder struct {
	opset int64
	graph *onnxpb.GraphProto
}

// NewBuilder starts a graph of that opset of ONNX's own operators.
func NewBuilder(name string, opset int64) *Builder {
	return &Builder{opset: opset, graph: &onnxpb.GraphProto{Name: &name}}
}

// Opset is that of NewBuilder.
func (b *Builder) Opset() int64 { return b.opset }

// Input declares a float32 input; a dimension is an int64, or a string for one that is open.
func (b *Builder) Input(name string, dims ...any) string {
	b.graph.Input = append(b.graph.Input, valueInfo(name, onnx.Float32, dims...))
	return name
}

// Output declares a float32 output.
func (b *Builder) Output(name string, dims ...any) {
	b.graph.Output = append(b.graph.Output, valueInfo(name, onnx.Float32, dims...))
}

// Floats adds a constant and returns its name.
func (b *Builder) Floats(name string, data []float32, dims ...int64) string {
	b.graph.Initializer = append(b.graph.Initializer, floats(name, data, dims...))
	return name
}

// Ints adds a constant of integers and returns its name.
func (b *Builder) Ints(name string, data ...int64) string {
	b.graph.Initializer = append(b.graph.Initializer, ints(name, data))
	return name
}

// Node adds an operator with one output of that name, and returns the name.
func (b *Builder) Node(op, output string, inputs []string, attributes ...*onnxpb.AttributeProto) string {
	b.graph.Node = append(b.graph.Node, node(op, []string{output}, inputs, attributes...))
	return output
}

// Nodes adds an operator with several outputs.
func (b *Builder) Nodes(op string, outputs, inputs []string, attributes ...*onnxpb.AttributeProto) {
	b.graph.Node = append(b.graph.Node, node(op, outputs, inputs, attributes...))
}

// Sum adds a ReduceSum (or another reduction) over axes, as the opset has it.
func (b *Builder) reduce(op, output, input string, keep bool, axes ...int64) string {
	nodes, constants := reduction(b.opset, op, output, input, keep, axes)
	b.graph.Node = append(b.graph.Node, nodes)
	b.graph.Initializer = append(b.graph.Initializer, constants...)
	return output
}

// ReduceSum adds up over axes.
func (b *Builder) ReduceSum(output, input string, keep bool, axes ...int64) string {
	return b.reduce("ReduceSum", output, input, keep, axes...)
}

// Model is the finished file.
func (b *Builder) Model() ([]byte, error) {
	return marshal(&onnxpb.ModelProto{
		IrVersion:    proto.Int64(irVersion(b.opset)),
		ProducerName: proto.String("tagbeam"),
		Graph:        b.graph,
		OpsetImport:  []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(b.opset)}},
	})
}

// Int is an attribute of an integer.
func Int(name string, v int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, I: &v, Type: onnxpb.AttributeProto_INT.Enum()}
}

// Float is an attribute of a number.
func Float(name string, v float32) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, F: &v, Type: onnxpb.AttributeProto_FLOAT.Enum()}
}

// Ints is an attribute of integers.
func Ints(name string, v ...int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Ints: v, Type: onnxpb.AttributeProto_INTS.Enum()}
}

func node(op string, outputs, inputs []string, attributes ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{OpType: &op, Name: proto.String(outputs[0]), Input: inputs, Output: outputs, Attribute: attributes}
}

// reduction is a reduction of that opset: axes became an input with 13 for ReduceSum, and with 18 for the others.
func reduction(opset int64, op, output, input string, keep bool, axes []int64) (*onnxpb.NodeProto, []*onnxpb.TensorProto) {
	keepdims := Int("keepdims", 0)
	if keep {
		keepdims = Int("keepdims", 1)
	}
	if opset < 13 || opset < 18 && op != "ReduceSum" {
		return node(op, []string{output}, []string{input}, Ints("axes", axes...), keepdims), nil
	}
	constant := ints(output+"/axes", axes)
	return node(op, []string{output}, []string{input, constant.GetName()}, keepdims), []*onnxpb.TensorProto{constant}
}

func floats(name string, data []float32, dims ...int64) *onnxpb.TensorProto {
	raw, err := binary.Append(nil, binary.LittleEndian, data)
	if err != nil {
		panic(err) // a slice of float32 has a size
	}
	return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(onnx.Float32)), Dims: dims, RawData: raw}
}

func ints(name string, data []int64) *onnxpb.TensorProto {
	raw, err := binary.Append(nil, binary.LittleEndian, data)
	if err != nil {
		panic(err) // a slice of int64 has a size
	}
	return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(onnx.Int64)), Dims: []int64{int64(len(data))}, RawData: raw}
}

func valueInfo(name string, t onnx.ElementType, dims ...any) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range dims {
		dim := &onnxpb.TensorShapeProto_Dimension{}
		switch d := d.(type) {
		case int64:
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}
		case int:
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}
		case string:
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: d}
		default:
			panic(fmt.Sprintf("%T is no dimension", d))
		}
		shape.Dim = append(shape.Dim, dim)
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(t)), Shape: shape},
	}}}
}

// marshal writes a model; equal models give equal bytes.
func marshal(m *onnxpb.ModelProto) ([]byte, error) {
	if size := proto.Size(m); size >= 1<<31 {
		return nil, fmt.Errorf("the model has %d MB, and one file can hold less than 2,048", size>>20)
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("writing the model: %w", err)
	}
	return data, nil
}
