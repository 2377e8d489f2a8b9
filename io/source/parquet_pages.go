package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Many Parquet files have no index of their pages (pyarrow writes none unless told to), and a single row group for a whole data set. A unit of work
// in the middle of one would read all before it. So the headers of the pages are gone through once for all units of the process.

// pageIndex is where the data pages of one column of one row group begin, as far as that is known.
type pageIndex struct {
	mu     sync.Mutex
	pages  []pageStart
	offset int64 // of the next header
	row    int64 // of the next page
	err    error
}

// pageStart is a data page: its first row within the row group, and where its header stands in the file.
type pageStart struct{ row, offset int64 }

// maxPageIndexes bounds the row groups whose pages are remembered, with 16 bytes a page.
const maxPageIndexes = 256

// pageIndexes are those of the process. (Units of one file are worked on by the same process, mostly.)
var pageIndexes struct {
	sync.Mutex
	of map[string]*pageIndex
}

// pagesOf returns the page index of a column chunk, empty at first.
func pagesOf(uri, version string, group int, chunk *format.ColumnMetaData) *pageIndex {
	key := fmt.Sprintf("%q %q %d %d", uri, version, group, chunk.DataPageOffset)
	pageIndexes.Lock()
	defer pageIndexes.Unlock()
	if x := pageIndexes.of[key]; x != nil {
		return x
	}
	if pageIndexes.of == nil || len(pageIndexes.of) >= maxPageIndexes {
		pageIndexes.of = map[string]*pageIndex{}
	}
	x := &pageIndex{offset: chunk.DataPageOffset}
	pageIndexes.of[key] = x
	return x
}

var errNoPageIndex = errors.New("its pages cannot be told apart")

// find returns the last page that begins at row or before, going through the headers up to there.
func (x *pageIndex) find(ctx context.Context, b *parquetBytes, row, rows int64) (pageStart, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if row >= x.row && x.err == nil {
		f := newForward(ctx, b.store, b.scheme, b.info)
		defer f.Close()
		buffer := bufio.NewReader(f)
		for row >= x.row && x.row < rows && x.err == nil {
			if err := x.next(f, buffer); err != nil {
				return pageStart{}, err
			}
		}
	}
	if x.err != nil {
		return pageStart{}, x.err
	}
	i := sort.Search(len(x.pages), func(i int) bool { return x.pages[i].row > row })
	if i == 0 {
		return pageStart{}, errNoPageIndex
	}
	return x.pages[i-1], nil
}

// next reads the header of the next page. Headers that make no sense are noted in err, for good; a store that does not answer is the error.
func (x *pageIndex) next(f *forward, buffer *bufio.Reader) error {
	if _, err := f.Seek(x.offset, io.SeekStart); err != nil {
		return err
	}
	buffer.Reset(f)
	var header format.PageHeader
	var protocol thrift.CompactProtocol
	if err := thrift.NewDecoder(protocol.NewReader(buffer)).Decode(&header); err != nil {
		if f.failed != nil {
			return f.failed
		}
		x.err = errNoPageIndex
		return nil
	}
	body := f.pos - int64(buffer.Buffered())
	rows := int64(-1)
	switch {
	case header.Type == format.DataPage && header.DataPageHeader.Valid:
		rows = int64(header.DataPageHeader.V.NumValues)
	case header.Type == format.DataPageV2 && header.DataPageHeaderV2.Valid:
		rows = int64(header.DataPageHeaderV2.V.NumRows)
	}
	if rows < 0 || header.CompressedPageSize < 0 {
		x.err = errNoPageIndex // a dictionary among the data, or damage
		return nil
	}
	x.pages = append(x.pages, pageStart{x.row, x.offset})
	x.offset = body + int64(header.CompressedPageSize)
	x.row += rows
	return nil
}

// pagesFrom returns the pages of a column chunk without those before start.
func pagesFrom(b *parquetBytes, chunk *parquet.FileColumnChunk, m *format.ColumnMetaData, start pageStart) parquet.Pages {
	first := m.DataPageOffset
	end := first + m.TotalCompressedSize
	if m.DictionaryPageOffset != 0 {
		end = m.DictionaryPageOffset + m.TotalCompressedSize
	}
	return chunk.PagesFrom(&shifted{r: b, from: first, by: start.offset - first, end: end})
}

// shifted leaves out a stretch: what is asked for from on is read that much later.
type shifted struct {
	r             io.ReaderAt
	from, by, end int64
}

// ReadAt implements io.ReaderAt.
func (s *shifted) ReadAt(p []byte, off int64) (n int, err error) {
	if off < s.from { // a dictionary
		before := p[:min(int64(len(p)), s.from-off)]
		if n, err = s.r.ReadAt(before, off); err != nil || n == len(p) {
			return n, err
		}
		off, p = s.from, p[n:]
	}
	off += s.by
	if off >= s.end {
		return n, io.EOF
	}
	short := off+int64(len(p)) > s.end
	if short {
		p = p[:s.end-off]
	}
	m, err := s.r.ReadAt(p, off)
	if err == nil && short {
		err = io.EOF
	}
	return n + m, err
}
