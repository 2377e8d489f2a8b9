package preprocess

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/x448/float16"
)

// ElementType is the type of a tensor's elements, by ONNX's and NumPy's name.
type ElementType string

// The types that a tensor is made in. Integers are rounded to the nearest, half up; float16 to the nearest, ties to even.
const (
	Float32 ElementType = "float32"
	Float16 ElementType = "float16"
	Uint8   ElementType = "uint8"
	Int8    ElementType = "int8"
)

// ElementTypes are all types.
var ElementTypes = []ElementType{Float32, Float16, Uint8, Int8}

// Size returns the number of bytes of an element, or 0 for a type that is not known.
func (t ElementType) Size() int {
	switch t {
	case Float32:
		return 4
	case Float16:
		return 2
	case Uint8, Int8:
		return 1
	}
	return 0
}

// bits returns the element that stands for v, in the low bytes. ok is false where the type cannot hold it.
func (t ElementType) bits(v float32) (bits uint32, ok bool) {
	whole := math.Floor(float64(v) + 0.5)
	switch t {
	case Float16:
		h := float16.Fromfloat32(v)
		return uint32(h.Bits()), h.IsFinite()
	case Uint8:
		return uint32(uint8(whole)), whole >= 0 && whole <= math.MaxUint8
	case Int8:
		return uint32(uint8(int8(whole))), whole >= math.MinInt8 && whole <= math.MaxInt8
	}
	return math.Float32bits(v), finite(v)
}

// value is the number that an element stands for.
func (t ElementType) value(bits uint32) float32 {
	switch t {
	case Float16:
		return float16.Frombits(uint16(bits)).Float32()
	case Uint8:
		return float32(uint8(bits))
	case Int8:
		return float32(int8(bits))
	}
	return math.Float32frombits(bits)
}

// lookup maps the bytes of an image to elements: those of channel c (in RGB order) begin at c*256. The table of the elements' size holds
// them, the others what is left of them.
type lookup struct {
	bits8  [3 * 256]uint8
	bits16 [3 * 256]uint16
	bits32 [3 * 256]uint32
}

// minSteps is how many of the 256 values of a byte an integer type has to tell apart: a model that was quantised to 7 bits gets by with so
// many, and a preset for floats (0..1, which rounds to black and white) is a mistake.
const minSteps = 128

// newLookup tabulates the elements that stand for values. What the type cannot hold is an error: it would be cut off.
func newLookup(values *[3][256]float32, t ElementType) (*lookup, error) {
	l := new(lookup)
	for c := range values {
		steps := map[uint32]bool{}
		for v, x := range values[c] {
			bits, ok := t.bits(x)
			if !ok {
				return nil, fmt.Errorf("the model's input is %s, and preprocess.normalize makes %g of the byte %d: that type cannot hold it; "+
					"the model was probably made for other values (--preprocess none: 0 to 255 as they are)", t, x, v)
			}
			steps[bits] = true
			at := 256*c + v
			l.bits8[at], l.bits16[at], l.bits32[at] = uint8(bits), uint16(bits), bits
		}
		if t.Size() == 1 && len(steps) < minSteps {
			return nil, fmt.Errorf("the model's input is %s, and preprocess.normalize makes %g to %g of the bytes, which leaves %d steps of 256; "+
				"the model was probably made for other values (--preprocess none: 0 to 255 as they are)", t, values[c][0], values[c][255], len(steps))
		}
	}
	return l, nil
}

// pointer returns where the table of elements of that size begins.
func (l *lookup) pointer(size int) unsafe.Pointer {
	switch size {
	case 1:
		return unsafe.Pointer(&l.bits8)
	case 2:
		return unsafe.Pointer(&l.bits16)
	}
	return unsafe.Pointer(&l.bits32)
}

// Bytes returns the memory of values, which is not copied: a float32 tensor as Worker.Apply takes it.
func Bytes(values []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
}

// Values returns the numbers in tensor, which has elements of type t in the machine's byte order.
func (t ElementType) Values(tensor []byte) []float32 {
	values := make([]float32, len(tensor)/t.Size())
	for i := range values {
		var bits uint32
		switch t.Size() {
		case 1:
			bits = uint32(tensor[i])
		case 2:
			bits = uint32(binary.NativeEndian.Uint16(tensor[2*i:]))
		default:
			bits = binary.NativeEndian.Uint32(tensor[4*i:])
		}
		values[i] = t.value(bits)
	}
	return values
}
