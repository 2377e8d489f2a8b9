package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/tagbeam/tagbeam/io/object"
)

// Listings keeps the listings of archives between runs, so that an archive that has not changed is not opened again. It is a cache: each
// is an object named by uri and version, which may be deleted at any time, and a failure to read or write one has no effect but
// that the archive is listed anew. A nil *Listings keeps nothing.
type Listings struct {
	// At is the folder they are kept in.
	At object.Location
	// ReadOnly writes none.
	ReadOnly bool
}

// keptFormat is the revision of what is kept: the layout, and what counts as an image.
const keptFormat = 1

// maxKeptBytes bounds what is read of a kept listing; a million members have about 15 MB.
const maxKeptBytes = 1 << 30

// keptHeader is the first line; the others are keptLines.
type keptHeader struct {
	Format  int    `json:"format"`
	URI     string `json:"uri"`
	Version string `json:"version"`
	Column  string `json:"column,omitempty"` // the one that was asked for
}

// keptLine is one item, all but what the archive's items have in common, or the rows of a Parquet row group. An End follows the last.
type keptLine struct {
	Name    string   `json:"n,omitempty"`
	Offset  int64    `json:"o,omitempty"`
	Size    int64    `json:"s,omitempty"`
	Rows    int64    `json:"r,omitempty"`
	Column  string   `json:"c,omitempty"`
	Problem *Problem `json:"p,omitempty"`
	End     bool     `json:"end,omitempty"`
}

// name is the key of a listing, and the folder of those of all versions. column is the one that was asked for, of a Parquet file.
func (k *Listings) name(e entry, column string) (folder, key string) {
	uri, version := sha256.Sum256([]byte(e.loc.String())), sha256.Sum256([]byte(e.info.Version+"\x00"+column))
	folder = k.At.Join(fmt.Sprintf("%x/", uri[:16])).Key
	return folder, folder + fmt.Sprintf("%x.jsonl.zst", version[:16])
}

// find returns the kept listing of an archive of that version, or nil.
func (k *Listings) find(ctx context.Context, e entry, column string) expansion {
	if k == nil {
		return nil
	}
	store, err := object.Open(ctx, k.At)
	if err != nil {
		return nil
	}
	if kindOf(e.loc.Key) != kindParquet {
		column = ""
	}
	_, key := k.name(e, column)
	body, _, err := store.Read(ctx, key, maxKeptBytes)
	if err != nil {
		return nil
	}
	l := &keptListing{item: e.item(), column: column, body: body}
	if err := l.verify(); err != nil {
		if !k.ReadOnly {
			_ = store.Delete(ctx, key)
		}
		return nil
	}
	return l
}

// keep writes a listing, and removes those of the archive's earlier versions.
func (k *Listings) keep(ctx context.Context, e entry, column string, lines func(func(keptLine) error) error) {
	if k == nil || k.ReadOnly {
		return
	}
	store, err := object.Open(ctx, k.At)
	if err != nil {
		return
	}
	folder, key := k.name(e, column)
	header := keptHeader{keptFormat, e.loc.String(), e.info.Version, column}
	err = store.PutIfAbsent(ctx, key, func(w io.Writer) error { return writeKept(w, header, lines) })
	if err != nil && !errors.Is(err, object.ErrExists) {
		return
	}
	var earlier []string
	err = store.List(ctx, object.ListOptions{Prefix: folder}, func(info object.Info) error {
		if info.Key != key {
			earlier = append(earlier, info.Key)
		}
		return nil
	})
	for _, key := range earlier {
		if err == nil {
			err = store.Delete(ctx, key)
		}
	}
}

func writeKept(w io.Writer, header keptHeader, lines func(func(keptLine) error) error) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	out := json.NewEncoder(z)
	out.SetEscapeHTML(false)
	err = out.Encode(header)
	if err == nil {
		err = lines(func(l keptLine) error { return out.Encode(l) })
	}
	if err == nil {
		err = out.Encode(keptLine{End: true})
	}
	return errors.Join(err, z.Close())
}

// keptListing is a listing as it was kept, compressed.
type keptListing struct {
	item   Item
	column string
	body   []byte
}

// verify reads through the checksum at the end: what is damaged must show before it is believed.
func (l *keptListing) verify() error {
	return l.open(func(lines *json.Decoder, z *zstd.Decoder) error {
		_, err := io.Copy(io.Discard, z)
		return err
	})
}

func (l *keptListing) each(fn func(Item) error) error {
	return l.open(func(lines *json.Decoder, _ *zstd.Decoder) error {
		row := int64(0)
		for {
			var m keptLine
			if err := lines.Decode(&m); err != nil {
				return fmt.Errorf("the kept listing of %s: %w", l.item.URI, err)
			}
			if m.End {
				return nil
			}
			item := l.item
			if m.Rows > 0 {
				item.Column, item.MD5 = m.Column, ""
				if err := eachRow(item, row, rowGroup{m.Rows, m.Size}, fn); err != nil {
					return err
				}
				row += m.Rows
				continue
			}
			if m.Name != "" {
				item.Member, item.Offset, item.Size, item.MD5 = m.Name, m.Offset, m.Size, ""
			}
			if err := fn(item.with(m.Problem)); err != nil {
				return err
			}
		}
	})
}

// open decompresses the listing and checks its header.
func (l *keptListing) open(fn func(*json.Decoder, *zstd.Decoder) error) error {
	z, err := zstd.NewReader(bytes.NewReader(l.body), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer z.Close()
	lines := json.NewDecoder(z)
	var header keptHeader
	if err := lines.Decode(&header); err != nil {
		return err
	}
	if header != (keptHeader{keptFormat, l.item.URI, l.item.Version, l.column}) {
		return fmt.Errorf("the kept listing is that of %s, version %s, format %d", header.URI, header.Version, header.Format)
	}
	return fn(lines, z)
}

func (l *keptListing) close() { l.body = nil }
