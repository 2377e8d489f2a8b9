package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/tagbeam/tagbeam/io/object"
)

// parquetLabels calls fn for each row of a Parquet manifest with a column of labels.
func (m *manifest) parquetLabels(ctx context.Context, opts LabelOptions, fn func(uri, class, split string) error) error {
	f, err := openParquet(ctx, m.store, m.loc.Scheme, m.info)
	if errors.Is(err, errNoParquet) {
		return m.bad(0, err)
	}
	if err != nil {
		return fmt.Errorf("read manifest %s: %w", m.loc, err)
	}
	defer f.close()
	chosen, found, err := m.columnsOf(f.columns(), opts)
	if err != nil || !found {
		return err
	}
	var texts [3][]string
	for i, name := range chosen {
		if name == "" {
			continue
		}
		if texts[i], err = f.texts(name); errors.Is(err, errNoParquet) || errors.Is(err, errNoTexts) {
			return m.bad(0, err)
		} else if err != nil {
			return fmt.Errorf("read manifest %s: %w", m.loc, err)
		}
	}
	for row, uri := range texts[0] {
		split := ""
		if texts[2] != nil {
			split = texts[2][row]
		}
		if err := fn(uri, texts[1][row], split); err != nil {
			return err
		}
	}
	return nil
}

// parquetLabels reads the labels of a Parquet file of images, by row.
func (l *Labels) parquetLabels(ctx context.Context, store object.Store, loc object.Location, info object.Info) ([]Label, error) {
	refuse := func(err error) ([]Label, error) { return nil, &PatternError{Pattern: loc.String(), Err: err} }
	f, err := openParquet(ctx, store, loc.Scheme, info)
	if err != nil {
		return nil, err
	}
	defer f.close()
	column, err := chooseColumn(f.columns(), l.opts.Column, "--label-column", labelColumns)
	if err != nil {
		return refuse(err)
	}
	if column == "" {
		return refuse(fmt.Errorf("which column holds the labels? Name it with --label-column; it has %s", f.describe()))
	}
	half, err := chooseColumn(f.columns(), l.opts.SplitColumn, "--split-column", splitColumns)
	if err != nil {
		return refuse(err)
	}
	classes, err := f.texts(column)
	if errors.Is(err, errNoTexts) {
		return refuse(err)
	}
	if err != nil {
		return nil, err
	}
	splits := make([]string, len(classes))
	if half != "" {
		if splits, err = f.texts(half); err != nil {
			return nil, err
		}
	}
	labels := make([]Label, len(classes))
	for i := range labels {
		if labels[i], err = labelOf(classes[i], splits[i]); err != nil {
			return refuse(fmt.Errorf("row %d: %w", i, err))
		}
	}
	return labels, nil
}

// errNoTexts says that a column does not hold what a class or uri could be.
var errNoTexts = errors.New("neither texts nor whole numbers")

// texts reads a column of strings or whole numbers, NULL as nothing. Numbers that HuggingFace's datasets has given names are these names.
func (f *parquetFile) texts(name string) (texts []string, err error) {
	leaf, _ := f.leaf(name)
	kind := leaf.Node.Type().Kind()
	if leaf.MaxRepetitionLevel > 0 || kind != parquet.ByteArray && kind != parquet.Int32 && kind != parquet.Int64 && kind != parquet.Boolean {
		return nil, fmt.Errorf("column %q holds %w", name, errNoTexts)
	}
	defer f.recoverDamage(&err)
	names := f.classNames(name)
	values := make([]parquet.Value, 256)
	for _, group := range f.RowGroups() {
		reader := parquet.NewColumnChunkValueReader(group.ColumnChunks()[leaf.ColumnIndex])
		for {
			n, err := reader.ReadValues(values)
			for _, v := range values[:n] {
				texts = append(texts, textOf(v, kind, names))
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				reader.Close()
				return nil, f.damage(err)
			}
		}
		reader.Close()
	}
	return texts, nil
}

func textOf(v parquet.Value, kind parquet.Kind, names []string) string {
	if v.IsNull() {
		return ""
	}
	switch kind {
	case parquet.ByteArray:
		return string(v.ByteArray())
	case parquet.Boolean:
		return fmt.Sprint(v.Boolean())
	}
	n := v.Int64()
	if kind == parquet.Int32 {
		n = int64(v.Int32())
	}
	if n >= 0 && n < int64(len(names)) {
		return names[n]
	}
	if n < 0 && names != nil {
		return "" // datasets writes -1 for "not known"
	}
	return fmt.Sprint(n)
}

// classNames are the names that HuggingFace's datasets keeps in a file's metadata for the numbers of a ClassLabel column, or nil.
func (f *parquetFile) classNames(column string) []string {
	text, ok := f.Lookup("huggingface")
	if !ok {
		return nil
	}
	var meta struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if json.Unmarshal([]byte(text), &meta) != nil {
		return nil
	}
	var feature struct {
		Type  string   `json:"_type"`
		Names []string `json:"names"`
	}
	if json.Unmarshal(meta.Info.Features[strings.Split(column, ".")[0]], &feature) != nil || feature.Type != "ClassLabel" {
		return nil
	}
	return feature.Names
}
