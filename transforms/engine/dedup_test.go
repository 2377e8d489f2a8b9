package engine_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// place puts contents into a memory store, in order, and lists them, with MD5 or without.
func place(t testing.TB, bucket string, withMD5 bool, contents ...[]byte) (*object.Mem, []engine.Image) {
	store := object.OpenMem(bucket)
	images := make([]engine.Image, len(contents))
	for i, c := range contents {
		key := fmt.Sprintf("%04d.png", i)
		store.Put(key, c)
		info, err := store.Stat(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		images[i].Item = source.Item{URI: object.Location{Scheme: "mem", Bucket: bucket, Key: key}.String(), Version: info.Version, MD5: info.MD5, Size: info.Size}
		if !withMD5 {
			images[i].MD5 = ""
		}
	}
	return store, images
}

// outcome is what stands in a row.
type outcome struct {
	Read   object.Info
	Format string
	Top    []engine.Scored
	Code   string
	Retry  bool
}

func outcomes(predictions []engine.Prediction) []outcome {
	out := make([]outcome, len(predictions))
	for i, p := range predictions {
		out[i] = outcome{Read: p.Read, Format: p.Header.Format, Top: p.Top}
		// A listing knows no more than these.
		out[i].Read.Modified, out[i].Read.ContentType, out[i].Read.Key = time.Time{}, "", ""
		if p.Failure != nil {
			out[i].Code, out[i].Retry = p.Failure.Code, p.Failure.Retryable
		}
	}
	return out
}

// approximately lets confidences differ in their last bits, which depend on what else is in a batch.
var approximately = cmp.Comparer(func(a, b float32) bool { return a-b < 1e-6 && b-a < 1e-6 })

func copies(predictions []engine.Prediction) (n int) {
	for _, p := range predictions {
		if p.Copy {
			n++
		}
	}
	return n
}

// Rows are the same with and without dedup, each content is inferred once, and all of it whatever the timing.
func TestDedupChangesNoRow(t *testing.T) {
	c := load(t, "nchw.onnx")
	broken := picture(1)[:60]
	engines := []*engine.Engine{start(t, engine.Config{CPU: 1}), start(t, engine.Config{CPU: 4, Fetchers: 7, BytesInFlight: 200 << 10})}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		withMD5 := rapid.Bool().Draw(rt, "md5")
		which := rapid.SliceOfN(rapid.IntRange(0, 12), 1, 60).Draw(rt, "contents")
		batch := rapid.IntRange(1, 9).Draw(rt, "batch")
		contents, distinct := make([][]byte, len(which)), map[string]bool{}
		for i, k := range which {
			switch k {
			case 11:
				contents[i] = broken
			case 12:
				contents[i] = []byte{}
			default:
				contents[i] = picture(k)
			}
			if k != 12 || withMD5 {
				distinct[string(contents[i])] = true
			} else {
				distinct[fmt.Sprint("empty ", i)] = true // nothing to compare
			}
		}
		_, images := place(t, fmt.Sprint(t.Name(), n), withMD5, contents...)
		without := run(t, engines[0], engine.Task{Classifier: c, Images: images, Batch: batch})
		if copies(without) != 0 {
			rt.Fatal("copies, although nobody looked for them")
		}
		var first []engine.Prediction
		for _, e := range engines {
			batches, counted := e.Stats.Copies.Load(), e.Stats.Images.Load()
			got := run(t, e, engine.Task{Classifier: c, Images: images, Batch: batch, Dedup: true})
			if diff := cmp.Diff(outcomes(without), outcomes(got), approximately); diff != "" {
				rt.Fatal(diff)
			}
			if k := copies(got); k != len(which)-len(distinct) || int64(k) != e.Stats.Copies.Load()-batches {
				rt.Fatalf("%d of %d images of %d contents are copies", k, len(which), len(distinct))
			}
			if e.Stats.Images.Load()-counted != int64(len(images)) {
				rt.Fatal("images were not counted once each")
			}
			if first == nil {
				first = got
			}
			if diff := cmp.Diff(outcomes(first), outcomes(got)); diff != "" {
				rt.Fatalf("depends on the engine: %s", diff)
			}
		}
	})
}

