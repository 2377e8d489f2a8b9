package onnx

import "fmt"

// ElementType is the type of a tensor's elements, by the number it has in ONNX (TensorProto.DataType).
type ElementType int32

// The element types that are named in the code. Those of inputs can be Float32, Float16, Uint8 or Int8, those of outputs Float32 or Float16.
const (
	Float32  ElementType = 1
	Uint8    ElementType = 2
	Int8     ElementType = 3
	Int32    ElementType = 6
	Int64    ElementType = 7
	Float16  ElementType = 10
	Float64  ElementType = 11
	BFloat16 ElementType = 16
)

var elementTypeNames = map[ElementType]string{
	0: "undefined", Float32: "float32", Uint8: "uint8", Int8: "int8", 4: "uint16", 5: "int16", Int32: "int32", Int64: "int64",
	8: "string", 9: "bool", Float16: "float16", Float64: "float64", 12: "uint32", 13: "uint64", 14: "complex64",
	15: "complex128", BFloat16: "bfloat16",
}

func (t ElementType) String() string {
	if name, ok := elementTypeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("element type %d", int32(t))
}

// MarshalText makes JSON say "float32".
func (t ElementType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// size is the number of bytes of an element of those types that can be run.
func (t ElementType) size() int {
	switch t {
	case Float16:
		return 2
	case Uint8, Int8:
		return 1
	case Int64:
		return 8
	}
	return 4
}
