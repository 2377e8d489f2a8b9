package source

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
)

// readManifest notes the labels of a manifest. One without a column of labels has none: its images are labelled by their folders.
func (l *Labels) readManifest(ctx context.Context, text string) error {
	list, err := openManifest(ctx, text, l.source)
	if err != nil {
		return err
	}
	loc, err := object.Parse(strings.TrimPrefix(text, "@"))
	if err != nil {
		return err
	}
	store, err := object.Open(ctx, loc)
	if err != nil {
		return err
	}
	info, err := store.Stat(ctx, loc.Key)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	m := &manifest{text: text, loc: loc, store: store, info: info, column: l.source.URIColumn}
	return m.labels(ctx, l.opts, func(name, class, split string) error {
		label, err := labelOf(class, split)
		if err != nil {
			return m.bad(0, fmt.Errorf("%s: %w", name, err))
		}
		uri := canonical(list.base, name)
		if before, ok := l.listed[uri]; ok && before != label {
			return m.bad(0, fmt.Errorf("%s stands in it twice, as %q and as %q: leave one of them", name, before.Class, label.Class))
		}
		l.listed[uri] = label
		return nil
	})
}

func labelOf(class, split string) (Label, error) {
	part, ok := SplitOf(split)
	if !ok {
		return Label{}, fmt.Errorf("split %q is not known: train, validation or test", split)
	}
	return Label{Class: strings.TrimSpace(class), Split: part}, nil
}

// columnsOf are the columns that labels are read from: uri, label, split; the last may be empty.
func (m *manifest) columnsOf(columns []string, opts LabelOptions) (chosen [3]string, found bool, err error) {
	if chosen[0], err = m.choose(columns); err != nil {
		return chosen, false, err
	}
	if chosen[1], err = chooseColumn(columns, opts.Column, "--label-column", labelColumns); err != nil {
		return chosen, false, m.bad(0, err)
	}
	if chosen[2], err = chooseColumn(columns, opts.SplitColumn, "--split-column", splitColumns); err != nil {
		return chosen, false, m.bad(0, err)
	}
	return chosen, chosen[1] != "", nil
}

// labels calls fn for each line of the manifest; not at all when it has no column of labels.
func (m *manifest) labels(ctx context.Context, opts LabelOptions, fn func(uri, class, split string) error) error {
	name := strings.ToLower(m.loc.Key)
	if path.Ext(name) == ".parquet" {
		return m.parquetLabels(ctx, opts, fn)
	}
	f := newForward(ctx, m.store, m.loc.Scheme, m.info)
	defer f.Close()
	m.reading = f
	var r io.Reader = f
	if rest, ok := strings.CutSuffix(name, ".gz"); ok {
		z, err := gzip.NewReader(bufio.NewReaderSize(r, 64<<10))
		if err != nil {
			return m.failed(err)
		}
		name, r = rest, z
	}
	switch path.Ext(name) {
	case ".csv":
		return m.csvLabels(r, ',', opts, fn)
	case ".tsv":
		return m.csvLabels(r, '\t', opts, fn)
	case ".jsonl", ".ndjson":
		return m.jsonLabels(r, opts, fn)
	}
	if opts.Column != "" {
		return m.bad(0, fmt.Errorf("a list of names has no column %q (--label-column): make it a .csv with a header", opts.Column))
	}
	return nil
}

func (m *manifest) csvLabels(r io.Reader, comma rune, opts LabelOptions, fn func(uri, class, split string) error) error {
	b := bufio.NewReaderSize(r, 64<<10)
	if bom, _ := b.Peek(3); string(bom) == "\ufeff" {
		_, _ = b.Discard(3) // they have been read
	}
	rows := csv.NewReader(b)
	rows.Comma, rows.ReuseRecord, rows.LazyQuotes = comma, true, comma == '\t'
	header, err := rows.Read()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return m.csvError(err)
	}
	chosen, found, err := m.columnsOf(slices.Clone(header), opts)
	if err != nil || !found {
		return err
	}
	uri, class, split := slices.Index(header, chosen[0]), slices.Index(header, chosen[1]), slices.Index(header, chosen[2])
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return m.csvError(err)
		}
		half := ""
		if chosen[2] != "" {
			half = row[split]
		}
		if err := fn(strings.Clone(row[uri]), strings.Clone(row[class]), half); err != nil {
			return err
		}
	}
}

func (m *manifest) jsonLabels(r io.Reader, opts LabelOptions, fn func(uri, class, split string) error) error {
	return m.lines(r, func(n int, line []byte) error {
		var row map[string]any
		if json.Unmarshal(line, &row) != nil {
			return nil // a string: a name alone
		}
		var keys []string
		for key := range row {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		chosen, found, err := m.columnsOf(keys, opts)
		if err != nil || !found {
			return err
		}
		uri, ok := row[chosen[0]].(string)
		if !ok {
			return m.bad(n, fmt.Errorf("%q is not a string", chosen[0]))
		}
		class, err := jsonText(row[chosen[1]])
		if err != nil {
			return m.bad(n, fmt.Errorf("%q: %w", chosen[1], err))
		}
		split, err := jsonText(row[chosen[2]])
		if err != nil {
			return m.bad(n, fmt.Errorf("%q: %w", chosen[2], err))
		}
		return fn(uri, class, split)
	})
}

func jsonText(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case float64:
		return fmt.Sprint(v), nil
	}
	return "", errors.New("neither a string nor a number")
}
