package source

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/tagbeam/tagbeam/io/object"
)

const (
	// firstWindow is what is read after a jump: a header, and what follows it closely.
	firstWindow = 32 << 10
	// lastWindow is what windows grow to while all of an object is read. It bounds how long a reader that waits keeps a connection.
	lastWindow = 8 << 20
	// readPast is the gap up to which an object is read on rather than asked for anew: at 30 ms a request and 100 MB/s a connection, less
	// is not worth a request.
	readPast = 1 << 20
	// readPastLocal is the same for files, where a jump costs microseconds.
	readPastLocal = 32 << 10
)

// forward reads one version of an object from front to back in few requests, leaving out long stretches that are skipped with
// Seek. The object is read in windows, which grow as long as there are no such stretches.
type forward struct {
	ctx     context.Context
	store   object.Store
	key     string
	version string
	size    int64
	past    int64
	first   int64 // window after a jump

	pos    int64 // of the next byte to be read
	body   io.ReadCloser
	buffer *bufio.Reader
	at     int64 // where buffer stands; the open window ends at end
	end    int64
	window int64

	failed error // the store's error, for readers that do not hand it on
}

func newForward(ctx context.Context, store object.Store, scheme string, info object.Info) *forward {
	f := &forward{ctx: ctx, store: store, key: info.Key, version: info.Version, size: info.Size, past: readPast, first: firstWindow, buffer: bufio.NewReaderSize(nil, firstWindow)}
	if scheme == object.SchemeFile {
		f.past = readPastLocal
	}
	return f
}

// Read implements io.Reader. Its errors are object's.
func (f *forward) Read(p []byte) (int, error) {
	n, err := f.read(p)
	if err != nil && err != io.EOF {
		f.failed = err
	}
	return n, err
}

func (f *forward) read(p []byte) (int, error) {
	if f.pos >= f.size {
		return 0, io.EOF
	}
	if f.body == nil || f.pos < f.at || f.pos >= f.end {
		if err := f.open(); err != nil {
			return 0, err
		}
	}
	if skip := f.pos - f.at; skip > 0 {
		n, err := f.buffer.Discard(int(skip))
		f.at += int64(n)
		if err != nil {
			return 0, f.ended(err)
		}
	}
	n, err := f.buffer.Read(p[:min(int64(len(p)), f.end-f.at)])
	f.at += int64(n)
	f.pos = f.at
	switch {
	case f.at == f.end && err == io.EOF:
		return n, f.Close()
	case f.at == f.end && err == nil:
		err = f.finish()
	}
	return n, f.ended(err)
}

// open asks for the window that begins at pos.
func (f *forward) open() error {
	if f.body != nil {
		if err := f.finish(); err != nil {
			return err
		}
	}
	if f.end > 0 && f.pos >= f.end && f.pos-f.end < f.past {
		f.window = min(2*f.window, lastWindow)
		f.at = f.end
	} else {
		f.window = f.first
		f.at = f.pos
	}
	f.end = min(f.at+max(f.window, f.pos-f.at+firstWindow), f.size)
	body, err := object.ReadRangeOf(f.ctx, f.store, f.key, f.version, f.at, f.end-f.at)
	if err != nil {
		return err
	}
	f.body = body
	f.buffer.Reset(body)
	return nil
}

// finish reads a window that is nearly done to its end, so that its version is checked and its connection used again.
func (f *forward) finish() error {
	var err error
	if f.end-f.at < f.past {
		if _, err = io.Copy(io.Discard, f.buffer); err != nil {
			err = f.ended(err)
		}
	}
	f.body.Close()
	f.body = nil
	return err
}

// ended makes the end of a window within the object what it is.
func (f *forward) ended(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Seek implements io.Seeker, without a request.
func (f *forward) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.pos
	case io.SeekEnd:
		offset += f.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	f.pos = offset
	return offset, nil
}

// Close ends the open request.
func (f *forward) Close() error {
	if f.body == nil {
		return nil
	}
	body := f.body
	f.body = nil
	return body.Close()
}
