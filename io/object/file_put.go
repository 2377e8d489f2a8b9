package object

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	fileMode = 0o666 // minus umask, which decides who shares a table
	dirMode  = 0o777
)

// PutIfAbsent implements Store. Bytes are written to a file without a name, or where the system has none to a hidden one, then
// synced, then linked to the object's name, which only one caller on the machine (or the file server) can do.
func (fileStore) PutIfAbsent(ctx context.Context, key string, write func(io.Writer) error) error {
	if err := checkFilePut(ctx, key); err != nil {
		return err
	}
	dir := filepath.Dir(key)
	if err := makeDirs(dir); err != nil {
		return fileError("write", key, err)
	}
	t, err := createTemporary(dir)
	if err != nil {
		return fileError("write", key, err)
	}
	defer t.discard()
	if err := write(contextWriter{ctx, t.file}); err != nil {
		return writeFailed(ctx, key, err)
	}
	if err := t.file.Sync(); err != nil {
		return fileError("write", key, err)
	}
	if err := cancelled(ctx, "write", key); err != nil {
		return err
	}
	err = t.publish(key)
	if errors.Is(err, fs.ErrExist) && !t.isFile(key) {
		return &Error{Op: "write", Object: key, Kind: ErrExists}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fileError("write", key, err)
	}
	return fileError("write", key, syncDir(dir))
}

func checkFilePut(ctx context.Context, key string) error {
	if err := checkFileKey("write", key); err != nil {
		return &Error{Op: "write", Object: key, Cause: errors.New("the key of a local file is an absolute, clean path in UTF-8")}
	}
	if name := filepath.Base(key); strings.HasPrefix(name, ".") && strings.HasSuffix(name, temporarySuffix) {
		return &Error{Op: "write", Object: key, Cause: fmt.Errorf("names like .*%s are those of unfinished files", temporarySuffix)}
	}
	if err := cancelled(ctx, "write", key); err != nil {
		return err
	}
	st, err := os.Lstat(key)
	if err == nil && st.IsDir() {
		return &Error{Op: "write", Object: key, Cause: errors.New("there is a directory of that name")}
	}
	if err == nil {
		return &Error{Op: "write", Object: key, Kind: ErrExists}
	}
	return nil // whatever else is wrong shows when the directory is made or the file is written
}

// temporary is a file being written. Its name is empty where nothing has to be removed when the process is killed.
type temporary struct {
	file *os.File
	name string
}

func createNamed(dir string) (*temporary, error) {
	name := filepath.Join(dir, "."+rand.Text()+temporarySuffix)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	return &temporary{file: f, name: name}, nil
}

// link and unnamedFiles are changed by tests, to stand for file systems that have no hard links or no O_TMPFILE.
var (
	link         = os.Link
	unnamedFiles = true
)

// publishNamed gives a named file its final name; fs.ErrExist where that is taken.
func (t *temporary) publishNamed(key string) error {
	err := link(t.name, key)
	if !noHardLinks(err) {
		return err
	}
	err = renameNoReplace(t.name, key)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("this file system has neither hard links nor an exclusive rename, "+
			"so a file cannot be written whole or not at all; write to another one: %w", err)
	}
	return err
}

// isFile says whether key is this very file: a file server that lost its reply to a link says that the name is taken when the
// link is repeated.
func (t *temporary) isFile(key string) bool {
	ours, err := t.file.Stat()
	if err != nil {
		return false
	}
	st, err := os.Lstat(key)
	return err == nil && os.SameFile(ours, st)
}

func (t *temporary) discard() {
	t.file.Close()
	if t.name != "" {
		os.Remove(t.name)
	}
}

func noHardLinks(err error) bool {
	for _, e := range []error{syscall.EPERM, syscall.EOPNOTSUPP, syscall.ENOSYS, syscall.EMLINK, errors.ErrUnsupported} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// makeDirs is os.MkdirAll that also syncs what it makes.
func makeDirs(dir string) error {
	err := os.Mkdir(dir, dirMode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeDirs(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, dirMode)
	}
	if err == nil {
		return syncDir(filepath.Dir(dir))
	}
	if st, statErr := os.Stat(dir); statErr == nil && st.IsDir() {
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is not a directory", dir)
	}
	return err
}

// syncDir makes a new name in a directory last. Some file systems cannot sync directories, and do not need it.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil // a directory that can be written but not read
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
