package object

import "context"

// ReaderInto is a Store that can read an object into memory of the caller's.
type ReaderInto interface {
	// ReadInto is Read into what alloc returns, which is asked for the object's size, again when it has to be read again.
	ReadInto(ctx context.Context, key string, maxBytes int64, alloc func(size int64) []byte) ([]byte, Info, error)
}
