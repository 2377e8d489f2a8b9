package object_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"golang.org/x/sys/unix"
)

// asNobody takes root's rights over files from the test, where it has them. The thread is not given back.
func asNobody(t *testing.T) {
	if os.Getuid() != 0 {
		return
	}
	runtime.LockOSThread()
	if _, err := unix.SetfsuidRetUid(65534); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.SetfsuidRetUid(0) })
}

func TestFilePermissions(t *testing.T) {
	dir, err := os.MkdirTemp("", "tagbeam-object")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"a/x", "closed/y", "secret"} {
		if err := put(t, filepath.Join(dir, name), "data"); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"": 0o755, "closed": 0, "secret": 0} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	defer os.Chmod(filepath.Join(dir, "closed"), 0o755)
	asNobody(t)
	store := open(t, "/")
	_, _, readErr := store.Read(t.Context(), dir+"/secret", 100)
	_, statErr := store.Stat(t.Context(), dir+"/closed/y")
	listErr := store.List(t.Context(), object.ListOptions{Prefix: dir + "/"}, func(object.Info) error { return nil })
	for what, err := range map[string]error{
		"read " + dir + "/secret":         readErr,
		"stat " + dir + "/closed/y":       statErr,
		"list " + dir + "/closed":         listErr,
		"write " + dir + "/closed/z":      put(t, dir+"/closed/z", ""),
		"write " + dir + "/new":           put(t, dir+"/new", ""),
		"delete " + dir + "/a/x":          store.Delete(t.Context(), dir+"/a/x"),
		"write " + dir + "/newdir/deep/x": put(t, dir+"/newdir/deep/x", ""),
	} {
		if !errors.Is(err, object.ErrPermission) || !strings.HasPrefix(err.Error(), what) || strings.Count(err.Error(), "permission denied") != 1 {
			t.Errorf("%s: %v", what, err)
		}
	}
}