// What the listing tells to be a copy is not even fetched.
func TestDedupByListingDoesNotFetch(t *testing.T) {
	e := start(t, engine.Config{CPU: 2})
	store, images := place(t, t.Name(), true, picture(1), picture(2), picture(1), picture(1))
	for _, key := range []string{"0002.png", "0003.png"} {
		if err := store.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	got := run(t, e, engine.Task{Classifier: load(t, "nchw.onnx"), Images: images, Dedup: true, Batch: 2})
	if diff := cmp.Diff([]string{"", "", "", ""}, codes(got)); diff != "" {
		t.Error(diff)
	}
	if b := e.Stats.Batches.Load(); b != 1 || copies(got) != 2 {
		t.Errorf("%d batches, %d copies", b, copies(got))
	}
	if r := got[3].Read; r.Version != images[3].Version || r.MD5 != images[3].MD5 || r.Size != images[3].Size {
		t.Errorf("the copy is said to be %v, listed was %v", r, images[3].Item)
	}
}

// An original that is gone, or is not any more what was listed, says nothing of its copies.
func TestCopiesOfWhatCouldNotBeRead(t *testing.T) {
	e := start(t, engine.Config{CPU: 2})
	store, images := place(t, t.Name(), true, picture(1), picture(2), picture(1), picture(2), picture(1))
	if err := store.Delete(t.Context(), "0000.png"); err != nil {
		t.Fatal(err)
	}
	store.Put("0001.png", picture(9))
	got := run(t, e, engine.Task{Classifier: load(t, "nchw.onnx"), Images: images, Dedup: true})
	if diff := cmp.Diff([]string{"not_found", "", "", "", ""}, codes(got)); diff != "" {
		t.Fatal(diff)
	}
	want := run(t, e, engine.Task{Classifier: load(t, "nchw.onnx"), Images: inMemory(picture(9), picture(1), picture(2), picture(1))})
	if diff := cmp.Diff(tops(want), tops(got[1:]), approximately); diff != "" {
		t.Error(diff)
	}
	if copies(got) != 0 {
		t.Errorf("%d copies", copies(got))
	}
}

// A model's failure may have passed by the next time, and is tried for every copy.
func TestCopiesOfWhatBreaksTheModel(t *testing.T) {
	e := start(t, engine.Config{CPU: 2})
	for _, withMD5 := range []bool{false, true} {
		_, images := place(t, fmt.Sprint(t.Name(), withMD5), withMD5, white(), picture(1), white())
		got := run(t, e, engine.Task{Classifier: load(t, "fails_on_white.onnx"), Images: images, Dedup: true})
		if diff := cmp.Diff([]string{"inference_failed", "", "inference_failed"}, codes(got)); diff != "" {
			t.Error(diff)
		}
		if copies(got) != 0 {
			t.Errorf("%d copies", copies(got))
		}
	}
}

// Of the same size, and yet not the same.
func TestSameSizeIsNotSameContent(t *testing.T) {
	folder := t.TempDir()
	var images []engine.Image
	bmp := func(shade byte) []byte { // 2 x 2, 24 bits
		return append([]byte("BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x18\x00"+
			"\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), bytes.Repeat([]byte{shade}, 16)...)
	}
	for i, data := range [][]byte{bmp(10), bmp(200), bmp(10), bmp(90), bmp(200)} {
		file := filepath.Join(folder, fmt.Sprint(i, ".bmp"))
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		images = append(images, engine.Image{Item: source.Item{URI: file, Version: "mtime:0", Size: int64(len(data))}})
	}
	e := start(t, engine.Config{CPU: 3})
	got := run(t, e, engine.Task{Classifier: load(t, "nchw.onnx"), Images: images, Dedup: true, Batch: 2})
	if diff := cmp.Diff([]string{"", "", "", "", ""}, codes(got)); diff != "" {
		t.Fatal(diff)
	}
	for i, want := range []bool{false, false, true, false, true} {
		if got[i].Copy != want {
			t.Errorf("image %d is a copy: %v", i, got[i].Copy)
		}
		if got[i].Read.Version == "mtime:0" {
			t.Errorf("image %d has the version of the listing, not of what was read", i)
		}
	}
	if cmp.Equal(got[0].Top, got[1].Top) || !cmp.Equal(got[0].Top, got[2].Top) {
		t.Errorf("%v", tops(got))
	}
}

// An MD5 is no proof where the sizes differ.
func TestMD5AloneIsNotEnough(t *testing.T) {
	_, images := place(t, t.Name(), true, picture(1), picture(2))
	sum := md5.Sum(nil)
	images[0].MD5, images[1].MD5 = hex.EncodeToString(sum[:]), hex.EncodeToString(sum[:])
	images[1].Size++
	got := run(t, start(t, engine.Config{CPU: 1}), engine.Task{Classifier: load(t, "nchw.onnx"), Images: images, Dedup: true})
	if copies(got) != 0 || cmp.Equal(got[0].Top, got[1].Top) {
		t.Errorf("%v", got)
	}
}
