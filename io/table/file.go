package table

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// ErrDamaged says that a file is not a table file, or not a whole one: truncated, overwritten, or something else altogether.
var ErrDamaged = errors.New("not a whole label table file")

// How much of a file's end is read at once, in the hope that the footer is in it: that of a unit file, and of a part file of
// a million rows.
const (
	unitFooter = 16 << 10
	partFooter = 64 << 10
)

// smallestFile is the size of the two magic numbers and the footer's length.
const smallestFile = 12

// file is a Parquet file that tells what is wrong with its bytes from what went wrong in getting them.
type file struct {
	*parquet.File
	bytes *byteSource
}

// openFile reads the footer of a file of this package's schema, in one read when it is within the last guess bytes, and nothing else. Columns will
// be read in pieces of buffer bytes.
func openFile(r io.ReaderAt, size int64, guess, buffer int) (f *file, err error) {
	f = &file{bytes: &byteSource{r: r}}
	defer f.recoverDamage(&err)
	if err := f.bytes.readFooter(size, guess); err != nil {
		return nil, err
	}
	return f, f.open(size, buffer)
}

// open opens the file, or opens it again with another buffer.
func (f *file) open(size int64, buffer int) (err error) {
	f.File, err = parquet.OpenFile(f.bytes, size, parquet.ReadBufferSize(buffer),
		parquet.SkipMagicBytes(true), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return f.damage(err)
	}
	return nil
}

// fileCounts reads the Counts out of an open file's metadata.
func fileCounts(f *file) (Counts, error) {
	text, ok := f.Lookup(countsKey)
	if !ok {
		return Counts{}, fmt.Errorf("%w: a Parquet file without %q in its metadata", ErrDamaged, countsKey)
	}
	var c Counts
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return Counts{}, fmt.Errorf("%w: %q in its metadata: %w", ErrDamaged, countsKey, err)
	}
	if c.Images != f.NumRows() {
		return Counts{}, fmt.Errorf("%w: its metadata counts %d images, it has %d rows", ErrDamaged, c.Images, f.NumRows())
	}
	return c, nil
}

// damage returns the error of a read that failed, otherwise err as what it must be then: ErrDamaged.
func (f *file) damage(err error) error {
	if f.bytes.err != nil {
		return f.bytes.err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// recoverDamage turns a panic of the decoders, which trust the lengths within a page, into an error.
func (f *file) recoverDamage(err *error) {
	if p := recover(); p != nil {
		*err = f.damage(fmt.Errorf("%v", p))
	}
}

// byteSource keeps the end of a file and remembers why reading failed.
type byteSource struct {
	r     io.ReaderAt
	end   []byte // from endAt on
	endAt int64
	err   error
}

// readFooter reads the end of the file, and makes sure of the footer's length before parquet-go believes it and allocates up to 4 GiB.
func (s *byteSource) readFooter(size int64, guess int) error {
	if size < smallestFile {
		return fmt.Errorf("%w: %d bytes", ErrDamaged, size)
	}
	end := make([]byte, min(size, int64(guess)))
	if n, err := s.r.ReadAt(end, size-int64(len(end))); n < len(end) {
		return fmt.Errorf("read footer: %w", err)
	}
	s.end, s.endAt = end, size-int64(len(end))
	if string(end[len(end)-4:]) != "PAR1" {
		return fmt.Errorf("%w: it does not end like a Parquet file", ErrDamaged)
	}
	if n := int64(binary.LittleEndian.Uint32(end[len(end)-8:])); n > size-smallestFile {
		return fmt.Errorf("%w: a footer of %d bytes in a file of %d", ErrDamaged, n, size)
	}
	return nil
}

func (s *byteSource) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.endAt && off+int64(len(p)) <= s.endAt+int64(len(s.end)) {
		return copy(p, s.end[off-s.endAt:]), nil
	}
	n, err := s.r.ReadAt(p, off)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// drop forgets the end of the file once it is of no use any more.
func (s *byteSource) drop() { s.end = nil }
