package run_test

import (
	"io"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/run"
)

// TestImagesTagged: the images of units that have a file are tagged, in memory as in folders; other names do not count.
func TestImagesTagged(t *testing.T) {
	for _, uri := range []string{"mem://progress/out", t.TempDir()} {
		loc, err := object.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		store, err := object.Open(t.Context(), loc)
		if err != nil {
			t.Fatal(err)
		}
		out := run.New(store, loc)
		plan := &run.Plan{RunID: 3, Chunks: []run.Chunk{{Units: []run.ChunkUnit{{Images: 5}, {Images: 7}}}, {Units: []run.ChunkUnit{{Images: 11}}}}}
		want := func(n int64) {
			t.Helper()
			if got, err := out.ImagesTagged(t.Context(), plan); err != nil || got != n {
				t.Errorf("%s: %d images, %v; want %d", uri, got, err, n)
			}
		}
		want(0)
		for _, name := range []string{"unit-000002.parquet", "unit-000009.parquet", "unit--00001.parquet", "unit-x.parquet", "plan.json"} {
			putText(t, store, loc.Join("_runs/000003/"+name).Key)
		}
		putText(t, store, loc.Join("_runs/000004/unit-000000.parquet").Key)
		want(11)
		putText(t, store, loc.Join("_runs/000003/unit-000000.parquet").Key)
		want(16)
	}
}

func putText(t *testing.T, store object.Store, key string) {
	t.Helper()
	err := store.PutIfAbsent(t.Context(), key, func(w io.Writer) error {
		_, err := w.Write([]byte("text"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
