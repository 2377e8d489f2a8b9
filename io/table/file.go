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

// footerGuess is how much of a file's end is read at once in the hope that the footer is in it.
const footerGuess = 16 << 10

// smallestFile is the size of the two magic numbers and the footer's length.
const smallestFile = 12

// file is a Parquet file that tells what is wrong with its bytes from what went wrong in getting them.
type file struct {
	*parquet.File
	bytes *byteSource
}

// openFile reads the footer, and nothing else, of a file of this package's schema.
func openFile(r io.ReaderAt, size int64, options ...parquet.FileOption) (f *file, err error) {
	f = &file{bytes: &byteSource{r: r}}
	defer f.recoverDamage(&err)
	if err := checkFooter(f.bytes, size); err != nil {
		return nil, err
	}
	options = append([]parquet.FileOption{
		parquet.OptimisticRead(true),
		parquet.ReadBufferSize(footerGuess),
		parquet.SkipMagicBytes(true),
		parquet.SkipPageIndex(true),
		parquet.SkipBloomFilters(true),
	}, options...)
	f.File, err = parquet.OpenFile(f.bytes, size, options...)
	if err != nil {
		return nil, f.damage(err)
	}
	return f, nil
}

// checkFooter makes sure of the footer's length before parquet-go believes it and allocates up to 4 GiB.
func checkFooter(r io.ReaderAt, size int64) error {
	if size < smallestFile {
		return fmt.Errorf("%w: %d bytes", ErrDamaged, size)
	}
	var tail [8]byte
	if _, err := r.ReadAt(tail[:], size-8); err != nil && err != io.EOF {
		return fmt.Errorf("read footer: %w", err)
	}
	if string(tail[4:]) != "PAR1" {
		return fmt.Errorf("%w: it does not end like a Parquet file", ErrDamaged)
	}
	if n := int64(binary.LittleEndian.Uint32(tail[:4])); n > size-smallestFile {
		return fmt.Errorf("%w: a footer of %d bytes in a file of %d", ErrDamaged, n, size)
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

// byteSource remembers why reading failed.
type byteSource struct {
	r   io.ReaderAt
	err error
}

func (s *byteSource) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
