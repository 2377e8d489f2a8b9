package engine

import (
	"math/bits"
	"sync"
)

// buffer is memory for one file.
type buffer struct {
	bytes []byte // of the length asked for
	class int
}

// bufferPool keeps the memory of files for the next ones, by size: four classes an octave, so that at most a quarter is unused. What
// it holds is bounded; the rest is the garbage collector's.
type bufferPool struct {
	limit int64

	mu   sync.Mutex
	held int64
	free [maxBufferClass + 1][]*buffer
}

const (
	smallestBuffer = 4 << 10 // class 0
	maxBufferClass = 4 * 14  // 64 MiB; larger ones are rare and not kept
)

func newBufferPool(limit int64) *bufferPool { return &bufferPool{limit: limit} }

// get returns a buffer of n bytes, whose content is undefined.
func (p *bufferPool) get(n int) *buffer {
	class, size := bufferClass(n)
	if class > maxBufferClass {
		return &buffer{bytes: make([]byte, n), class: class}
	}
	p.mu.Lock()
	if free := p.free[class]; len(free) > 0 {
		b := free[len(free)-1]
		p.free[class] = free[:len(free)-1]
		p.held -= int64(size)
		p.mu.Unlock()
		b.bytes = b.bytes[:n]
		return b
	}
	p.mu.Unlock()
	return &buffer{bytes: make([]byte, n, size), class: class}
}

// put takes a buffer back.
func (p *bufferPool) put(b *buffer) {
	size := int64(cap(b.bytes))
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.class > maxBufferClass || p.held+size > p.limit {
		return
	}
	p.held += size
	p.free[b.class] = append(p.free[b.class], b)
}

// bufferClass is the smallest class whose size is at least n, and that size: 4, 5, 6, 7, 8, 10, 12, 14, 16 ... KiB.
func bufferClass(n int) (class, size int) {
	if n <= smallestBuffer {
		return 0, smallestBuffer
	}
	// With n-1 = 1.xx... times a power of two, the class is that power and the next quarter above xx.
	octave := bits.Len(uint(n-1)) - 1
	quarter := (n-1)>>(octave-2)&3 + 1
	class = 4*(octave-12) + quarter
	return class, (4 + quarter) << (octave - 2)
}
