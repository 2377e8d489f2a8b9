package source

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/tagbeam/tagbeam/io/object"
)

// errNoParquet says that a file is not a Parquet file, or not a whole one.
var errNoParquet = errors.New("not a whole Parquet file")

const (
	// parquetFooter is what is read of a file's end at once, in the hope that its footer is in it.
	parquetFooter = 256 << 10
	// maxParquetFooter bounds the footer, which is held in memory.
	maxParquetFooter = 256 << 20
	// parquetBuffer is what is read of a column at a time.
	parquetBuffer = 1 << 20
)

// parquetFile is one version of a Parquet file in a store, and tells damage from a store that does not answer.
type parquetFile struct {
	*parquet.File
	bytes *parquetBytes
}

// openParquet reads the footer.
func openParquet(ctx context.Context, store object.Store, scheme string, info object.Info) (f *parquetFile, err error) {
	f = &parquetFile{bytes: &parquetBytes{ctx: ctx, store: store, scheme: scheme, info: info}}
	defer f.recoverDamage(&err)
	if err := f.bytes.readFooter(); err != nil {
		return nil, err
	}
	f.File, err = parquet.OpenFile(f.bytes, info.Size,
		parquet.ReadBufferSize(parquetBuffer), parquet.SkipMagicBytes(true), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, f.damage(err)
	}
	return f, nil
}

// damage is what went wrong: in the store, otherwise in the file.
func (f *parquetFile) damage(err error) error {
	if f.bytes.err != nil {
		return f.bytes.err
	}
	if errors.Is(err, errNoParquet) {
		return err
	}
	return fmt.Errorf("%w: %w", errNoParquet, err)
}

// recoverDamage turns a panic of the decoders, which trust the lengths within a page, into an error.
func (f *parquetFile) recoverDamage(err *error) {
	if p := recover(); p != nil {
		*err = f.damage(fmt.Errorf("%v", p))
	}
}

func (f *parquetFile) close() { f.bytes.close() }

// leaf finds a column by its path, a.b.c.
func (f *parquetFile) leaf(name string) (parquet.LeafColumn, bool) {
	leaf, ok := f.Schema().Lookup(strings.Split(name, ".")...)
	return leaf, ok && leaf.Node.Leaf()
}

// columns are the paths of all leaf columns, for people.
func (f *parquetFile) columns() []string {
	var names []string
	for _, path := range f.Schema().Columns() {
		names = append(names, strings.Join(path, "."))
	}
	return names
}

// parquetBytes reads one version of a file at random: a column at a time, each of them forward. It is not for concurrent use.
type parquetBytes struct {
	ctx    context.Context
	store  object.Store
	scheme string
	info   object.Info

	end     []byte // of the file, from endAt on
	endAt   int64
	streams []*forward // the latest used last
	err     error      // of the store
}

// parquetStreams is how many columns are read side by side without asking for each page anew.
const parquetStreams = 4

// readFooter reads the end of the file, and makes sure of the footer's length before parquet-go believes it.
func (b *parquetBytes) readFooter() error {
	if b.info.Size < 12 {
		return fmt.Errorf("%w: %d bytes", errNoParquet, b.info.Size)
	}
	if err := b.readEnd(min(b.info.Size, parquetFooter)); err != nil {
		return err
	}
	if magic := string(b.end[len(b.end)-4:]); magic != "PAR1" {
		if magic == "PARE" {
			return fmt.Errorf("%w: its footer is encrypted", errNoParquet)
		}
		return fmt.Errorf("%w: it does not end like one", errNoParquet)
	}
	footer := int64(binary.LittleEndian.Uint32(b.end[len(b.end)-8:])) + 8
	if footer > b.info.Size-4 || footer > maxParquetFooter {
		return fmt.Errorf("%w: a footer of %d bytes in a file of %d", errNoParquet, footer, b.info.Size)
	}
	if footer > int64(len(b.end)) {
		return b.readEnd(footer)
	}
	return nil
}

func (b *parquetBytes) readEnd(n int64) (err error) {
	b.endAt = b.info.Size - n
	b.end, err = object.ReadFullOf(b.ctx, b.store, b.info.Key, b.info.Version, b.endAt, n)
	return err
}

// ReadAt implements io.ReaderAt.
func (b *parquetBytes) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= b.info.Size {
		return 0, io.EOF
	}
	if off >= b.endAt {
		n := copy(p, b.end[off-b.endAt:])
		if n < len(p) {
			return n, io.EOF
		}
		return n, nil
	}
	s := b.stream(off)
	if _, err := s.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s, p)
	if err == io.ErrUnexpectedEOF && off+int64(n) == b.info.Size {
		err = io.EOF
	}
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// stream returns the one that stands closest before an offset, or a new one.
func (b *parquetBytes) stream(off int64) *forward {
	best := -1
	for i, s := range b.streams {
		if s.pos <= off && off-s.pos <= s.past && (best < 0 || s.pos > b.streams[best].pos) {
			best = i
		}
	}
	var s *forward
	switch {
	case best >= 0:
		s = b.streams[best]
		b.streams = append(b.streams[:best], b.streams[best+1:]...)
	case len(b.streams) == parquetStreams:
		s = b.streams[0] // it goes elsewhere
		b.streams = b.streams[1:]
	default:
		s = newForward(b.ctx, b.store, b.scheme, b.info)
		s.first = parquetBuffer
	}
	b.streams = append(b.streams, s)
	return s
}

func (b *parquetBytes) close() {
	for _, s := range b.streams {
		s.Close()
	}
	b.streams = nil
}
