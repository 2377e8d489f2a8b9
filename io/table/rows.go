package table

import (
	"context"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// rowsRead is the number of rows a RowReader decodes at a time, rowReadAhead how much of a column it reads at once: many are open together.
const (
	rowsRead     = 256
	rowReadAhead = 32 << 10
)

// RowReader goes through the rows of a table file in their order. It is not for concurrent use.
type RowReader struct {
	file *file
	rows *parquet.GenericReader[Row]
	held []Row
	done bool
}

// OpenRows opens a unit or part file. The caller closes the RowReader, not r.
func OpenRows(r io.ReaderAt, size int64) (_ *RowReader, err error) {
	f, err := openFile(r, size, partFooter, rowReadAhead)
	if err != nil {
		return nil, err
	}
	defer f.recoverDamage(&err)
	if !parquet.EqualNodes(f.Schema(), schema) {
		return nil, fmt.Errorf("%w: its columns are not those of the label table; another version of tagbeam wrote it", ErrDamaged)
	}
	return &RowReader{file: f, rows: parquet.NewGenericReader[Row](f.File, schema)}, nil
}

// Next returns the next row, or io.EOF after the last. The row is the caller's.
func (r *RowReader) Next() (row Row, err error) {
	if len(r.held) == 0 {
		if err := r.fill(); err != nil {
			return Row{}, err
		}
	}
	row, r.held = r.held[0], r.held[1:]
	return row, nil
}

func (r *RowReader) fill() (err error) {
	defer r.file.recoverDamage(&err)
	if r.done {
		return io.EOF
	}
	rows := make([]Row, rowsRead)
	n, err := r.rows.Read(rows)
	if err != nil && err != io.EOF {
		return r.file.damage(err)
	}
	r.held, r.done = rows[:n], err == io.EOF
	if n == 0 {
		r.done = true
		return io.EOF
	}
	return nil
}

// Close releases the buffers.
func (r *RowReader) Close() error { return r.rows.Close() }

// RowWriter writes rows as a part file, in bounded memory: it holds one row group, compressed.
type RowWriter struct {
	file   *fileWriter
	held   []Row
	values []parquet.Value
	counts Counts
}

// NewRowWriter returns a writer of a part file to w.
func NewRowWriter(w io.Writer) *RowWriter {
	return &RowWriter{file: newFileWriter(w, partOptions()), held: make([]Row, 0, rowsPerSlice)}
}

// Write adds a row. Rows come in ascending order of (URI, Member).
func (w *RowWriter) Write(ctx context.Context, row Row) error {
	w.held = append(w.held, row)
	if len(w.held) < cap(w.held) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.flush()
}

// Close writes what is left and the footer, and returns the counts.
func (w *RowWriter) Close() (Counts, error) {
	if err := w.flush(); err != nil {
		return Counts{}, err
	}
	if err := w.file.close(w.counts); err != nil {
		return Counts{}, fmt.Errorf("write part file: %w", err)
	}
	return w.counts, nil
}

func (w *RowWriter) flush() (err error) {
	if len(w.held) == 0 {
		return nil
	}
	if w.values, err = w.file.writeRows(w.held, w.values); err != nil {
		return fmt.Errorf("write part file: %w", err)
	}
	w.counts.Add(CountRows(w.held))
	w.held = w.held[:0]
	return nil
}
