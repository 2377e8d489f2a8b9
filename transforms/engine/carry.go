package engine

import (
	"context"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/model/onnx"
)

// ModelFiles are the files within the folder fsys from which the model of ref is read, in order: what has to be carried to where the folder
// cannot be read.
func ModelFiles(ctx context.Context, ref ModelRef) (fsys fs.FS, files []string, err error) {
	seen := &seenFS{names: map[string]bool{}}
	_, err = loadBundle(ctx, ref, func(fsys fs.FS) fs.FS {
		seen.FS = fsys
		return seen
	})
	if err != nil {
		return nil, nil, err
	}
	return seen.FS, slices.Sorted(maps.Keys(seen.names)), nil
}

// seenFS keeps the names of the files that are opened.
type seenFS struct {
	fs.FS
	mu    sync.Mutex
	names map[string]bool
}

func (s *seenFS) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		s.mu.Lock()
		s.names[path.Clean(name)] = true
		s.mu.Unlock()
	}
	return f, nil
}

// maxLibrary bounds ONNX Runtime's library where it is read from a store.
const maxLibrary = 1 << 30

// runtimes keeps what fetchRuntime has read: a process can hold one library only.
var runtimes struct {
	sync.Mutex
	files map[string]string // by URI
}

// fetchRuntime returns ref with ONNX Runtime's library as a file of this machine, read once when it is an object in a store.
func fetchRuntime(ctx context.Context, ref ModelRef) (ModelRef, error) {
	if !strings.Contains(ref.ONNXRuntime, "://") {
		return ref, nil
	}
	runtimes.Lock()
	defer runtimes.Unlock()
	if file, ok := runtimes.files[ref.ONNXRuntime]; ok {
		ref.ONNXRuntime = file
		return ref, nil
	}
	loc, err := object.Parse(ref.ONNXRuntime)
	if err != nil {
		return ref, err
	}
	store, err := object.Open(ctx, loc)
	if err != nil {
		return ref, err
	}
	library, _, err := store.Read(ctx, loc.Key, maxLibrary)
	if err != nil {
		return ref, err
	}
	file, err := inMemoryFile(onnx.LibraryName, library)
	if err != nil {
		return ref, err
	}
	if runtimes.files == nil {
		runtimes.files = map[string]string{}
	}
	runtimes.files[ref.ONNXRuntime] = file
	ref.ONNXRuntime = file
	return ref, nil
}
