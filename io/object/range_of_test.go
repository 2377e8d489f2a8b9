package object_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

// plain hides what a store's readers know of their version.
type plain struct{ object.Store }

func (p plain) ReadRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	body, err := p.Store.ReadRange(ctx, key, offset, length)
	return struct{ io.ReadCloser }{body}, err
}

// TestRangeOf: a range of one version is that version's bytes, or ErrChanged, in every store, also while it is being read.
func TestRangeOf(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	dir := t.TempDir()
	mem := object.OpenMem("range-of")
	put := map[string]func(key string, data []byte){
		"gs":   func(key string, data []byte) { gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: key}, data) },
		"mem":  mem.Put,
		"file": func(key string, data []byte) { writeInPlace(t, key, data) },
	}
	for scheme, base := range map[string]string{"gs": "gs://bucket/", "mem": "mem://range-of/", "file": dir + "/"} {
		for _, hidden := range []bool{false, true} {
			loc, err := object.Parse(base + fmt.Sprintf("x-%v", hidden))
			if err != nil {
				t.Fatal(err)
			}
			store, err := object.Open(t.Context(), loc)
			if err != nil {
				t.Fatal(err)
			}
			if hidden {
				store = plain{store}
			}
			name := fmt.Sprintf("%s, hidden %v", scheme, hidden)
			put[scheme](loc.Key, []byte("0123456789"))
			info, err := store.Stat(t.Context(), loc.Key)
			if err != nil {
				t.Fatal(err)
			}
			data, err := object.ReadFullOf(t.Context(), store, loc.Key, info.Version, 3, 4)
			if string(data) != "3456" || err != nil {
				t.Errorf("%s: %q, %v", name, data, err)
			}
			if _, err := object.ReadFullOf(t.Context(), store, loc.Key, info.Version, 8, 4); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), loc.Key) {
				t.Errorf("%s: past the end: %v", name, err)
			}
			body, err := object.ReadRangeOf(t.Context(), store, loc.Key, info.Version, 0, 5)
			if err != nil {
				t.Fatal(err)
			}
			put[scheme](loc.Key, []byte("abcdefghijk"))
			data, err = io.ReadAll(body)
			// gs and mem go on with the version they began with; a file does not.
			if old := string(data) == "01234" && err == nil; old == (hidden || scheme == "file") || !old && !errors.Is(err, object.ErrChanged) {
				t.Errorf("%s: changed while it was read: %q, %v", name, data, err)
			}
			body.Close()
			if _, err := object.ReadFullOf(t.Context(), store, loc.Key, info.Version, 3, 4); !errors.Is(err, object.ErrChanged) {
				t.Errorf("%s: changed: %v", name, err)
			}
			if err := store.Delete(t.Context(), loc.Key); err != nil {
				t.Fatal(err)
			}
			if _, err := object.ReadFullOf(t.Context(), store, loc.Key, info.Version, 3, 4); !errors.Is(err, object.ErrNotFound) {
				t.Errorf("%s: gone: %v", name, err)
			}
		}
	}
}

func writeInPlace(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Clean(path), data, 0o644); err != nil {
		t.Fatal(err)
	}
}
