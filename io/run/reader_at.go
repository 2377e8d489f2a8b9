package run

import (
	"context"
	"io"

	"github.com/tagbeam/tagbeam/io/object"
)

// objectReader reads an object of a known size, one range request for each call. (object.ReaderAt keeps up to 16 MiB of blocks of a file: too much
// where there is a file for each run of the ledger, and for a footer. The readers of package table have buffers of their own.)
type objectReader struct {
	ctx   context.Context
	store object.Store
	key   string
	size  int64
}

func readerAt(ctx context.Context, store object.Store, key string, size int64) io.ReaderAt {
	return &objectReader{ctx, store, key, size}
}

func (r *objectReader) ReadAt(p []byte, off int64) (int, error) {
	n := min(int64(len(p)), max(0, r.size-off))
	if n == 0 {
		return 0, io.EOF
	}
	body, err := r.store.ReadRange(r.ctx, r.key, off, n)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	got, err := io.ReadFull(body, p[:n])
	if err == nil && n < int64(len(p)) {
		err = io.EOF
	}
	return got, err
}
