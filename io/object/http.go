package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// httpStore is one host of the web, read only: what names uris, such as a manifest, reads them through it. A version is the ETag, or
// else the time of the last change and the size; a server that gives neither time nor ETag gets "size:<bytes>", so that only a change of
// size is seen there.
type httpStore struct {
	remote
	host *httpHost
}

var _ Store = httpStore{}

func newHTTPStore(client *http.Client, loc Location) httpStore {
	h := &httpHost{client: client, at: loc}
	return httpStore{remote: remote{h}, host: h}
}

func (s httpStore) readOnly(op, key, what string) error {
	return &Error{Op: op, Object: s.host.uri(key), Cause: fmt.Errorf("%w: %s", errors.ErrUnsupported, what)}
}

// List implements Store: it fails, whatever the host.
func (s httpStore) List(_ context.Context, opts ListOptions, _ func(Info) error) error {
	return s.readOnly("list", opts.Prefix, "a web server cannot be listed; name its images in a manifest (@list.txt)")
}

// PutIfAbsent implements Store: it fails.
func (s httpStore) PutIfAbsent(_ context.Context, key string, _ func(io.Writer) error) error {
	return s.readOnly("write", key, "a web server can only be read")
}

// Delete implements Store: it fails.
func (s httpStore) Delete(_ context.Context, key string) error {
	return s.readOnly("delete", key, "a web server can only be read")
}

// httpHost makes the requests. It implements service.
type httpHost struct {
	client *http.Client
	at     Location
}

func (h *httpHost) uri(key string) string {
	return Location{Scheme: h.at.Scheme, Bucket: h.at.Bucket, Key: key}.String()
}

// httpCounted bounds, in bytes, how much of a body is read when a server does not say how long it is.
const httpCounted = 256 << 20

// stat asks with HEAD, and a server that does not answer it, or not with the size, with a request for the first byte.
func (h *httpHost) stat(ctx context.Context, key string) (Info, error) {
	resp, err := h.do(ctx, http.MethodHead, key, nil)
	if err != nil {
		return Info{}, err
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusOK && resp.ContentLength >= 0 {
		return h.info(key, resp, resp.ContentLength), nil
	}
	switch kind := statusKind(resp.StatusCode); {
	case kind == ErrNotFound, kind == ErrTransient && resp.StatusCode != http.StatusNotImplemented:
		return Info{}, statusError(resp)
	}
	a, err := h.get(ctx, key, 0, 1, "")
	if err != nil {
		return Info{}, err
	}
	defer a.Close()
	if a.info.Size < 0 {
		all, err := h.get(ctx, key, 0, -1, "")
		if err != nil {
			return Info{}, err
		}
		defer all.Close()
		n, err := io.Copy(io.Discard, io.LimitReader(all, httpCounted+1))
		if err != nil {
			return Info{}, err
		}
		if n > httpCounted {
			return Info{}, &Error{Op: "stat", Object: h.uri(key), Kind: ErrTooLarge, Cause: fmt.Errorf("the server does not say how long it is, and it is more than %d bytes", httpCounted)}
		}
		all.info.Size = n
		return h.versioned(all.info), nil
	}
	return a.info, nil
}

func (h *httpHost) get(ctx context.Context, key string, offset, length int64, version string) (*answer, error) {
	whole := offset == 0 && length < 0
	header := http.Header{}
	if !whole {
		header.Set("Range", byteRange(offset, length))
	}
	if etag, ok := strings.CutPrefix(version, "etag:"); ok && !strings.HasPrefix(etag, "W/") {
		header.Set("If-Match", `"`+etag+`"`)
	}
	resp, err := h.do(ctx, http.MethodGet, key, header)
	if err != nil {
		return nil, err
	}
	a, err := h.answer(key, resp, offset, length)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return a, nil
}

// answer reads the head of an answer: of the whole object, or of a range of it, which not every server gives.
func (h *httpHost) answer(key string, resp *http.Response, offset, length int64) (*answer, error) {
	a := &answer{ReadCloser: resp.Body, encoding: resp.Header.Get("Content-Encoding")}
	switch resp.StatusCode {
	case http.StatusOK:
		a.info = h.info(key, resp, resp.ContentLength)
		if offset > 0 {
			// The server gives no ranges: what is before this one comes with it.
			if _, err := io.CopyN(io.Discard, resp.Body, offset); err != nil && err != io.EOF {
				return nil, err
			}
		}
	case http.StatusPartialContent:
		first, size, err := contentRange(resp.Header.Get("Content-Range"))
		if err != nil {
			return nil, err
		}
		if first != offset {
			return nil, fmt.Errorf("the server gave bytes from %d, not from %d", first, offset)
		}
		a.info = h.info(key, resp, size)
	case http.StatusRequestedRangeNotSatisfiable:
		_, size, err := contentRange(resp.Header.Get("Content-Range"))
		if err != nil {
			size = -1
		}
		resp.Body.Close()
		return &answer{ReadCloser: io.NopCloser(bytes.NewReader(nil)), info: h.info(key, resp, size)}, nil
	default:
		return nil, statusError(resp)
	}
	a.ReadCloser = limitBody(a.ReadCloser, length)
	return a, nil
}

// contentRange reads "bytes 0-9/100", "bytes 0-9/*" and "bytes */100".
func contentRange(header string) (first, size int64, err error) {
	span, total, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	if !ok || !strings.HasPrefix(header, "bytes ") {
		return 0, 0, fmt.Errorf("the server gave a part of the object without saying which (Content-Range %q)", header)
	}
	if size, err = strconv.ParseInt(total, 10, 64); err != nil {
		size = -1
	}
	from, _, _ := strings.Cut(span, "-")
	if first, err = strconv.ParseInt(from, 10, 64); err != nil && from != "*" {
		return 0, 0, fmt.Errorf("the server gave a part of the object and said wrongly which (Content-Range %q)", header)
	}
	return first, size, nil
}

func (h *httpHost) info(key string, resp *http.Response, size int64) Info {
	info := Info{Key: key, Size: size, ContentType: resp.Header.Get("Content-Type")}
	if t, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
		info.Modified = t.UTC()
	}
	if etag := resp.Header.Get("ETag"); etag != "" {
		info.Version = "etag:" + etag
		if quoted, ok := strings.CutPrefix(etag, `"`); ok {
			info.Version = "etag:" + strings.TrimSuffix(quoted, `"`)
		}
	}
	return h.versioned(info)
}

