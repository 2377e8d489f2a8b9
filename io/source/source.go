// Package source finds images: it turns the patterns a user gives (folders, globs, single objects, tar archives, Parquet
// files, manifests; local or in a store) into one sorted stream of items without duplicates, and reads an item's bytes. It opens no image to list it, save
// local files whose name does not tell what they are.
package source

import (
	"context"
	"errors"
	"fmt"

	"github.com/tagbeam/tagbeam/io/object"
	"golang.org/x/sync/errgroup"
)

// Item is one image to tag, as it was listed.
type Item struct {
	// URI is the object as listed: an absolute path for local files, otherwise scheme://bucket/key with the key as it stands.
	URI string `json:"uri"`
	// Member is the tar member or Parquet row inside the object, or empty.
	Member string `json:"member,omitempty"`
	// Version is the object's version when it was listed (object.Info); a member has that of its archive.
	Version string `json:"version"`
	// MD5 is lower-case hexadecimal, or empty where the listing does not tell.
	MD5 string `json:"md5,omitempty"`
	// Size is in bytes, of the member where there is one; of a Parquet row it is only about that, the average of its row group.
	Size int64 `json:"size"`
	// Offset is where the member's bytes begin within the object; of a Parquet row it is the row's number.
	Offset int64 `json:"offset,omitempty"`
	// Column is where a Parquet row's image stands, a.b; empty for all others.
	Column string `json:"column,omitempty"`
	// Problem, when not empty, says why the item cannot be read; ProblemCode is the row's error code, invalid_name when empty.
	Problem     string `json:"problem,omitempty"`
	ProblemCode string `json:"problem_code,omitempty"`
	// Retryable says that the problem may be gone the next time.
	Retryable bool `json:"retryable,omitempty"`
}

// Options restricts a Set.
type Options struct {
	// Exclude leaves out the objects of these names and everything below them as folders. Give the folders of OUTPUT that
	// tagbeam writes (OUTPUT/labels, OUTPUT/_runs), not OUTPUT itself, which may be the INPUT.
	Exclude []object.Location
	// Listings keeps what was found in archives; nil: nothing is kept.
	Listings *Listings
	// URIColumn is the column of a manifest that holds the uris; empty: one of the usual names.
	URIColumn string
	// ImageColumn is the column of a Parquet file that holds the images; empty: the only one that can.
	ImageColumn string
}

// PatternError is a pattern that cannot be used: malformed, of a kind that is not supported, or naming something that does
// not exist (then errors.Is(err, object.ErrNotFound)). It is the caller's mistake, not the store's.
type PatternError struct {
	Pattern string
	Err     error
}

// Error names the pattern and what is wrong with it.
func (e *PatternError) Error() string { return fmt.Sprintf("input %q: %v", e.Pattern, e.Err) }

// Unwrap gives the reason.
func (e *PatternError) Unwrap() error { return e.Err }

// PatternCount is how many images a pattern matched.
type PatternCount struct {
	Pattern string
	// Images counts those that another pattern matched too, but nothing that Options.Exclude left out.
	Images int64
	// PassedOver is how many archives and Parquet files a folder or glob holds that does not name them, and so does not look into them.
	PassedOver int64
}

// Set is what a list of patterns stands for.
type Set struct {
	patterns []*pattern
}

// openConcurrency is how many patterns are looked up at once.
const openConcurrency = 32

// Open checks the patterns and asks their stores what they are: a folder, a glob or a single object. It lists nothing yet.
//
// A folder (a local directory, or a gs prefix; gs://bucket is a whole bucket) stands for all images below it, hidden ones
// included. A glob knows *, ?, [...], {a,b} and ** (any number of folders), and a backslash takes the meaning off the next
// character. Both take images: objects with an image's file name extension, and others whose content (local files) or content
// type (object stores) says so. A glob that ends in a literal extension (*.dat) and a single object take what they name,
// whatever it is. A name that exists as it stands wins over its reading as a glob.
//
// A .tar that is named so (by a glob that ends in .tar, or as a single object) stands for the images in it: its regular files with an
// image's extension. One that cannot be read, or not to its end, is an item with a problem beside those before. A .parquet that
// is named so stands for its rows.
//
// @file is a manifest of uris: text, one a line; .csv and .tsv with a header; .jsonl; .parquet. All but Parquet may be compressed
// (.gz). Relative names are relative to the manifest. A {000..009} in a pattern stands for these ten names. Names given in either way
// are looked up one by one: one that does not exist is an item with a problem, not_found. They may be archives, but neither
// folders nor globs.
//
// What does not exist is a *PatternError: a local path, the directory in which a local glob starts, a bucket. Folders of
// object stores exist only through what is in them, so an empty one is no error; neither is a pattern that matches nothing
// (see Counts).
func Open(ctx context.Context, patterns []string, opts Options) (*Set, error) {
	if len(patterns) == 0 {
		return nil, errors.New("no input: give a folder, a glob or an image")
	}
	s := &Set{patterns: make([]*pattern, len(patterns))}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(openConcurrency)
	for i, text := range patterns {
		g.Go(func() (err error) {
			s.patterns[i], err = openPattern(ctx, text, opts)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return s, nil
}

// Counts says how many images each pattern matched in the latest complete Each, in the order of Open's patterns.
func (s *Set) Counts() []PatternCount {
	counts := make([]PatternCount, len(s.patterns))
	for i, p := range s.patterns {
		counts[i] = PatternCount{Pattern: p.text, Images: p.count, PassedOver: p.passed}
	}
	return counts
}
