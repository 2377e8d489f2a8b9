package table

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// rowsPerSlice is the number of rows taken apart at a time: with embeddings a row has thousands of values.
const rowsPerSlice = 64

// WriteUnit writes rows, in their order, as one unit file and returns their counts, which it also keeps in the file's
// metadata. Bytes of a text that are not UTF-8 are replaced: no reader could decode the column otherwise.
func WriteUnit(w io.Writer, rows []Row) (Counts, error) {
	f := newFileWriter(w, writerOptions())
	var values []parquet.Value
	for left := rows; len(left) > 0; {
		slice := left[:min(rowsPerSlice, len(left))]
		left = left[len(slice):]
		var err error
		if values, err = f.writeRows(slice, values); err != nil {
			return Counts{}, fmt.Errorf("write unit file: %w", err)
		}
	}
	counts := CountRows(rows)
	if err := f.close(counts); err != nil {
		return Counts{}, fmt.Errorf("write unit file: %w", err)
	}
	return counts, nil
}

// ReadCounts returns the counts of a unit or part file. It reads the footer only.
func ReadCounts(r io.ReaderAt, size int64) (Counts, error) {
	f, err := openFile(r, size, unitFooter, unitFooter)
	if err != nil {
		return Counts{}, err
	}
	return fileCounts(f)
}

// ReadRows returns the rows of a unit or part file from row first on, at most n of them: for looking into a file, not for
// going through a table.
func ReadRows(r io.ReaderAt, size, first int64, n int) (rows []Row, err error) {
	f, err := openFile(r, size, partFooter, unitReadAhead)
	if err != nil {
		return nil, err
	}
	defer f.recoverDamage(&err)
	if first < 0 || n < 0 {
		return nil, fmt.Errorf("read %d rows from row %d: negative", n, first)
	}
	n = int(min(int64(n), max(0, f.NumRows()-first)))
	rows = make([]Row, n)
	if n == 0 {
		return rows, nil
	}
	pr := parquet.NewGenericReader[Row](f.File, schema)
	defer pr.Close()
	if err := pr.SeekToRow(first); err != nil {
		return nil, f.damage(fmt.Errorf("seek to row %d: %w", first, err))
	}
	for done := 0; done < n; {
		m, err := pr.Read(rows[done:])
		done += m
		if done < n && err != nil {
			return nil, f.damage(fmt.Errorf("row %d: %w", first+int64(done), err))
		}
	}
	return rows, nil
}
