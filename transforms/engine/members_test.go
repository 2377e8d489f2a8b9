package engine_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// archive is a tar of pictures numbered from first.
func archive(t *testing.T, first, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := first; i < first+n; i++ {
		data := picture(i)
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%03d.png", i-first), Mode: 0o644, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func members(t *testing.T, uri string) []engine.Image {
	t.Helper()
	set, err := source.Open(t.Context(), []string{uri}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var images []engine.Image
	if err := set.Each(t.Context(), func(item source.Item) error { images = append(images, engine.Image{Item: item}); return nil }); err != nil {
		t.Fatal(err)
	}
	return images
}

// TestMembers: images in an archive have the predictions they have as objects, in whatever order they stand in a task.
func TestMembers(t *testing.T) {
	c := load(t, "nchw.onnx")
	e := start(t, engine.Config{CPU: 2, Fetchers: 8, BytesInFlight: 64 << 10})
	mem := object.OpenMem(t.Name())
	mem.Put("x.tar", archive(t, 0, 100))
	images := members(t, "mem://"+t.Name()+"/x.tar")
	alone := make([]engine.Image, len(images))
	for i := range alone {
		alone[i].Data = picture(i)
	}
	for range 2 {
		got, err := e.Run(t.Context(), engine.Task{Classifier: c, Images: images, TopK: 5, Batch: 7})
		if err != nil {
			t.Fatal(err)
		}
		want, err := e.Run(t.Context(), engine.Task{Classifier: c, Images: alone, TopK: 5, Batch: 7})
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i].Failure != nil || !cmp.Equal(want[i].Top, got[i].Top) {
				t.Errorf("image %d: %+v, want %+v", i, got[i], want[i].Top)
			}
			if r := got[i].Read; r.Version != images[i].Version || r.Size != images[i].Size || len(r.MD5) != 32 {
				t.Errorf("image %d read as %+v", i, r)
			}
		}
		slices.Reverse(images)
		slices.Reverse(alone)
	}
}

// TestMembersLost: an archive that is another by now, or gone, is a failure that the next run mends, with the version that was planned.
func TestMembersLost(t *testing.T) {
	c := load(t, "nchw.onnx")
	e := start(t, engine.Config{})
	mem := object.OpenMem(t.Name())
	mem.Put("x.tar", archive(t, 0, 5))
	images := members(t, "mem://"+t.Name()+"/x.tar")
	images = append(images, engine.Image{Item: source.Item{URI: "x", Problem: "gone", ProblemCode: "not_found", Retryable: true}}, engine.Image{Item: source.Item{URI: "y", Problem: "odd"}})
	for _, want := range []string{engine.CodeChanged, engine.CodeNotFound} {
		if want == engine.CodeChanged {
			mem.Put("x.tar", archive(t, 10, 5))
		} else if err := mem.Delete(t.Context(), "x.tar"); err != nil {
			t.Fatal(err)
		}
		got, err := e.Run(t.Context(), engine.Task{Classifier: c, Images: images, TopK: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range got[:5] {
			if p.Failure == nil || p.Failure.Code != want || !p.Failure.Retryable || p.Read.Version != images[i].Version {
				t.Errorf("%s: %+v, %+v", want, p.Failure, p.Read)
			}
		}
		if f := got[5].Failure; f.Code != engine.CodeNotFound || !f.Retryable || f.Message != "gone" {
			t.Errorf("%+v", f)
		}
		if f := got[6].Failure; f.Code != engine.CodeInvalidName || f.Retryable {
			t.Errorf("%+v", f)
		}
	}
}
