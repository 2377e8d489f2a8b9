package model

import (
	"fmt"
	"strings"

	"github.com/tagbeam/tagbeam/model/onnx"
)

const (
	layoutNCHW = "NCHW"
	layoutNHWC = "NHWC"
)

// chooseInput finds the image input and its layout. name and layout may be empty.
func (b *Bundle) chooseInput(name, layout string) error {
	in, err := b.imageInput(name)
	if err != nil {
		return err
	}
	if err := in.CheckInputType(); err != nil {
		return err
	}
	if len(in.Dims) != 4 {
		return fmt.Errorf("input %s is not a batch of images: that has 4 dimensions, [batch, 3, height, width] or [batch, height, width, 3]", in)
	}
	if layout, err = layoutOf(in, layout); err != nil {
		return err
	}
	height, width := in.Dims[2], in.Dims[3]
	if layout == layoutNHWC {
		height, width = in.Dims[1], in.Dims[2]
	}
	b.Input = Input{
		Name: in.Name, Layout: layout, Type: in.Type,
		Height: int(max(height.Size, 0)), Width: int(max(width.Size, 0)), Batch: int(max(in.Dims[0].Size, 0)),
	}
	return nil
}

func (b *Bundle) imageInput(name string) (onnx.Value, error) {
	inputs := b.Info.Inputs
	if name != "" {
		if _, ok := b.Info.Input(name); !ok {
			return onnx.Value{}, fmt.Errorf("the model has no input %q; its inputs are: %s", name, list(inputs))
		}
	}
	switch len(inputs) {
	case 1:
		return inputs[0], nil
	case 0:
		return onnx.Value{}, fmt.Errorf("the model has no input")
	}
	return onnx.Value{}, fmt.Errorf("the model has %d inputs, where an image classifier has one: %s; export it with the others fixed", len(inputs), list(inputs))
}

// layoutOf decides between channels first and channels last by where the 3 stands.
func layoutOf(in onnx.Value, said string) (string, error) {
	first, last := in.Dims[1], in.Dims[3]
	three := func(d onnx.Dim) bool { return d.Size == 3 }
	open := func(d onnx.Dim) bool { return !d.Fixed() }
	fits := map[string]bool{layoutNCHW: three(first) || open(first), layoutNHWC: three(last) || open(last)}
	switch {
	case said != "" && said != layoutNCHW && said != layoutNHWC:
		return "", fmt.Errorf("input layout %q is not known: NCHW or NHWC", said)
	case said != "" && !fits[said]:
		return "", fmt.Errorf("input %s cannot be %s: 3 channels do not stand there", in, said)
	case said != "":
		return said, nil
	case !fits[layoutNCHW] && !fits[layoutNHWC]:
		return "", fmt.Errorf("input %s is not a batch of colour images: neither its second nor its last dimension is 3 channels", in)
	case fits[layoutNCHW] != fits[layoutNHWC], three(first) != three(last):
		if three(first) || fits[layoutNCHW] && !three(last) {
			return layoutNCHW, nil
		}
		return layoutNHWC, nil
	}
	return "", fmt.Errorf(`input %s may have its channels first or last: say which in tagbeam.json, {"input_layout": "NCHW"} or "NHWC"`, in)
}

func list(values []onnx.Value) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = v.String()
	}
	return strings.Join(words, "; ")
}
