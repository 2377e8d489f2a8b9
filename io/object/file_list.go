package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"
)

// temporarySuffix marks the hidden files in which objects are written before they get their names; List leaves them out.
const temporarySuffix = ".tagbeam-tmp"

// List implements Store. Directories are read one at a time, each as a whole. Symbolic links are followed; one that leads
// back to a directory it stands in is left out, and a broken one is listed with a Problem. A directory that cannot be read
// is ErrPermission; what vanishes while it is listed is left out.
func (fileStore) List(ctx context.Context, opts ListOptions, fn func(Info) error) error {
	if !strings.HasPrefix(opts.Prefix, "/") {
		return &Error{Op: "list", Object: opts.Prefix, Cause: errors.New("the prefix of local files is an absolute path")}
	}
	dir := opts.Prefix[:strings.LastIndexByte(opts.Prefix, '/')+1]
	if clean := path.Clean(dir); clean != "/" && clean+"/" != dir {
		return cancelled(ctx, "list", opts.Prefix) // keys are clean paths: none has such a prefix
	}
	w := fileWalk{ctx: ctx, opts: opts, fn: fn}
	st, err := os.Stat(dir)
	if err == nil {
		err = w.walk(dir, dir, st)
	} else {
		err = fileError("list", dir, err)
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
	}
	if err == errEndOfRange {
		err = nil
	}
	if err == nil {
		err = cancelled(ctx, "list", opts.Prefix)
	}
	return err
}

// errEndOfRange ends a walk at the first key >= EndBefore.
var errEndOfRange = errors.New("end of range")

type fileWalk struct {
	ctx       context.Context
	opts      ListOptions
	fn        func(Info) error
	ancestors []fs.FileInfo // the directories from the first to the current one
}

// fileEntry is one name in a directory.
type fileEntry struct {
	name string // as the file system has it
	key  string // name as a key has it: valid UTF-8, with a slash at the end of a directory
	dir  bool
	link bool
}

// walk lists a directory: path is where it is, key its key; both end in a slash and differ only where a name is not valid
// UTF-8.
func (w *fileWalk) walk(path, key string, st fs.FileInfo) error {
	for _, a := range w.ancestors {
		if os.SameFile(a, st) {
			return nil
		}
	}
	w.ancestors = append(w.ancestors, st)
	defer func() { w.ancestors = w.ancestors[:len(w.ancestors)-1] }()

	entries, err := w.readDir(path, key)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := cancelled(w.ctx, "list", key); err != nil {
			return err
		}
		if err := w.visit(path, key, e); err != nil {
			return err
		}
	}
	return nil
}

func (w *fileWalk) visit(dir, dirKey string, e fileEntry) error {
	full, key := dir+e.name, dirKey+e.key
	if w.opts.EndBefore != "" && key >= w.opts.EndBefore {
		return errEndOfRange
	}
	if e.dir {
		st, err := os.Stat(full)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fileError("list", full, err)
		}
		return w.walk(full+"/", key, st)
	}
	st, err := os.Stat(full)
	switch {
	case e.link && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ELOOP)):
		return w.visitBrokenLink(full, key)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fileError("list", full, err)
	case !st.Mode().IsRegular():
		return nil
	}
	info := fileInfo(key, st)
	if full != key {
		info.Problem = "the file name is not valid UTF-8"
	}
	return w.fn(info)
}

func (w *fileWalk) visitBrokenLink(full, key string) error {
	st, err := os.Lstat(full)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fileError("list", full, err)
	}
	info := fileInfo(key, st)
	info.Problem = "broken symbolic link"
	return w.fn(info)
}

// readDir gives the entries of a directory that the options do not rule out, in the order of their keys: a directory sorts
// as its name with a slash, because that is how the keys below it begin.
func (w *fileWalk) readDir(path, key string) ([]fileEntry, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, fileError("list", path, err)
	}
	defer f.Close()
	var entries []fileEntry
	for {
		batch, err := f.ReadDir(1024)
		for _, d := range batch {
			if e, ok := w.entry(path, key, d); ok {
				entries = append(entries, e)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fileError("list", path, err)
		}
		if err := cancelled(w.ctx, "list", path); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(entries, func(a, b fileEntry) int {
		if c := strings.Compare(a.key, b.key); c != 0 {
			return c
		}
		return strings.Compare(b.name, a.name) // the one whose name is its key, hence readable, first
	})
	return entries, checkAmbiguous(path, entries)
}

func (w *fileWalk) entry(path, dirKey string, d fs.DirEntry) (fileEntry, bool) {
	e := fileEntry{name: d.Name(), link: d.Type()&fs.ModeSymlink != 0, dir: d.IsDir()}
	if strings.HasPrefix(e.name, ".") && strings.HasSuffix(e.name, temporarySuffix) {
		return fileEntry{}, false
	}
	if !e.link && !e.dir && !d.Type().IsRegular() {
		return fileEntry{}, false
	}
	if e.link {
		// An error here shows again, and is dealt with, when the entry is visited.
		if st, err := os.Stat(path + e.name); err == nil {
			e.dir = st.IsDir()
		}
	}
	e.key = escapeInvalid(e.name)
	if e.dir {
		e.key += "/"
	}
	return e, w.wanted(dirKey+e.key, e.dir)
}

// wanted says whether a file, or anything below a directory, can be in the listing.
func (w *fileWalk) wanted(key string, dir bool) bool {
	o := w.opts
	if !dir {
		return strings.HasPrefix(key, o.Prefix) && (o.StartAfter == "" || key > o.StartAfter)
	}
	return (strings.HasPrefix(key, o.Prefix) || strings.HasPrefix(o.Prefix, key)) &&
		(key > o.StartAfter || strings.HasPrefix(o.StartAfter, key)) &&
		(o.Prune == nil || !o.Prune(key))
}

// checkAmbiguous refuses two directories with one key: what is below them could not be listed in order, nor told apart.
func checkAmbiguous(path string, entries []fileEntry) error {
	for i := 1; i < len(entries); i++ {
		if a, b := entries[i-1], entries[i]; a.dir && a.key == b.key {
			return &Error{Op: "list", Object: path, Cause: fmt.Errorf(
				"the directories %q and %q cannot be told apart (one name is not valid UTF-8); rename one", a.name, b.name)}
		}
	}
	return nil
}

// escapeInvalid writes the bytes that are not valid UTF-8 as \xNN.
func escapeInvalid(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for len(name) > 0 {
		r, n := utf8.DecodeRuneInString(name)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[0])
		} else {
			b.WriteString(name[:n])
		}
		name = name[n:]
	}
	return b.String()
}
