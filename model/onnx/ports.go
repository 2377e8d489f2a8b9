package onnx

import (
	"fmt"
	"strings"
)

// checkPorts compares what the caller wants with what the graph has. ONNX Runtime itself accepts a wrong name here and fails at
// the first batch.
func (s *Session) checkPorts() error {
	in, ok := s.info.Input(s.input.Name)
	if !ok {
		return fmt.Errorf("the model has no input %q; it has: %s", s.input.Name, listValues(s.info.Inputs))
	}
	if len(s.info.Inputs) > 1 {
		return fmt.Errorf("the model needs %d inputs, only one image input can be fed; they are: %s", len(s.info.Inputs), listValues(s.info.Inputs))
	}
	if err := in.CheckInputType(); err != nil {
		return err
	}
	if err := s.input.matches("input", in); err != nil {
		return err
	}
	s.inputType = in.Type
	if len(in.Dims) > 0 && in.Dims[0].Fixed() {
		s.step = int(in.Dims[0].Size)
		if s.step == 0 {
			return fmt.Errorf("the input %s has a batch dimension of 0", in)
		}
	}
	if s.step == 0 && s.info.BatchDependent != "" {
		s.step = 1
	}
	if len(s.outputs) == 0 {
		return fmt.Errorf("no output is asked for; the model has: %s", listValues(s.info.Outputs))
	}
	for _, port := range s.outputs {
		out, ok := s.info.Output(port.Name)
		if !ok {
			return fmt.Errorf("the model has no output %q; it has: %s", port.Name, listValues(s.info.Outputs))
		}
		if err := out.CheckOutputType(); err != nil {
			return err
		}
		if err := port.matches("output", out); err != nil {
			return err
		}
		s.outputTypes = append(s.outputTypes, out.Type)
	}
	return nil
}

// matches says whether a port can be the value; dimensions that the model leaves open match any number, and the run decides.
func (p Port) matches(what string, v Value) error {
	for _, d := range p.Dims {
		if d < 1 {
			return fmt.Errorf("%s %s: dimension %d is asked for, which no tensor has", what, p.Name, d)
		}
	}
	if v.Dims == nil {
		return nil
	}
	fits := len(v.Dims) == len(p.Dims)+1
	for i := 0; fits && i < len(p.Dims); i++ {
		d := v.Dims[i+1]
		fits = !d.Fixed() || d.Size == p.Dims[i]
	}
	if !fits {
		return fmt.Errorf("%s %s of the model has shape %s, which is not a batch of %v", what, p.Name, FormatDims(v.Dims), p.Dims)
	}
	return nil
}

// CheckInputType says whether a Runner can feed the value: float32, float16, uint8 or int8.
func (v Value) CheckInputType() error {
	switch v.Type {
	case Float32, Float16, Uint8, Int8:
		return nil
	case BFloat16, Float64:
		return fmt.Errorf("input %s is %s, which tagbeam cannot feed: export the model with float32 inputs (its weights may stay as they are)", v.Name, v.Type)
	}
	return fmt.Errorf("input %s is %s; images go in as float32, float16, uint8 or int8", v.Name, v.Type)
}

// CheckOutputType says whether a Runner can return the value: float32 or float16.
func (v Value) CheckOutputType() error {
	switch v.Type {
	case Float32, Float16:
		return nil
	case Int64, Int32:
		return fmt.Errorf("output %s is %s (class numbers?), not probabilities or logits: choose another output, or export the model without the ArgMax",
			v.Name, v.Type)
	}
	return fmt.Errorf("output %s is %s, which tagbeam cannot read: export the model with float32 outputs", v.Name, v.Type)
}

func listValues(values []Value) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = v.String()
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, "; ")
}
