package run

import (
	"bufio"
	"container/heap"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/tagbeam/tagbeam/io/table"
)

// currentStreams is the number of files that are merged at once: each holds a page of every column. More are merged in several passes, by way of
// temporary files.
const currentStreams = 16

// WriteCurrent writes the current row of each image, the one of the highest run, to w as a part file, in order and in bounded memory. Rows of a run
// that is not published are not looked at. It returns the counts of what it wrote.
func (o *Output) WriteCurrent(ctx context.Context, w io.Writer) (table.Counts, error) {
	return o.writeCurrent(ctx, w, currentStreams)
}

func (o *Output) writeCurrent(ctx context.Context, w io.Writer, streams int) (counts table.Counts, err error) {
	err = o.mergeCurrent(ctx, streams, func(sources []rowSource) error {
		counts, err = o.mergeRows(ctx, sources, w)
		return err
	})
	return counts, err
}

// EachCurrent calls fn for the current row of each image, as WriteCurrent writes them. An error from fn ends it and is returned as it is.
func (o *Output) EachCurrent(ctx context.Context, fn func(table.Row) error) error {
	return o.mergeCurrent(ctx, currentStreams, func(sources []rowSource) error { return o.mergeEach(ctx, sources, fn) })
}

// mergeCurrent calls merge with what all published runs come to: at most so many sources.
func (o *Output) mergeCurrent(ctx context.Context, streams int, merge func([]rowSource) error) error {
	parts, err := o.currentParts(ctx)
	if err != nil {
		return err
	}
	var sources []rowSource
	for _, run := range parts {
		if len(run) > 0 {
			sources = append(sources, rowSource{parts: run})
		}
	}
	dir, err := os.MkdirTemp("", "tagbeam-current-")
	if err != nil {
		return fmt.Errorf("merge runs: %w", err)
	}
	defer os.RemoveAll(dir)
	for pass := 0; len(sources) > streams; pass++ {
		var merged []rowSource
		for group := range slices.Chunk(sources, streams) {
			name := filepath.Join(dir, fmt.Sprintf("%d-%d.parquet", pass, len(merged)))
			if err := o.mergeRowsToFile(ctx, group, name); err != nil {
				return err
			}
			merged = append(merged, rowSource{local: name})
			for _, s := range group {
				if s.local != "" {
					os.Remove(s.local)
				}
			}
		}
		sources = merged
	}
	return merge(sources)
}

// currentParts returns the parts of all published runs, by run.
func (o *Output) currentParts(ctx context.Context) ([][]PublishedPart, error) {
	last, err := o.latestID(ctx)
	if err != nil || last == 0 {
		return nil, err
	}
	state, err := o.Closed(ctx, last)
	if err != nil {
		return nil, err
	}
	if !state.Closed() {
		last--
	}
	return o.partsThere(ctx, last)
}

func (o *Output) mergeRowsToFile(ctx context.Context, sources []rowSource, name string) error {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("merge runs: %w", err)
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	_, err = o.mergeRows(ctx, sources, buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("merge runs by way of %s: %w", name, err)
	}
	return nil
}

// mergeRows writes the newest row of each image of some sources, which are in the order of their runs.
func (o *Output) mergeRows(ctx context.Context, sources []rowSource, w io.Writer) (table.Counts, error) {
	out := table.NewRowWriter(w)
	if err := o.mergeEach(ctx, sources, func(row table.Row) error { return out.Write(ctx, row) }); err != nil {
		return table.Counts{}, err
	}
	return out.Close()
}

// mergeEach calls fn for the newest row of each image, in order.
func (o *Output) mergeEach(ctx context.Context, sources []rowSource, fn func(table.Row) error) error {
	var h rowHeap
	defer func() {
		for _, s := range h.all {
			s.close()
		}
	}()
	for i, source := range sources {
		s := &rowStream{o: o, ctx: ctx, rowSource: source, order: i}
		h.all = append(h.all, s)
		err := s.advance()
		if err == nil {
			h.heads = append(h.heads, s)
		} else if err != io.EOF {
			return err
		}
	}
	heap.Init(&h)
	var last table.Row
	for first := true; len(h.heads) > 0; {
		s := h.heads[0]
		if first || compareKeys(last.URI, last.Member, s.row.URI, s.row.Member) != 0 {
			if err := fn(s.row); err != nil {
				return err
			}
			first, last = false, s.row
		}
		switch err := s.advance(); err {
		case nil:
			heap.Fix(&h, 0)
		case io.EOF:
			heap.Pop(&h)
		default:
			return err
		}
	}
	return nil
}

// rowSource is the parts of a run, or a temporary file of the merge.
type rowSource struct {
	parts []PublishedPart
	local string
}

// rowStream goes through the rows of a source.
type rowStream struct {
	rowSource
	o      *Output
	ctx    context.Context
	order  int
	name   string
	reader *table.RowReader
	file   *os.File
	row    table.Row
}

// advance goes to the next row, or fails with io.EOF after the last.
func (s *rowStream) advance() error {
	for {
		if s.reader == nil {
			if err := s.open(); err != nil {
				return err
			}
		}
		row, err := s.reader.Next()
		switch {
		case err == nil:
			s.row = row
			return nil
		case err != io.EOF:
			return fmt.Errorf("read %s: %w", s.name, err)
		}
		s.close()
	}
}

// open opens the next file of the source, or fails with io.EOF.
func (s *rowStream) open() (err error) {
	switch {
	case s.local != "":
		s.name, s.local = s.local, ""
		if s.file, err = os.Open(s.name); err != nil {
			return err
		}
		info, err := s.file.Stat()
		if err != nil {
			return err
		}
		s.reader, err = table.OpenRows(s.file, info.Size())
		return err
	case len(s.parts) > 0:
		p := s.parts[0]
		s.name, s.parts = s.o.name(p.Path), s.parts[1:]
		if s.reader, err = table.OpenRows(readerAt(s.ctx, s.o.store, s.o.key(p.Path), p.Bytes), p.Bytes); err != nil {
			return fmt.Errorf("read %s: %w", s.name, err)
		}
		return nil
	}
	return io.EOF
}

func (s *rowStream) close() {
	if s.reader != nil {
		s.reader.Close()
		s.reader = nil
	}
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// rowHeap has the stream with the least key first, and of those with the same key the newest.
type rowHeap struct {
	heads, all []*rowStream
}

func (h *rowHeap) Len() int { return len(h.heads) }
func (h *rowHeap) Less(i, j int) bool {
	a, b := h.heads[i], h.heads[j]
	if c := compareKeys(a.row.URI, a.row.Member, b.row.URI, b.row.Member); c != 0 {
		return c < 0
	}
	return a.order > b.order
}
func (h *rowHeap) Swap(i, j int) { h.heads[i], h.heads[j] = h.heads[j], h.heads[i] }
func (h *rowHeap) Push(x any)    { h.heads = append(h.heads, x.(*rowStream)) }
func (h *rowHeap) Pop() any {
	last := h.heads[len(h.heads)-1]
	h.heads = h.heads[:len(h.heads)-1]
	return last
}
