// Package object reads and writes objects in object stores: gs (Google Cloud Storage), file (local files) and mem (tests).
//
// It guarantees that an object is either whole or absent, that PutIfAbsent elects exactly one winner even between
// processes, and that every error is one of the sentinels below or wraps what the store said. It knows nothing about images,
// tables or runs.
package object

import (
	"context"
	"errors"
	"io"
	"time"
)

// Sentinel errors. Adapters wrap them with what was being done and to which object; test them with errors.Is.
var (
	// ErrNotFound says that the object, or its bucket, does not exist.
	ErrNotFound = errors.New("not found")
	// ErrExists says that PutIfAbsent lost: the object was there already, written by somebody else.
	ErrExists = errors.New("exists already")
	// ErrPermission says that the store refused the caller.
	ErrPermission = errors.New("permission denied")
	// ErrTransient says that the store could not answer, even after the adapter's own bounded retries; a later try may succeed.
	ErrTransient = errors.New("store unavailable")
	// ErrTooLarge says that an object is larger than the caller's limit.
	ErrTooLarge = errors.New("too large")
	// ErrChecksum says that the bytes that arrived are not those the store holds.
	ErrChecksum = errors.New("checksum mismatch")
	// ErrNoRange says that an object can be read as a whole only.
	ErrNoRange = errors.New("cannot be read in parts")
	// ErrChanged says that an object is no longer of the version that was asked for, or changed while it was read.
	ErrChanged = errors.New("changed meanwhile")
)

// Info describes one object as a store reports it.
type Info struct {
	// Key is the object's name within its bucket, byte for byte; for local files the absolute path.
	Key string
	// Size is in bytes.
	Size int64
	// Version is the identity of the content: "gen:<generation>", "etag:<etag>" or "mtime:<seconds>.<nanoseconds>-<size>".
	// Two reads that report the same Version saw the same bytes.
	Version string
	// MD5 is lower-case hexadecimal, or empty where the store does not keep it.
	MD5 string
	// ContentType is the MIME type the store keeps, or empty.
	ContentType string
	// Modified is the time of the last change.
	Modified time.Time
	// Problem, when not empty, says why this object can be listed but never read (a local name that is not valid UTF-8:
	// Key then holds it with the offending bytes as \xNN).
	Problem string
}

// ListOptions restricts a listing.
type ListOptions struct {
	// Prefix is a plain string prefix of the key; it need not end at a slash.
	Prefix string
	// StartAfter, when not empty, leaves out every key <= StartAfter.
	StartAfter string
	// EndBefore, when not empty, leaves out every key >= EndBefore.
	EndBefore string
	// Prune, when not nil, is a hint: a store that walks directories leaves out those for which it is true. dir is a key
	// that ends in a slash. Stores without directories ignore it, so the caller filters what it is given all the same.
	Prune func(dir string) bool
}

// Store is one bucket (or the local file system, or one named memory store). Implementations are safe for concurrent use,
// retry what is transient a bounded number of times with back-off, and honour the context's cancellation promptly.
type Store interface {
	// List calls fn for each object in bytewise order of the keys, streaming: the listing is never held in memory as a
	// whole. An error from fn ends the listing and is returned as it is. A listing that could not be completed is an error,
	// never a shorter listing. A prefix under which there is nothing lists nothing; a bucket that does not exist is
	// ErrNotFound.
	List(ctx context.Context, opts ListOptions, fn func(Info) error) error

	// Stat describes one object, or fails with ErrNotFound.
	Stat(ctx context.Context, key string) (Info, error)

	// Read returns the whole object, checked against the store's checksum where it keeps one, and the Info of what was read
	// (which may be newer than what was listed). An object of more than maxBytes fails with ErrTooLarge before its body is
	// read. ContentType and MD5 may be empty in the Info.
	Read(ctx context.Context, key string, maxBytes int64) ([]byte, Info, error)

	// ReadRange returns a reader of length bytes from offset; a negative length reads to the end. A range that goes past the
	// end of the object is cut there, without an error. The bytes are not checked against a checksum. The caller closes it.
	ReadRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)

	// PutIfAbsent writes a new object. write is called with the object's writer, once or, after a transient failure, again
	// from the start. The object appears whole or not at all, also when write fails, the context ends or the process is
	// killed. When the object exists already, by somebody else's hand, the error is ErrExists and the object is untouched;
	// a write of this very call whose reply was lost counts as success.
	PutIfAbsent(ctx context.Context, key string, write func(io.Writer) error) error

	// Delete removes an object. One that does not exist is no error.
	Delete(ctx context.Context, key string) error
}
