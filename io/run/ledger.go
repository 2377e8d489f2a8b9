package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
)

// ledger is what the published runs of an output say about images: their parts, merged by (uri, member) as they are read. It holds a
// window of each run, never a table of everything. Images must be asked for in that order.
type ledger struct {
	heads []*ledgerStream // a heap by key: heads[0] is the least
	all   []*ledgerStream
}

// ledgerStream goes through a ledger file, or the parts of one run, which are consecutive ranges of keys.
type ledgerStream struct {
	o         *Output
	ctx       context.Context
	parts     []PublishedPart // not yet opened
	file      *ledgerFile     // instead of parts
	name      string          // of the open part
	reader    *table.LedgerReader
	readAhead int
	opened    bool // the file
	key       table.LedgerKey
	started   bool
}

// Bounds of the bytes read ahead of each column of each run; readAheadBytes is shared by all of them.
const (
	readAheadBytes = 128 << 20
	minReadAhead   = 16 << 10
	maxReadAhead   = 1 << 20
	ledgerColumns  = 7
)

// openLedger opens the ledger of the runs 1 to last, all of which must be closed. With files it makes use of the ledger files there are.
func (o *Output) openLedger(ctx context.Context, last int64, withFiles bool) (*ledger, error) {
	if last < 1 {
		return &ledger{}, nil
	}
	parts, err := o.partsThere(ctx, last)
	if err != nil {
		return nil, err
	}
	var files []ledgerFile
	if withFiles {
		if files, err = o.ledgerFiles(ctx); err != nil {
			return nil, err
		}
	}
	return o.mergeLedger(ctx, ledgerItems(parts, files))
}

