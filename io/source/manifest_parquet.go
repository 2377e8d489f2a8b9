package source

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// parquet calls fn for each value of the column of uris.
func (m *manifest) parquet(ctx context.Context, fn func(string) error) (err error) {
	f, err := openParquet(ctx, m.store, m.loc.Scheme, m.info)
	if errors.Is(err, errNoParquet) {
		return m.bad(0, err)
	}
	if err != nil {
		return fmt.Errorf("read manifest %s: %w", m.loc, err)
	}
	defer f.close()
	name, err := m.choose(f.columns())
	if err != nil {
		return err
	}
	leaf, _ := f.leaf(name)
	if leaf.Node.Type().Kind() != parquet.ByteArray || leaf.MaxRepetitionLevel > 0 {
		return m.bad(0, fmt.Errorf("column %q holds no texts", name))
	}
	var mine error // what fn said
	err = eachText(f, leaf.ColumnIndex, func(row int64, text []byte) error {
		if mine = ctx.Err(); mine != nil {
			return mine
		}
		if len(text) == 0 {
			mine = m.bad(0, fmt.Errorf("row %d: column %q is empty", row, name))
			return mine
		}
		mine = fn(string(text))
		return mine
	})
	switch {
	case err == nil || mine != nil:
		return mine
	case errors.Is(err, errNoParquet):
		return m.bad(0, err)
	}
	return fmt.Errorf("read manifest %s: %w", m.loc, err)
}

// eachText calls fn for the values of a column of byte arrays that are not repeated, NULL as nothing, counted from 0. The bytes are valid during the call.
func eachText(f *parquetFile, column int, fn func(row int64, text []byte) error) (err error) {
	defer f.recoverDamage(&err)
	row := int64(0)
	values := make([]parquet.Value, 256)
	for _, group := range f.RowGroups() {
		reader := parquet.NewColumnChunkValueReader(group.ColumnChunks()[column])
		for {
			n, err := reader.ReadValues(values)
			for _, v := range values[:n] {
				var text []byte
				if !v.IsNull() {
					text = v.ByteArray()
				}
				if err := fn(row, text); err != nil {
					reader.Close()
					return err
				}
				row++
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				reader.Close()
				return f.damage(err)
			}
		}
		reader.Close()
	}
	return nil
}
