package object

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// fileStore is the local file system. Keys are absolute, clean paths; only regular files, and symbolic links to them, are
// objects.
type fileStore struct{}

var (
	_ Store      = fileStore{}
	_ ReaderInto = fileStore{}
)

// Stat implements Store.
func (fileStore) Stat(ctx context.Context, key string) (Info, error) {
	if err := checkFileKey("stat", key); err != nil {
		return Info{}, err
	}
	if err := cancelled(ctx, "stat", key); err != nil {
		return Info{}, err
	}
	st, err := os.Stat(key)
	if err != nil {
		return Info{}, fileError("stat", key, err)
	}
	if err := checkRegular("stat", key, st); err != nil {
		return Info{}, err
	}
	return fileInfo(key, st), nil
}

// fileReadAttempts bounds how often a file that changes under the reader is read again.
const fileReadAttempts = 3

// Read implements Store. A file that changes while it is read is read again; one that never stands still is ErrTransient.
func (s fileStore) Read(ctx context.Context, key string, maxBytes int64) ([]byte, Info, error) {
	return s.ReadInto(ctx, key, maxBytes, func(size int64) []byte { return make([]byte, size) })
}

// ReadInto implements ReaderInto.
func (fileStore) ReadInto(ctx context.Context, key string, maxBytes int64, alloc func(size int64) []byte) ([]byte, Info, error) {
	if err := checkFileKey("read", key); err != nil {
		return nil, Info{}, err
	}
	for range fileReadAttempts {
		data, info, changed, err := readFile(ctx, key, maxBytes, alloc)
		if err != nil || !changed {
			return data, info, err
		}
	}
	return nil, Info{}, &Error{Op: "read", Object: key, Kind: ErrTransient, Cause: errors.New("the file keeps changing while it is read")}
}

// duringRead lets a test change the file between the two looks at its state.
var duringRead = func(string) {}

func readFile(ctx context.Context, key string, maxBytes int64, alloc func(size int64) []byte) (data []byte, info Info, changed bool, err error) {
	f, before, err := openRegular(ctx, key)
	if err != nil {
		return nil, Info{}, false, err
	}
	defer f.Close()
	if before.Size() > maxBytes {
		return nil, Info{}, false, tooLarge(key, before.Size(), maxBytes)
	}
	data = alloc(before.Size())
	n, err := io.ReadFull(contextReader{ctx, f}, data)
	if ended := cancelled(ctx, "read", key); ended != nil {
		return nil, Info{}, false, ended
	}
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, Info{}, false, fileError("read", key, err)
	}
	duringRead(key)
	after, err := f.Stat()
	if err != nil {
		return nil, Info{}, false, fileError("read", key, err)
	}
	changed = n < len(data) || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime())
	return data, fileInfo(key, before), changed, nil
}

// ReadRange implements Store.
func (fileStore) ReadRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 {
		return nil, negativeOffset(key, offset)
	}
	if err := checkFileKey("read", key); err != nil {
		return nil, err
	}
	f, st, err := openRegular(ctx, key)
	if err != nil {
		return nil, err
	}
	rest := max(st.Size()-offset, 0)
	if length >= 0 {
		rest = min(rest, length)
	}
	return &fileReader{contextReader{ctx, io.NewSectionReader(f, offset, rest)}, f, key}, nil
}

// fileReader reads a range of a file.
type fileReader struct {
	io.Reader
	file *os.File
	key  string
}

func (r *fileReader) Close() error { return r.file.Close() }

// ReadVersion implements VersionedReader: that of the file as it is now, because a file may be written to while it is read.
func (r *fileReader) ReadVersion() (string, error) {
	st, err := r.file.Stat()
	if err != nil {
		return "", fileError("read", r.key, err)
	}
	return fileInfo(r.key, st).Version, nil
}

// openRegular opens without blocking: a FIFO would otherwise wait for a writer for ever.
func openRegular(ctx context.Context, key string) (*os.File, fs.FileInfo, error) {
	if err := cancelled(ctx, "read", key); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(key, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fileError("read", key, err)
	}
	st, err := f.Stat()
	if err == nil {
		err = checkRegular("read", key, st)
	} else {
		err = fileError("read", key, err)
	}
	if err == nil {
		err = checkVersion(ctx, key, fileInfo(key, st).Version)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, st, nil
}

// Delete implements Store. Parent directories stay, also when they are empty now.
func (fileStore) Delete(ctx context.Context, key string) error {
	if err := checkFileKey("delete", key); err != nil {
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}
	if err := cancelled(ctx, "delete", key); err != nil {
		return err
	}
	// os.Remove would remove an empty directory too.
	st, err := os.Lstat(key)
	if err == nil && st.IsDir() {
		return &Error{Op: "delete", Object: key, Cause: errors.New("is a directory, not an object")}
	}
	if err == nil {
		err = os.Remove(key)
	}
	if err := fileError("delete", key, err); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

func fileInfo(key string, st fs.FileInfo) Info {
	t := st.ModTime()
	return Info{
		Key: key, Size: st.Size(), Modified: t.UTC(),
		Version: fileVersion(t, st.Size()),
	}
}

// fileVersion is what takes the place of a version for a file. It is made for every file that is read, so that it costs one allocation.
func fileVersion(modified time.Time, size int64) string {
	var b [64]byte
	v := strconv.AppendInt(append(b[:0], "mtime:"...), modified.Unix(), 10)
	v = append(v, '.')
	for n, unit := modified.Nanosecond(), 100_000_000; unit > 0; unit /= 10 {
		v = append(v, byte('0'+n/unit%10))
	}
	return string(strconv.AppendInt(append(v, '-'), size, 10))
}

// checkFileKey finds keys that no file can have. That such a file does not exist is an answer, not a misuse.
func checkFileKey(op, key string) error {
	if !strings.HasPrefix(key, "/") {
		return &Error{Op: op, Object: key, Cause: errors.New("the key of a local file is an absolute path")}
	}
	if key != path.Clean(key) || !utf8.ValidString(key) || strings.ContainsRune(key, 0) {
		return &Error{Op: op, Object: key, Kind: ErrNotFound, Cause: errors.New("no file has such a key (it is not a clean path in UTF-8)")}
	}
	return nil
}

func checkRegular(op, key string, st fs.FileInfo) error {
	if st.Mode().IsRegular() {
		return nil
	}
	kind := "not a regular file"
	if st.IsDir() {
		kind = "a directory"
	}
	return &Error{Op: op, Object: key, Kind: ErrNotFound, Cause: errors.New("it is " + kind)}
}

// fileError gives an operating system error its sentinel; nil stays nil.
func fileError(op, key string, err error) error {
	if err == nil {
		return nil
	}
	is := func(errnos ...syscall.Errno) bool {
		for _, e := range errnos {
			if errors.Is(err, e) {
				return true
			}
		}
		return false
	}
	e := &Error{Op: op, Object: key, Cause: err}
	switch {
	case is(syscall.ENOENT, syscall.ENOTDIR), op != "write" && is(syscall.ENAMETOOLONG, syscall.ELOOP, syscall.ENXIO):
		e.Kind = ErrNotFound
	case is(syscall.EACCES, syscall.EPERM, syscall.EROFS):
		e.Kind = ErrPermission
	case is(syscall.EIO, syscall.ESTALE, syscall.ETIMEDOUT, syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM):
		e.Kind = ErrTransient
	}
	return e
}

// contextReader fails as soon as the context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// contextReadSize bounds one read, so that a large file does not outlast the context.
const contextReadSize = 4 << 20

func (r contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p[:min(len(p), contextReadSize)])
}
