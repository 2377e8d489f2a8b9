package source

import (
	"bufio"
	"bytes"
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

// uriColumns are the names that the column of uris may have without being named by Options.URIColumn, the likeliest first.
var uriColumns = []string{"uri", "url", "path", "file", "filename", "file_name", "image", "image_uri", "image_url", "image_path"}

// maxLine bounds a line of a manifest, so that a file that is none does not fill the memory.
const maxLine = 1 << 20

// manifest is a file of names.
type manifest struct {
	text   string // as the user gave it
	loc    object.Location
	store  object.Store
	info   object.Info
	column string

	reading *forward // of the present names
}

// openManifest finds a manifest, and reads as much of it as tells that it is one.
func openManifest(ctx context.Context, text string, opts Options) (*list, error) {
	refuse := func(err error) (*list, error) { return nil, &PatternError{Pattern: text, Err: err} }
	file := strings.TrimPrefix(text, "@")
	loc, err := object.Parse(file)
	if err != nil {
		return refuse(err)
	}
	store, err := object.Open(ctx, loc)
	if err != nil {
		return nil, err
	}
	info, err := store.Stat(ctx, loc.Key)
	if errors.Is(err, object.ErrNotFound) {
		return refuse(fmt.Errorf("there is no such manifest (an image or folder whose own name begins with @ is given as ./@...): %w", err))
	}
	if err != nil {
		return nil, err
	}
	m := &manifest{text: text, loc: loc, store: store, info: info, column: opts.URIColumn}
	if err := m.names(ctx, func(string) error { return errSeen }); err != nil && !errors.Is(err, errSeen) {
		return nil, err
	}
	base := loc
	base.Key = loc.Key[:strings.LastIndexByte(loc.Key, '/')+1]
	// As it is when it is listed, which may be another day.
	names := func(ctx context.Context, fn func(string) error) error {
		now := *m
		if now.info, err = store.Stat(ctx, loc.Key); err != nil {
			return fmt.Errorf("manifest: %w", err)
		}
		return now.names(ctx, fn)
	}
	return &list{opts: opts, names: names, base: base}, nil
}

// names calls fn for each name, in the order of the file.
func (m *manifest) names(ctx context.Context, fn func(string) error) error {
	name := strings.ToLower(m.loc.Key)
	if path.Ext(name) == ".parquet" {
		return m.parquet(ctx, fn)
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
		return m.csv(r, ',', fn)
	case ".tsv":
		return m.csv(r, '\t', fn)
	case ".jsonl", ".ndjson":
		return m.jsonl(r, fn)
	}
	return m.lines(r, func(_ int, line []byte) error { return fn(string(line)) })
}

// lines calls fn for each line that is not empty, without its end. Nothing else is taken off: names may begin or end with anything.
func (m *manifest) lines(r io.Reader, fn func(n int, line []byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; s.Scan(); n++ {
		line := s.Bytes()
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if len(line) == 0 {
			continue
		}
		if bytes.IndexByte(line, 0) >= 0 {
			return m.bad(n, errors.New("a NUL byte: the file is not a list of uris as text"))
		}
		if err := fn(n, line); err != nil {
			return err
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return m.bad(0, fmt.Errorf("a line of more than %d bytes: the file is not a list of uris as text", maxLine))
	}
	return m.failed(s.Err())
}

func (m *manifest) csv(r io.Reader, comma rune, fn func(string) error) error {
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
	column, err := m.choose(header)
	if err != nil {
		return err
	}
	at := slices.Index(header, column)
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return m.csvError(err)
		}
		if row[at] == "" {
			line, _ := rows.FieldPos(at)
			return m.bad(line, fmt.Errorf("column %q is empty", column))
		}
		if err := fn(strings.Clone(row[at])); err != nil {
			return err
		}
	}
}

func (m *manifest) csvError(err error) error {
	if bad := (*csv.ParseError)(nil); errors.As(err, &bad) {
		return m.bad(bad.Line, bad.Err)
	}
	return m.failed(err)
}

// jsonl takes strings, and objects with a column of uris.
func (m *manifest) jsonl(r io.Reader, fn func(string) error) error {
	column := ""
	return m.lines(r, func(n int, line []byte) error {
		var name string
		if json.Unmarshal(line, &name) == nil && name != "" {
			return fn(name)
		}
		var row map[string]json.RawMessage
		if err := json.Unmarshal(line, &row); err != nil || row == nil {
			return m.bad(n, errors.New("neither a JSON object nor a string"))
		}
		if column == "" {
			var keys []string
			for key := range row {
				keys = append(keys, key)
			}
			slices.Sort(keys)
			var err error
			if column, err = m.choose(keys); err != nil {
				return err
			}
		}
		if err := json.Unmarshal(row[column], &name); err != nil || name == "" {
			return m.bad(n, fmt.Errorf("%q is missing, empty or not a string", column))
		}
		return fn(name)
	})
}

// choose returns the column of uris.
func (m *manifest) choose(columns []string) (string, error) {
	if m.column != "" {
		if slices.Contains(columns, m.column) {
			return m.column, nil
		}
		return "", m.bad(0, fmt.Errorf("no column %q (--uri-column); it has %q", m.column, columns))
	}
	for _, name := range uriColumns {
		for _, c := range columns {
			if strings.EqualFold(c, name) {
				return c, nil
			}
		}
	}
	return "", m.bad(0, fmt.Errorf("which column holds the uris? Name it with --uri-column; it has %q", columns))
}

// bad is a mistake in the manifest, at a line or, if 0, as a whole.
func (m *manifest) bad(line int, err error) error {
	if line > 0 {
		err = fmt.Errorf("line %d: %w", line, err)
	}
	return &PatternError{Pattern: m.text, Err: err}
}

// failed tells a manifest that cannot be decompressed from a store that does not answer.
func (m *manifest) failed(err error) error {
	switch {
	case err == nil:
		return nil
	case m.reading.failed == nil:
		return m.bad(0, fmt.Errorf("the manifest cannot be decompressed: %w", err))
	}
	return fmt.Errorf("read manifest %s: %w", m.loc, m.reading.failed)
}
