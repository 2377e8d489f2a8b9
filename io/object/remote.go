package object

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// remote is what the stores that are spoken to over HTTP by versions have in common: retries, bodies that break off, pinned
// versions. The service underneath makes single requests.
type remote struct{ service service }

// service makes requests of one bucket (or host), each once. What it returns as errors is for explain, which gives an *Error.
type service interface {
	uri(key string) string
	// stat describes an object.
	stat(ctx context.Context, key string) (Info, error)
	// get asks for length bytes from offset, or all from there when length is negative; when version is not empty, of that
	// version only (ErrChanged, or an answer whose Info has another). A range behind the end is an answer without bytes.
	get(ctx context.Context, key string, offset, length int64, version string) (*answer, error)
	// explain gives an error its sentinel and names the object. Errors that are explained already stay as they are.
	explain(ctx context.Context, op, uri string, err error) error
}

// answer is an object's body, or a range of it.
type answer struct {
	io.ReadCloser
	// info is that of the whole object. Size is negative where the service does not say it.
	info Info
	// encoding is the Content-Encoding.
	encoding string
	// check says whether the bytes of the whole object are those that are stored, and may add to info; nil: it is not known.
	check func(data []byte) error
}

// Stat implements Store.
func (s remote) Stat(ctx context.Context, key string) (Info, error) {
	uri := s.service.uri(key)
	var info Info
	err := retry(ctx, "stat", uri, func(ctx context.Context) (err error) {
		info, err = s.service.stat(ctx, key)
		return s.service.explain(ctx, "stat", uri, err)
	})
	if err != nil {
		return Info{}, err
	}
	return info, nil
}

// Read implements Store, with one request. What is stored with Content-Encoding gzip is decoded; size, MD5 and limit are those of
// the stored object, and the limit holds for the decoded bytes too.
func (s remote) Read(ctx context.Context, key string, maxBytes int64) ([]byte, Info, error) {
	uri := s.service.uri(key)
	var (
		data []byte
		info Info
	)
	err := retry(ctx, "read", uri, func(ctx context.Context) (err error) {
		data, info, err = s.readOnce(ctx, key, maxBytes)
		return s.service.explain(ctx, "read", uri, err)
	})
	if err != nil {
		return nil, Info{}, err
	}
	return data, info, nil
}

func (s remote) readOnce(ctx context.Context, key string, maxBytes int64) ([]byte, Info, error) {
	uri := s.service.uri(key)
	a, err := s.service.get(ctx, key, 0, -1, versionOf(ctx))
	if err != nil {
		return nil, Info{}, err
	}
	defer a.Close()
	if err := checkVersion(ctx, uri, a.info.Version); err != nil {
		return nil, Info{}, err
	}
	if a.info.Size > maxBytes {
		return nil, Info{}, tooLarge(uri, a.info.Size, maxBytes)
	}
	data, err := readAtMost(a, a.info.Size, maxBytes)
	if err != nil {
		return nil, Info{}, err
	}
	switch n := int64(len(data)); {
	case n > maxBytes:
		return nil, Info{}, &Error{Op: "read", Object: uri, Kind: ErrTooLarge, Cause: fmt.Errorf("more than %d bytes", maxBytes)}
	case a.info.Size < 0:
		a.info.Size = n
	case n != a.info.Size:
		return nil, Info{}, fmt.Errorf("%d of %d bytes came: %w", n, a.info.Size, io.ErrUnexpectedEOF)
	}
	if a.check != nil {
		if err := a.check(data); err != nil {
			return nil, Info{}, err
		}
	}
	if a.encoding == "gzip" {
		data, err = gunzip(uri, data, maxBytes)
	}
	return data, a.info, err
}

// ReadRange implements Store. A body that breaks off is taken up where it ended, in the same version of the object.
func (s remote) ReadRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	uri := s.service.uri(key)
	if offset < 0 {
		return nil, negativeOffset(uri, offset)
	}
	r := &rangeReader{ctx: ctx, service: s.service, key: key, uri: uri, next: offset, left: max(length, -1), version: versionOf(ctx), requests: rangeRequests}
	err := retry(ctx, "read", uri, r.open)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// rangeRequests is how many requests one reader of a range may make.
const rangeRequests = 4

// rangeReader reads a range over as many requests as it takes, within limits.
type rangeReader struct {
	ctx      context.Context
	service  service
	key, uri string
	next     int64 // offset of the next byte
	left     int64 // bytes still to read, or -1: to the end
	version  string
	requests int // still allowed

	body io.ReadCloser
}

func (r *rangeReader) open(ctx context.Context) error {
	a, err := r.service.get(ctx, r.key, r.next, r.left, r.version)
	if err != nil {
		return r.service.explain(ctx, "read", r.uri, err)
	}
	switch {
	case r.version != "" && a.info.Version != r.version:
		err = changed(r.uri, r.version, a.info.Version)
	case a.encoding == "gzip":
		err = &Error{Op: "read", Object: r.uri, Kind: ErrNoRange,
			Cause: errors.New("the object is stored with Content-Encoding gzip; store it without")}
	}
	if err != nil {
		a.Close()
		return err
	}
	r.version, r.body = a.info.Version, a
	r.requests--
	return nil
}

// ReadVersion implements VersionedReader: all requests of a reader are of one version.
func (r *rangeReader) ReadVersion() (string, error) { return r.version, nil }

// Read implements io.Reader.
func (r *rangeReader) Read(p []byte) (int, error) {
	if r.left >= 0 && int64(len(p)) > r.left {
		p = p[:r.left]
	}
	if len(p) == 0 && r.left == 0 {
		return 0, io.EOF
	}
	for {
		n, err := r.body.Read(p)
		r.next += int64(n)
		if r.left > 0 {
			r.left -= int64(n)
		}
		if n > 0 || err == nil || err == io.EOF {
			if n > 0 && err != io.EOF {
				err = nil // it shows again
			}
			return n, err
		}
		if err = r.service.explain(r.ctx, "read", r.uri, err); !errors.Is(err, ErrTransient) || r.requests == 0 {
			return 0, err
		}
		r.body.Close()
		r.body = io.NopCloser(brokenOff{err})
		pause(r.ctx, rangeRequests-r.requests)
		if again := r.open(r.ctx); again != nil {
			if errors.Is(again, ErrTransient) {
				r.requests--
				continue
			}
			return 0, again
		}
	}
}

// brokenOff stands for a body until the next request for it.
type brokenOff struct{ err error }

func (b brokenOff) Read([]byte) (int, error) { return 0, b.err }

// Close implements io.Closer.
func (r *rangeReader) Close() error { return r.body.Close() }
