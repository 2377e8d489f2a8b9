package source

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tagbeam/tagbeam/io/object"
)

const (
	// spanBytes is what is read at once of an archive when it holds several neighbouring members: enough to make a request worth its while,
	// little beside the bytes in flight of an engine.
	spanBytes = 1 << 20
	// spanGap is what may lie between two of them: headers, labels, metadata.
	spanGap = 64 << 10
)

// Reader reads the images of one unit of work. Members of an archive that lie side by side are read together. It may be used by
// several goroutines at once, and works best when the images are asked for in about their order: what has been read with an image is held
// until it is asked for.
type Reader struct {
	items func(int) *Item
	spans []*span    // by item; nil for those that are read alone
	rows  []*rowRead // those of Parquet files, by their first items
}

// NewReader returns a reader of n items, which must not change.
func NewReader(n int, items func(int) *Item) *Reader {
	r := &Reader{items: items}
	for i := 0; i < n; {
		if items(i).Column != "" {
			rows := newRowRead(i, n, items)
			r.rows = append(r.rows, rows)
			i = rows.end
			continue
		}
		to := neighbours(i, n, items)
		if to > i+1 {
			if r.spans == nil {
				r.spans = make([]*span, n)
			}
			s := &span{first: *items(i), end: items(to-1).Offset + items(to-1).Size, waiting: to - i}
			for ; i < to; i++ {
				r.spans[i] = s
			}
		}
		i = to
	}
	return r
}

// neighbours returns the end of the span that begins with item from: members in the order of the archive, close by.
func neighbours(from, n int, items func(int) *Item) int {
	first := items(from)
	if !first.readable() {
		return from + 1
	}
	end := first.Offset + first.Size
	to := from + 1
	for ; to < n; to++ {
		next := items(to)
		if next.URI != first.URI || next.Version != first.Version || !next.readable() ||
			next.Offset < end || next.Offset-end > spanGap || next.Offset+next.Size-first.Offset > spanBytes {
			break
		}
		end = next.Offset + next.Size
	}
	return to
}

// readable says that the item is a member whose bytes stand in the archive as they are.
func (item *Item) readable() bool {
	return item.Member != "" && item.Problem == "" && item.Column == ""
}

// span is a range of an archive with several members.
type span struct {
	first Item
	end   int64

	once sync.Once
	data []byte
	err  error

	mu      sync.Mutex
	waiting int // members that have not been taken
}

// Read returns the bytes of item i, and describes what was read. Errors are those of Fetch. All items are to be read with contexts that end
// together. One that is read again is read alone.
func (r *Reader) Read(ctx context.Context, i int, maxBytes int64) ([]byte, object.Info, error) {
	return r.ReadInto(ctx, i, maxBytes, func(n int64) []byte { return make([]byte, n) })
}

// ReadInto is Read into memory that alloc gives, where that saves some; alloc may be asked again. What is returned may be memory of another
// origin.
func (r *Reader) ReadInto(ctx context.Context, i int, maxBytes int64, alloc func(n int64) []byte) ([]byte, object.Info, error) {
	item := r.items(i)
	if item.Column != "" && item.Problem == "" {
		return r.row(ctx, i, maxBytes)
	}
	if r.spans == nil || r.spans[i] == nil {
		return FetchInto(ctx, *item, maxBytes, alloc)
	}
	s := r.spans[i]
	if item.Size > maxBytes {
		s.leave()
		return nil, object.Info{}, memberTooLarge(item, maxBytes)
	}
	s.once.Do(func() { s.data, s.err = readMember(ctx, s.first, s.first.Offset, s.end-s.first.Offset) })
	data, err := s.take(item, alloc)
	if data == nil && err == nil {
		return Fetch(ctx, *item, maxBytes)
	}
	if err != nil {
		return nil, object.Info{}, fmt.Errorf("member %s: %w", item.Member, err)
	}
	return data, memberInfo(item, data), nil
}

// row reads a row of a Parquet file.
func (r *Reader) row(ctx context.Context, i int, maxBytes int64) ([]byte, object.Info, error) {
	n, _ := slices.BinarySearchFunc(r.rows, i, func(rows *rowRead, i int) int { return cmp.Compare(rows.end-1, i) })
	data, err := r.rows[n].read(ctx, i)
	item := r.items(i)
	if errors.Is(err, errTaken) {
		return Fetch(ctx, *item, maxBytes)
	}
	if err == nil && int64(len(data)) > maxBytes {
		err = fmt.Errorf("%w: %d bytes, the limit is %d", object.ErrTooLarge, len(data), maxBytes)
	}
	if err != nil {
		return nil, object.Info{}, fmt.Errorf("row %s of %s: %w", item.Member, item.URI, err)
	}
	return data, memberInfo(item, data), nil
}

// Close gives back what is open. No Read may be going on.
func (r *Reader) Close() {
	for _, rows := range r.rows {
		rows.close()
	}
}

// take copies out a member, and forgets the span with the last one; it returns nothing of a span that is forgotten.
func (s *span) take(item *Item, alloc func(n int64) []byte) ([]byte, error) {
	defer s.leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data == nil {
		return nil, s.err
	}
	at := item.Offset - s.first.Offset
	data := alloc(item.Size)[:item.Size]
	copy(data, s.data[at:])
	return data, nil
}

func (s *span) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting--; s.waiting == 0 {
		s.data = nil
	}
}

// readMember reads a part of an archive of the version that was listed.
func readMember(ctx context.Context, item Item, offset, length int64) ([]byte, error) {
	if length == 0 {
		return []byte{}, nil
	}
	loc, err := object.Parse(item.URI)
	if err != nil {
		return nil, err
	}
	store, err := object.Open(ctx, loc)
	if err != nil {
		return nil, err
	}
	return object.ReadFullOf(ctx, store, loc.Key, item.Version, offset, length)
}

// memberInfo describes a member: its own size and checksum, and the version of its archive.
func memberInfo(item *Item, data []byte) object.Info {
	sum := md5.Sum(data)
	return object.Info{Key: item.URI, Size: int64(len(data)), Version: item.Version, MD5: hex.EncodeToString(sum[:])}
}

func memberTooLarge(item *Item, maxBytes int64) error {
	return fmt.Errorf("member %s of %s: %w: %d bytes, the limit is %d", item.Member, item.URI, object.ErrTooLarge, item.Size, maxBytes)
}
