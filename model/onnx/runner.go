package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"github.com/x448/float16"
	ort "github.com/yalue/onnxruntime_go"
)

// Runner runs a session for one goroutine, with buffers of its own: write images into Input, Run, read rows from Output. After the first
// batch of a size it allocates nothing. It is not safe for concurrent use; Close it before its session.
type Runner struct {
	session *Session
	batch   int
	input   []byte
	outputs [][]float32 // rows, one slice an output
	raw     [][]byte    // the rows as the model writes them: the memory of outputs, or float16 of its own
	// steps are the bindings made so far: by number of images less one, or for a model of fixed batch by number of step.
	steps []*step
}

// step is one call of ONNX Runtime: tensors over a part of the buffers. The tensors hold the Go slices alive, and must not be destroyed
// before the binding.
type step struct {
	binding *ort.IoBinding
	tensors []ort.Value
}

// NewRunner returns a runner for batches of up to batch images.
func (s *Session) NewRunner(batch int) (*Runner, error) {
	if batch < 1 {
		return nil, fmt.Errorf("a batch of %d images cannot be run", batch)
	}
	room := batch
	if s.step > 0 {
		room = (batch + s.step - 1) / s.step * s.step
	}
	r := &Runner{session: s, batch: batch, input: make([]byte, room*s.imageBytes())}
	for i, port := range s.outputs {
		rows := make([]float32, room*port.Size())
		raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(rows))), 4*len(rows))
		if s.outputTypes[i] == Float16 {
			raw = make([]byte, 2*len(rows))
		}
		r.outputs, r.raw = append(r.outputs, rows), append(r.raw, raw)
	}
	return r, nil
}

// imageBytes is the number of bytes of one image of the input.
func (s *Session) imageBytes() int { return s.input.Size() * s.inputType.size() }

// Batch is the number of images that fit.
func (r *Runner) Batch() int { return r.batch }

// Input is the memory of the batch to be run, image after image, in the machine's byte order: the session's Input().Size() elements of its
// InputType() each. Nothing is copied from it.
func (r *Runner) Input() []byte { return r.input[:r.batch*r.session.imageBytes()] }

// Image is the part of Input that is image i.
func (r *Runner) Image(i int) []byte {
	size := r.session.imageBytes()
	return r.input[i*size : (i+1)*size : (i+1)*size]
}

// Run runs the first n images. Those behind them in Input may be overwritten, by padding. After an error the rows are
// undefined; a batch that fails may succeed image by image.
func (r *Runner) Run(n int) error {
	if n < 1 || n > r.batch {
		return fmt.Errorf("a batch of %d images does not fit a runner for 1 to %d", n, r.batch)
	}
	fixed := r.session.step
	if fixed == 0 {
		return r.runStep(n-1, 0, n)
	}
	if size := r.session.imageBytes(); n%fixed != 0 {
		clear(r.input[n*size : (n/fixed+1)*fixed*size])
	}
	for i := 0; i*fixed < n; i++ {
		if err := r.runStep(i, i*fixed, fixed); err != nil {
			return err
		}
	}
	return nil
}

// Output has the rows of output i, row after row, of the session's Outputs()[i].Size() elements; the next Run overwrites them.
func (r *Runner) Output(i int) []float32 {
	return r.outputs[i][:r.batch*r.session.outputs[i].Size()]
}

// Row is the row of one image in output i.
func (r *Runner) Row(i, image int) []float32 {
	size := r.session.outputs[i].Size()
	return r.outputs[i][image*size : (image+1)*size : (image+1)*size]
}

// Close frees the tensors. It may be called more than once.
func (r *Runner) Close() error {
	var errs []error
	for _, s := range r.steps {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	r.steps = nil
	return errors.Join(errs...)
}

func (r *Runner) runStep(slot, first, n int) error {
	if slot >= len(r.steps) {
		r.steps = append(r.steps, make([]*step, slot+1-len(r.steps))...)
	}
	if r.steps[slot] == nil {
		s, err := r.bind(first, n)
		if err != nil {
			return fmt.Errorf("preparing a batch of %d: %w", n, err)
		}
		r.steps[slot] = s
	}
	err := r.session.ort.RunWithBinding(r.steps[slot].binding)
	runtime.KeepAlive(r) // ONNX Runtime reads and writes the slices through pointers that the garbage collector does not see
	if err != nil {
		return r.explain(n, err)
	}
	for i, out := range r.session.outputs {
		if r.session.outputTypes[i] == Float16 {
			widen(r.outputs[i][first*out.Size():(first+n)*out.Size()], r.raw[i][2*first*out.Size():])
		}
	}
	return nil
}

// bind makes tensors over images first to first+n of the buffers; nothing is copied.
func (r *Runner) bind(first, n int) (_ *step, err error) {
	st := &step{}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.close())
		}
	}()
	if st.binding, err = r.session.ort.CreateIoBinding(); err != nil {
		return nil, err
	}
	in, size := r.session.input, r.session.imageBytes()
	err = st.add(in, n, r.input[first*size:(first+n)*size], r.session.inputType, st.binding.BindInput)
	for i, out := range r.session.outputs {
		if err != nil {
			return nil, err
		}
		size := out.Size() * r.session.outputTypes[i].size()
		err = st.add(out, n, r.raw[i][first*size:(first+n)*size], r.session.outputTypes[i], st.binding.BindOutput)
	}
	return st, err
}

// add binds the tensor of n images or rows over memory.
func (s *step) add(port Port, n int, memory []byte, t ElementType, bind func(string, ort.Value) error) error {
	return s.addTensor(Tensor{Name: port.Name, Type: t, Dims: append([]int64{int64(n)}, port.Dims...), Data: memory}, bind)
}

// addTensor makes a tensor over memory and binds it. onnxruntime_go has no typed tensor for float16, and of its tensors of any type, the
// memory is the caller's.
func (s *step) addTensor(t Tensor, bind func(string, ort.Value) error) error {
	tensor, err := ort.NewCustomDataTensor(ort.NewShape(t.Dims...), t.Data, ort.TensorElementDataType(t.Type))
	if err != nil {
		return err
	}
	s.tensors = append(s.tensors, tensor)
	return bind(t.Name, tensor)
}

func (s *step) close() error {
	var errs []error
	if s.binding != nil {
		errs = append(errs, s.binding.Destroy())
	}
	for _, t := range s.tensors {
		errs = append(errs, t.Destroy())
	}
	return errors.Join(errs...)
}

// explain says what a failed run means where ONNX Runtime's own words do not.
func (r *Runner) explain(n int, err error) error {
	message := err.Error()
	if strings.Contains(message, "shape verification failed") || strings.Contains(message, "invalid dimensions for output") ||
		strings.Contains(message, "Invalid rank for output") {
		return fmt.Errorf("an output of the model has another shape than the %s that a batch of %d should give (wrong number of labels?): %w",
			r.expected(n), n, err)
	}
	return fmt.Errorf("running a batch of %d: %w", n, err)
}

func (r *Runner) expected(n int) string {
	words := make([]string, len(r.session.outputs))
	for i, out := range r.session.outputs {
		words[i] = fmt.Sprintf("%s %v", out.Name, append([]int64{int64(n)}, out.Dims...))
	}
	return strings.Join(words, ", ")
}

// widen converts float16 in the machine's byte order.
func widen(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float16.Frombits(binary.NativeEndian.Uint16(src[2*i:])).Float32()
	}
}
