package onnx

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
)

// Tensor is a named tensor in memory that the caller owns.
type Tensor struct {
	Name string
	Type ElementType
	Dims []int64
	// Data has the elements in the machine's byte order.
	Data []byte
}

// Float32s is a tensor over a slice, which it shares.
func Float32s(name string, data []float32, dims ...int64) Tensor {
	return Tensor{Name: name, Type: Float32, Dims: dims, Data: bytesOf(data)}
}

// Int64s is a tensor over a slice, which it shares.
func Int64s(name string, data []int64, dims ...int64) Tensor {
	return Tensor{Name: name, Type: Int64, Dims: dims, Data: bytesOf(data)}
}

// Zeros is a tensor of zeros.
func Zeros(name string, t ElementType, dims ...int64) Tensor {
	return Tensor{Name: name, Type: t, Dims: dims, Data: make([]byte, elements(dims)*t.size())}
}

func bytesOf[T float32 | int64](data []T) []byte {
	var element T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), int(unsafe.Sizeof(element))*len(data))
}

// Evaluator runs any graph on tensors of any shape, where a Session runs batches of images. Its bindings are used by one goroutine at a time
// each.
type Evaluator struct {
	ort *ort.DynamicAdvancedSession
}

// NewEvaluator loads a model that stands in model, or in the file path when path is not empty (see Open). Init must have been called. Threads
// are those within an operator.
func NewEvaluator(model []byte, path string, threads int) (*Evaluator, error) {
	if !ort.IsInitialized() {
		return nil, errors.New("ONNX Runtime is not started: call onnx.Init first")
	}
	s, err := create(model, path, SessionOptions{IntraOp: threads})
	if err != nil {
		return nil, err
	}
	return &Evaluator{ort: s}, nil
}

// Close frees the model; its bindings must be closed before it.
func (e *Evaluator) Close() error {
	if err := e.ort.Destroy(); err != nil {
		return fmt.Errorf("closing the model: %w", err)
	}
	return nil
}

// Binding is an evaluator with tensors to read from and to write to.
type Binding struct {
	evaluator *Evaluator
	step      step
	memory    []Tensor // what ONNX Runtime has pointers to
}

// Bind says where inputs are read and outputs written; nothing is copied, so that what stands in the memory at Run counts. Outputs that are not
// bound are not computed. Their shapes have to be right.
func (e *Evaluator) Bind(inputs, outputs []Tensor) (_ *Binding, err error) {
	b := &Binding{evaluator: e, memory: append(append([]Tensor{}, inputs...), outputs...)}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if b.step.binding, err = e.ort.CreateIoBinding(); err != nil {
		return nil, err
	}
	for _, t := range inputs {
		if err := errors.Join(t.check(), b.step.addTensor(t, b.step.binding.BindInput)); err != nil {
			return nil, fmt.Errorf("input %s: %w", t.Name, err)
		}
	}
	for _, t := range outputs {
		if err := errors.Join(t.check(), b.step.addTensor(t, b.step.binding.BindOutput)); err != nil {
			return nil, fmt.Errorf("output %s: %w", t.Name, err)
		}
	}
	return b, nil
}

// Run computes the outputs.
func (b *Binding) Run() error {
	err := b.evaluator.ort.RunWithBinding(b.step.binding)
	runtime.KeepAlive(b) // ONNX Runtime reads and writes the slices through pointers that the garbage collector does not see
	return err
}

// Close frees the tensors, not their memory.
func (b *Binding) Close() error { return b.step.close() }

// check says whether the memory is that of the shape.
func (t Tensor) check() error {
	if want := elements(t.Dims) * t.Type.size(); len(t.Data) != want {
		return fmt.Errorf("a %s tensor of shape %v has %d bytes, not %d", t.Type, t.Dims, want, len(t.Data))
	}
	return nil
}

func elements(dims []int64) int {
	n := 1
	for _, d := range dims {
		n *= int(d)
	}
	return n
}
