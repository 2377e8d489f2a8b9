package object

import (
	"context"
	"fmt"
	"io"
)

// VersionedReader is what a Store's ReadRange may return: a reader that knows which version of the object it reads.
type VersionedReader interface {
	io.ReadCloser
	// ReadVersion is the version (Info.Version) that the bytes read so far belong to.
	ReadVersion() (string, error)
}

// ReadRangeOf is Store.ReadRange of one version of an object. When the object has another version, or gets one while it is read,
// the error, of this call or of a Read, is ErrChanged; no reader that has come to its end (io.EOF) has given bytes of another version. A range that
// is not read to its end is not checked where the store's readers do not know their version.
func ReadRangeOf(ctx context.Context, store Store, key, version string, offset, length int64) (io.ReadCloser, error) {
	body, err := store.ReadRange(AtVersion(ctx, version), key, offset, length)
	if err != nil {
		return nil, err
	}
	r := &rangeOf{ReadCloser: body, ctx: ctx, store: store, key: key, version: version}
	if v, ok := body.(VersionedReader); ok {
		r.current = v.ReadVersion
		if err := r.check(); err != nil {
			body.Close()
			return nil, err
		}
		return r, nil
	}
	// Versions do not come back: when it is the same afterwards, it was all the time.
	r.current = func() (string, error) {
		info, err := store.Stat(ctx, key)
		return info.Version, err
	}
	return r, nil
}

type rangeOf struct {
	io.ReadCloser
	ctx     context.Context
	store   Store
	key     string
	version string
	current func() (string, error)
}

// Read checks the version before it says that the range is at its end.
func (r *rangeOf) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err == io.EOF {
		if changed := r.check(); changed != nil {
			err = changed
		}
	}
	return n, err
}

func (r *rangeOf) check() error {
	now, err := r.current()
	if err != nil || now == r.version {
		return err
	}
	return &Error{Op: "read", Object: r.key, Kind: ErrChanged, Cause: fmt.Errorf("its version was %s and is %s", r.version, now)}
}

// ReadFullOf returns length bytes of one version of an object. An object that ends before them is io.ErrUnexpectedEOF.
func ReadFullOf(ctx context.Context, store Store, key, version string, offset, length int64) ([]byte, error) {
	body, err := ReadRangeOf(ctx, store, key, version, offset, length)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	// One byte to spare, so that the end is seen and the version checked.
	data := make([]byte, length+1)
	n, err := io.ReadFull(body, data)
	switch {
	case err == nil:
		return data[:length], nil // a store that gives more than it was asked for
	case err != io.ErrUnexpectedEOF && err != io.EOF:
		return nil, err
	case int64(n) < length:
		return nil, &Error{Op: "read", Object: key, Cause: fmt.Errorf("it ends at byte %d, wanted are %d: %w", offset+int64(n), offset+length, io.ErrUnexpectedEOF)}
	}
	return data[:length:length], nil
}
