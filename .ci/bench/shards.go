package main

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/errgroup"
)

// Small images of 32 x 32 pixels, as many as one likes, in .tar shards and in Parquet files; image i is the same in both.

const (
	smallSources = 1000
	smallShard   = 10_000
)

var smallJPEGs [][]byte

func smallImage(i int) []byte { return withComment(smallJPEGs[i%smallSources], i) }

func makeSmallImages() {
	for i := len(smallJPEGs); i < smallSources; i++ {
		smallJPEGs = append(smallJPEGs, photoLike(32, 32, 80, uint64(i)))
	}
}

// shards is a folder of .tar files with n images, perShard in each.
func (c corpora) shards(n, perShard int) (string, error) {
	return c.made(fmt.Sprintf("small-%d.tar", n), func(folder string) error {
		return eachShard(n, perShard, func(shard, from, to int) error {
			return writeFile(filepath.Join(folder, fmt.Sprintf("small-%06d.tar", shard)), func(w *bufio.Writer) error {
				return writeTar(w, from, to)
			})
		})
	})
}

// copyTar copies an archive's images, each with a comment of its own, numbered from first.
func copyTar(from, to string, first int) error {
	return writeFile(to, func(w *bufio.Writer) error {
		t := tar.NewWriter(w)
		var failed error
		err := eachMember([]string{from}, func(data []byte) bool {
			failed = addJPEG(t, first, withComment(data, first))
			first++
			return failed == nil
		})
		return errors.Join(err, failed, t.Close())
	})
}

func addJPEG(t *tar.Writer, i int, data []byte) error {
	h := &tar.Header{Name: fmt.Sprintf("%09d.jpg", i), Mode: 0o644, Size: int64(len(data)), ModTime: time.Unix(1_700_000_000, 0), Format: tar.FormatUSTAR}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.Write(data)
	return err
}

func writeTar(w *bufio.Writer, from, to int) error {
	t := tar.NewWriter(w)
	for i := from; i < to; i++ {
		if err := addJPEG(t, i, smallImage(i)); err != nil {
			return err
		}
	}
	return t.Close()
}

// imageRow is a row of an image data set as HuggingFace writes them.
type imageRow struct {
	Image struct {
		Bytes []byte `parquet:"bytes"`
		Path  string `parquet:"path"`
	} `parquet:"image"`
}

// tables is a folder of Parquet files with n images, perFile in each.
func (c corpora) tables(n, perFile int) (string, error) {
	return c.made(fmt.Sprintf("small-%d.parquet", n), func(folder string) error {
		return eachShard(n, perFile, func(shard, from, to int) error {
			return writeFile(filepath.Join(folder, fmt.Sprintf("small-%06d.parquet", shard)), func(w *bufio.Writer) error {
				p := parquet.NewGenericWriter[imageRow](w, parquet.MaxRowsPerRowGroup(1000),
					parquet.SkipPageBounds("image", "bytes"), parquet.DataPageStatistics(false))
				for i := from; i < to; i++ {
					var row imageRow
					row.Image.Bytes, row.Image.Path = smallImage(i), fmt.Sprintf("%09d.jpg", i)
					if _, err := p.Write([]imageRow{row}); err != nil {
						return err
					}
				}
				return p.Close()
			})
		})
	})
}

// eachShard makes the shards of n images, some at once.
func eachShard(n, perShard int, make func(shard, from, to int) error) error {
	makeSmallImages()
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < n; from += perShard {
		g.Go(func() error { return make(from/perShard, from, min(from+perShard, n)) })
	}
	return g.Wait()
}

func writeFile(name string, write func(*bufio.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
