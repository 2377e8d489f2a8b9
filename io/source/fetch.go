package source

import (
	"context"
	"fmt"

	"github.com/tagbeam/tagbeam/io/object"
)

// Fetch reads the bytes of an item, and tells what was read, which may be newer than what was listed. More than maxBytes is
// object.ErrTooLarge, before the body is read. Other errors are the sentinels of package object too, and an item's own *Problem. A
// member is read from the version of the archive that was listed, or fails with object.ErrChanged.
func Fetch(ctx context.Context, item Item, maxBytes int64) ([]byte, object.Info, error) {
	if p := item.problem(); p != nil {
		return nil, object.Info{}, fmt.Errorf("read %s: %w", item.URI, p)
	}
	if item.Column != "" {
		r := NewReader(1, func(int) *Item { return &item })
		defer r.Close()
		return r.Read(ctx, 0, maxBytes)
	}
	if item.Member != "" {
		if item.Size > maxBytes {
			return nil, object.Info{}, memberTooLarge(&item, maxBytes)
		}
		data, err := readMember(ctx, item, item.Offset, item.Size)
		if err != nil {
			return nil, object.Info{}, fmt.Errorf("member %s: %w", item.Member, err)
		}
		return data, memberInfo(&item, data), nil
	}
	loc, err := object.Parse(item.URI)
	if err != nil {
		return nil, object.Info{}, fmt.Errorf("read %s: %w", item.URI, err)
	}
	store, err := object.Open(ctx, loc)
	if err != nil {
		return nil, object.Info{}, fmt.Errorf("read %s: %w", item.URI, err)
	}
	return store.Read(ctx, loc.Key, maxBytes)
}
