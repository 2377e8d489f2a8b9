package onnx

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	ort "github.com/yalue/onnxruntime_go"
)

// Port is an input or output of a model as its runner sees it.
type Port struct {
	Name string
	// Dims is the shape of one image or row: without the batch dimension, all of it numbers.
	Dims []int64
}

// Size is the number of elements of one image or row.
func (p Port) Size() int {
	size := 1
	for _, d := range p.Dims {
		size *= int(d)
	}
	return size
}

// SessionOptions says what of a model is used, and how.
type SessionOptions struct {
	// Input is the image input: float32, float16, uint8 or int8.
	Input Port
	// Outputs are the outputs to compute, in this order: float32 or float16. What they do not need is not computed.
	Outputs []Port
	// Info is what Inspect says of the model, where that is known already; nil: Open inspects it.
	Info *Info
	// IntraOp is the number of threads inside an operator. Zero means 1, which with one caller a core is fastest.
	IntraOp int
}

// Session is a model loaded into ONNX Runtime. It is safe for any number of goroutines, each with a Runner of its own.
type Session struct {
	ort     *ort.DynamicAdvancedSession
	info    *Info
	input   Port
	outputs []Port
	// inputType and outputTypes are those of the graph.
	inputType   ElementType
	outputTypes []ElementType
	// step is the batch that the model takes: 0 for any, otherwise exactly so many images.
	step int
}

// created counts the sessions made in this process.
var created atomic.Int64

// Loads is the number of sessions that were created in this process, by Load and Open.
func Loads() int64 { return created.Load() }

// Open loads a model that stands in model, or in the file path when path is not empty (a model with external data has to be opened so; model
// may then be nil). It checks the ports against the graph and runs the model once with one image and once with two, all zeros: what cannot
// run, and a graph into which an exporter has baked its own batch, shows here and not in the middle of a job. Init must have been called.
func Open(model []byte, path string, opts SessionOptions) (*Session, error) {
	if !ort.IsInitialized() {
		return nil, errors.New("ONNX Runtime is not started: call onnx.Init first")
	}
	var err error
	info := opts.Info
	if info == nil {
		if info, err = inspectFor(model, path); err != nil {
			return nil, err
		}
	}
	if len(info.ExternalData) > 0 && path == "" {
		return nil, fmt.Errorf("the model keeps weights in other files (%s) and has to be loaded from a local folder: copy the folder to this machine",
			strings.Join(info.ExternalData, ", "))
	}
	s := &Session{info: info, input: opts.Input, outputs: opts.Outputs}
	if err := s.checkPorts(); err != nil {
		return nil, err
	}
	if s.ort, err = create(model, path, opts); err != nil {
		return nil, err
	}
	created.Add(1)
	if err := s.probe(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	giveBack()
	return s, nil
}

func inspectFor(model []byte, path string) (*Info, error) {
	if model == nil {
		var err error
		if model, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("reading the model: %w", err)
		}
	}
	return Inspect(model)
}

func create(model []byte, path string, opts SessionOptions) (_ *ort.DynamicAdvancedSession, err error) {
	settings, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime's session options: %w", err)
	}
	defer settings.Destroy()
	err = errors.Join(
		settings.SetIntraOpNumThreads(max(1, opts.IntraOp)),
		settings.SetInterOpNumThreads(1),
		settings.SetExecutionMode(ort.ExecutionModeSequential),
		settings.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		settings.SetCpuMemArena(true),
		settings.SetMemPattern(true),
		// Every error comes back as an error; ONNX Runtime would print it to the terminal as well.
		settings.SetLogSeverityLevel(ort.LoggingLevelFatal),
	)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime's session options: %w", err)
	}
	// Names are given to the bindings, not to the session.
	var s *ort.DynamicAdvancedSession
	if path != "" {
		s, err = ort.NewDynamicAdvancedSession(path, nil, nil, settings)
	} else {
		s, err = ort.NewDynamicAdvancedSessionWithONNXData(model, nil, nil, settings)
	}
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime %s cannot load the model: %w", Version(), err)
	}
	return s, nil
}

// Info is what the model file says about itself.
func (s *Session) Info() *Info { return s.info }

// Input is the port that images go in by.
func (s *Session) Input() Port { return s.input }

// Outputs are the ports that rows come out of.
func (s *Session) Outputs() []Port { return s.outputs }

// InputType is the type of the input's elements.
func (s *Session) InputType() ElementType { return s.inputType }

// FixedBatch is the one batch size that the model runs, or 0 when any will do: because it takes no other, or because more than one image
// would change the results (Info.BatchDependent). A Runner takes any number of images all the same: it runs them in steps of that size.
func (s *Session) FixedBatch() int { return s.step }

// Close frees the model. Runners of the session must be closed before it; a session from Load belongs to the process and is not
// closed.
func (s *Session) Close() error {
	if err := s.ort.Destroy(); err != nil {
		return fmt.Errorf("closing the model: %w", err)
	}
	return nil
}

// probe runs zeros through the model, one image and then two.
func (s *Session) probe() error {
	try := func(n int) error {
		r, err := s.NewRunner(n)
		if err != nil {
			return err
		}
		return errors.Join(r.Run(n), r.Close())
	}
	if err := try(1); err != nil {
		return fmt.Errorf("the model cannot run one image of zeros: %w", err)
	}
	if s.step == 0 && try(2) != nil {
		s.step = 1 // its batch dimension is open, yet some constant inside has 1 in it
	}
	return nil
}
