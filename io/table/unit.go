package table

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
)

// WriteUnit writes rows, in their order, as one unit file and returns their counts, which it also keeps in the file's
// metadata. Bytes of a text that are not UTF-8 are replaced: no reader could decode the column otherwise.
func WriteUnit(w io.Writer, rows []Row) (Counts, error) {
	counts := CountRows(rows)
	text, err := json.Marshal(counts)
	if err != nil {
		return Counts{}, fmt.Errorf("encode counts: %w", err)
	}
	pw := parquet.NewGenericWriter[Row](w, append(writerOptions(), parquet.KeyValueMetadata(countsKey, string(text)))...)
	if err := writeRows(pw, rows); err != nil {
		return Counts{}, fmt.Errorf("write unit file: %w", err)
	}
	if err := pw.Close(); err != nil {
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

// writeRows writes rows in slices: a row group is closed when its rows or its bytes are enough, and a row that needs mending
// is mended in a copy.
func writeRows(pw *parquet.GenericWriter[Row], rows []Row) error {
	const slice = 1024
	var mended []Row
	flushed := int64(0)
	for len(rows) > 0 {
		part := rows[:min(slice, len(rows))]
		rows = rows[len(part):]
		if !allValid(part) {
			mended = append(mended[:0], part...)
			for i := range mended {
				mend(&mended[i])
			}
			part = mended
		}
		if _, err := pw.Write(part); err != nil {
			return err
		}
		if pw.Size()-flushed >= bytesPerGroup {
			if err := pw.Flush(); err != nil {
				return err
			}
			flushed = pw.Size()
		}
	}
	return nil
}

func allValid(rows []Row) bool {
	for i := range rows {
		for _, s := range texts(&rows[i]) {
			if !utf8.ValidString(*s) {
				return false
			}
		}
		for _, l := range rows[i].TopK {
			if !utf8.ValidString(l.Label) {
				return false
			}
		}
	}
	return true
}

// mend replaces what is not UTF-8 in r, leaving alone what r shares with its original.
func mend(r *Row) {
	for _, s := range texts(r) {
		*s = strings.ToValidUTF8(*s, "�")
	}
	if r.TopK == nil {
		return
	}
	labels := make([]Label, len(r.TopK))
	for i, l := range r.TopK {
		l.Label = strings.ToValidUTF8(l.Label, "�")
		labels[i] = l
	}
	r.TopK = labels
}

func texts(r *Row) [11]*string {
	return [...]*string{&r.URI, &r.Member, &r.Version, &r.MD5, &r.Format, &r.Label, &r.Status, &r.ErrorCode, &r.ErrorMessage,
		&r.Model, &r.ModelDigest}
}
