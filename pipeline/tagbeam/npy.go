package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// npyFile is an array of float32 on its way into a file in NumPy's format, version 1.0
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). The file appears under its name when Close succeeds, whole; a
// file that was there is replaced.
type npyFile struct {
	name string
	file *os.File
	out  *bufio.Writer
	rest int // values still to be written
	row  []byte
}

// createNPY begins an array of that shape, in C order.
func createNPY(name string, shape []int64) (*npyFile, error) {
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return nil, err
	}
	n := &npyFile{name: name, file: file, out: bufio.NewWriterSize(file, 1<<20), rest: 1}
	for _, side := range shape {
		n.rest *= int(side)
	}
	if _, err := n.out.Write(npyHeader(shape)); err != nil {
		n.Discard()
		return nil, err
	}
	return n, nil
}

// npyHeader is the magic, the version, the header's length and the header, which is a Python literal padded so that the data is aligned
// to 64 bytes.
func npyHeader(shape []int64) []byte {
	sides := fmt.Sprint(shape[0]) + "," // Python's tuple of one has a comma too
	for _, side := range shape[1:] {
		sides += fmt.Sprintf(" %d,", side)
	}
	if len(shape) > 1 {
		sides = strings.TrimSuffix(sides, ",")
	}
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", sides)
	const before = 10 // magic, version and length
	padding := 63 - (before+len(text))%64
	text += strings.Repeat(" ", padding) + "\n"
	header := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(text)))
	return append(header, text...)
}

// Write appends values.
func (n *npyFile) Write(values []float32) error {
	if len(values) > n.rest {
		return fmt.Errorf("%d values for an array that takes %d more", len(values), n.rest)
	}
	n.rest -= len(values)
	n.row = n.row[:0]
	for _, v := range values {
		n.row = binary.LittleEndian.AppendUint32(n.row, math.Float32bits(v))
	}
	_, err := n.out.Write(n.row)
	return err
}

// Close puts the file in its place. An array that is not complete is an error, and leaves nothing.
func (n *npyFile) Close() error {
	if n.rest > 0 {
		n.Discard()
		return fmt.Errorf("%d values are missing", n.rest)
	}
	err := n.out.Flush()
	if err == nil {
		err = n.file.Chmod(0o644)
	}
	if closeErr := n.file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(n.file.Name(), n.name)
	}
	if err != nil {
		os.Remove(n.file.Name())
	}
	return err
}

// Discard leaves nothing.
func (n *npyFile) Discard() {
	n.file.Close()
	os.Remove(n.file.Name())
}
