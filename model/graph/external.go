package graph

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/tagbeam/tagbeam/model/onnx/onnxpb"
)

// Inline puts weights that a model keeps in further files into the model itself; read is given their names, relative to the model file. A
// model of 2 GB or more cannot be one file.
func Inline(model []byte, readFile func(name string) ([]byte, error)) ([]byte, error) {
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(model, &m); err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	if m.Graph == nil {
		return nil, errors.New("the model has no graph")
	}
	files, total := map[string][]byte{}, len(model)
	var inline func(g *onnxpb.GraphProto) error
	inline = func(g *onnxpb.GraphProto) error {
		tensors := slices.Clone(g.Initializer)
		for _, nd := range g.Node {
			for _, a := range nd.Attribute {
				if a.T != nil {
					tensors = append(tensors, a.T)
				}
			}
		}
		for _, t := range tensors {
			size, err := inlineTensor(t, files, readFile)
			if err != nil {
				return fmt.Errorf("weights %s: %w", t.GetName(), err)
			}
			if total += size; total >= 1<<31 {
				return errors.New("with its weights the model is of 2 GB or more, which one file cannot hold")
			}
		}
		var err error
		for _, nd := range g.Node {
			eachSubgraph(nd, func(sub *onnxpb.GraphProto) { err = errors.Join(err, inline(sub)) })
		}
		return err
	}
	if err := inline(m.Graph); err != nil {
		return nil, err
	}
	return marshal(&m)
}

// inlineTensor returns how many bytes it took in.
func inlineTensor(t *onnxpb.TensorProto, files map[string][]byte, readFile func(string) ([]byte, error)) (int, error) {
	if t.GetDataLocation() != onnxpb.TensorProto_EXTERNAL {
		return 0, nil
	}
	where, err := location(t)
	if err != nil {
		return 0, err
	}
	data, ok := files[where.file]
	if !ok {
		if data, err = readFile(path.Clean(where.file)); err != nil {
			return 0, err
		}
		files[where.file] = data
	}
	if where.length < 0 {
		where.length = int64(len(data)) - where.offset
	}
	if where.offset < 0 || where.length < 0 || where.offset > int64(len(data))-where.length {
		return 0, fmt.Errorf("bytes %d to %d of %s, which has %d: it is truncated", where.offset, where.offset+where.length, where.file, len(data))
	}
	t.RawData = slices.Clone(data[where.offset : where.offset+where.length])
	t.ExternalData, t.DataLocation = nil, nil
	return int(where.length), nil
}

// place is where in a file weights lie; a length of -1 is all the rest.
type place struct {
	file           string
	offset, length int64
}

// location reads the keys of external_data (onnx.proto: location, offset, length, checksum).
func location(t *onnxpb.TensorProto) (place, error) {
	p := place{length: -1}
	for _, e := range t.ExternalData {
		var err error
		switch e.GetKey() {
		case "location":
			p.file = e.GetValue()
		case "offset":
			p.offset, err = strconv.ParseInt(e.GetValue(), 10, 64)
		case "length":
			p.length, err = strconv.ParseInt(e.GetValue(), 10, 64)
		}
		if err != nil {
			return p, fmt.Errorf("external data: %s: %w", e.GetKey(), err)
		}
	}
	if p.file == "" {
		return p, fmt.Errorf("external data names no file")
	}
	return p, nil
}
