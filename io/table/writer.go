package table

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// fileWriter writes a file column by column and sees to the size of its row groups.
type fileWriter struct {
	w       *parquet.GenericWriter[Row]
	columns []*parquet.ColumnWriter
	// pending is the number of rows in the open row group, flushed the size of the file before it.
	pending, flushed int64
	groupRows        int64
	groupBytes       int64
}

func newFileWriter(w io.Writer, options []parquet.WriterOption) *fileWriter {
	pw := parquet.NewGenericWriter[Row](w, options...)
	return &fileWriter{w: pw, columns: pw.ColumnWriters(), groupRows: rowsPerGroup, groupBytes: bytesPerGroup}
}

// begin makes room for n rows in one row group.
func (f *fileWriter) begin(n int64) error {
	if f.pending > 0 && f.pending+n > f.groupRows {
		return f.flush()
	}
	return nil
}

// end notes that n rows are written to all columns.
func (f *fileWriter) end(n int64) error {
	f.pending += n
	if f.w.Size()-f.flushed >= f.groupBytes {
		return f.flush()
	}
	return nil
}

// writeRows takes a few rows apart and writes them. values is scratch, returned for the next call.
func (f *fileWriter) writeRows(rows []Row, values []parquet.Value) ([]parquet.Value, error) {
	if err := f.begin(int64(len(rows))); err != nil {
		return values, err
	}
	for _, c := range columns {
		values = values[:0]
		for i := range rows {
			values = c.add(values, c.index, &rows[i])
		}
		if _, err := f.columns[c.index].WriteRowValues(values); err != nil {
			return values, err
		}
	}
	return values, f.end(int64(len(rows)))
}

// close writes the footer with counts in it.
func (f *fileWriter) close(counts Counts) error {
	text, err := json.Marshal(counts)
	if err != nil {
		return fmt.Errorf("encode counts: %w", err)
	}
	f.w.SetKeyValueMetadata(countsKey, string(text))
	return f.w.Close()
}

func (f *fileWriter) flush() error {
	if err := f.w.Flush(); err != nil {
		return err
	}
	f.pending, f.flushed = 0, f.w.Size()
	return nil
}
