package source

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// parquetListing is the rows of a Parquet file, in order.
type parquetListing struct {
	item   Item // of the file; Column is that of the images
	groups []rowGroup
}

// rowGroup is what the listing of a row group needs.
type rowGroup struct {
	rows, bytes int64 // bytes of all its images, about
}

// listParquet reads the footer of a file. A file that is none is a problem, a column that cannot be told a *PatternError.
func listParquet(ctx context.Context, e entry, column string) (*parquetListing, error) {
	f, err := openParquet(ctx, e.store, e.loc.Scheme, e.info)
	if errors.Is(err, errNoParquet) {
		return nil, &Problem{Code: CodeCorrupt, Message: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	defer f.close()
	name, err := f.imageColumn(column)
	if err != nil {
		return nil, &PatternError{Pattern: e.loc.String(), Err: err}
	}
	leaf, _ := f.leaf(name)
	l := &parquetListing{item: e.item()}
	l.item.Column, l.item.MD5 = name, ""
	for _, g := range f.Metadata().RowGroups {
		if leaf.ColumnIndex >= len(g.Columns) || g.NumRows < 0 {
			return nil, &Problem{Code: CodeCorrupt, Message: fmt.Sprintf("%v: a row group without column %q", errNoParquet, l.item.Column)}
		}
		if g.NumRows == 0 {
			continue
		}
		l.groups = append(l.groups, rowGroup{g.NumRows, g.Columns[leaf.ColumnIndex].MetaData.TotalUncompressedSize})
	}
	return l, nil
}

// imageColumn finds the column of images: of that name, or else the only one that can be meant. A struct {bytes, path}, as HuggingFace's
// datasets writes it, comes before plain binary columns.
func (f *parquetFile) imageColumn(name string) (string, error) {
	if name != "" {
		for _, path := range []string{name, name + ".bytes"} {
			if leaf, ok := f.leaf(path); ok {
				return path, f.refuseColumn(path, leaf)
			}
		}
		return "", fmt.Errorf("no column %q (--image-column); it has %s", name, f.describe())
	}
	var structs, plain []string
	for _, path := range f.columns() {
		leaf, _ := f.leaf(path)
		switch {
		case !holdsImages(leaf):
		case strings.HasSuffix(path, ".bytes"):
			structs = append(structs, path)
		case !strings.Contains(path, "."):
			plain = append(plain, path)
		}
	}
	candidates := structs
	if len(candidates) == 0 {
		candidates = plain
	}
	switch len(candidates) {
	case 1:
		return candidates[0], nil
	case 0:
		return "", fmt.Errorf("no column of images: neither a struct with bytes nor a binary column; it has %s", f.describe())
	}
	return "", fmt.Errorf("which column holds the images? Name it with --image-column; it has %s", f.describe())
}

func holdsImages(leaf parquet.LeafColumn) bool {
	return leaf.Node.Type().Kind() == parquet.ByteArray && leaf.MaxRepetitionLevel == 0 && leaf.Node.Type().LogicalType() == nil && leaf.Node.Type().ConvertedType() == nil
}

func (f *parquetFile) refuseColumn(path string, leaf parquet.LeafColumn) error {
	switch {
	case holdsImages(leaf):
		return nil
	case leaf.MaxRepetitionLevel > 0:
		return fmt.Errorf("column %q holds lists, not one image a row", path)
	}
	return fmt.Errorf("column %q holds %s, not the bytes of images; the file has %s", path, leaf.Node.Type(), f.describe())
}

// describe lists the columns with their types, for people.
func (f *parquetFile) describe() string {
	var all []string
	for _, path := range f.columns() {
		leaf, _ := f.leaf(path)
		kind := strings.ToLower(leaf.Node.Type().String())
		if holdsImages(leaf) {
			kind = "binary"
		}
		all = append(all, fmt.Sprintf("%s (%s)", path, kind))
	}
	return strings.Join(all, ", ")
}

// eachRow calls fn for the items of n rows from row first on. A row's member is its number, as DuckDB's file_row_number counts, in ten digits so that
// it sorts as a number does.
func eachRow(file Item, first int64, g rowGroup, fn func(Item) error) error {
	for row := first; row < first+g.rows; row++ {
		item := file
		item.Member, item.Offset, item.Size = fmt.Sprintf("%010d", row), row, g.bytes/g.rows
		if err := fn(item); err != nil {
			return err
		}
	}
	return nil
}

func (l *parquetListing) each(fn func(Item) error) error {
	first := int64(0)
	for _, g := range l.groups {
		if err := eachRow(l.item, first, g, fn); err != nil {
			return err
		}
		first += g.rows
	}
	return nil
}

func (*parquetListing) close() {}
