package object

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"
)

// fileStat implements fs.FileInfo.
type fileStat struct {
	name string
	dir  bool
	info Info
}

func newFileStat(name string, info Info) fileStat { return fileStat{name: name, info: info} }

func (s fileStat) Name() string       { return s.name }
func (s fileStat) Size() int64        { return s.info.Size }
func (s fileStat) ModTime() time.Time { return s.info.Modified }
func (s fileStat) IsDir() bool        { return s.dir }

// Sys gives the object's Info.
func (s fileStat) Sys() any { return s.info }

func (s fileStat) Mode() fs.FileMode {
	if s.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

// storeFile streams an object; a seek opens it anew.
type storeFile struct {
	fs     storeFS
	info   fileStat
	offset int64
	body   io.ReadCloser
	random io.ReaderAt
	closed bool
}

func (f *storeFile) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *storeFile) Read(p []byte) (int, error) {
	if f.closed {
		return 0, pathError("read", f.info.name, fs.ErrClosed)
	}
	if f.body == nil {
		if f.offset >= f.info.Size() {
			return 0, io.EOF
		}
		body, err := f.fs.store.ReadRange(context.Background(), f.info.info.Key, f.offset, -1)
		if err != nil {
			return 0, pathError("read", f.info.name, err)
		}
		f.body = body
	}
	n, err := f.body.Read(p)
	f.offset += int64(n)
	return n, err
}

func (f *storeFile) ReadAt(p []byte, offset int64) (int, error) {
	if f.closed {
		return 0, pathError("read", f.info.name, fs.ErrClosed)
	}
	if f.random == nil {
		f.random = ReaderAt(context.Background(), f.fs.store, f.info.info.Key, f.info.Size())
	}
	return f.random.ReadAt(p, offset)
}

func (f *storeFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		offset += f.info.Size()
	}
	if offset < 0 || f.closed {
		return 0, pathError("seek", f.info.name, fs.ErrInvalid)
	}
	if f.body != nil && offset != f.offset {
		f.body.Close()
		f.body = nil
	}
	f.offset = offset
	return offset, nil
}

func (f *storeFile) Close() error {
	if f.closed {
		return pathError("close", f.info.name, fs.ErrClosed)
	}
	f.closed = true
	if f.body != nil {
		return f.body.Close()
	}
	return nil
}

// storeDir lists a directory when it is first asked.
type storeDir struct {
	fs      storeFS
	info    fileStat
	path    string
	listed  bool
	entries []fs.DirEntry
}

func (d *storeDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *storeDir) Close() error               { return nil }
func (d *storeDir) Read([]byte) (int, error) {
	return 0, pathError("read", d.path, errors.New("it is a directory"))
}

func (d *storeDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.listed {
		entries, err := d.fs.entries(d.path, -1)
		if err != nil {
			return nil, pathError("readdir", d.path, err)
		}
		d.entries, d.listed = entries, true
	}
	if n > 0 && len(d.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.entries) {
		n = len(d.entries)
	}
	batch := d.entries[:n]
	d.entries = d.entries[n:]
	return batch, nil
}
