package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// corpora makes and keeps the images to measure with, below one folder. What is there is taken as it is.
type corpora struct {
	folder string
	shared string // $TAGBEAM_SHARED, or empty
}

// photos is a folder of n JPEGs, no two of them equal: the shared photos again and again, each with a comment of its own, or generated ones.
func (c corpora) photos(n int) (string, error) {
	kind := "generated"
	if c.shared != "" {
		kind = "photos"
	}
	return c.made(fmt.Sprintf("%s-%d", kind, n), func(folder string) error {
		sources, err := c.photoSources()
		if err != nil {
			return err
		}
		for i := range n {
			name := filepath.Join(folder, fmt.Sprintf("%06d.jpg", i))
			if err := os.WriteFile(name, withComment(sources[i%len(sources)], i), 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c corpora) photoSources() (sources [][]byte, err error) {
	if c.shared == "" {
		for i := range 20 {
			sources = append(sources, photoLike(500, 375, 90, uint64(i)))
		}
		return sources, nil
	}
	names, err := filepath.Glob(filepath.Join(c.shared, "data", "photos", "*.JPEG"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there are no photos in %s", filepath.Join(c.shared, "data", "photos"))
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		sources = append(sources, data)
	}
	return sources, nil
}

// copies is n images: the photos of one folder hard-linked into as many folders as it takes.
func (c corpora) copies(photos string, n int) (string, error) {
	return c.made(fmt.Sprintf("%s-copied-%d", filepath.Base(photos), n), func(folder string) error {
		names, err := filepath.Glob(filepath.Join(photos, "*"))
		if err != nil || len(names) == 0 {
			return errors.Join(err, fmt.Errorf("%s is empty", photos))
		}
		for i := range n {
			to := filepath.Join(folder, fmt.Sprintf("%04d", i/len(names)))
			if i%len(names) == 0 {
				if err := os.Mkdir(to, 0o755); err != nil {
					return err
				}
			}
			from := names[i%len(names)]
			if err := os.Link(from, filepath.Join(to, filepath.Base(from))); err != nil {
				return err
			}
		}
		return nil
	})
}

// cifar is a folder of .tar files of 32 x 32 pixels, and the number of their images: the shared shards, copied so often, or generated.
func (c corpora) cifar(copies int) (folder string, images int, err error) {
	const shards, each = 5, 1000
	if c.shared == "" {
		folder, err = c.shards(copies*shards*each, each)
		return folder, copies * shards * each, err
	}
	folder, err = c.made(fmt.Sprintf("cifar10-%d", copies), func(folder string) error {
		names, err := filepath.Glob(filepath.Join(c.shared, "data", "cifar10", "*.tar"))
		if err != nil || len(names) != shards {
			return errors.Join(err, fmt.Errorf("%s/data/cifar10 has %d .tar files, not %d", c.shared, len(names), shards))
		}
		for i := range copies {
			for shard, name := range names {
				to := filepath.Join(folder, fmt.Sprintf("%03d-%s", i, filepath.Base(name)))
				if err := copyTar(name, to, (i*shards+shard)*each); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return folder, copies * shards * each, err
}

// made is a folder of that name, filled by fill unless it is there. An interrupted fill leaves none.
func (c corpora) made(name string, fill func(folder string) error) (string, error) {
	folder := filepath.Join(c.folder, name)
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	fmt.Fprintf(os.Stderr, "bench: making %s\n", folder)
	partial := folder + ".partial"
	err := errors.Join(os.RemoveAll(partial), os.MkdirAll(partial, 0o755))
	if err == nil {
		err = fill(partial)
	}
	if err == nil {
		err = os.Rename(partial, folder)
	}
	if err != nil {
		return "", fmt.Errorf("making %s: %w", folder, err)
	}
	return folder, nil
}

// withComment is the JPEG with a comment that says i: other bytes, the same pixels. No two images of a corpus may be equal, for equal images
// need only one inference.
func withComment(jpeg []byte, i int) []byte {
	const length = 2 + 8
	comment := append([]byte{0xff, 0xfe, 0, length}, binary.BigEndian.AppendUint64(nil, uint64(i))...)
	return slices.Concat(jpeg[:2], comment, jpeg[2:])
}

// photoLike is a JPEG with about as many bytes as a photo of its size, always the same one for a seed.
func photoLike(width, height, quality int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 20261126))
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	fx, fy, phase := 3+9*rng.Float64(), 3+9*rng.Float64(), 6*rng.Float64()
	hue := [3]float64{.4 + .6*rng.Float64(), .4 + .6*rng.Float64(), .4 + .6*rng.Float64()}
	for y := range height {
		for x := range width {
			u, v := float64(x)/float64(width), float64(y)/float64(height)
			value := 128 + 55*math.Sin(fx*u*6+phase)*math.Cos(fy*v*6) + 30*math.Sin(40*u*v+phase) + rng.NormFloat64()*10
			img.SetRGBA(x, y, color.RGBA{clip(value * hue[0]), clip(value * hue[1]), clip(255 - value*hue[2]), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		panic(err) // an RGBA image into memory
	}
	return b.Bytes()
}

func clip(v float64) uint8 { return uint8(min(max(v, 0), 255)) }
