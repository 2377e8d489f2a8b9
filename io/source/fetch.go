package source

import (
	"context"
	"fmt"

	"github.com/tagbeam/tagbeam/io/object"
)

// Fetch reads the bytes of an item, and tells what was read, which may be newer than what was listed. More than maxBytes is
// object.ErrTooLarge, before the body is read. Other errors are the sentinels of package object too; an item with a Problem
// is object.ErrNotFound.
func Fetch(ctx context.Context, item Item, maxBytes int64) ([]byte, object.Info, error) {
	if item.Problem != "" {
		return nil, object.Info{}, fmt.Errorf("read %s: %w: %s", item.URI, object.ErrNotFound, item.Problem)
	}
	if item.Member != "" {
		return nil, object.Info{}, fmt.Errorf("read %s, member %s: members of objects are not supported yet", item.URI, item.Member)
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