// versioned gives an Info without an ETag a version.
func (h *httpHost) versioned(info Info) Info {
	switch {
	case strings.HasPrefix(info.Version, "etag:"):
	case !info.Modified.IsZero():
		info.Version = fmt.Sprintf("mtime:%d.000000000-%d", info.Modified.Unix(), info.Size)
	default:
		info.Version = fmt.Sprintf("size:%d", info.Size)
	}
	return info
}

func (h *httpHost) do(ctx context.Context, method, key string, header http.Header) (*http.Response, error) {
	path, _, _ := strings.Cut(key, "#") // the fragment is the reader's, not the server's
	u, err := url.Parse(h.at.Scheme + "://" + h.at.Bucket + "/" + path)
	if err != nil {
		return nil, &Error{Op: "read", Object: h.uri(key), Kind: ErrNotFound, Cause: errors.New("it is not a URL: write special characters as %20, and % itself as %25")}
	}
	req := &http.Request{Method: method, URL: u, Host: u.Host, Header: http.Header{"User-Agent": {"tagbeam"}, "Accept": {"image/*, */*;q=0.5"}, "Accept-Encoding": {"identity"}}}
	for name, values := range header {
		req.Header[name] = values
	}
	return h.client.Do(req.WithContext(ctx))
}

// statusError is an answer that is no object. Its body is not shown: it may be a page.
func statusError(resp *http.Response) error { return &httpStatus{resp.StatusCode} }

type httpStatus struct{ code int }

func (e *httpStatus) Error() string {
	text := http.StatusText(e.code)
	if text == "" {
		text = "the server refused"
	}
	return fmt.Sprintf("%s (HTTP %d)", text, e.code)
}

// explain implements service.
func (h *httpHost) explain(ctx context.Context, op, uri string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if ended := cancelled(ctx, op, uri); ended != nil {
		return ended
	}
	e := &Error{Op: op, Object: uri, Kind: transportKind(err), Cause: err}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		e.Cause = failed.Err // the uri stands in Object
	}
	if status, ok := errors.AsType[*httpStatus](err); ok {
		e.Kind = statusKind(status.code)
		if e.Kind == ErrNotFound {
			e.Cause = nil
		}
	}
	switch {
	case errors.Is(err, errPrivateHost):
		e.Kind = ErrPermission
	case errors.Is(err, errRedirect):
		e.Kind = nil
	case noSuchHost(err):
		e.Kind = ErrNotFound
	}
	return e
}
