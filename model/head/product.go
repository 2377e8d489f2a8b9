package head

import (
	"errors"
	"fmt"
	"sync"

	"github.com/tagbeam/tagbeam/model/graph"
	"github.com/tagbeam/tagbeam/model/onnx"
)

// The products of matrices that training spends its time on are computed by ONNX Runtime, ten times as fast as in pure Go. Each runs on one
// thread, and rows are divided into a fixed number of parts, so that the sums are the same however many CPUs there are.

// parts is the number of parts that rows are divided into, each worked on by a goroutine of its own.
const parts = 4

// The two kinds of product, loaded once in a process.
var (
	affineEvaluator = sync.OnceValues(func() (*onnx.Evaluator, error) {
		b := graph.NewBuilder("affine", productOpset)
		rows, weights, bias := b.Input("rows", "n", "in"), b.Input("weights", "out", "in"), b.Input("bias", "out")
		b.Node("Gemm", "y", []string{rows, weights, bias}, graph.Int("transB", 1))
		b.Output("y", "n", "out")
		return evaluatorOf(b)
	})
	gradientEvaluator = sync.OnceValues(func() (*onnx.Evaluator, error) {
		b := graph.NewBuilder("gradient", productOpset)
		d, rows := b.Input("d", "n", "out"), b.Input("rows", "n", "in")
		b.Node("Gemm", "gradient", []string{d, rows}, graph.Int("transA", 1))
		b.Output("gradient", "out", "in")
		return evaluatorOf(b)
	})
)

const productOpset = 17

func evaluatorOf(b *graph.Builder) (*onnx.Evaluator, error) {
	model, err := b.Model()
	if err != nil {
		return nil, err
	}
	return onnx.NewEvaluator(model, "", 1)
}

// affine binds y = rows weights' + bias: y is [n][out], rows [n][in], weights [out][in]. Nothing is copied.
func affine(y, rows, weights, bias []float32, in, out int) (*onnx.Binding, error) {
	e, err := affineEvaluator()
	if err != nil {
		return nil, err
	}
	n := int64(len(y) / out)
	return e.Bind(
		[]onnx.Tensor{onnx.Float32s("rows", rows, n, int64(in)), onnx.Float32s("weights", weights, int64(out), int64(in)), onnx.Float32s("bias", bias, int64(out))},
		[]onnx.Tensor{onnx.Float32s("y", y, n, int64(out))})
}

// gradient binds g = d' rows: g is [out][in], d [n][out], rows [n][in]. Nothing is copied.
func gradient(g, d, rows []float32, in, out int) (*onnx.Binding, error) {
	e, err := gradientEvaluator()
	if err != nil {
		return nil, err
	}
	n := int64(len(d) / out)
	return e.Bind(
		[]onnx.Tensor{onnx.Float32s("d", d, n, int64(out)), onnx.Float32s("rows", rows, n, int64(in))},
		[]onnx.Tensor{onnx.Float32s("gradient", g, int64(out), int64(in))})
}

// product computes rows weights' + bias.
func product(rows, weights, bias []float32, in, out int) ([]float32, error) {
	n := len(rows) / in
	y := make([]float32, n*out)
	err := inParts(n, func(_, from, to int) error {
		b, err := affine(y[from*out:to*out], rows[from*in:to*in], weights, bias, in, out)
		if err != nil {
			return err
		}
		return errors.Join(b.Run(), b.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("a product of %d by %d by %d numbers: %w", n, in, out, err)
	}
	return y, nil
}

// inParts calls fn for each part of n rows that is not empty, all at once.
func inParts(n int, fn func(part, from, to int) error) error {
	var wait sync.WaitGroup
	var errs [parts]error
	for part := range parts {
		from, to := n*part/parts, n*(part+1)/parts
		if from == to {
			continue
		}
		wait.Go(func() { errs[part] = fn(part, from, to) })
	}
	wait.Wait()
	return errors.Join(errs[:]...)
}
