package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
)

// Label is the class that somebody has given an image.
type Label struct {
	// Class is empty when none is known.
	Class string
	// Split is SplitTrain, SplitValidation or SplitTest where a manifest or file says so, otherwise empty.
	Split string
}

// The values of Label.Split.
const (
	SplitTrain      = "train"
	SplitValidation = "validation"
	SplitTest       = "test"
)

// LabelOptions say where labels stand.
type LabelOptions struct {
	// Column is the column of labels in manifests and Parquet files; empty: one of the usual names, and where there is none, folders.
	Column string
	// SplitColumn is the column that says train or validation; empty: split, if there is one.
	SplitColumn string
}

var (
	labelColumns = []string{"label", "class", "category", "label_name", "class_name", "target", "cls"}
	splitColumns = []string{"split", "fold", "subset"}
)

// Labels knows the classes of the images that a list of patterns stands for. An image's class is the first of these that there is: the
// label of its manifest; for a row of a Parquet file, the row's label; for a member of a tar archive, the content of the member with its name
// and the extension .cls (WebDataset); the name of the folder that the image lies in, within the archive for a member. It is not for
// concurrent use.
type Labels struct {
	opts   LabelOptions
	source Options
	// listed has the labels of manifests, by uri.
	listed map[string]Label
	// file is the archive or Parquet file that was looked into last: images come sorted by uri.
	file   string
	rows   []Label          // of a Parquet file
	beside map[string]Label // of a tar archive, by name without extension
}

// OpenLabels reads the labels in the manifests among the patterns, which are held in memory. A column that is named and is not there is a
// *PatternError.
func OpenLabels(ctx context.Context, patterns []string, source Options, opts LabelOptions) (*Labels, error) {
	l := &Labels{opts: opts, source: source, listed: map[string]Label{}}
	for _, text := range patterns {
		if !strings.HasPrefix(text, "@") {
			continue
		}
		if err := l.readManifest(ctx, text); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Of returns the label of an image, of which URI and Member are looked at. Images of one archive or Parquet file should come together.
func (l *Labels) Of(ctx context.Context, item Item) (Label, error) {
	if label, ok := l.listed[item.URI]; ok && item.Member == "" {
		return label, nil
	}
	if item.Member == "" {
		return Label{Class: folderName(item.URI)}, nil
	}
	if l.file != item.URI {
		if err := l.look(ctx, item); err != nil {
			return Label{}, fmt.Errorf("labels in %s: %w", item.URI, err)
		}
		l.file = item.URI
	}
	if kindOf(item.URI) == kindParquet {
		row, err := strconv.ParseInt(item.Member, 10, 64)
		if err != nil || row < 0 || row >= int64(len(l.rows)) {
			return Label{}, nil
		}
		return l.rows[row], nil
	}
	name := item.Member
	if stem, _, ok := strings.Cut(name, "#"); ok && imageExtensions[strings.ToLower(path.Ext(stem))] {
		name = stem // the ordinal of a name that repeats
	}
	if label, ok := l.beside[stemOf(name)]; ok {
		return label, nil
	}
	return Label{Class: folderName(name)}, nil
}

// folderName is the name of the folder that a uri or member lies in, or empty.
func folderName(name string) string {
	if i := strings.Index(name, "://"); i >= 0 {
		_, name, _ = strings.Cut(name[i+3:], "/") // a bucket is no folder
	}
	dir := strings.TrimRight(path.Dir("/"+name), "/")
	return dir[strings.LastIndexByte(dir, '/')+1:]
}

// stemOf is a member's name without its extensions, as WebDataset joins the files of a sample: up to the first dot of the last element.
func stemOf(name string) string {
	dir, base := path.Split(name)
	base, _, _ = strings.Cut(base, ".")
	return dir + base
}

// look reads the labels in an archive or Parquet file.
func (l *Labels) look(ctx context.Context, item Item) error {
	loc, err := object.Parse(item.URI)
	if err != nil {
		return err
	}
	store, err := object.Open(ctx, loc)
	if err != nil {
		return err
	}
	info, err := store.Stat(ctx, loc.Key)
	if err != nil {
		return err
	}
	l.rows, l.beside = nil, nil
	if kindOf(item.URI) == kindParquet {
		l.rows, err = l.parquetLabels(ctx, store, loc, info)
		return err
	}
	l.beside, err = tarLabels(ctx, store, loc.Scheme, info)
	return err
}

// SplitOf understands the names that data sets give their parts.
func SplitOf(text string) (split string, known bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "":
		return "", true
	case "train", "training":
		return SplitTrain, true
	case "validation", "valid", "val", "dev":
		return SplitValidation, true
	case "test", "testing", "eval":
		return SplitTest, true
	}
	return "", false
}

// chooseColumn finds a column: the one said, or the first of the usual names; empty when there is none.
func chooseColumn(columns []string, said, flag string, usual []string) (string, error) {
	if said != "" {
		for _, c := range columns {
			if c == said {
				return c, nil
			}
		}
		return "", fmt.Errorf("no column %q (%s); it has %q", said, flag, columns)
	}
	for _, name := range usual {
		for _, c := range columns {
			if strings.EqualFold(c, name) {
				return c, nil
			}
		}
	}
	return "", nil
}

// maxClassName bounds the content of a .cls member.
const maxClassName = 1 << 10

// tarLabels reads the .cls members of an archive.
func tarLabels(ctx context.Context, store object.Store, scheme string, info object.Info) (map[string]Label, error) {
	labels := map[string]Label{}
	err := eachTarFile(ctx, store, scheme, info, ".cls", func(name string, size int64, r io.Reader) error {
		if size > maxClassName {
			return fmt.Errorf("member %s has %d bytes: it is no name of a class", name, size)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		labels[stemOf(name)] = Label{Class: strings.TrimSpace(string(text))}
		return nil
	})
	var damaged *Problem
	if errors.As(err, &damaged) {
		err = nil // the archive's own row says so, and what lies before the damage counts
	}
	return labels, err
}

// EmptyFolders are the folders right below a local input folder in which nothing was found: classes without images. found says of a folder's
// name that there was.
func EmptyFolders(pattern string, found func(name string) bool) []string {
	loc, err := object.Parse(pattern)
	if err != nil || loc.Scheme != object.SchemeFile {
		return nil
	}
	entries, err := os.ReadDir(loc.Key)
	if err != nil {
		return nil // a glob, one image: no folder of classes
	}
	var empty []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !found(escaped(e.Name())) {
			empty = append(empty, path.Join(loc.Key, e.Name()))
		}
	}
	return empty
}
