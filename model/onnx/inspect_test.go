package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/tagbeam/tagbeam/model/onnx/onnxpb"
)

func TestInspect(t *testing.T) {
	got, err := Inspect(tiny(t, "two_outputs.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	fixed := func(n int64) Dim { return Dim{Size: n} }
	batch := Dim{Size: -1, Symbol: "batch"}
	want := &Info{
		Inputs: []Value{{Name: "image", Type: Float32, Dims: []Dim{batch, fixed(3), fixed(8), fixed(8)}}},
		Outputs: []Value{
			{Name: "a", Type: Float32, Dims: []Dim{batch, fixed(5)}, Activation: ActivationNone},
			{Name: "b", Type: Float32, Dims: []Dim{batch, fixed(5)}, Activation: ActivationNone},
			{Name: "features", Type: Float32, Dims: []Dim{batch, fixed(12)}, Activation: ActivationNone},
		},
		Opset: 17, Opsets: map[string]int64{"ai.onnx": 17},
		Producer: "tagbeam-testdata 1", Metadata: map[string]string{"made_by": "testdata/models/make_models.py"},
		Operators: map[string]int{"AveragePool": 1, "Flatten": 1, "Gemm": 1, "Identity": 1, "Neg": 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInspectValues(t *testing.T) {
	for _, tt := range []struct{ model, input, output string }{
		{"nhwc.onnx", "image: float32 [batch, 8, 8, 3]", "logits: float32 [batch, 5]"},
		{"batch4.onnx", "image: float32 [4, 3, 8, 8]", "logits: float32 [4, 5]"},
		{"conv1x1.onnx", "image: float32 [batch, 3, 8, 8]", "cells: float32 [batch, 5, 1, 1]"},
		{"open_size.onnx", "image: float32 [batch, 3, height, width]", "logits: float32 [batch, 5]"},
		{"open_rank.onnx", "image: float32 [batch, 3, 8, 8]", "logits: float32 [rank unknown]"},
		{"uint8.onnx", "image: uint8 [batch, 3, 8, 8]", "logits: float32 [batch, 5]"},
		{"float16.onnx", "image: float16 [batch, 3, 8, 8]", "logits: float32 [batch, 5]"},
		{"argmax.onnx", "image: float32 [batch, 3, 8, 8]", "class: int64 [batch]"},
	} {
		info, err := Inspect(tiny(t, tt.model))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Inputs[0].String(); got != tt.input {
			t.Errorf("%s: input %s, want %s", tt.model, got, tt.input)
		}
		if got := info.Outputs[0].String(); got != tt.output {
			t.Errorf("%s: output %s, want %s", tt.model, got, tt.output)
		}
	}
	if got := (Dim{Size: -1}).String(); got != "?" {
		t.Errorf("a dimension nobody named is written %q", got)
	}
	if got := ElementType(99).String(); got != "element type 99" {
		t.Errorf("an unknown element type is written %q", got)
	}
}

func TestInspectActivation(t *testing.T) {
	for model, want := range map[string]Activation{
		"nchw.onnx": ActivationNone, "conv1x1.onnx": ActivationNone, "softmax.onnx": ActivationSoftmax,
		"logsoftmax.onnx": ActivationLogSoftmax, "sigmoid.onnx": ActivationSigmoid,
	} {
		info, err := Inspect(tiny(t, model))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Outputs[0].Activation; got != want {
			t.Errorf("%s: %s, want %s", model, got, want)
		}
	}
}

// Chains of operators that end in the tensor "y"; each is "op input... > output".
func TestActivationOf(t *testing.T) {
	for chain, want := range map[string]Activation{
		"Softmax x > y": ActivationSoftmax,
		"Softmax x > a; Reshape a shape > b; Cast b > y":                      ActivationSoftmax,
		"Softmax x > a; QuantizeLinear a s z > b; DequantizeLinear b s z > y": ActivationSoftmax,
		"Softmax x > a; Flatten a > b; Squeeze b > c; Identity c > y":         ActivationSoftmax,
		"QLinearSoftmax x > y":                         ActivationSoftmax,
		"LogSoftmax x > a; Flatten a > y":              ActivationLogSoftmax,
		"Softmax x > a; Log a > y":                     ActivationLogSoftmax,
		"Log x > y":                                    ActivationNone,
		"Exp x > e; ReduceSum e axes > s; Div e s > y": ActivationSoftmax,
		"Exp x > e; ReduceSum x axes > s; Div e s > y": ActivationNone,
		"Exp x > e; Div e s > y":                       ActivationNone,
		"Sigmoid x > a; Squeeze a > y":                 ActivationSigmoid,
		"Softmax x > a; MatMul a v > y":                ActivationNone, // attention, not a head
		"Gemm x w > y":                                 ActivationNone,
		"Constant > y":                                 ActivationNone,
		"Identity y > y":                               ActivationNone, // a cycle ends
		"Softmax x > other":                            ActivationNone,
	} {
		g := &onnxpb.GraphProto{}
		for step := range strings.SplitSeq(chain, "; ") {
			left, out, _ := strings.Cut(step, " > ")
			words := strings.Fields(left)
			g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String(words[0]), Input: words[1:], Output: []string{out}})
		}
		if got := activationOf("y", producersOf(g)); got != want {
			t.Errorf("%s: %s, want %s", chain, got, want)
		}
	}
}

func TestInspectWarnings(t *testing.T) {
	for model, want := range map[string]string{
		"nchw.onnx":           "",
		"local_function.onnx": "",
		"dynamic_quant.onnx":  "dynamically quantised (MatMulInteger, DynamicQuantizeLinear): about 14 times slower",
		"custom_op.onnx":      "custom operators that ONNX Runtime does not know (com.example.Whiten)",
	} {
		info, err := Inspect(tiny(t, model))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case want == "" && len(info.Warnings) > 0:
			t.Errorf("%s: warnings %q, want none", model, info.Warnings)
		case want != "" && (len(info.Warnings) != 1 || !strings.Contains(info.Warnings[0], want)):
			t.Errorf("%s: warnings %q, want one with %q", model, info.Warnings, want)
		}
	}
	info, err := Inspect(tiny(t, "external.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"external.bin"}, info.ExternalData); diff != "" {
		t.Errorf("external data (-want +got):\n%s", diff)
	}
	if info, err = Inspect(tiny(t, "local_function.onnx")); err != nil || info.Operators["pkg.local.Double"] != 1 || info.Operators["Add"] != 1 {
		t.Errorf("operators of a model with a local function: %v, %v", info.Operators, err)
	}
}

// Nodes and weights of subgraphs count, and what has an initializer is no input.
func TestInspectSubgraphs(t *testing.T) {
	outside := func(file string) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: proto.String("w"), DataLocation: onnxpb.TensorProto_EXTERNAL.Enum(),
			ExternalData: []*onnxpb.StringStringEntryProto{{Key: proto.String("offset"), Value: proto.String("0")}, {Key: proto.String("location"), Value: proto.String(file)}}}
	}
	value := func(name string) *onnxpb.ValueInfoProto { return &onnxpb.ValueInfoProto{Name: proto.String(name)} }
	inner := &onnxpb.GraphProto{
		Node:        []*onnxpb.NodeProto{{OpType: proto.String("Neg")}, {OpType: proto.String("Constant"), Attribute: []*onnxpb.AttributeProto{{T: outside("c.bin")}}}},
		Initializer: []*onnxpb.TensorProto{outside("b.bin"), outside("a.bin")},
	}
	data, err := proto.Marshal(&onnxpb.ModelProto{
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Node:  []*onnxpb.NodeProto{{OpType: proto.String("If"), Output: []string{"y"}, Attribute: []*onnxpb.AttributeProto{{G: inner}, {Graphs: []*onnxpb.GraphProto{inner}}}}},
			Input: []*onnxpb.ValueInfoProto{value("x"), value("w"), value("s")}, Output: []*onnxpb.ValueInfoProto{value("y")},
			Initializer:       []*onnxpb.TensorProto{{Name: proto.String("w")}},
			SparseInitializer: []*onnxpb.SparseTensorProto{{Values: &onnxpb.TensorProto{Name: proto.String("s")}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := Inspect(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"If": 1, "Neg": 2, "Constant": 2}, info.Operators); diff != "" {
		t.Errorf("operators (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a.bin", "b.bin", "c.bin"}, info.ExternalData); diff != "" {
		t.Errorf("external data (-want +got):\n%s", diff)
	}
	if len(info.Inputs) != 1 || info.Inputs[0].Name != "x" {
		t.Errorf("inputs %v, want x alone", info.Inputs)
	}
}

func TestInspectErrors(t *testing.T) {
	whole := tiny(t, "nchw.onnx")
	var cut onnxpb.ModelProto
	if err := proto.Unmarshal(whole, &cut); err != nil {
		t.Fatal(err)
	}
	cut.OpsetImport = nil
	behindGraph, err := proto.Marshal(&cut)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, data, want string }{
		{"empty", "", "the model file is empty"},
		{"git lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n", "Git LFS pointer, not the model itself: run `git lfs pull`"},
		{"html", "\n<!DOCTYPE html>\n<html>", "web page or XML answer"},
		{"html without doctype", "<HTML><body>404", "web page"},
		{"xml", `<?xml version="1.0"?><Error>AccessDenied</Error>`, "web page or XML answer"},
		{"zip", "PK\x03\x04....", "a zip archive"},
		{"hdf5", "\x89HDF\r\n\x1a\n", "HDF5"},
		{"pickle", "\x80\x02}q", "pickle"},
		{"tflite", "\x1c\x00\x00\x00TFL3", "TensorFlow Lite"},
		{"ort", "\x1c\x00\x00\x00ORTM", "ONNX Runtime format"},
		{"gzip", "\x1f\x8b\x08", "decompress it"},
		{"zeros", strings.Repeat("\x00", 9000), "zero bytes"},
		{"text", "hello, this is no model at all", "not an ONNX model or truncated (30 bytes)"},
		{"truncated", string(whole[:len(whole)/2]), "not an ONNX model or truncated"},
		{"cut behind the graph", string(behindGraph), "no graph, outputs or operator set in it"},
		{"all but the end", string(whole[:len(whole)-1]), "not an ONNX model or truncated"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Inspect([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// Wherever a file is cut, Inspect says so, except behind the operator sets, where only metadata are left.
func TestInspectTruncated(t *testing.T) {
	whole := tiny(t, "conv1x1.onnx")
	const metadata = 60
	for n := range len(whole) - metadata {
		if _, err := Inspect(whole[:n]); err == nil {
			t.Fatalf("%d of %d bytes are taken for a model", n, len(whole))
		}
	}
}

// What we do not model survives: weights, doc strings, fields of newer versions of ONNX.
func TestRoundTrip(t *testing.T) {
	names, err := filepath.Glob(tinyPath("*.onnx"))
	if err != nil || len(names) < 20 {
		t.Fatalf("%d models, %v", len(names), err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var m onnxpb.ModelProto
		if err := proto.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) != len(data) {
			t.Errorf("%s: %d bytes became %d", name, len(data), len(again))
		}
		var m2 onnxpb.ModelProto
		if err := proto.Unmarshal(again, &m2); err != nil || !proto.Equal(&m, &m2) {
			t.Errorf("%s: not the same model after a round trip (%v)", name, err)
		}
	}
}

// A model that went through our messages still runs, and gives the same numbers.
func TestRoundTripRuns(t *testing.T) {
	want := open(t, "nchw.onnx", usual)
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(tiny(t, "nchw.onnx"), &m); err != nil {
		t.Fatal(err)
	}
	again, err := proto.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(again, "", usual)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	images := randomImages(9, 2, image.Size())
	if diff := cmp.Diff(oneByOne(t, want, images, 2), oneByOne(t, s, images, 2)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}
