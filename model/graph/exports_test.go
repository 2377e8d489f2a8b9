package graph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/tagbeam/tagbeam/model/graph"
	"github.com/tagbeam/tagbeam/model/head"
	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/onnx/onnxpb"
)

// drawing writes small networks with random weights, built as exporters build the large ones of the same name.
type drawing struct {
	*graph.Builder
	random *rand.Rand
	nodes  int
}

func newDrawing(opset int64) *drawing {
	return &drawing{Builder: graph.NewBuilder("main", opset), random: rand.New(rand.NewPCG(1, 2))}
}

func (d *drawing) op(op string, inputs []string, attributes ...*onnxpb.AttributeProto) string {
	d.nodes++
	return d.Node(op, fmt.Sprintf("%s_%d", op, d.nodes), inputs, attributes...)
}

func (d *drawing) weights(dims ...int64) string {
	d.nodes++
	size := int64(1)
	for _, n := range dims {
		size *= n
	}
	values := make([]float32, size)
	for i := range values {
		values[i] = float32(0.4 * d.random.NormFloat64())
	}
	return d.Floats(fmt.Sprintf("weights_%d", d.nodes), values, dims...)
}

func (d *drawing) positive(n int64) string {
	d.nodes++
	return d.Floats(fmt.Sprintf("positive_%d", d.nodes), slices.Repeat([]float32{1.5}, int(n)), n)
}

func (d *drawing) conv(x string, in, out, kernel, stride int64) string {
	pad := kernel / 2
	return d.op("Conv", []string{x, d.weights(out, in, kernel, kernel), d.weights(out)},
		graph.Ints("kernel_shape", kernel, kernel), graph.Ints("strides", stride, stride), graph.Ints("pads", pad, pad, pad, pad))
}

func (d *drawing) norm(x string, channels int64) string {
	return d.op("BatchNormalization", []string{x, d.positive(channels), d.weights(channels), d.weights(channels), d.positive(channels)}, graph.Float("epsilon", 1e-3))
}

func (d *drawing) swish(x string) string {
	return d.op("Mul", []string{x, d.op("Sigmoid", []string{x})})
}

// bottleneck is a residual block of ResNet50.
func (d *drawing) bottleneck(x string, channels int64) string {
	y := d.op("Relu", []string{d.norm(d.conv(x, channels, channels/2, 1, 1), channels/2)})
	y = d.op("Relu", []string{d.norm(d.conv(y, channels/2, channels/2, 3, 1), channels/2)})
	y = d.norm(d.conv(y, channels/2, channels, 1, 1), channels)
	return d.op("Relu", []string{d.op("Add", []string{y, x})})
}

// inverted is an inverted residual block of EfficientNet, with squeeze and excitation: convolutions over one pixel, close to the top.
func (d *drawing) inverted(x string, channels int64) string {
	y := d.swish(d.norm(d.conv(x, channels, 2*channels, 1, 1), 2*channels))
	s := d.op("GlobalAveragePool", []string{y})
	s = d.swish(d.conv(s, 2*channels, 4, 1, 1))
	s = d.op("Sigmoid", []string{d.conv(s, 4, 2*channels, 1, 1)})
	y = d.norm(d.conv(d.op("Mul", []string{y, s}), 2*channels, channels, 1, 1), channels)
	return d.op("Add", []string{x, y})
}

func (d *drawing) mean(x string, keep int64) string {
	if d.Opset() < 18 {
		return d.op("ReduceMean", []string{x}, graph.Ints("axes", 2, 3), graph.Int("keepdims", keep))
	}
	return d.op("ReduceMean", []string{x, d.Ints("pool/axes", 2, 3)}, graph.Int("keepdims", keep))
}

func (d *drawing) squeeze(x string) string {
	if d.Opset() < 13 {
		return d.op("Squeeze", []string{x}, graph.Ints("axes", 2, 3))
	}
	return d.op("Squeeze", []string{x, d.Ints("squeeze/axes", 2, 3)})
}

// kerasTop and torchTop are the last layer as tf2onnx and torch.onnx write it: with a softmax, and without.
func (d *drawing) kerasTop(x string, features, classes int64) {
	y := d.op("Add", []string{d.op("MatMul", []string{x, d.weights(features, classes)}), d.weights(classes)})
	d.Node("Softmax", "predictions", []string{y}, graph.Int("axis", 1))
	d.Output("predictions", "unk__1", classes)
}

func (d *drawing) torchTop(x string, features, classes int64) {
	d.Node("Gemm", "logits", []string{x, d.weights(classes, features), d.weights(classes)}, graph.Int("transB", 1))
	d.Output("logits", "batch", classes)
}

// fromNHWC begins as Keras exports do.
func (d *drawing) fromNHWC() string {
	return d.op("Transpose", []string{d.Input("image", "unk__1", 32, 32, 3)}, graph.Ints("perm", 0, 3, 1, 2))
}

const (
	drawnWidth   = 16
	drawnClasses = 7
)

