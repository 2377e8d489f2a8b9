package onnx

import (
	"bytes"
	"errors"
	"fmt"
)

// magics are the beginnings of what people hand over instead of an ONNX file.
var magics = []struct {
	offset int
	magic  string
	what   string
}{
	{0, "version https://git-lfs", "a Git LFS pointer, not the model itself: run `git lfs pull` in the folder it came from"},
	{0, "PK\x03\x04", "a zip archive (a PyTorch checkpoint or a Keras file), not an ONNX model: export it to ONNX"},
	{0, "\x89HDF\r\n", "an HDF5 file (a Keras model), not an ONNX model: export it to ONNX"},
	{0, "\x80\x02", "a Python pickle (a PyTorch checkpoint), not an ONNX model: export it to ONNX"},
	{4, "TFL3", "a TensorFlow Lite model, not an ONNX model: export it to ONNX"},
	{4, "ORTM", "an ONNX Runtime format (.ort) model: use the .onnx file it was made from"},
	{0, "\x1f\x8b", "gzip-compressed: decompress it first"},
}

// sniff recognises what is certainly not an ONNX model, so that its error says more than "cannot be parsed".
func sniff(model []byte) error {
	if len(model) == 0 {
		return errors.New("the model file is empty")
	}
	for _, m := range magics {
		if len(model) > m.offset && bytes.HasPrefix(model[m.offset:], []byte(m.magic)) {
			return fmt.Errorf("the model file is %s", m.what)
		}
	}
	head := bytes.ToLower(bytes.TrimLeft(model[:min(len(model), 512)], "\ufeff \t\r\n"))
	switch {
	case bytes.HasPrefix(head, []byte("<!doctype")), bytes.HasPrefix(head, []byte("<html")), bytes.HasPrefix(head, []byte("<?xml")):
		return errors.New("the model file is a web page or XML answer, not an ONNX model: the download went wrong")
	case len(bytes.Trim(model[:min(len(model), 4096)], "\x00")) == 0:
		return fmt.Errorf("the model file is full of zero bytes (%d bytes): it was not written completely", len(model))
	}
	return nil
}
