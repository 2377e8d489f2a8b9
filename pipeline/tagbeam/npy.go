package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"github.com/tagbeam/tagbeam/model/preprocess"
)

// npyFile is an array on its way into a file in NumPy's format, version 1.0
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). The file appears under its name when Close succeeds, whole; a
// file that was there is replaced.
type npyFile struct {
	name string
	file *os.File
	out  *bufio.Writer
	rest int // bytes still to be written
}

// createNPY begins an array of that shape and type, in C order.
func createNPY(name string, shape []int64, element preprocess.ElementType) (*npyFile, error) {
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return nil, err
	}
	n := &npyFile{name: name, file: file, out: bufio.NewWriterSize(file, 1<<20), rest: element.Size()}
	for _, side := range shape {
		n.rest *= int(side)
	}
	if _, err := n.out.Write(npyHeader(shape, element)); err != nil {
		n.Discard()
		return nil, err
	}
	return n, nil
}

// npyHeader is the magic, the version, the header's length and the header, which is a Python literal padded so that the data is aligned
// to 64 bytes.
func npyHeader(shape []int64, element preprocess.ElementType) []byte {
	sides := fmt.Sprint(shape[0]) + "," // Python's tuple of one has a comma too
	for _, side := range shape[1:] {
		sides += fmt.Sprintf(" %d,", side)
	}
	if len(shape) > 1 {
		sides = strings.TrimSuffix(sides, ",")
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", npyType(element), sides)
	const before = 10 // magic, version and length
	padding := 63 - (before+len(text))%64
	text += strings.Repeat(" ", padding) + "\n"
	header := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(text)))
	return append(header, text...)
}

// npyType is NumPy's name of the type, with the machine's byte order.
func npyType(element preprocess.ElementType) string {
	order := "<"
	if one := uint16(1); *(*byte)(unsafe.Pointer(&one)) == 0 {
		order = ">"
	}
	return map[preprocess.ElementType]string{
		preprocess.Float32: order + "f4", preprocess.Float16: order + "f2", preprocess.Uint8: "|u1", preprocess.Int8: "|i1",
	}[element]
}

// Write appends elements in the machine's byte order.
func (n *npyFile) Write(elements []byte) (int, error) {
	if len(elements) > n.rest {
		return 0, fmt.Errorf("%d bytes for an array that takes %d more", len(elements), n.rest)
	}
	n.rest -= len(elements)
	return n.out.Write(elements)
}

// Close puts the file in its place. An array that is not complete is an error, and leaves nothing.
func (n *npyFile) Close() error {
	if n.rest > 0 {
		n.Discard()
		return fmt.Errorf("%d bytes are missing", n.rest)
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
