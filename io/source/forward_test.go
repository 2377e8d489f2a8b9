package source

import (
	"bytes"
	"context"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/tagbeam/tagbeam/io/object"
)

// oddStore reads ranges in the ways that io.Reader allows.
type oddStore struct {
	object.Store
	odd func(io.Reader) io.Reader
}

func (s oddStore) ReadRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	body, err := s.Store.ReadRange(ctx, key, offset, length)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{s.odd(body), body}, nil
}

// TestForward: reads and seeks of any size, however the store hands its bytes out, give what a bytes.Reader gives.
func TestForward(t *testing.T) {
	data := make([]byte, 3<<20)
	for i := range data {
		data[i] = byte(i>>16) ^ byte(i>>8) ^ byte(i)
	}
	mem := object.OpenMem("forward")
	mem.Put("x", data)
	info, err := mem.Stat(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	odd := map[string]func(io.Reader) io.Reader{
		"plain": func(r io.Reader) io.Reader { return r }, "end with data": iotest.DataErrReader, "half": iotest.HalfReader,
	}
	rapid.Check(t, func(r *rapid.T) {
		store := oddStore{mem, odd[rapid.SampledFrom([]string{"plain", "end with data", "half"}).Draw(r, "store")]}
		scheme := rapid.SampledFrom([]string{object.SchemeFile, object.SchemeGS}).Draw(r, "scheme")
		f := newForward(t.Context(), store, scheme, info)
		defer f.Close()
		want := bytes.NewReader(data)
		for range rapid.IntRange(1, 20).Draw(r, "steps") {
			if rapid.Bool().Draw(r, "seek") {
				skip := rapid.SampledFrom([]int64{0, 1, 511, 5000, 40_000, 600_000, 1 << 20, -700, -100_000}).Draw(r, "skip")
				pos, _ := want.Seek(0, io.SeekCurrent)
				pos = max(0, pos+skip)
				want.Seek(pos, io.SeekStart)
				if at, err := f.Seek(pos, io.SeekStart); at != pos || err != nil {
					r.Fatalf("seek to %d: %d, %v", pos, at, err)
				}
			}
			n := rapid.SampledFrom([]int{1, 512, 32 << 10, 100_000, 1 << 20}).Draw(r, "read")
			a, b := make([]byte, n), make([]byte, n)
			na, erra := io.ReadFull(want, a)
			nb, errb := io.ReadFull(f, b)
			if na != nb || erra != errb || !bytes.Equal(a, b) {
				r.Fatalf("read %d bytes, %v, want %d, %v", nb, errb, na, erra)
			}
		}
	})
	// An object that is shorter than it was said to be.
	info.Size++
	short := newForward(t.Context(), mem, object.SchemeGS, info)
	if n, err := io.Copy(io.Discard, short); err != io.ErrUnexpectedEOF || n != int64(len(data)) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, err := short.Seek(-1, io.SeekStart); err == nil {
		t.Error("sought to a negative place")
	}
}
