package source

import (
	"cmp"
	"container/heap"
	"context"
	"strings"
	"sync"

	"github.com/tagbeam/tagbeam/io/object"
)

const (
	batchSize     = 256 // items handed over at once
	batchesOnHold = 4   // per pattern, while the others catch up
)

// Each calls fn for every image, sorted bytewise by (URI, Member), each once. An error from fn ends it and is returned as it
// is; a listing that could not be completed is an error. Memory does not grow with the number of images. A Set may be listed
// again and again, but not by two callers at once.
func (s *Set) Each(ctx context.Context, fn func(Item) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var listings sync.WaitGroup
	defer listings.Wait()
	defer cancel()

	var m merge
	for i, p := range s.patterns {
		l := &listing{index: i, pattern: p, batches: make(chan []Item, batchesOnHold)}
		listings.Go(func() { l.run(ctx) })
		m.pending = append(m.pending, l)
	}
	if err := m.run(fn); err != nil {
		return err
	}
	for _, l := range m.pending {
		l.pattern.count = l.count
	}
	return nil
}

// listing is one pattern being listed. batches is closed at the end; err and count are set by then.
type listing struct {
	index   int
	pattern *pattern
	batches chan []Item
	err     error
	count   int64

	items []Item // what the merge holds of it
}

func (l *listing) run(ctx context.Context) {
	defer close(l.batches)
	batch := make([]Item, 0, batchSize)
	l.err = l.pattern.list(ctx, func(item Item) error {
		l.count++
		batch = append(batch, item)
		if len(batch) < batchSize {
			return nil
		}
		full := batch
		batch = make([]Item, 0, batchSize)
		return l.send(ctx, full)
	})
	if l.err == nil && len(batch) > 0 {
		l.err = l.send(ctx, batch)
	}
}

func (l *listing) send(ctx context.Context, batch []Item) error {
	select {
	case l.batches <- batch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// list gives the pattern's images in order.
func (p *pattern) list(ctx context.Context, fn func(Item) error) error {
	if p.named != nil {
		return p.named.items(ctx, fn)
	}
	if !p.archives {
		return p.objects(ctx, func(e entry) error { return fn(e.item()) })
	}
	return expand(ctx, p.opts, archivesAtOnce, p.objects, fn)
}

// objects gives the objects that the pattern matches, in order: images, and archives where it names them.
func (p *pattern) objects(ctx context.Context, fn func(entry) error) error {
	if p.single != nil {
		if !p.matches(p.single.Key) {
			return nil
		}
		return fn(p.entry(*p.single))
	}
	opts := object.ListOptions{Prefix: p.prefix, Prune: p.prune}
	p.passed = 0
	list := object.ListParallel
	if p.loc.Scheme == object.SchemeFile {
		// Each range would read the whole folders that it begins and ends in.
		list = func(ctx context.Context, s object.Store, opts object.ListOptions, fn func(object.Info) error) error {
			return s.List(ctx, opts, fn)
		}
	}
	return list(ctx, p.store, opts, func(info object.Info) error {
		if !p.matches(info.Key) {
			return nil
		}
		ok, err := p.isImage(ctx, info)
		if err != nil {
			return err
		}
		if !ok {
			if kindOf(info.Key) != kindImage {
				p.passed++
			}
			return nil
		}
		return fn(p.entry(info))
	})
}

func (p *pattern) entry(info object.Info) entry {
	loc := object.Location{Scheme: p.loc.Scheme, Bucket: p.loc.Bucket, Key: info.Key}
	return entry{loc: loc, store: p.store, info: info}
}

// merge is the k-way merge of listings: a heap by their first items.
type merge struct {
	pending []*listing // all of them
	heap    []*listing // those with items
}

func (m *merge) run(fn func(Item) error) error {
	for _, l := range m.pending {
		more, err := l.fill()
		if err != nil {
			return err
		}
		if more {
			m.heap = append(m.heap, l)
		}
	}
	heap.Init(m)
	var last Item
	for first := true; len(m.heap) > 0; {
		l := m.heap[0]
		item := l.items[0]
		if first || compareItems(item, last) != 0 {
			if err := fn(item); err != nil {
				return err
			}
			first, last = false, item
		}
		l.items = l.items[1:]
		more, err := l.fill()
		if err != nil {
			return err
		}
		if more {
			heap.Fix(m, 0)
		} else {
			heap.Pop(m)
		}
	}
	return nil
}

// fill waits for a batch when there is none, and says whether there is one now.
func (l *listing) fill() (bool, error) {
	for len(l.items) == 0 {
		batch, ok := <-l.batches
		if !ok {
			return false, l.err
		}
		l.items = batch
	}
	return true, nil
}

func compareItems(a, b Item) int {
	return cmp.Or(strings.Compare(a.URI, b.URI), strings.Compare(a.Member, b.Member))
}

// Len, Less, Swap, Push and Pop implement heap.Interface. Of equal items that of the first pattern comes first.
func (m *merge) Len() int { return len(m.heap) }
func (m *merge) Less(i, j int) bool {
	a, b := m.heap[i], m.heap[j]
	return cmp.Or(compareItems(a.items[0], b.items[0]), cmp.Compare(a.index, b.index)) < 0
}
func (m *merge) Swap(i, j int) { m.heap[i], m.heap[j] = m.heap[j], m.heap[i] }
func (m *merge) Push(x any)    { m.heap = append(m.heap, x.(*listing)) }
func (m *merge) Pop() any {
	last := m.heap[len(m.heap)-1]
	m.heap = m.heap[:len(m.heap)-1]
	return last
}
