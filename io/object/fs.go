package object

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
)

// FS gives the objects below a prefix as a read-only file system, for code that reads from an fs.FS. The prefix is taken as
// a folder. Names that no fs.FS can have (an empty, "." or ".." element) are left out. Its files are io.ReaderAt and
// io.Seeker too; an fs.FS knows no context, so nothing it does can be cancelled.
func FS(store Store, prefix string) fs.FS {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return storeFS{store, prefix}
}

type storeFS struct {
	store  Store
	prefix string
}

var (
	_ fs.ReadFileFS = storeFS{}
	_ fs.ReadDirFS  = storeFS{}
	_ fs.StatFS     = storeFS{}
)

// Open implements fs.FS.
func (f storeFS) Open(name string) (fs.File, error) {
	info, err := f.stat("open", name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return &storeFile{fs: f, info: info}, nil
	}
	return &storeDir{fs: f, info: info, path: name}, nil
}

// Stat implements fs.StatFS.
func (f storeFS) Stat(name string) (fs.FileInfo, error) {
	info, err := f.stat("stat", name)
	if err != nil {
		return nil, err
	}
	return info, nil
}

// ReadFile implements fs.ReadFileFS, with one request.
func (f storeFS) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, pathError("read", name, fs.ErrInvalid)
	}
	data, _, err := f.store.Read(context.Background(), f.key(name), math.MaxInt64)
	if err != nil {
		return nil, pathError("read", name, err)
	}
	return data, nil
}

// ReadDir implements fs.ReadDirFS.
func (f storeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if !fs.ValidPath(name) {
		return nil, pathError("readdir", name, fs.ErrInvalid)
	}
	entries, err := f.entries(name, -1)
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	if len(entries) == 0 && name != "." {
		return nil, pathError("readdir", name, fs.ErrNotExist)
	}
	return entries, nil
}

func (f storeFS) key(name string) string {
	if name == "." {
		return f.prefix
	}
	return f.prefix + name
}

func (f storeFS) stat(op, name string) (fileStat, error) {
	if !fs.ValidPath(name) {
		return fileStat{}, pathError(op, name, fs.ErrInvalid)
	}
	if name == "." {
		return fileStat{name: ".", dir: true}, nil
	}
	info, err := f.store.Stat(context.Background(), f.key(name))
	if err == nil {
		return newFileStat(path.Base(name), info), nil
	}
	if !errors.Is(err, ErrNotFound) {
		return fileStat{}, pathError(op, name, err)
	}
	below, listErr := f.entries(name, 1)
	if listErr != nil {
		return fileStat{}, pathError(op, name, listErr)
	}
	if len(below) == 0 {
		return fileStat{}, pathError(op, name, err)
	}
	return fileStat{name: path.Base(name), dir: true}, nil
}

var errEnough = errors.New("enough entries")

// entries lists a directory, sorted by name; n > 0 is how many are enough. Below a subdirectory it looks at one object and
// goes on behind it, so that a deep tree costs a request a subdirectory and not its whole listing.
func (f storeFS) entries(dir string, n int) ([]fs.DirEntry, error) {
	prefix := f.prefix
	if dir != "." {
		prefix += dir + "/"
	}
	opts := ListOptions{Prefix: prefix}
	var entries []fs.DirEntry
	for {
		err := f.store.List(context.Background(), opts, func(info Info) error {
			name, _, isDir := strings.Cut(info.Key[len(prefix):], "/")
			if isDir {
				opts.StartAfter = prefix + name + "/\U0010FFFF"
			}
			if name == "" || !fs.ValidPath(name) || name == "." || info.Problem != "" {
				if isDir {
					return errEnough
				}
				return nil
			}
			stat := newFileStat(name, info)
			if isDir {
				stat = fileStat{name: name, dir: true}
			}
			entries = append(entries, fs.FileInfoToDirEntry(stat))
			if isDir || len(entries) == n {
				return errEnough
			}
			return nil
		})
		if err != errEnough || len(entries) == n {
			if err == errEnough {
				err = nil
			}
			slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
			return slices.CompactFunc(entries, func(a, b fs.DirEntry) bool { return a.Name() == b.Name() }), err
		}
	}
}

// pathError gives a store's error the sentinels of package fs as well.
func pathError(op, name string, err error) error {
	kind := map[error]error{ErrNotFound: fs.ErrNotExist, ErrPermission: fs.ErrPermission}
	for ours, theirs := range kind {
		if errors.Is(err, ours) {
			err = fsError{err, theirs}
		}
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

type fsError struct{ err, kind error }

func (e fsError) Error() string   { return e.err.Error() }
func (e fsError) Unwrap() []error { return []error{e.err, e.kind} }