// mergeLedger opens the streams of a ledger.
func (o *Output) mergeLedger(ctx context.Context, items []ledgerItem) (*ledger, error) {
	l := &ledger{}
	for _, item := range items {
		l.all = append(l.all, &ledgerStream{o: o, ctx: ctx, parts: item.parts, file: item.file})
	}
	readAhead := readAheadBytes / ledgerColumns / max(1, len(l.all))
	readAhead = max(minReadAhead, min(maxReadAhead, readAhead))
	// All first keys at once: one after the other, a thousand runs would take minutes.
	var group errgroup.Group
	group.SetLimit(o.parallel)
	for _, s := range l.all {
		s.readAhead = readAhead
		group.Go(func() error {
			if err := s.advance(); err != io.EOF {
				return err
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		l.close()
		return nil, err
	}
	for _, s := range l.all {
		if s.reader != nil {
			l.heads = append(l.heads, s)
		}
	}
	for i := len(l.heads)/2 - 1; i >= 0; i-- {
		l.sink(i)
	}
	return l, nil
}

// publishedParts returns the parts of the runs first to last, by run. What is closed never changes, so it is read once.
func (o *Output) publishedParts(ctx context.Context, first, last int64) ([][]PublishedPart, error) {
	parts := make([][]PublishedPart, last-first+1)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.parallel)
	for i := range parts {
		id := first + int64(i)
		o.mu.Lock()
		known, ok := o.closed[id]
		o.mu.Unlock()
		if ok {
			parts[i] = known
			continue
		}
		group.Go(func() (err error) {
			parts[i], err = o.closedParts(ctx, id)
			return err
		})
	}
	return parts, group.Wait()
}

func (o *Output) closedParts(ctx context.Context, id int64) ([]PublishedPart, error) {
	m, err := o.manifest(ctx, id)
	if err != nil {
		return nil, err
	}
	var parts []PublishedPart
	if m != nil {
		parts = m.Parts
	} else {
		d, err := o.decision(ctx, id)
		if err != nil {
			return nil, err
		}
		if d == nil || d.Commit {
			return nil, fmt.Errorf("run %d of %s is neither published nor aborted, yet there are later runs: put back what is missing under %s", id, o.URI(), o.name(runFolder(id)))
		}
	}
	o.mu.Lock()
	o.closed[id] = parts
	o.mu.Unlock()
	return parts, nil
}

// verdict is what the ledger says about an image.
type verdict struct {
	// seen: some model has a row for it.
	seen bool
	// tagged: the model asked for has; latest is its newest row.
	tagged bool
	latest table.LedgerKey
}

// find looks an image up. The images of all calls must be in ascending order.
func (l *ledger) find(item source.Item, digest string) (v verdict, err error) {
	for len(l.heads) > 0 {
		s := l.heads[0]
		order := compareKeys(s.key.URI, s.key.Member, item.URI, item.Member)
		if order > 0 {
			break
		}
		if order == 0 {
			v.seen = true
			if s.key.ModelDigest == digest && (!v.tagged || s.key.RunID > v.latest.RunID) {
				v.tagged, v.latest = true, s.key
			}
		}
		if err := l.advance(); err != nil {
			return verdict{}, err
		}
	}
	return v, nil
}

// nextImage appends the rows of the next image to keys, or fails with io.EOF after the last. It is for who does not call find.
func (l *ledger) nextImage(keys []table.LedgerKey) ([]table.LedgerKey, error) {
	if len(l.heads) == 0 {
		return nil, io.EOF
	}
	first := l.heads[0].key
	for len(l.heads) > 0 && l.heads[0].key.URI == first.URI && l.heads[0].key.Member == first.Member {
		keys = append(keys, l.heads[0].key)
		if err := l.advance(); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// advance moves the least head on.
func (l *ledger) advance() error {
	err := l.heads[0].advance()
	if err == io.EOF {
		last := len(l.heads) - 1
		l.heads[0] = l.heads[last]
		l.heads = l.heads[:last]
	} else if err != nil {
		return err
	}
	l.sink(0)
	return nil
}

// sink restores the heap below i.
func (l *ledger) sink(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(l.heads); child++ {
			a, b := &l.heads[child].key, &l.heads[least].key
			if compareKeys(a.URI, a.Member, b.URI, b.Member) < 0 {
				least = child
			}
		}
		if least == i {
			return
		}
		l.heads[i], l.heads[least] = l.heads[least], l.heads[i]
		i = least
	}
}

func (l *ledger) close() {
	for _, s := range l.all {
		s.closePart()
	}
}

// advance goes to the next key of the stream, or fails with io.EOF after the last.
func (s *ledgerStream) advance() error {
	err := s.next()
	if s.file != nil && (errors.Is(err, table.ErrDamaged) || errors.Is(err, object.ErrNotFound)) {
		return &unusableLedger{s.file.path, err}
	}
	return err
}

func (s *ledgerStream) next() error {
	for {
		if s.reader == nil {
			more, err := s.open()
			if err != nil {
				return err
			}
			if !more {
				return io.EOF
			}
		}
		k, err := s.reader.Next()
		if err == io.EOF {
			s.closePart()
			continue
		}
		if err != nil {
			return fmt.Errorf("read what is tagged: %s: %w", s.name, err)
		}
		if s.started && s.disordered(k) {
			return fmt.Errorf("read what is tagged: %s is not sorted by uri and member, or has an image twice: %q %q comes after %q %q: %w",
				s.name, k.URI, k.Member, s.key.URI, s.key.Member, table.ErrDamaged)
		}
		s.key, s.started = k, true
		return nil
	}
}

// disordered says that a key cannot come after the one before. A ledger file has an image once for each model.
func (s *ledgerStream) disordered(k table.LedgerKey) bool {
	order := compareKeys(s.key.URI, s.key.Member, k.URI, k.Member)
	return order > 0 || order == 0 && (s.file == nil || s.key.ModelDigest >= k.ModelDigest)
}

// open opens what comes next, if anything.
func (s *ledgerStream) open() (more bool, err error) {
	if s.file != nil {
		if s.opened {
			return false, nil
		}
		s.opened = true
		if err := s.openObject(s.file.path, s.file.bytes); err != nil {
			return false, err
		}
		if s.reader.Covers() != s.file.digest {
			return false, fmt.Errorf("read what is tagged: %s is not what its name says: %w", s.name, table.ErrDamaged)
		}
		return true, nil
	}
	if len(s.parts) == 0 {
		return false, nil
	}
	p := s.parts[0]
	s.parts = s.parts[1:]
	return true, s.openObject(p.Path, p.Bytes)
}

func (s *ledgerStream) openObject(path string, size int64) error {
	s.name = s.o.name(path)
	reader, err := table.OpenLedger(readerAt(s.ctx, s.o.store, s.o.key(path), size), size, s.readAhead)
	if errors.Is(err, object.ErrNotFound) {
		return missingError(s.name, err)
	}
	if err != nil {
		return fmt.Errorf("read what is tagged: %s: %w", s.name, err)
	}
	s.reader = reader
	return nil
}

func (s *ledgerStream) closePart() {
	if s.reader != nil {
		s.reader.Close()
		s.reader = nil
	}
}

// compareKeys orders images bytewise by (uri, member).
func compareKeys(uriA, memberA, uriB, memberB string) int {
	if c := strings.Compare(uriA, uriB); c != 0 {
		return c
	}
	return strings.Compare(memberA, memberB)
}
