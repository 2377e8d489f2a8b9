package table

import (
	"context"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// ledgerCoversKey is the key, in the metadata of a ledger file, of what it was made of.
const ledgerCoversKey = "tagbeam.ledger"

// ledgerRow has the columns that a LedgerReader reads, and no others.
type ledgerRow struct {
	URI         string `parquet:"uri,delta"`
	Member      string `parquet:"member,delta"`
	Version     string `parquet:"version,delta"`
	ModelDigest string `parquet:"model_digest,dict"`
	Retryable   bool   `parquet:"retryable"`
	Status      string `parquet:"status,dict"`
	RunID       int64  `parquet:"run_id"`
}

// LedgerWriter writes a ledger file: the keys of many part files in one, for OpenLedger. It holds one row group, compressed.
type LedgerWriter struct {
	w    *parquet.GenericWriter[ledgerRow]
	rows []ledgerRow
}

// NewLedgerWriter returns a writer of a ledger file to w. covers names what it is made of (LedgerReader.Covers).
func NewLedgerWriter(w io.Writer, covers string) *LedgerWriter {
	l := &LedgerWriter{
		w: parquet.NewGenericWriter[ledgerRow](w, parquet.Compression(&parquet.Zstd), parquet.PageBufferSize(pageBytes),
			parquet.MaxRowsPerRowGroup(rowsPerGroup)),
		rows: make([]ledgerRow, 0, ledgerBatch),
	}
	l.w.SetKeyValueMetadata(ledgerCoversKey, covers)
	return l
}

// Write adds a key. Keys come in ascending order of (URI, Member).
func (l *LedgerWriter) Write(ctx context.Context, k LedgerKey) error {
	status := StatusOK
	if k.Failed {
		status = StatusFailed
	}
	l.rows = append(l.rows, ledgerRow{k.URI, k.Member, k.Version, k.ModelDigest, k.Retryable, status, k.RunID})
	if len(l.rows) < cap(l.rows) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.flush()
}

// Close writes what is left, and the footer.
func (l *LedgerWriter) Close() error {
	if err := l.flush(); err != nil {
		return err
	}
	if err := l.w.Close(); err != nil {
		return fmt.Errorf("write ledger file: %w", err)
	}
	return nil
}

func (l *LedgerWriter) flush() error {
	if _, err := l.w.Write(l.rows); err != nil {
		return fmt.Errorf("write ledger file: %w", err)
	}
	l.rows = l.rows[:0]
	return nil
}

// Covers returns what a ledger file was made of; empty for a part file.
func (l *LedgerReader) Covers() string {
	covers, _ := l.file.Lookup(ledgerCoversKey)
	return covers
}
