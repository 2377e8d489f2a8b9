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
	w, dst := benchWorker(t, "torchvision")
	good, bad := 0, 0
	decode := func(n int) {
		for i := range n {
			if _, err := w.Apply(files[i%len(files)], Limits{AllowTruncated: i/len(files)%2 == 1}, Bytes(dst)); err != nil {
				bad++
			} else {
				good++
			}
		}
	}
	decode(max(n/10, 2*len(files)))
	before := settled(t)
	decode(n)
	after := settled(t)
	t.Logf("%d images and %d errors: %.1f MB before the last %d, %.1f MB after", good, bad, float64(before)/1e6, n, float64(after)/1e6)
	if after > before+8<<20 {
		t.Errorf("the process grew by %d bytes in %d decodes", after-before, n)
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
