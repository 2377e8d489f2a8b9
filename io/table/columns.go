package table

import (
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// column takes one leaf column out of rows. (parquet-go's own writing of structs is not used: in v0.32.0 it writes empty strings instead of NULLs
// when a slice of 64 rows begins with n NULLs, goes on with n values and has only NULLs after them: writeRowsFuncOfOptional takes that for 64
// values. It is slower, too, as it goes by reflection.)
type column struct {
	index int
	// add appends the values of a row. Levels count what is there: for an optional column 0 is NULL and 1 a value; for a list 0 is NULL, 1 the
	// empty list and 2 an element.
	add func(dst []parquet.Value, index int, r *Row) []parquet.Value
}

var columns = []column{
	leaf("uri", func(r *Row) parquet.Value { return text(r.URI) }),
	optional("member", func(r *Row) (parquet.Value, bool) { return text(r.Member), r.Member != "" }),
	leaf("version", func(r *Row) parquet.Value { return text(r.Version) }),
	optional("md5", func(r *Row) (parquet.Value, bool) { return text(r.MD5), r.MD5 != "" }),
	optional("size", func(r *Row) (parquet.Value, bool) { return pointer(r.Size, parquet.Int64Value) }),
	optional("format", func(r *Row) (parquet.Value, bool) { return text(r.Format), r.Format != "" }),
	optional("width", func(r *Row) (parquet.Value, bool) { return pointer(r.Width, parquet.Int32Value) }),
	optional("height", func(r *Row) (parquet.Value, bool) { return pointer(r.Height, parquet.Int32Value) }),
	optional("label", func(r *Row) (parquet.Value, bool) { return text(r.Label), r.Label != "" }),
	optional("label_id", func(r *Row) (parquet.Value, bool) { return pointer(r.LabelID, parquet.Int32Value) }),
	optional("confidence", func(r *Row) (parquet.Value, bool) { return pointer(r.Confidence, parquet.FloatValue) }),
	list("top_k.list.element.label_id", func(r *Row) []Label { return r.TopK }, func(l *Label) parquet.Value { return parquet.Int32Value(l.LabelID) }),
	list("top_k.list.element.label", func(r *Row) []Label { return r.TopK }, func(l *Label) parquet.Value { return text(l.Label) }),
	list("top_k.list.element.confidence", func(r *Row) []Label { return r.TopK }, func(l *Label) parquet.Value { return parquet.FloatValue(l.Confidence) }),
	list("embedding.list.element", func(r *Row) []float32 { return r.Embedding }, func(x *float32) parquet.Value { return parquet.FloatValue(*x) }),
	leaf("status", func(r *Row) parquet.Value { return text(r.Status) }),
	optional("error_code", func(r *Row) (parquet.Value, bool) { return text(r.ErrorCode), r.ErrorCode != "" }),
	optional("error_message", func(r *Row) (parquet.Value, bool) { return text(r.ErrorMessage), r.ErrorMessage != "" }),
	optional("retryable", func(r *Row) (parquet.Value, bool) { return pointer(r.Retryable, parquet.BooleanValue) }),
	leaf("model", func(r *Row) parquet.Value { return text(r.Model) }),
	leaf("model_digest", func(r *Row) parquet.Value { return text(r.ModelDigest) }),
	leaf("run_id", func(r *Row) parquet.Value { return parquet.Int64Value(r.RunID) }),
	leaf("tagged_at", func(r *Row) parquet.Value { return parquet.Int64Value(r.TaggedAt.UnixMicro()) }),
}

func leaf(path string, value func(*Row) parquet.Value) column {
	return column{indexOf(path), func(dst []parquet.Value, index int, r *Row) []parquet.Value {
		return append(dst, value(r).Level(0, 0, index))
	}}
}

func optional(path string, value func(*Row) (v parquet.Value, ok bool)) column {
	return column{indexOf(path), func(dst []parquet.Value, index int, r *Row) []parquet.Value {
		if v, ok := value(r); ok {
			return append(dst, v.Level(0, 1, index))
		}
		return append(dst, parquet.Value{}.Level(0, 0, index))
	}}
}

func list[T any](path string, elements func(*Row) []T, value func(*T) parquet.Value) column {
	return column{indexOf(path), func(dst []parquet.Value, index int, r *Row) []parquet.Value {
		all := elements(r)
		switch {
		case all == nil:
			return append(dst, parquet.Value{}.Level(0, 0, index))
		case len(all) == 0:
			return append(dst, parquet.Value{}.Level(0, 1, index))
		}
		for i := range all {
			dst = append(dst, value(&all[i]).Level(min(i, 1), 2, index))
		}
		return dst
	}}
}

func indexOf(path string) int {
	leaf, ok := schema.Lookup(strings.Split(path, ".")...)
	if !ok {
		panic(fmt.Sprintf("no column %s in the schema of Row", path))
	}
	return leaf.ColumnIndex
}

// text is a string's value. What is not UTF-8 in it is replaced: no reader could decode the column otherwise.
func text(s string) parquet.Value {
	return parquet.ByteArrayValue([]byte(strings.ToValidUTF8(s, "\uFFFD")))
}

func pointer[T any](p *T, value func(T) parquet.Value) (parquet.Value, bool) {
	if p == nil {
		return parquet.Value{}, false
	}
	return value(*p), true
}
