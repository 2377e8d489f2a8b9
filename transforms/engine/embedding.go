package engine

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/graph"
	"github.com/tagbeam/tagbeam/model/onnx"
)

// EmbeddingAuto, as ModelRef.Embedding, takes the output that has the name of an embedding, or else the input of the network's last layer.
const EmbeddingAuto = "auto"

// embeddingOutputs are names by which exporters call an output that has an embedding.
var embeddingOutputs = []string{"embedding", "embeddings", "image_embeds", "pooler_output", graph.Features}

// EmbeddingError says that a model has no embedding, or none of that name.
type EmbeddingError struct{ Err error }

func (e *EmbeddingError) Error() string { return e.Err.Error() }
func (e *EmbeddingError) Unwrap() error { return e.Err }

// openEmbedding opens a session that computes the embedding, too.
func (c *Classifier) openEmbedding(name string) (err error) {
	b := c.Bundle
	if port, ok := embeddingOutput(b, name); ok {
		c.Embedding = port.Size()
		c.Session, err = b.Session(port)
		return err
	}
	network, err := wholeGraph(b)
	if err != nil {
		return err
	}
	at, err := top(b, network, name)
	if err != nil {
		return err
	}
	exposed, err := graph.Expose(network, at)
	if err != nil {
		return &model.LoadError{Model: b.Name, Err: err}
	}
	c.Embedding = at.Size
	c.Session, err = b.SessionOf(exposed, "with "+at.Tensor, onnx.Port{Name: graph.Features, Dims: []int64{int64(at.Size)}})
	return err
}

// FindTop returns the tensor that the network's last layer takes in, or the named one, and the
// network as one file. ONNX Runtime must have been started.
func FindTop(b *model.Bundle, tensor string) (at graph.Candidate, network []byte, err error) {
	if network, err = wholeGraph(b); err != nil {
		return at, nil, err
	}
	at, err = top(b, network, tensor)
	return at, network, err
}

// Candidates lists the tensors that FindTop can take, the nearest to the classes first; at most limit of them.
func Candidates(b *model.Bundle, limit int) ([]graph.Candidate, error) {
	network, err := wholeGraph(b)
	if err != nil {
		return nil, err
	}
	image := b.ImagePort()
	found, err := graph.Candidates(network, graph.Image{Name: image.Name, Dims: image.Dims}, b.Output.Name, limit)
	if err != nil {
		return nil, &EmbeddingError{&model.LoadError{Model: b.Name, Err: err}}
	}
	return found, nil
}

func top(b *model.Bundle, network []byte, name string) (graph.Candidate, error) {
	if name == EmbeddingAuto {
		name = ""
	}
	image := b.ImagePort()
	at, err := graph.Top(network, graph.Image{Name: image.Name, Dims: image.Dims}, b.Output.Name, name)
	if err != nil {
		return at, &EmbeddingError{&model.LoadError{Model: b.Name, Err: err}}
	}
	return at, nil
}

// embeddingOutput finds an output that is an embedding as it stands: of that name, or of a usual one.
func embeddingOutput(b *model.Bundle, name string) (onnx.Port, bool) {
	names := []string{name}
	if name == EmbeddingAuto {
		names = embeddingOutputs
	}
	for _, name := range names {
		for _, out := range b.Info.Outputs {
			if strings.EqualFold(out.Name, name) && out.Name != b.Output.Name && len(out.Dims) == 2 && out.Dims[1].Fixed() && out.CheckOutputType() == nil {
				return onnx.Port{Name: out.Name, Dims: []int64{out.Dims[1].Size}}, true
			}
		}
	}
	return onnx.Port{}, false
}

// wholeGraph is the model's graph with all weights in it.
func wholeGraph(b *model.Bundle) ([]byte, error) {
	if b.GraphPath == "" {
		return b.Graph, nil
	}
	network, err := graph.Inline(b.Graph, func(name string) ([]byte, error) {
		return os.ReadFile(filepath.Join(filepath.Dir(b.GraphPath), filepath.FromSlash(name)))
	})
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", b.Name, err)
	}
	return network, nil
}

func finite(values []float32) bool {
	for _, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return false
		}
	}
	return true
}
