package graph_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/x448/float16"

	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/builtin"
	"github.com/tagbeam/tagbeam/model/graph"
	"github.com/tagbeam/tagbeam/model/onnx"
)

var startONNX = sync.OnceValue(func() error {
	path, err := onnx.Find("")
	if err != nil {
		return err
	}
	return onnx.Init(path)
})

// start starts ONNX Runtime, or skips the test where there is none; in CI a missing library is a failure.
func start(t testing.TB) {
	t.Helper()
	if err := startONNX(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// sharedData is a path in the folder of test data that is not in git, or skips the test.
func sharedData(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("TAGBEAM_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(append([]string{root, "data"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared test data (set TAGBEAM_SHARED): %v", err)
	}
	return path
}

// network is a model to be edited.
type network struct {
	bytes  []byte
	image  graph.Image
	output onnx.Port
	input  onnx.ElementType
}

func ofBundle(b *model.Bundle) network {
	dims := []int64{3, int64(b.Input.Height), int64(b.Input.Width)}
	if b.Input.Layout == "NHWC" {
		dims = []int64{int64(b.Input.Height), int64(b.Input.Width), 3}
	}
	return network{b.Graph, graph.Image{Name: b.Input.Name, Dims: dims}, onnx.Port{Name: b.Output.Name, Dims: b.Output.Dims}, b.Input.Type}
}

func realModel(t *testing.T, name string) network {
	t.Helper()
	start(t)
	opts := model.Options{}
	if name == "squeezenet" {
		opts.Preprocess = "caffe"
	}
	fsys := builtin.FS()
	if name != builtin.Name {
		fsys = os.DirFS(sharedData(t, "models", name))
	}
	b, err := model.Load(fsys, name, opts)
	if err != nil {
		t.Fatal(err)
	}
	return ofBundle(b)
}

// tiny is a model of testdata/models: 8 pixels, 5 classes.
func tiny(t *testing.T, name string) network {
	t.Helper()
	start(t)
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "models", name))
	if err != nil {
		t.Fatal(err)
	}
	info, err := onnx.Inspect(data)
	if err != nil {
		t.Fatal(err)
	}
	n := network{data, graph.Image{Name: info.Inputs[0].Name, Dims: []int64{3, 8, 8}}, onnx.Port{Name: info.Outputs[0].Name, Dims: []int64{5}}, info.Inputs[0].Type}
	if d := info.Inputs[0].Dims; len(d) == 4 && d[3].Size == 3 {
		n.image.Dims = []int64{8, 8, 3}
	}
	if d := info.Outputs[0].Dims; len(d) == 4 {
		n.output.Dims = []int64{5, 1, 1}
	}
	return n
}

// rows runs a model on images and returns the rows of its outputs.
func rows(t *testing.T, file []byte, image graph.Image, images []float32, outputs ...onnx.Port) [][]float32 {
	t.Helper()
	s, err := onnx.Open(file, "", onnx.SessionOptions{Input: onnx.Port{Name: image.Name, Dims: image.Dims}, Outputs: outputs})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n := len(images) / s.Input().Size()
	r, err := s.NewRunner(n)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	write(t, s.InputType(), r.Input(), images)
	if err := r.Run(n); err != nil {
		t.Fatal(err)
	}
	out := make([][]float32, len(outputs))
	for i := range outputs {
		out[i] = slices.Clone(r.Output(i))
	}
	return out
}

func write(t *testing.T, as onnx.ElementType, dst []byte, values []float32) {
	t.Helper()
	switch as {
	case onnx.Float32:
		for i, v := range values {
			binary.NativeEndian.PutUint32(dst[4*i:], math.Float32bits(v))
		}
	case onnx.Uint8, onnx.Int8:
		for i, v := range values {
			dst[i] = uint8(int8(8 * v))
		}
	case onnx.Float16:
		for i, v := range values {
			binary.NativeEndian.PutUint16(dst[2*i:], float16.Fromfloat32(v).Bits())
		}
	default:
		t.Fatalf("%s is not written here", as)
	}
}

func noise(image graph.Image, n int) []float32 {
	r := rand.New(rand.NewPCG(7, 7))
	size := n
	for _, d := range image.Dims {
		size *= int(d)
	}
	values := make([]float32, size)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	return values
}

