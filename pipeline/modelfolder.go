package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
)

// cardFile is the file by which a model folder that Train wrote is known.
const cardFile = "MODEL_CARD.md"

// checkModelFolder makes sure that there is room for a model: nothing is there, or a model that may be overwritten.
func checkModelFolder(ctx context.Context, folder string, overwrite bool) error {
	store, loc, err := openFolder(ctx, folder)
	if err != nil {
		return asUsage(ctx, fmt.Errorf("--output: %w", err))
	}
	if loc.Scheme == object.SchemeFile {
		if err := checkRoom(folder, loc.Key); err != nil {
			return err
		}
	}
	seen := errors.New("seen one")
	err = store.List(ctx, object.ListOptions{Prefix: loc.Join("").Key}, func(object.Info) error { return seen })
	switch {
	case errors.Is(err, object.ErrNotFound), err == nil:
		return nil
	case !errors.Is(err, seen):
		return asUsage(ctx, fmt.Errorf("--output: %w", err))
	case !overwrite:
		return usage("--output %s: there is something already; name another folder, or give --overwrite to replace the model there", folder)
	}
	if _, err := store.Stat(ctx, loc.Join(cardFile).Key); err != nil {
		return usage("--output %s: what is there is no model of tagbeam train (it has no %s): name another folder", folder, cardFile)
	}
	return nil
}

// checkRoom makes sure that a local folder can be written beside what is there: it would be a pity to find out after the training.
func checkRoom(folder, path string) error {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return usage("--output %s: it is a file; name a folder", folder)
	}
	parent := filepath.Dir(path)
	for info, err := os.Stat(parent); ; info, err = os.Stat(parent) {
		if err == nil && !info.IsDir() {
			return usage("--output %s: %s is a file; name a folder", folder, parent)
		}
		if err == nil || parent == filepath.Dir(parent) {
			break
		}
		parent = filepath.Dir(parent)
	}
	probe, err := os.MkdirTemp(parent, ".*.tagbeam-tmp")
	if err != nil {
		return usage("--output %s: nothing can be written there: %w", folder, err)
	}
	return os.Remove(probe)
}

func openFolder(ctx context.Context, folder string) (object.Store, object.Location, error) {
	loc, err := object.Parse(strings.TrimRight(folder, "/"))
	if err != nil {
		return nil, loc, err
	}
	store, err := object.Open(ctx, loc)
	return store, loc, err
}

// writeModelFolder writes the files of a model. A local folder appears whole or not at all; in a bucket the file that makes it a model is the last.
func writeModelFolder(ctx context.Context, folder string, files map[string][]byte, overwrite bool) error {
	store, loc, err := openFolder(ctx, folder)
	if err != nil {
		return err
	}
	if loc.Scheme == object.SchemeFile {
		err = writeLocalFolder(loc.Key, files, overwrite)
	} else {
		err = writeObjects(ctx, store, loc, files, overwrite)
	}
	if err != nil {
		return fmt.Errorf("write the model %s: %w", folder, err)
	}
	return nil
}

func writeLocalFolder(folder string, files map[string][]byte, overwrite bool) error {
	parent := filepath.Dir(folder)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(parent, "."+filepath.Base(folder)+"-*.tagbeam-tmp")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	made := filepath.Join(temporary, "new")
	for name, data := range files {
		file := filepath.Join(made, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return err
		}
	}
	if overwrite {
		if err := os.Rename(folder, filepath.Join(temporary, "old")); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.Rename(made, folder) // fails where there is something by now
}

// lastFile is written last, and deleted first: without it there is no model.
const lastFile = "model.onnx"

func writeObjects(ctx context.Context, store object.Store, folder object.Location, files map[string][]byte, overwrite bool) error {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if (a == lastFile) != (b == lastFile) {
			return map[bool]int{true: 1, false: -1}[a == lastFile]
		}
		return strings.Compare(a, b)
	})
	if overwrite {
		for _, name := range slices.Backward(names) {
			if err := store.Delete(ctx, folder.Join(name).Key); err != nil {
				return err
			}
		}
	}
	for _, name := range names {
		err := store.PutIfAbsent(ctx, folder.Join(name).Key, func(w io.Writer) error {
			_, err := w.Write(files[name])
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
