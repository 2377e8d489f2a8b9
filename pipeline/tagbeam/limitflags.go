package main

import (
	"github.com/spf13/pflag"

	"github.com/tagbeam/tagbeam/model/preprocess"
)

// addLimitFlags adds the flags that say what one image may cost. What l holds are their defaults.
func addLimitFlags(f *pflag.FlagSet, l *preprocess.Limits) {
	f.Int64Var(&l.MaxBytes, "max-bytes", l.MaxBytes, "refuse larger image files")
	f.Int64Var(&l.MaxPixels, "max-pixels", l.MaxPixels, "refuse images of more pixels, by their header")
	f.IntVar(&l.MaxScans, "max-scans", l.MaxScans, "refuse JPEGs of more scans")
	f.IntVar(&l.MaxFrames, "max-frames", l.MaxFrames, "refuse animated WebPs of more frames")
	f.Int64Var(&l.MaxMetadata, "max-metadata", l.MaxMetadata, "refuse images with more bytes of metadata")
	f.BoolVar(&l.AllowTruncated, "allow-truncated", l.AllowTruncated, "take what can be decoded of a truncated image")
}
