package object

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// createTemporary opens a file without a name (O_TMPFILE), which is gone when the process is killed, or else a hidden one.
func createTemporary(dir string) (*temporary, error) {
	if !unnamedFiles {
		return createNamed(dir)
	}
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, fileMode)
	if err != nil {
		// EISDIR and ENOENT come from kernels, EOPNOTSUPP from file systems that do not know it. A real fault shows again.
		return createNamed(dir)
	}
	t := &temporary{file: os.NewFile(uintptr(fd), dir)}
	if _, err := os.Lstat(t.procPath()); err != nil {
		t.discard() // without /proc it could never get a name
		return createNamed(dir)
	}
	return t, nil
}

func (t *temporary) procPath() string { return fmt.Sprintf("/proc/self/fd/%d", t.file.Fd()) }

// publish gives the file its final name; fs.ErrExist where that is taken.
func (t *temporary) publish(key string) error {
	if t.name != "" {
		return t.publishNamed(key)
	}
	err := unix.Linkat(unix.AT_FDCWD, t.procPath(), unix.AT_FDCWD, key, unix.AT_SYMLINK_FOLLOW)
	if !noHardLinks(err) {
		return err
	}
	return t.publishCopy(key)
}

// publishCopy copies an unnamed file that cannot be linked into a named one, which may be renamed.
func (t *temporary) publishCopy(key string) error {
	named, err := createNamed(filepath.Dir(key))
	if err != nil {
		return err
	}
	defer named.discard()
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(named.file, t.file); err != nil {
		return err
	}
	if err := named.file.Sync(); err != nil {
		return err
	}
	return named.publishNamed(key)
}

func renameNoReplace(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.ENOSYS) {
		return errors.ErrUnsupported
	}
	return err
}
