// Package onnx is ONNX Runtime as tagbeam needs it: it finds and starts the library, says what a model file is without
// running it, and keeps the process's sessions, one a model, shared by any number of goroutines.
//
// It guarantees that a model is loaded once however many callers ask for it at the same time, and that a Runner allocates nothing
// after its first batch. It knows tensors and graphs; what an image, a label or a model folder is it does not know.
package onnx
