package onnx

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/x448/float16"
)

var close5 = cmpopts.EquateApprox(0, 1e-5)

// randomImages are n images of size elements, 0 to 255, the same for the same seed.
func randomImages(seed uint64, n, size int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	images := make([]float32, n*size)
	for i := range images {
		images[i] = float32(r.IntN(256))
	}
	return images
}

// oneByOne is what a session says of images, each run alone.
func oneByOne(t testing.TB, s *Session, images []float32, n int) []float32 {
	t.Helper()
	r, err := s.NewRunner(1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	in := s.Input().Size()
	var rows []float32
	for i := range n {
		write(s, r.Input(), images[i*in:(i+1)*in])
		if err := r.Run(1); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r.Output(0)...)
	}
	return rows
}

// write puts values into the memory of an input.
func write(s *Session, dst []byte, values []float32) {
	for i, v := range values {
		switch s.InputType() {
		case Float32:
			binary.NativeEndian.PutUint32(dst[4*i:], math.Float32bits(v))
		case Float16:
			binary.NativeEndian.PutUint16(dst[2*i:], float16.Fromfloat32(v).Bits())
		default:
			dst[i] = uint8(int(v))
		}
	}
}

// Whatever batch a model is made for, any number of images gives the rows that the open-batch model gives.
func TestBatches(t *testing.T) {
	want := open(t, "nchw.onnx", usual)
	for _, tt := range []struct {
		model string
		fixed int
	}{
		{"nchw.onnx", 0}, {"batch1.onnx", 1}, {"batch4.onnx", 4}, {"baked_batch.onnx", 1}, {"open_classes.onnx", 0}, {"open_rank.onnx", 0},
	} {
		t.Run(tt.model, func(t *testing.T) {
			s := open(t, tt.model, usual)
			if s.FixedBatch() != tt.fixed {
				t.Errorf("FixedBatch() = %d, want %d", s.FixedBatch(), tt.fixed)
			}
			for _, batch := range []int{1, 3, 4, 7, 8} {
				r, err := s.NewRunner(batch)
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range []int{batch, 1, batch} {
					images := randomImages(uint64(n), n, image.Size())
					expected := oneByOne(t, want, images, n)
					write(s, r.Input(), images)
					if err := r.Run(n); err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(expected, r.Output(0)[:n*5], close5); diff != "" {
						t.Errorf("Runner, batch %d of %d (-want +got):\n%s", n, batch, diff)
					}
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestConcurrentRunners(t *testing.T) {
	for _, model := range []string{"nchw.onnx", "batch4.onnx"} {
		s := open(t, model, usual)
		const most = 9
		images := randomImages(7, 64, image.Size())
		want := oneByOne(t, s, images, 64)
		var mismatches atomic.Int64
		var all sync.WaitGroup
		for g := range 16 {
			all.Go(func() {
				r, err := s.NewRunner(most)
				if err != nil {
					t.Error(err)
					return
				}
				defer r.Close()
				rnd := rand.New(rand.NewPCG(uint64(g), 2))
				for range 50 {
					n := 1 + rnd.IntN(most)
					first := rnd.IntN(64 - n)
					write(s, r.Input(), images[first*image.Size():(first+n)*image.Size()])
					if err := r.Run(n); err != nil {
						t.Error(err)
						return
					}
					if !cmp.Equal(want[first*5:(first+n)*5], r.Output(0)[:n*5], close5) {
						mismatches.Add(1)
					}
				}
			})
		}
		all.Wait()
		if n := mismatches.Load(); n != 0 {
			t.Errorf("%s: %d of 800 batches differ", model, n)
		}
	}
}

func TestRunnerAllocatesNothing(t *testing.T) {
	for _, model := range []string{"nchw.onnx", "batch4.onnx"} {
		s := open(t, model, usual)
		r, err := s.NewRunner(8)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for n := 1; n <= 8; n++ {
			allocs := testing.AllocsPerRun(20, func() {
				if err := r.Run(n); err != nil {
					t.Fatal(err)
				}
			})
			if allocs != 0 {
				t.Errorf("%s: Run(%d) allocates %v times", model, n, allocs)
			}
		}
	}
}

// Padding is zeros, not the images of the batch before, on which the rows of a dynamically quantised model would depend.
func TestPaddingIsZero(t *testing.T) {
	s := open(t, "batch4.onnx", usual)
	r, err := s.NewRunner(4)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	write(s, r.Input(), randomImages(4, 4, image.Size()))
	if err := r.Run(3); err != nil {
		t.Fatal(err)
	}
	want := make([]byte, 3*4*image.Size())
	write(s, want, randomImages(4, 4, image.Size())[:3*image.Size()])
	if diff := cmp.Diff(want, r.Input()[:len(want)]); diff != "" {
		t.Errorf("the images themselves changed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(make([]byte, 4*image.Size()), r.Image(3)); diff != "" {
		t.Errorf("the padding (-want +got):\n%s", diff)
	}
}

func TestLoadOnce(t *testing.T) {
	start(t)
	before := Loads()
	var opened atomic.Int64
	model := tiny(t, "nchw.onnx")
	failing := errors.New("the store is away")
	if _, err := Load("sha256:once", usual, func() ([]byte, string, error) { return nil, "", failing }); !errors.Is(err, failing) {
		t.Fatalf("Load of what cannot be opened: %v", err)
	}
	sessions := make([]*Session, 16)
	var all sync.WaitGroup
	for i := range sessions {
		all.Go(func() {
			s, err := Load("sha256:once", usual, func() ([]byte, string, error) {
				opened.Add(1)
				return model, "", nil
			})
			if err != nil {
				t.Error(err)
			}
			sessions[i] = s
		})
	}
	all.Wait()
	for _, s := range sessions {
		if s == nil || s != sessions[0] {
			t.Fatal("callers got different sessions")
		}
	}
	if opened.Load() != 1 || Loads() != before+1 {
		t.Errorf("16 callers opened the model %d times and made %d sessions, want 1 and 1", opened.Load(), Loads()-before)
	}
	again, err := Load("sha256:once", usual, func() ([]byte, string, error) { return nil, "", errors.New("opened again") })
	if err != nil || again != sessions[0] {
		t.Errorf("a later caller: %v, want the same session", err)
	}
	unnamed := SessionOptions{Input: image, Outputs: []Port{{"other", []int64{5}}}}
	if _, err := Load("sha256:once", unnamed, func() ([]byte, string, error) { return model, "", nil }); err == nil || !strings.Contains(err.Error(), `no output "other"`) {
		t.Errorf("other outputs of the same model: %v, want a session of their own", err)
	}
}

// Models of every type of input and output say of an image what the float32 model says of the same values.
func TestElementTypes(t *testing.T) {
	floats := open(t, "nchw.onnx", usual)
	half := cmpopts.EquateApprox(0, 2e-2) // the network computes in float16
	for _, tt := range []struct {
		model   string
		element ElementType
		scale   float32 // of bytes
		offset  float32
		near    cmp.Option
	}{
		{"uint8.onnx", Uint8, 1, 0, close5}, {"int8.onnx", Int8, 1, -128, close5}, {"float16.onnx", Float16, 1. / 256, 0, close5},
		{"float16_all.onnx", Float16, 1. / 256, 0, half}, {"nhwc_uint8.onnx", Uint8, 1, 0, close5},
	} {
		t.Run(tt.model, func(t *testing.T) {
			opts, unit := usual, float32(1./255)
			if tt.element == Float16 {
				unit = 1. / 256 // which float16 can hold
			}
			if tt.model == "nhwc_uint8.onnx" {
				opts.Input.Dims = []int64{8, 8, 3}
			}
			s := open(t, tt.model, opts)
			if s.InputType() != tt.element {
				t.Fatalf("input of %s", s.InputType())
			}
			bytes := randomImages(3, 5, image.Size())
			given, unitised := make([]float32, len(bytes)), make([]float32, len(bytes))
			for i, v := range bytes {
				at := i
				if opts.Input.Dims[2] == 3 {
					image, c, pixel := i/192, i%192/64, i%64
					at = image*192 + 3*pixel + c
				}
				given[at], unitised[i] = v*tt.scale+tt.offset, v*unit
			}
			want := oneByOne(t, floats, unitised, 5)
			if diff := cmp.Diff(want, oneByOne(t, s, given, 5), tt.near); diff != "" {
				t.Errorf("one by one (-want +got):\n%s", diff)
			}
			r, err := s.NewRunner(5)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			write(s, r.Input(), given)
			if err := r.Run(5); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, r.Output(0), tt.near); diff != "" {
				t.Errorf("a batch (-want +got):\n%s", diff)
			}
		})
	}
}

// What a dynamically quantised model says of an image does not depend on its neighbours: they are run one at a time.
func TestDynamicQuantisationRunsOneByOne(t *testing.T) {
	s := open(t, "dynamic_quant.onnx", usual)
	if s.FixedBatch() != 1 || s.Info().BatchDependent == "" {
		t.Errorf("batch %d, %q", s.FixedBatch(), s.Info().BatchDependent)
	}
	images := randomImages(9, 4, image.Size())
	for i := range images[:image.Size()] {
		images[i] *= 100 // the others would drown in its range
	}
	r, err := s.NewRunner(4)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	write(s, r.Input(), images)
	if err := r.Run(4); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(oneByOne(t, s, images, 4), r.Output(0)); diff != "" {
		t.Errorf("(-one by one +batch):\n%s", diff)
	}
}

func TestSeveralOutputs(t *testing.T) {
	s := open(t, "two_outputs.onnx", SessionOptions{Input: image, Outputs: []Port{{"b", []int64{5}}, {"features", []int64{12}}, {"a", []int64{5}}}})
	r, err := s.NewRunner(3)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	write(s, r.Input(), randomImages(1, 3, image.Size()))
	if err := r.Run(3); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		for c := range 5 {
			if r.Row(0, i)[c] != -r.Row(2, i)[c] || r.Row(0, i)[c] == 0 {
				t.Errorf("image %d: b = %v, a = %v, want b = -a", i, r.Row(0, i), r.Row(2, i))
			}
		}
		if mean := r.Row(1, i)[0]; mean < 64 || mean > 192 {
			t.Errorf("image %d: feature 0 = %v, want the mean of 16 random bytes", i, mean)
		}
	}
}

func TestExternalData(t *testing.T) {
	start(t)
	s, err := Open(nil, tinyPath("external.onnx"), usual)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	inside := open(t, "nchw.onnx", usual)
	images := randomImages(5, 2, image.Size())
	if diff := cmp.Diff(oneByOne(t, inside, images, 2), oneByOne(t, s, images, 2), close5); diff != "" {
		t.Errorf("weights outside against weights inside (-want +got):\n%s", diff)
	}
}

func TestOpenErrors(t *testing.T) {
	start(t)
	port := func(name string, dims ...int64) Port { return Port{name, dims} }
	for _, tt := range []struct {
		name, model string
		opts        SessionOptions
		want        string
	}{
		{"wrong input", "nchw.onnx", SessionOptions{Input: port("img", 3, 8, 8), Outputs: []Port{logits}}, `no input "img"; it has: image: float32 [batch, 3, 8, 8]`},
		{"wrong output", "nchw.onnx", SessionOptions{Input: image, Outputs: []Port{port("probs", 5)}}, `no output "probs"; it has: logits: float32 [batch, 5]`},
		{"no output", "nchw.onnx", SessionOptions{Input: image}, "no output is asked for"},
		{"wrong size", "nchw.onnx", SessionOptions{Input: port("image", 3, 9, 8), Outputs: []Port{logits}}, "shape [batch, 3, 8, 8], which is not a batch of [3 9 8]"},
		{"wrong classes", "nchw.onnx", SessionOptions{Input: image, Outputs: []Port{port("logits", 6)}}, "shape [batch, 5], which is not a batch of [6]"},
		{"wrong open classes", "open_classes.onnx", SessionOptions{Input: image, Outputs: []Port{port("logits", 6)}}, "another shape than the logits [1 6]"},
		{"no size", "open_size.onnx", SessionOptions{Input: port("image", 3, 0, 8), Outputs: []Port{logits}}, "dimension 0 is asked for"},
		{"argmax", "argmax.onnx", SessionOptions{Input: image, Outputs: []Port{port("class")}}, "class is int64 (class numbers?)"},
		{"two inputs", "two_inputs.onnx", SessionOptions{Input: port("left", 3, 8, 8), Outputs: []Port{logits}}, "needs 2 inputs"},
		{"custom operator", "custom_op.onnx", usual, "cannot load the model"},
		{"external data", "external.onnx", usual, "keeps weights in other files (external.bin)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Open(tiny(t, tt.model), "", tt.opts)
			if err == nil {
				s.Close()
				t.Fatalf("Open succeeded, want an error with %q", tt.want)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want one with %q", err, tt.want)
			}
		})
	}
	if _, err := Open(nil, tinyPath("nowhere.onnx"), usual); err == nil || !strings.Contains(err.Error(), "nowhere.onnx") {
		t.Errorf("Open of a missing file: %v", err)
	}
}

func TestRunErrors(t *testing.T) {
	s := open(t, "nchw.onnx", usual)
	if _, err := s.NewRunner(0); err == nil {
		t.Error("a runner for 0 images was made")
	}
	r, err := s.NewRunner(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(3); err == nil || !strings.Contains(err.Error(), "does not fit a runner for 1 to 2") {
		t.Errorf("Run(3) of a runner for 2: %v", err)
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
}
