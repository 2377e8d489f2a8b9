package engine

import (
	"context"
	"sync"
)

// budget bounds what is in flight: bytes, or reads. One goroutine, the dispatcher, reserves; any may release. A reservation larger than the whole
// budget is granted when nothing else is in flight, so that no object is too large to be read.
type budget struct {
	limit int64

	mu    sync.Mutex
	used  int64
	freed chan struct{} // signalled, without blocking, whenever there may be more room
}

func newBudget(limit int64) *budget {
	return &budget{limit: limit, freed: make(chan struct{}, 1)}
}

// reserve waits until n more fit.
func (b *budget) reserve(ctx context.Context, n int64) error {
	for {
		b.mu.Lock()
		if b.used == 0 || b.used+n <= b.limit {
			b.used += n
			b.mu.Unlock()
			return nil
		}
		b.mu.Unlock()
		select {
		case <-b.freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// setLimit changes the limit. What is reserved stays so.
func (b *budget) setLimit(n int64) {
	b.mu.Lock()
	b.limit = n
	b.mu.Unlock()
	b.signal()
}

// adjust changes what is reserved by d: an object may turn out larger or smaller than it was listed.
func (b *budget) adjust(d int64) {
	b.mu.Lock()
	b.used += d
	b.mu.Unlock()
	if d < 0 {
		b.signal()
	}
}

func (b *budget) signal() {
	select {
	case b.freed <- struct{}{}:
	default:
	}
}

func (b *budget) release(n int64) { b.adjust(-n) }
