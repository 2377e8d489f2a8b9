package source_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/source/sourcetest"
)

// BenchmarkEach lists 100,000 objects of a store in memory.
func BenchmarkEach(b *testing.B) {
	mem := object.OpenMem("bench")
	for i := range 100_000 {
		mem.Put(fmt.Sprintf("shard-%03d/%06d.jpg", i/1000, i), nil)
	}
	benchEach(b, "mem://bench/**/*.jpg", 100_000)
}

// BenchmarkEachFile lists 20,000 files in 20 folders.
func BenchmarkEachFile(b *testing.B) {
	dir := b.TempDir()
	const n = 20_000
	for i := range n {
		folder := filepath.Join(dir, fmt.Sprintf("%02d", i/1000))
		if i%1000 == 0 {
			if err := os.Mkdir(folder, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%06d.jpg", i)), nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	benchEach(b, filepath.Join(dir, "**", "*.jpg"), n)
}

// BenchmarkEachMember lists the 20,000 images of an archive, of a kilobyte each, from its headers or pages.
func BenchmarkEachMember(b *testing.B) {
	for _, kind := range []string{"tar", "parquet"} {
		b.Run(kind, func(b *testing.B) { benchEach(b, archiveOf(b, kind, 20_000), 20_000) })
	}
}

// BenchmarkReadMember reads 4,096 images of an archive in order, as the units of work do.
func BenchmarkReadMember(b *testing.B) {
	for _, kind := range []string{"tar", "parquet"} {
		b.Run(kind, func(b *testing.B) {
			items := lister(b, archiveOf(b, kind, 4096))()
			b.SetBytes(int64(1000 * len(items)))
			b.ReportAllocs()
			for b.Loop() {
				r := source.NewReader(len(items), func(i int) *source.Item { return &items[i] })
				for i := range items {
					if data, _, err := r.Read(b.Context(), i, 1<<20); err != nil || len(data) != 1000 {
						b.Fatalf("%d bytes, %v", len(data), err)
					}
				}
			}
		})
	}
}

// benchEach lists the input, which is n images, again and again.
func benchEach(b *testing.B, pattern string, n int) {
	b.Helper()
	each := lister(b, pattern)
	b.ReportAllocs()
	for b.Loop() {
		if items := each(); len(items) != n {
			b.Fatalf("%d items, want %d", len(items), n)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "images/s")
}

// lister returns what lists the input, into the same memory each time.
func lister(b *testing.B, pattern string) func() []source.Item {
	b.Helper()
	set, err := source.Open(b.Context(), []string{pattern}, source.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var items []source.Item
	return func() []source.Item {
		items = items[:0]
		if err := set.Each(b.Context(), func(item source.Item) error { items = append(items, item); return nil }); err != nil {
			b.Fatal(err)
		}
		return items
	}
}

// archiveOf writes n images of 1,000 bytes to a file of that kind and returns its name.
func archiveOf(b *testing.B, kind string, n int) string {
	b.Helper()
	picture := func(i int) []byte { return fmt.Appendf(nil, "%s%0*d", pngBytes, 1000-len(pngBytes), i) }
	type row struct {
		Image struct {
			Bytes []byte `parquet:"bytes"`
			Path  string `parquet:"path"`
		} `parquet:"image"`
	}
	var data []byte
	switch kind {
	case "tar":
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for i := range n {
			if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%06d.png", i), Mode: 0o644, Size: 1000}); err != nil {
				b.Fatal(err)
			}
			if _, err := w.Write(picture(i)); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		data = buf.Bytes()
	case "parquet":
		rows := make([]row, n)
		for i := range rows {
			rows[i].Image.Bytes, rows[i].Image.Path = picture(i), fmt.Sprintf("%06d.png", i)
		}
		data = sourcetest.Parquet(b, rows, parquet.MaxRowsPerRowGroup(1000))
	}
	name := filepath.Join(b.TempDir(), "images."+kind)
	if err := os.WriteFile(name, data, 0o644); err != nil {
		b.Fatal(err)
	}
	return name
}
