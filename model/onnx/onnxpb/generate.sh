#!/bin/sh
# Generates onnx_subset.pb.go with pinned tools: protoc from grpcio-tools in a virtual environment that is thrown away, and
# protoc-gen-go of the version that go.mod has for google.golang.org/protobuf. Run it by `go generate ./model/onnx/onnxpb`.
set -eu
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" install --quiet grpcio-tools==1.85.1
GOBIN=$tools/bin go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
PATH=$tools/bin:$PATH "$tools/venv/bin/python" -m grpc_tools.protoc -I. --go_out=. --go_opt=paths=source_relative onnx_subset.proto
