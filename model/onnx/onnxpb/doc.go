// Package onnxpb is the protobuf code generated from onnx_subset.proto: the part of ONNX's model format that tagbeam reads
// and edits. It knows nothing about what the fields mean.
package onnxpb

//go:generate sh generate.sh
