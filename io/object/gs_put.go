package object

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"hash/crc32"
	"io"
	"net/http"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
)

const (
	// gsChunkSize is the buffer of an upload. What fits goes in one request from a buffer of its own size; what does not
	// goes as a resumable upload, each chunk of which costs a round trip.
	gsChunkSize = 8 << 20
	// gsAttemptKey is the metadata key under which an object keeps the identity of the call that wrote it.
	gsAttemptKey = "tagbeam-attempt"
)

// PutIfAbsent implements Store.
func (s *gsStore) PutIfAbsent(ctx context.Context, key string, write func(io.Writer) error) error {
	if key == "" {
		return &Error{Op: "write", Object: s.uri(key), Cause: errors.New("an object needs a name")}
	}
	u := &gsUpload{store: s, key: key, attempt: rand.Text()}
	err := s.client.retry(ctx, "write", s.uri(key), func(ctx context.Context) error { return u.try(ctx, write) })
	if err == nil {
		err = u.failed
	}
	return err
}

// gsUpload is one call of PutIfAbsent.
type gsUpload struct {
	store   *gsStore
	key     string
	attempt string
	whole   []byte // what write wrote, kept for a repetition when it is no larger than a chunk
	done    bool   // whole is complete
	failed  error  // what write returned; that is not repeated, whatever the reason
}

func (u *gsUpload) try(ctx context.Context, write func(io.Writer) error) error {
	// Cancelling is what ends an upload that has failed: closing its writer would commit a truncated object.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if u.done {
		return u.putWhole(ctx)
	}
	w := &gsWriter{open: func() *storage.Writer { return u.newWriter(ctx, gsChunkSize) }}
	if err := write(contextWriter{ctx, w}); err != nil && w.err == nil {
		u.failed = writeFailed(ctx, u.store.uri(u.key), err)
		return nil
	}
	if w.err != nil {
		return u.resolve(ctx, w.err)
	}
	if w.upload != nil {
		return u.resolve(ctx, w.upload.Close())
	}
	u.whole, u.done = w.buffer.Bytes(), true
	return u.putWhole(ctx)
}

func (u *gsUpload) putWhole(ctx context.Context) error {
	w := u.newWriter(ctx, 0)
	w.SendCRC32C, w.CRC32C = true, crc32.Checksum(u.whole, crc32.MakeTable(crc32.Castagnoli))
	if _, err := w.Write(u.whole); err != nil {
		return u.resolve(ctx, err)
	}
	return u.resolve(ctx, w.Close())
}

func (u *gsUpload) newWriter(ctx context.Context, chunkSize int) *storage.Writer {
	w := u.store.bucket.Object(u.key).If(storage.Conditions{DoesNotExist: true}).NewWriter(ctx)
	w.ChunkSize = chunkSize
	w.Metadata = map[string]string{gsAttemptKey: u.attempt}
	return w
}

// resolve tells a lost election from a lost reply: when the object exists and carries this call's attempt, it is ours.
func (u *gsUpload) resolve(ctx context.Context, err error) error {
	answer, ok := errors.AsType[*googleapi.Error](err)
	if !ok || answer.Code != http.StatusPreconditionFailed {
		return err
	}
	attrs, err := u.store.bucket.Object(u.key).Attrs(ctx)
	switch {
	case errors.Is(err, storage.ErrObjectNotExist):
		return &Error{Op: "write", Object: u.store.uri(u.key), Kind: ErrTransient, Cause: errors.New("it was there and is gone again")}
	case err != nil:
		return err
	case attrs.Metadata[gsAttemptKey] == u.attempt:
		return nil
	default:
		return &Error{Op: "write", Object: u.store.uri(u.key), Kind: ErrExists}
	}
}

// gsWriter collects up to gsChunkSize bytes and opens an upload only for more.
type gsWriter struct {
	open   func() *storage.Writer
	buffer bytes.Buffer
	upload *storage.Writer
	err    error // the upload's first
}

func (w *gsWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.upload == nil {
		if w.buffer.Len()+len(p) <= gsChunkSize {
			return w.buffer.Write(p)
		}
		w.upload = w.open()
		if _, w.err = w.upload.Write(w.buffer.Bytes()); w.err != nil {
			return 0, w.err
		}
		w.buffer = bytes.Buffer{}
	}
	n, err := w.upload.Write(p)
	w.err = err
	return n, err
}
