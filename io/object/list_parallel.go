package object

import (
	"context"
	"sync"
)

// Parameters of ListParallel, which tests make smaller.
type parallelism struct {
	workers int // requests at once
	segment int // keys of a segment, about; at most those that are kept of it
	first   int // keys of the first segment: enough to see how dense they are
	ahead   int // segments that are listed, or being listed, and not yet given to the caller
}

// Eight pages a segment, because the borders are found one after the other: that is how much faster than a plain listing it can be. 96,000 objects
// ahead are some 30 MB.
var defaultParallelism = parallelism{workers: 16, segment: 8000, first: 1000, ahead: 12}

// ListParallel is Store.List with several listings of consecutive key ranges at once, for stores that answer page by page: same objects, same
// order, same errors, and bounded memory. fn is called by the caller's goroutine. An error within one range fails the listing when
// its turn comes, after all objects before it; it names the prefix, as the store's own does.
//
// The ranges are not known beforehand. While a range is listed, it is reckoned from the keys seen so far where the next few thousand will end, and
// the store is asked for the first key behind that place: a border between two ranges that is right however wrong the reckoning was.
// A range that turns out to be larger is cut where it was left; one that is smaller has cost a request.
func ListParallel(ctx context.Context, store Store, opts ListOptions, fn func(Info) error) error {
	return listParallel(ctx, store, opts, defaultParallelism, fn)
}

func listParallel(ctx context.Context, store Store, opts ListOptions, p parallelism, fn func(Info) error) error {
	ctx, cancel := context.WithCancel(ctx)
	l := &parallelListing{parallelism: p, ctx: ctx, store: store, opts: opts, keys: newKeySpace(opts.Prefix)}
	l.changed.L = &l.mu
	l.head = &segment{after: opts.StartAfter, base: max(opts.StartAfter, opts.Prefix), before: opts.EndBefore, limit: p.first}
	var workers sync.WaitGroup
	defer workers.Wait()
	defer l.stop()
	defer cancel()
	defer context.AfterFunc(ctx, l.stop)()
	for range p.workers {
		workers.Go(l.work)
	}
	return l.deliver(fn)
}

// parallelListing is one call of ListParallel. Its segments are consecutive ranges of keys that cover what is left of the listing.
type parallelListing struct {
	parallelism
	ctx   context.Context
	store Store
	opts  ListOptions

	mu      sync.Mutex
	changed sync.Cond // anything of what follows
	head    *segment
	stopped bool
	keys    *keySpace
}

// segment is a range of keys.
type segment struct {
	next *segment
	// after is what the store is told to start after, and last, when not empty, the last key that may be of this segment. before is what the store
	// is told to end before; keys that appear between last and before while we list belong to the next segment.
	after, last, before string
	// base is the first key of the segment, or a lower bound of it, from which distances are reckoned.
	base  string
	limit int // keys at which the listing of it is left, and the rest becomes a segment of its own

	state segmentState
	// cuts is the number of attempts at finding where enough keys end, which goes on while it is listed; cutting says that there is one under
	// way, bounded that last was found.
	cuts             int
	cutting, bounded bool
	latest           string // key listed
	infos            []Info // listed and not yet given to the caller
	err              error
}

type segmentState int

const (
	unlisted segmentState = iota
	listing
	listed
)

// stop ends the workers and wakes everybody.
func (l *parallelListing) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	l.changed.Broadcast()
}

// deliver gives the objects to fn, segment by segment.
func (l *parallelListing) deliver(fn func(Info) error) error {
	for {
		infos, err, more := l.take()
		if err := cancelled(l.ctx, "list", l.opts.Prefix); err != nil {
			return err
		}
		for _, info := range infos {
			if err := fn(info); err != nil {
				return err
			}
			if err := cancelled(l.ctx, "list", l.opts.Prefix); err != nil {
				return err
			}
		}
		if err != nil || !more {
			return err
		}
	}
}

// take waits for objects of the first segment, and goes to the next when it is over. More is false after the last one.
func (l *parallelListing) take() (infos []Info, err error, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		s := l.head
		switch {
		case l.stopped:
			return nil, nil, false
		case len(s.infos) > 0:
			infos, s.infos = s.infos, nil
			return infos, nil, true
		case s.err != nil:
			return nil, s.err, false
		case s.state == listed && s.next == nil:
			return nil, nil, false
		case s.state == listed:
			l.head = s.next
			l.changed.Broadcast()
		default:
			l.changed.Wait()
		}
	}
}