// drawn are the networks by the name of what they are built as.
var drawn = []struct {
	name  string
	opset int64
	nhwc  bool
	layer string
	draw  func(d *drawing)
}{
	{"Keras ResNet50", 17, true, "MatMul", func(d *drawing) {
		x := d.bottleneck(d.conv(d.fromNHWC(), 3, drawnWidth, 7, 2), drawnWidth)
		d.kerasTop(d.squeeze(d.op("GlobalAveragePool", []string{x})), drawnWidth, drawnClasses)
	}},
	{"Keras EfficientNet", 15, true, "MatMul", func(d *drawing) {
		image := d.Input("image", "unk__1", 32, 32, 3)
		scaled := d.op("Div", []string{d.op("Sub", []string{d.op("Mul", []string{image, d.weights(1)}), d.weights(3)}), d.positive(3)})
		x := d.op("Transpose", []string{scaled}, graph.Ints("perm", 0, 3, 1, 2))
		x = d.inverted(d.swish(d.conv(x, 3, drawnWidth, 3, 2)), drawnWidth)
		d.kerasTop(d.mean(x, 0), drawnWidth, drawnClasses)
	}},
	{"PyTorch ResNet50", 11, false, "Gemm", func(d *drawing) {
		x := d.bottleneck(d.conv(d.Input("image", "batch", 3, 32, 32), 3, drawnWidth, 7, 2), drawnWidth)
		d.torchTop(d.op("Flatten", []string{d.op("GlobalAveragePool", []string{x})}, graph.Int("axis", 1)), drawnWidth, drawnClasses)
	}},
	{"PyTorch EfficientNet", 13, false, "Gemm", func(d *drawing) {
		x := d.swish(d.conv(d.Input("image", "batch", 3, 32, 32), 3, drawnWidth, 3, 2))
		flat := d.op("Flatten", []string{d.op("GlobalAveragePool", []string{d.inverted(x, drawnWidth)})}, graph.Int("axis", 1))
		d.torchTop(d.op("Identity", []string{flat}), drawnWidth, drawnClasses) // what became of a Dropout
	}},
	{"PyTorch ResNet50 by dynamo", 18, false, "Gemm", func(d *drawing) {
		x := d.bottleneck(d.conv(d.Input("image", "batch", 3, 32, 32), 3, drawnWidth, 7, 2), drawnWidth)
		d.torchTop(d.op("Reshape", []string{d.mean(x, 1), d.Ints("view", -1, drawnWidth)}), drawnWidth, drawnClasses)
	}},
	{"PyTorch of old, weights among the inputs", 9, false, "Gemm", func(d *drawing) {
		x := d.bottleneck(d.conv(d.Input("image", "batch", 3, 32, 32), 3, drawnWidth, 7, 2), drawnWidth)
		d.torchTop(d.op("Flatten", []string{d.op("GlobalAveragePool", []string{x})}, graph.Int("axis", 1)), drawnWidth, drawnClasses)
	}},
}

// What Keras and PyTorch export is cut where its last layer begins, and takes a head; opset, IR version and the image input stay.
func TestExports(t *testing.T) {
	start(t)
	for _, tt := range drawn {
		t.Run(tt.name, func(t *testing.T) {
			d := newDrawing(tt.opset)
			tt.draw(d)
			file, err := d.Model()
			if err != nil {
				t.Fatal(err)
			}
			if tt.opset == 9 {
				file = edit(t, file, func(m *onnxpb.ModelProto) { // IR version 3 wants initializers among the inputs
					m.IrVersion = proto.Int64(3)
					for _, w := range m.Graph.Initializer {
						dims := &onnxpb.TensorShapeProto{}
						for _, n := range w.Dims {
							dims.Dim = append(dims.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: n}})
						}
						m.Graph.Input = append(m.Graph.Input, &onnxpb.ValueInfoProto{Name: w.Name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
							TensorType: &onnxpb.TypeProto_Tensor{ElemType: w.DataType, Shape: dims}}}})
					}
				})
			}
			n := network{file, graph.Image{Name: "image", Dims: []int64{3, 32, 32}}, onnx.Port{Name: "logits", Dims: []int64{drawnClasses}}, onnx.Float32}
			if tt.nhwc {
				n.image.Dims, n.output.Name = []int64{32, 32, 3}, "predictions"
			}
			top, err := graph.Top(n.bytes, n.image, n.output.Name, "")
			if err != nil {
				t.Fatal(err)
			}
			if top.Layer != tt.layer || !slices.Equal(top.Dims, []int64{drawnWidth}) || top.Size != drawnWidth {
				t.Errorf("the top is %+v", top)
			}
			checkCut(t, n, top)
			checkGraft(t, n, top, head.Linear)
		})
	}
}

