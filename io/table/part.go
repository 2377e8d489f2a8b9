package table

import (
	"context"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// unitReadAhead is how much of a column of a unit file is read at a time.
const unitReadAhead = 256 << 10

// PartWriter writes one part file out of unit files, in bounded memory: it holds one row group, compressed, and one page.
type PartWriter struct {
	file   *fileWriter
	values []parquet.Value
	counts Counts
}

// NewPartWriter returns a writer of a part file to w.
func NewPartWriter(w io.Writer) *PartWriter {
	return &PartWriter{file: newFileWriter(w, partOptions()), values: make([]parquet.Value, 1024)}
}

// AppendUnit appends the rows of a unit file. A file that is damaged fails with ErrDamaged; after an error, or when ctx ends, the
// part is of no use any more.
func (p *PartWriter) AppendUnit(ctx context.Context, r io.ReaderAt, size int64) (err error) {
	f, err := openFile(r, size, unitFooter, unitReadAhead)
	if err != nil {
		return err
	}
	defer f.recoverDamage(&err)
	counts, err := fileCounts(f)
	if err != nil {
		return err
	}
	if !parquet.EqualNodes(f.Schema(), schema) {
		return fmt.Errorf("%w: its columns are not those of the label table; another version of tagbeam wrote it", ErrDamaged)
	}
	for _, group := range f.RowGroups() {
		if err := p.appendGroup(ctx, f, group); err != nil {
			return err
		}
	}
	p.counts.Add(counts)
	return nil
}

// Close writes the footer, with the counts of all units, and returns the number of rows and the counts.
func (p *PartWriter) Close() (rows int64, counts Counts, err error) {
	if err := p.file.close(p.counts); err != nil {
		return 0, Counts{}, fmt.Errorf("write part file: %w", err)
	}
	return p.counts.Images, p.counts, nil
}

// appendGroup copies a row group column by column: rows are never put together, which is most of the cost of copying them.
func (p *PartWriter) appendGroup(ctx context.Context, f *file, group parquet.RowGroup) error {
	if err := p.file.begin(group.NumRows()); err != nil {
		return err
	}
	for i, chunk := range group.ColumnChunks() {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := p.appendColumn(p.file.columns[i], f, chunk)
		if err != nil {
			return fmt.Errorf("column %q: %w", schema.Columns()[i], err)
		}
		if n != group.NumRows() {
			return fmt.Errorf("%w: column %q has %d rows of %d", ErrDamaged, schema.Columns()[i], n, group.NumRows())
		}
	}
	return p.file.end(group.NumRows())
}

// appendColumn copies a column chunk and returns the number of its rows. Values go to the column writer in whole rows, as it
// demands: a row's first value has repetition level 0, so the values from the last such one on wait for more.
func (p *PartWriter) appendColumn(dst *parquet.ColumnWriter, f *file, chunk parquet.ColumnChunk) (rows int64, err error) {
	src := parquet.NewColumnChunkValueReader(chunk)
	defer src.Close()
	held := 0
	for {
		if held == len(p.values) {
			p.values = append(p.values, make([]parquet.Value, len(p.values))...)
		}
		n, rerr := src.ReadValues(p.values[held:])
		if rerr != nil && rerr != io.EOF {
			return rows, f.damage(rerr)
		}
		have := held + n
		whole := have
		if rerr == nil {
			whole = lastRow(p.values[:have])
		}
		if whole > 0 {
			m, err := dst.WriteRowValues(p.values[:whole])
			if err != nil {
				return rows, err
			}
			rows += int64(m)
		}
		held = copy(p.values, p.values[whole:have])
		for i := range held {
			// They point into a page that the next read may release.
			p.values[i] = p.values[i].Clone()
		}
		if rerr == io.EOF {
			return rows, nil
		}
	}
}

// lastRow returns the index of the first value of the last row in values.
func lastRow(values []parquet.Value) int {
	for i := len(values) - 1; i >= 0; i-- {
		if values[i].RepetitionLevel() == 0 {
			return i
		}
	}
	return 0
}
