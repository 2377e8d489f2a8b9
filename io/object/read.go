package object

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// readAtMost reads to the end, where the checksum is checked, but stops one byte behind maxBytes. size is what the reader
// is said to hold, or negative.
func readAtMost(r io.Reader, size, maxBytes int64) ([]byte, error) {
	// A reader that ends where its size says fits without growing: ReadFrom wants bytes.MinRead to spare.
	buffer := bytes.NewBuffer(make([]byte, 0, max(size, 0)+bytes.MinRead))
	limit := maxBytes
	if limit < limit+1 {
		limit++
	}
	_, err := buffer.ReadFrom(io.LimitReader(r, limit))
	return buffer.Bytes(), err
}

// gunzip decodes an object whose metadata say that it is gzip. One that is not is left as it is: the metadata are wrong.
func gunzip(uri string, stored []byte, maxBytes int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(stored))
	if err != nil {
		return stored, nil
	}
	data, err := readAtMost(z, -1, maxBytes)
	if err != nil {
		return nil, &Error{Op: "read", Object: uri,
			Cause: fmt.Errorf("the object is stored with Content-Encoding gzip and cannot be decoded: %v", err)}
	}
	if int64(len(data)) > maxBytes {
		return nil, &Error{Op: "read", Object: uri, Kind: ErrTooLarge,
			Cause: fmt.Errorf("more than %d bytes when its gzip encoding is taken off", maxBytes)}
	}
	return data, nil
}

// byteRange is a Range header; one of no bytes asks for one.
func byteRange(offset, length int64) string {
	if length < 0 {
		return fmt.Sprintf("bytes=%d-", offset)
	}
	return fmt.Sprintf("bytes=%d-%d", offset, max(offset+max(length, 1)-1, offset))
}

// limitBody cuts a body that may be longer than what was asked for; a negative length cuts nothing.
func limitBody(body io.ReadCloser, length int64) io.ReadCloser {
	if length < 0 {
		return body
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, length), body}
}