// work lists and cuts segments, those first whose turn is first.
func (l *parallelListing) work() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.stopped {
		s := l.pick()
		switch {
		case s == nil:
			l.changed.Wait()
		case s.state == unlisted:
			l.list(s)
		default:
			l.cut(s)
		}
	}
}

// pick returns a segment that is to be listed, or else one that is being listed and is to be cut, or nil. mu is held.
func (l *parallelListing) pick() (cut *segment) {
	ahead := 0
	for s := l.head; s != nil && ahead < l.ahead; s = s.next {
		switch {
		case s.err != nil:
			return nil // nothing behind it is wanted any more
		case s.state == unlisted:
			return s
		case cut == nil && s.state == listing && !s.bounded && !s.cutting && s.cuts < maxCuts && l.keys.dense():
			cut = s
		}
		ahead++
	}
	return cut
}

// maxCuts is the number of attempts at cutting a segment: each is nearer to its beginning by cutShift bits.
const (
	maxCuts  = 3
	cutShift = 3
)

// cut divides a segment where about as many keys as it should have are expected to end. mu is held, but for the request.
func (l *parallelListing) cut(s *segment) {
	guess, ok := l.keys.guess(s.base, s.before, s.cuts*cutShift)
	s.cuts++
	if !ok || s.latest >= guess || s.last != "" && guess >= s.last {
		return
	}
	before := s.before
	s.cutting = true
	l.mu.Unlock()
	first, found, err := firstKey(l.ctx, l.store, l.opts, guess, before)
	l.mu.Lock()
	defer l.changed.Broadcast()
	s.cutting = false
	// What went wrong here will go wrong in the listing as well, which alone decides: it is going on. Where nothing was found, something may have
	// appeared since, so that is no bound.
	if err != nil || !found || s.state != listing || s.latest >= guess || s.last != "" && first > s.last {
		return
	}
	s.next = &segment{next: s.next, after: guess, last: s.last, before: s.before, base: first, limit: l.segment}
	s.last, s.bounded = guess, true
}

// handOver is the number of objects after which those listed are handed over.
const handOver = 250

// list lists a segment, up to its limit; what is left becomes a segment of its own. mu is held, but for the requests.
func (l *parallelListing) list(s *segment) {
	s.state = listing
	opts := l.opts
	opts.StartAfter, opts.EndBefore = s.after, s.before
	l.mu.Unlock()
	var batch []Info
	n := 0
	err := l.store.List(l.ctx, opts, func(info Info) error {
		if l.passed(s, info.Key) {
			return errEndOfRange
		}
		n++
		if batch = append(batch, info); len(batch) == handOver {
			l.handOver(s, batch)
			batch = nil
		}
		if n == s.limit {
			return errSegmentFull
		}
		return nil
	})
	l.handOver(s, batch)
	l.mu.Lock()
	defer l.changed.Broadcast()
	s.state = listed
	switch {
	case err == errSegmentFull:
		l.keys.learn(s.base, s.latest, n, l.segment)
		s.next = &segment{next: s.next, after: s.latest, last: s.last, before: s.before, base: s.latest, limit: l.segment}
	case err != nil && err != errEndOfRange:
		s.err = err
	case s.bounded:
		l.keys.learn(s.base, s.last, n, l.segment)
	}
}

// passed says that a key is none of the segment any more, which may have been cut since its listing began; otherwise the key is noted, so that
// it is not cut before it.
func (l *parallelListing) passed(s *segment, key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.last != "" && key > s.last {
		return true
	}
	if s.latest == "" {
		s.base = key
	}
	s.latest = key
	return false
}

func (l *parallelListing) handOver(s *segment, batch []Info) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := 0; i < len(batch); i += seenEach {
		l.keys.see(batch[i].Key)
	}
	s.infos = append(s.infos, batch...)
	l.changed.Broadcast()
}

// seenEach is how often a key is looked at for its characters.
const seenEach = 50

// firstKey returns the first key of a listing between two keys.
func firstKey(ctx context.Context, store Store, opts ListOptions, after, before string) (key string, found bool, err error) {
	opts.StartAfter, opts.EndBefore = after, before
	err = store.List(ctx, opts, func(info Info) error {
		key, found = info.Key, true
		return errSegmentFull
	})
	if err == errSegmentFull {
		err = nil
	}
	return key, found, err
}

var errSegmentFull = &Error{Op: "list", Object: "segment full"}
