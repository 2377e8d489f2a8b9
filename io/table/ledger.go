package table

import (
	"context"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// LedgerKey is what the next run needs to know about a row: which image it was, and whether that is settled.
type LedgerKey struct {
	URI         string
	Member      string
	Version     string
	ModelDigest string
	Retryable   bool
	Failed      bool
	RunID       int64
}

// The columns of a LedgerKey, by their place in ledgerColumns.
const (
	ledgerURI = iota
	ledgerMember
	ledgerVersion
	ledgerDigest
	ledgerRetryable
	ledgerStatus
	ledgerRunID
	ledgerWidth
)

var ledgerColumns = [ledgerWidth]string{"uri", "member", "version", "model_digest", "retryable", "status", "run_id"}

// ledgerBatch is the number of rows decoded at a time.
const ledgerBatch = 512

// LedgerReader goes through the LedgerKeys of a part file in file order, which is that of (uri, member). It reads the
// columns of a LedgerKey only, each through a buffer of its own. It is not for concurrent use.
type LedgerReader struct {
	file   *file
	groups []parquet.RowGroup
	chunks [ledgerWidth]parquet.ColumnChunkValueReader
	keys   []LedgerKey
	next   int
	left   int64 // rows of the open row group not yet decoded
	// Scratch of decode.
	values []parquet.Value
	text   []byte
	ends   []int
	digest string
	err    error
}

// OpenLedger opens a part file. readAhead is the number of bytes to read of a column at a time; zero means 256 KiB. The caller
// closes the LedgerReader, not r.
func OpenLedger(r io.ReaderAt, size int64, readAhead int) (*LedgerReader, error) {
	if readAhead <= 0 {
		readAhead = 256 << 10
	}
	f, err := openFile(r, size, partFooter, partFooter)
	if err != nil {
		return nil, err
	}
	l := &LedgerReader{}
	// The column buffers are as large as the largest chunk needs, so that a ledger of a thousand small parts stays small.
	largest := int64(0)
	for _, group := range f.Metadata().RowGroups {
		for _, name := range ledgerColumns {
			leaf, ok := f.Schema().Lookup(name)
			if !ok || !leaf.Node.Leaf() || leaf.ColumnIndex >= len(group.Columns) {
				return nil, fmt.Errorf("%w: no column %q", ErrDamaged, name)
			}
			largest = max(largest, group.Columns[leaf.ColumnIndex].MetaData.TotalCompressedSize)
		}
	}
	buffer := int(min(int64(readAhead), max(largest, 4<<10)))
	if err := f.open(size, buffer); err != nil {
		return nil, err
	}
	f.bytes.drop()
	l.file = f
	l.groups = l.file.RowGroups()
	l.values = make([]parquet.Value, ledgerBatch)
	l.keys = make([]LedgerKey, 0, ledgerBatch)
	return l, nil
}

// Next returns the next key, or io.EOF after the last.
func (l *LedgerReader) Next() (LedgerKey, error) {
	if l.next == len(l.keys) && l.err == nil {
		l.err = l.fill()
	}
	if l.err != nil {
		return LedgerKey{}, l.err
	}
	k := l.keys[l.next]
	l.next++
	return k, nil
}

// Close releases the buffers.
func (l *LedgerReader) Close() error {
	l.closeGroup()
	if l.err == nil {
		l.err = io.ErrClosedPipe
	}
	return nil
}

// ReadLedger calls fn for each row of a part file in file order, streaming. An error from fn ends it and is returned as it is.
func ReadLedger(ctx context.Context, r io.ReaderAt, size int64, fn func(LedgerKey) error) error {
	l, err := OpenLedger(r, size, 0)
	if err != nil {
		return err
	}
	defer l.Close()
	for n := 0; ; n++ {
		if n%ledgerBatch == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		k, err := l.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := fn(k); err != nil {
			return err
		}
	}
}

// fill decodes the next batch of keys.
func (l *LedgerReader) fill() (err error) {
	defer l.file.recoverDamage(&err)
	for l.left == 0 {
		l.closeGroup()
		if len(l.groups) == 0 {
			return io.EOF
		}
		l.openGroup(l.groups[0])
		l.groups = l.groups[1:]
	}
	n := int(min(l.left, ledgerBatch))
	l.keys, l.next = l.keys[:n], 0
	for c := range l.chunks {
		if err := l.decode(c, n); err != nil {
			return l.file.damage(fmt.Errorf("column %q: %w", ledgerColumns[c], err))
		}
	}
	l.left -= int64(n)
	return nil
}

// decode fills one column of the keys. Values point into a page that lives until the next call of ReadValues, which stops
// short at its end: what is wanted of them is copied at once.
func (l *LedgerReader) decode(c, n int) error {
	l.text, l.ends = l.text[:0], l.ends[:0]
	for done := 0; done < n; {
		m, err := l.chunks[c].ReadValues(l.values[:n-done])
		for i, v := range l.values[:m] {
			l.set(c, &l.keys[done+i], v)
		}
		if done += m; done < n && err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	// The texts of a batch share one allocation.
	all, from := string(l.text), 0
	for i, to := range l.ends {
		switch c {
		case ledgerURI:
			l.keys[i].URI = all[from:to]
		case ledgerMember:
			l.keys[i].Member = all[from:to]
		case ledgerVersion:
			l.keys[i].Version = all[from:to]
		}
		from = to
	}
	return nil
}

func (l *LedgerReader) set(c int, k *LedgerKey, v parquet.Value) {
	switch c {
	case ledgerDigest:
		if digest := v.ByteArray(); string(digest) != l.digest {
			l.digest = string(digest)
		}
		k.ModelDigest = l.digest
	case ledgerRetryable:
		k.Retryable = !v.IsNull() && v.Boolean()
	case ledgerStatus:
		k.Failed = string(v.ByteArray()) == StatusFailed
	case ledgerRunID:
		k.RunID = v.Int64()
	default:
		l.text = append(l.text, v.ByteArray()...)
		l.ends = append(l.ends, len(l.text))
	}
}

func (l *LedgerReader) openGroup(group parquet.RowGroup) {
	columns := group.ColumnChunks()
	for c, name := range ledgerColumns {
		leaf, _ := l.file.Schema().Lookup(name)
		l.chunks[c] = parquet.NewColumnChunkValueReader(columns[leaf.ColumnIndex])
	}
	l.left = group.NumRows()
}

func (l *LedgerReader) closeGroup() {
	for c, chunk := range l.chunks {
		if chunk != nil {
			chunk.Close()
			l.chunks[c] = nil
		}
	}
}