func edit(t *testing.T, file []byte, change func(*onnxpb.ModelProto)) []byte {
	t.Helper()
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	file, err := proto.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// checkGraft trains a head on noise, and holds the network with it against the two of them.
func checkGraft(t *testing.T, n network, top graph.Candidate, kind head.Kind) {
	t.Helper()
	cut, err := graph.Cut(n.bytes, top)
	if err != nil {
		t.Fatal(err)
	}
	many := 24
	if dims := n.image.Dims; dims[0]*dims[1]*dims[2] > 1e5 {
		many = 6 // a large network
	}
	images := noise(n.image, many)
	features := onnx.Port{Name: graph.Features, Dims: []int64{int64(top.Size)}}
	x := rows(t, cut, n.image, images, features)[0]
	data := head.Dataset{Features: x, Dim: top.Size}
	for i := range many {
		data.Labels = append(data.Labels, i%3)
	}
	h, err := head.Train(t.Context(), data, head.Dataset{}, head.Options{Kind: kind, Classes: 3, Seed: 1, Hidden: 32, Neighbours: []int{many}})
	if err != nil {
		t.Fatal(err)
	}
	want, err := h.Predict(x)
	if err != nil {
		t.Fatal(err)
	}
	opset, err := graph.Opset(cut)
	if err != nil {
		t.Fatal(err)
	}
	top3, err := h.ONNX(opset)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := graph.Graft(cut, top3)
	if err != nil {
		t.Fatal(err)
	}
	got := rows(t, whole, n.image, images, onnx.Port{Name: graph.Probabilities, Dims: []int64{3}}, features)
	closeTo(t, "probabilities", got[0], want)
	closeTo(t, "features", got[1], x)
	checkHeader(t, n.bytes, whole)
	// A trained network is a network like any other.
	again, err := graph.Top(whole, n.image, graph.Probabilities, "")
	if err != nil {
		t.Fatal(err)
	}
	checkCut(t, network{whole, n.image, onnx.Port{Name: graph.Probabilities, Dims: []int64{3}}, n.input}, again)
}

// checkHeader holds what a model file says of itself before and after.
func checkHeader(t *testing.T, before, after []byte) {
	t.Helper()
	var a, b onnxpb.ModelProto
	if err := proto.Unmarshal(before, &a); err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(after, &b); err != nil {
		t.Fatal(err)
	}
	if want := max(a.GetIrVersion(), 4); b.GetIrVersion() != want {
		t.Errorf("IR version %d became %d", a.GetIrVersion(), b.GetIrVersion())
	}
	if x, y := a.OpsetImport, b.OpsetImport; len(x) != len(y) || x[0].GetVersion() != y[0].GetVersion() {
		t.Errorf("opsets %v became %v", x, y)
	}
	if len(b.Graph.Input) != 1 || !slices.ContainsFunc(a.Graph.Input, func(v *onnxpb.ValueInfoProto) bool { return proto.Equal(v, b.Graph.Input[0]) }) {
		t.Errorf("the inputs became %v", b.Graph.Input)
	}
}

// Heads can be put on real networks, whatever their opset.
func TestGraft(t *testing.T) {
	for name, kinds := range map[string][]head.Kind{
		"mobilenetv2": {head.MLP}, "mobilenetv2-int8": {head.SVM}, "squeezenet": {head.KNN},
		"vit-cifar10": head.Kinds, "vit-cifar10-p16": {head.Linear}, "builtin": head.Kinds,
	} {
		t.Run(name, func(t *testing.T) {
			n := realModel(t, name)
			top, err := graph.Top(n.bytes, n.image, n.output.Name, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, kind := range kinds {
				checkGraft(t, n, top, kind)
			}
		})
	}
}

func TestGraftMistakes(t *testing.T) {
	n := tiny(t, "nchw.onnx")
	top, err := graph.Top(n.bytes, n.image, n.output.Name, "")
	if err != nil {
		t.Fatal(err)
	}
	cut, err := graph.Cut(n.bytes, top)
	if err != nil {
		t.Fatal(err)
	}
	opset, err := graph.Opset(cut)
	if err != nil {
		t.Fatal(err)
	}
	headOf := func(dim int, opset int64, output string) []byte {
		b := graph.NewBuilder("head", opset)
		b.Node("Softmax", output, []string{b.Input(graph.Features, "batch", dim)}, graph.Int("axis", 1))
		b.Output(output, "batch", dim)
		file, err := b.Model()
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, tt := range []struct {
		name       string
		base, head []byte
		want       string
	}{
		{"opsets", cut, headOf(top.Size, opset-1, graph.Probabilities), "make the head for the base's"},
		{"no cut", n.bytes, headOf(top.Size, opset, graph.Probabilities), `only output has to be "features"`},
		{"no head", cut, headOf(top.Size, opset, "y"), `one output "probabilities"`},
		{"sizes", cut, headOf(top.Size+1, opset, graph.Probabilities), fmt.Sprintf("the base gives %d features, the head wants %d", top.Size, top.Size+1)},
		{"no model", []byte("no model"), headOf(top.Size, opset, graph.Probabilities), "base: "},
		{"no model as head", cut, []byte("no model"), "head: "},
		{"too old", edit(t, cut, func(m *onnxpb.ModelProto) { m.OpsetImport[0].Version = proto.Int64(6) }), cut, "opset 6; one of 7 to"},
	} {
		if _, err := graph.Graft(tt.base, tt.head); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
