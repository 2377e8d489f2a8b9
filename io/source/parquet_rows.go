package source

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/tagbeam/tagbeam/io/object"
)

// rowRead reads rows of one column of one Parquet file in ascending order, page by page: a page is read when a row of it, or behind it, is
// asked for, and its rows that are wanted are held until they are.
type rowRead struct {
	items func(int) *Item
	end   int           // of the items of this file
	turn  chan struct{} // held by the one who reads

	next  int             // the first item whose page has not been read
	ready map[int]rowData // items that have, and have not been taken

	file   *parquetFile
	lost   error // what made the file as a whole unreadable
	column int
	group  int           // the row group that is open, or to be opened next
	first  int64         // its first row
	pages  parquet.Pages // nil: not open
	at     int64         // the row that the next page begins with
}

// errTaken says that a row was read before.
var errTaken = errors.New("read before")

// rowData is what became of a row.
type rowData struct {
	data []byte
	err  error
}

func newRowRead(from, n int, items func(int) *Item) *rowRead {
	first := items(from)
	to := from + 1
	for ; to < n; to++ {
		next := items(to)
		if next.URI != first.URI || next.Version != first.Version || next.Column != first.Column || next.Offset <= items(to-1).Offset {
			break
		}
	}
	return &rowRead{items: items, next: from, end: to, turn: make(chan struct{}, 1), ready: map[int]rowData{}}
}

// read returns the bytes of the row that item i is.
func (r *rowRead) read(ctx context.Context, i int) ([]byte, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for i >= r.next {
		r.advance(ctx)
	}
	row, ok := r.ready[i]
	if !ok {
		return nil, errTaken
	}
	delete(r.ready, i)
	return row.data, row.err
}

// advance reads the page with the next row, and is at least one row further afterwards. Whatever goes wrong becomes of rows.
func (r *rowRead) advance(ctx context.Context) {
	if r.file == nil && r.lost == nil {
		r.lost = r.open(ctx)
	}
	if r.lost != nil {
		r.fail(r.end, r.lost)
		return
	}
	if err := r.page(); err != nil {
		r.fail(r.behindGroup(), r.asProblem(err))
		r.closeGroup()
	}
}

// behindGroup returns the first item behind the row group that is open: where damage ends.
func (r *rowRead) behindGroup() int {
	groups := r.file.RowGroups()
	if r.group == len(groups) {
		return r.end
	}
	to, row := r.next+1, r.first+groups[r.group].NumRows()
	for to < r.end && r.items(to).Offset < row {
		to++
	}
	return to
}

// fail gives the items up to to an error.
func (r *rowRead) fail(to int, err error) {
	for ; r.next < to; r.next++ {
		r.ready[r.next] = rowData{err: err}
	}
}

// asProblem tells damage, which stays, from a store that does not answer.
func (r *rowRead) asProblem(err error) error {
	if errors.Is(err, errNoParquet) {
		return &Problem{Code: CodeCorrupt, Message: err.Error()}
	}
	return err
}

func (r *rowRead) open(ctx context.Context) error {
	item := r.items(r.next)
	loc, err := object.Parse(item.URI)
	if err != nil {
		return err
	}
	store, err := object.Open(ctx, loc)
	if err != nil {
		return err
	}
	info, err := store.Stat(ctx, loc.Key)
	if err != nil {
		return err
	}
	if info.Version != item.Version {
		return &object.Error{Op: "read", Object: item.URI, Kind: object.ErrChanged}
	}
	f, err := openParquet(ctx, store, loc.Scheme, info)
	if err != nil {
		return r.asProblem(err)
	}
	leaf, ok := f.leaf(item.Column)
	if !ok || !holdsImages(leaf) {
		return &Problem{Code: CodeCorrupt, Message: fmt.Sprintf("it has no column %q of images", item.Column)}
	}
	r.file, r.column = f, leaf.ColumnIndex
	return nil
}

// page reads the page with the next row.
func (r *rowRead) page() (err error) {
	defer r.file.recoverDamage(&err)
	r.file.bytes.err = nil // an earlier page's
	want := r.items(r.next).Offset
	if err := r.openGroup(want); err != nil {
		return err
	}
	if want > r.at {
		if err := r.seek(want); err != nil {
			return err
		}
	}
	for {
		page, err := r.pages.ReadPage()
		if err == io.EOF {
			err = fmt.Errorf("%w: its row group ends at row %d", errNoParquet, r.at)
		}
		if err != nil {
			return r.file.damage(err)
		}
		from := r.at
		r.at += page.NumValues()
		if r.at > want {
			err = r.keep(page, from)
		}
		parquet.Release(page)
		if err != nil || r.at > want {
			return err
		}
	}
}

// openGroup goes to the row group with a row. Rows come in order, so it is the open one or a later one.
func (r *rowRead) openGroup(row int64) error {
	groups := r.file.RowGroups()
	for row >= r.first+groups[r.group].NumRows() {
		r.closeGroup()
		r.first += groups[r.group].NumRows()
		if r.group++; r.group == len(groups) {
			return fmt.Errorf("%w: it has %d rows", errNoParquet, r.first)
		}
	}
	if r.pages != nil {
		return nil
	}
	r.pages, r.at = groups[r.group].ColumnChunks()[r.column].Pages(), r.first
	return nil
}

// seek goes to the page with a row of the open row group, or a little before it.
func (r *rowRead) seek(row int64) error {
	group := r.file.RowGroups()[r.group]
	chunk := group.ColumnChunks()[r.column].(*parquet.FileColumnChunk)
	if _, err := chunk.OffsetIndex(); err == nil {
		if err := r.pages.SeekToRow(row - r.first); err != nil {
			return r.file.damage(err)
		}
		r.at = row
		return nil
	}
	if r.file.bytes.err != nil {
		return r.file.bytes.err
	}
	item, meta := r.items(r.next), &r.file.Metadata().RowGroups[r.group].Columns[r.column].MetaData
	start, err := pagesOf(item.URI, item.Version, r.group, meta).find(r.file.bytes.ctx, r.file.bytes, row-r.first, group.NumRows())
	switch {
	case errors.Is(err, errNoPageIndex):
		return nil // the pages before are read, and what is wrong with them shows
	case err != nil:
		return err
	case r.first+start.row > r.at:
		r.pages.Close()
		r.pages, r.at = pagesFrom(r.file.bytes, chunk, meta, start), r.first+start.row
	}
	return nil
}

// keep takes the rows that are wanted out of a page, which begins with row from.
func (r *rowRead) keep(page parquet.Page, from int64) error {
	values := page.Values()
	buffer := make([]parquet.Value, 64)
	for row := from; ; {
		n, err := values.ReadValues(buffer)
		for _, v := range buffer[:n] {
			if r.next < r.end && r.items(r.next).Offset == row {
				r.ready[r.next] = rowOf(v)
				r.next++
			}
			row++
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return r.file.damage(err)
		}
	}
}

func rowOf(v parquet.Value) rowData {
	if v.IsNull() {
		return rowData{err: &Problem{Code: CodeEmpty, Message: "the column of images is NULL here: the file does not hold this image, at most its path"}}
	}
	return rowData{data: append([]byte{}, v.ByteArray()...)}
}

func (r *rowRead) closeGroup() {
	if r.pages != nil {
		r.pages.Close()
		r.pages = nil
	}
}

func (r *rowRead) close() {
	r.closeGroup()
	if r.file != nil {
		r.file.close()
	}
}
