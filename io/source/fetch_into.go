package source

import (
	"context"
	"fmt"

	"github.com/tagbeam/tagbeam/io/object"
)

// FetchInto is Fetch into memory that alloc gives, where the item's store can do that; alloc is asked for as many bytes as the item has,
// again when it has to be read again. What is returned may be memory of another origin.
func FetchInto(ctx context.Context, item Item, maxBytes int64, alloc func(size int64) []byte) ([]byte, object.Info, error) {
	if item.Member != "" || item.Problem != "" {
		return Fetch(ctx, item, maxBytes)
	}
	loc, err := object.Parse(item.URI)
	if err != nil {
		return nil, object.Info{}, fmt.Errorf("read %s: %w", item.URI, err)
	}
	store, err := object.Open(ctx, loc)
	if err != nil {
		return nil, object.Info{}, fmt.Errorf("read %s: %w", item.URI, err)
	}
	if r, ok := store.(object.ReaderInto); ok {
		return r.ReadInto(ctx, loc.Key, maxBytes, alloc)
	}
	return Fetch(ctx, item, maxBytes)
}
