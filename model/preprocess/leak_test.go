package preprocess

import (
	"bytes"
	"errors"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
)

// Decoding good and bad files leaves the memory of the process as it was, that of the C libraries included.
// TAGBEAM_LEAK_DECODES=100000 makes it thorough.
func TestNoLeak(t *testing.T) {
	if _, err := residentBytes(); errors.Is(err, os.ErrNotExist) {
		t.Skip("no /proc here to read the size of the process from")
	}
	if sanitized {
		t.Skip("AddressSanitizer keeps freed memory for a while")
	}
	n := 4000
	if s := os.Getenv("TAGBEAM_LEAK_DECODES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	files := [][]byte{}
	for _, data := range ownImages(t) {
		damaged := bytes.Clone(data)
		for i := len(data) / 3; i < len(data); i += 97 {
			damaged[i] ^= 0x55
		}
		files = append(files, data, data[:len(data)*2/3], damaged)
	}
	var workers []*Worker
	for _, change := range []func(*Spec){func(*Spec) {}, func(s *Spec) { s.EXIFOrientation = true }, func(s *Spec) { s.FastDecode = true }} {
		spec := torchvisionSpec(t)
		change(&spec)
		p, err := Compile(spec, TensorFormat{Layout: layoutNCHW})
		if err != nil {
			t.Fatal(err)
		}
		workers = append(workers, p.NewWorker())
	}
	dst := make([]byte, workers[0].program.Size())
	i, good, bad := 0, 0, 0
	decode := func(n int) {
		for range n {
			w := workers[i/len(files)/2%len(workers)]
			if _, err := w.Apply(files[i%len(files)], Limits{AllowTruncated: i/len(files)%2 == 1}, dst); err != nil {
				bad++
			} else {
				good++
			}
			i++
		}
	}
	decode(max(n/10, 6*len(files)))
	first := settled(t)
	t.Logf("after %6d images and %6d errors: %.1f MB", good, bad, float64(first)/1e6)
	for range 10 {
		decode(n / 10)
		now := settled(t)
		t.Logf("after %6d images and %6d errors: %.1f MB", good, bad, float64(now)/1e6)
		if now > first+8<<20 {
			t.Fatalf("the process grew by %d bytes", now-first)
		}
	}
}

// settled returns the smallest of a few readings.
func settled(t *testing.T) int {
	readings := []int{}
	for range 3 {
		debug.FreeOSMemory()
		n, err := residentBytes()
		if err != nil {
			t.Fatal(err)
		}
		readings = append(readings, n)
	}
	return slices.Min(readings)
}

// residentBytes is how much of the process is in memory.
func residentBytes() (int, error) {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	pages, err := strconv.Atoi(string(bytes.Fields(data)[1]))
	return pages * os.Getpagesize(), err
}