// Where the top of each network is, and that what is cut there gives the same features as the whole network with them as a further output,
// whose own output stays as it was.
func TestTop(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tensor string
		layer  string
		dims   []int64
		size   int
	}{
		{"mobilenetv2", "472", "MatMul", []int64{1280}, 1280},
		{"mobilenetv2-int8", "view_DequantizeLinear_Output", "Gemm", []int64{1280}, 1280},
		{"squeezenet", "fire9/concat_1", "Conv", []int64{512, 13, 13}, 512},
		{"vit-cifar10", "/2/2.1/BatchNormalization_output_0", "Gemm", []int64{48}, 48},
		{"vit-cifar10-p16", "/2/2.1/BatchNormalization_output_0", "Gemm", []int64{48}, 48},
		{"builtin", "functional_1_1/layer_normalization_2_1/add_2:0", "MatMul", []int64{64, 96}, 96},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := realModel(t, tt.name)
			top, err := graph.Top(n.bytes, n.image, n.output.Name, "")
			if err != nil {
				t.Fatal(err)
			}
			t.Log(top)
			if top.Tensor != tt.tensor || top.Layer != tt.layer || !slices.Equal(top.Dims, tt.dims) || top.Size != tt.size {
				t.Errorf("the top is %+v, want %+v", top, tt)
			}
			checkCut(t, n, top)
		})
	}
}

// checkCut compares the network cut, the network with its features exposed, and the network as it was.
func checkCut(t *testing.T, n network, top graph.Candidate) {
	t.Helper()
	cut, err := graph.Cut(n.bytes, top)
	if err != nil {
		t.Fatal(err)
	}
	exposed, err := graph.Expose(n.bytes, top)
	if err != nil {
		t.Fatal(err)
	}
	if len(cut) >= len(n.bytes) {
		t.Errorf("the network has %d bytes, and cut %d", len(n.bytes), len(cut))
	}
	images := noise(n.image, 3)
	features := onnx.Port{Name: graph.Features, Dims: []int64{int64(top.Size)}}
	alone := rows(t, cut, n.image, images, features)[0]
	both := rows(t, exposed, n.image, images, n.output, features)
	whole := rows(t, n.bytes, n.image, images, n.output)[0]
	closeTo(t, "features", alone, both[1])
	closeTo(t, "output", both[0], whole)
	if slices.Max(alone) == slices.Min(alone) {
		t.Errorf("all features are %v", alone[0])
	}
	if slices.Equal(alone[:top.Size], alone[top.Size:2*top.Size]) {
		t.Error("two images have the same features")
	}
}

func closeTo(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if diff := math.Abs(float64(got[i] - want[i])); !(diff <= 1e-4*max(1, math.Abs(float64(want[i])))) {
			t.Fatalf("%s: number %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// Every small model of the project that is a classifier can be cut: fixed and baked batches, channels last, other element types.
func TestTinyModels(t *testing.T) {
	for _, name := range []string{"nchw.onnx", "nhwc.onnx", "nhwc_uint8.onnx", "batch1.onnx", "batch4.onnx", "baked_batch.onnx", "softmax.onnx", "logsoftmax.onnx",
		"sigmoid.onnx", "float16.onnx", "open_classes.onnx", "open_rank.onnx", "uint8.onnx", "int8.onnx", "qdq_int8.onnx", "conv1x1.onnx", "local_function.onnx"} {
		t.Run(name, func(t *testing.T) {
			n := tiny(t, name)
			top, err := graph.Top(n.bytes, n.image, n.output.Name, "")
			if err != nil {
				t.Fatal(err)
			}
			t.Log(top)
			checkCut(t, n, top)
			// Named by hand, a candidate is what it is in the list.
			all, err := graph.Candidates(n.bytes, n.image, n.output.Name, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range all {
				if c.Tensor == n.image.Name {
					continue
				}
				if named, err := graph.Top(n.bytes, n.image, n.output.Name, c.Tensor); err != nil || named.Axis != c.Axis || named.Size != c.Size {
					t.Errorf("named, %s is %s: %v", c, named, err)
				}
			}
		})
	}
}

func TestNamed(t *testing.T) {
	n := realModel(t, "mobilenetv2")
	top, err := graph.Top(n.bytes, n.image, n.output.Name, "463")
	if err != nil {
		t.Fatal(err)
	}
	if want := []int64{1280, 7, 7}; !slices.Equal(top.Dims, want) || top.Axis != 0 || top.Size != 1280 {
		t.Errorf("463 is %+v, want %v with the first axis", top, want)
	}
	checkCut(t, n, top)
	for tensor, want := range map[string]string{
		"nothing": "no tensor of that name; good ones are: 472: [1280], into MatMul [1280 1000]; 624: [320 7 7] (320 features), into Conv",
		"465":     "does not depend on the image",
	} {
		if _, err := graph.Top(n.bytes, n.image, n.output.Name, tensor); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--features %s: %v, want %q", tensor, err, want)
		}
	}
}
