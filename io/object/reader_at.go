package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

const (
	// readAtBlock is the size of the ranges that small reads are served from. At some tens of milliseconds a request and 100
	// MB/s or so a connection, a smaller one is hardly sooner there.
	readAtBlock = 1 << 20
	// readAtBlocks is how many blocks a reader keeps: the columns of a Parquet file are read side by side, each in order.
	readAtBlocks = 16
)

// ReaderAt reads an object of the given size at random. Reads of a block (1 MiB) or more are one range request each; smaller
// ones come from whole blocks, of which the last 16 are kept. It may be used by several goroutines at once; ctx holds for all
// its reads.
func ReaderAt(ctx context.Context, store Store, key string, size int64) io.ReaderAt {
	return &readerAt{ctx: ctx, store: store, key: key, size: size}
}

type readerAt struct {
	ctx   context.Context
	store Store
	key   string
	size  int64

	mu     sync.Mutex
	blocks []*block // the latest used last
}

// block is a range being fetched, or there once ready is closed.
type block struct {
	index int64
	ready chan struct{}
	data  []byte
	err   error
}

// ReadAt implements io.ReaderAt.
func (r *readerAt) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, negativeOffset(r.key, offset)
	}
	if offset >= r.size {
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > r.size-offset {
		p, end = p[:r.size-offset], io.EOF
	}
	if len(p) >= readAtBlock {
		if n, err := r.fetch(p, offset); err != nil {
			return n, err
		}
		return len(p), end
	}
	n := 0
	for n < len(p) {
		at := offset + int64(n)
		b, err := r.block(at / readAtBlock)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], b[at%readAtBlock:])
	}
	return n, end
}

// block gives a block, fetched by the first who asks; one whose fetch fails is forgotten.
func (r *readerAt) block(index int64) ([]byte, error) {
	r.mu.Lock()
	if i := slices.IndexFunc(r.blocks, func(b *block) bool { return b.index == index }); i >= 0 {
		b := r.blocks[i]
		r.blocks = append(slices.Delete(r.blocks, i, i+1), b)
		r.mu.Unlock()
		<-b.ready
		return b.data, b.err
	}
	b := &block{index: index, ready: make(chan struct{})}
	if len(r.blocks) == readAtBlocks {
		r.blocks = slices.Delete(r.blocks, 0, 1)
	}
	r.blocks = append(r.blocks, b)
	r.mu.Unlock()

	start := index * readAtBlock
	data := make([]byte, min(readAtBlock, r.size-start))
	_, b.err = r.fetch(data, start)
	b.data = data
	if b.err != nil {
		r.mu.Lock()
		r.blocks = slices.DeleteFunc(r.blocks, func(other *block) bool { return other == b })
		r.mu.Unlock()
	}
	close(b.ready)
	return b.data, b.err
}

func (r *readerAt) fetch(p []byte, offset int64) (int, error) {
	body, err := r.store.ReadRange(r.ctx, r.key, offset, int64(len(p)))
	if err != nil {
		return 0, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, p)
	if errors.Is(err, io.EOF) || err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("read %s: it ends at byte %d, before its size of %d: %w", r.key, offset+int64(n), r.size, io.ErrUnexpectedEOF)
	}
	return n, err
}
