package source_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"pgregory.net/rapid"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/source"
)

// hfImage is what HuggingFace's datasets writes for a feature Image.
type hfImage struct {
	Bytes []byte `parquet:"bytes,optional"`
	Path  string `parquet:"path,optional"`
}

// hfRow is a row of such a data set.
type hfRow struct {
	Label int64    `parquet:"label"`
	Image *hfImage `parquet:"image,optional"`
	Text  string   `parquet:"text"`
}

type binaryRow struct {
	ID   string `parquet:"id"`
	Data []byte `parquet:"data,optional"`
}

type dictRow struct {
	Data []byte `parquet:"data,dict"`
}

type twoRow struct {
	A []byte   `parquet:"a"`
	B []byte   `parquet:"b"`
	C string   `parquet:"c"`
	D [][]byte `parquet:"d,list"`
}

type textRow struct {
	Name string `parquet:"name"`
	N    int32  `parquet:"n"`
}

func parquetBytes[T any](t interface{ Fatal(...any) }, rows []T, options ...parquet.WriterOption) []byte {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, options...)
	for i := range rows { // one by one: parquet-go 0.32.0 makes empty strings of some NULLs when it is given many
		if _, err := w.Write(rows[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// imageOf is the made-up image of a row.
func imageOf(i int) string { return strings.Repeat(fmt.Sprintf("image %d ", i), 1+i%50) }

func hfRows(n int) []hfRow {
	rows := make([]hfRow, n)
	for i := range rows {
		rows[i] = hfRow{Label: int64(i), Image: &hfImage{Bytes: []byte(imageOf(i)), Path: fmt.Sprintf("%d.jpg", i)}, Text: "x"}
	}
	return rows
}

// withoutPageIndex makes a file as pyarrow writes it.
func withoutPageIndex(t interface{ Fatal(...any) }, data []byte) []byte {
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	meta := *f.Metadata()
	for i := range meta.RowGroups {
		for j := range meta.RowGroups[i].Columns {
			c := &meta.RowGroups[i].Columns[j]
			c.OffsetIndexOffset, c.OffsetIndexLength, c.ColumnIndexOffset, c.ColumnIndexLength = 0, 0, 0, 0
		}
	}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &meta)
	if err != nil {
		t.Fatal(err)
	}
	old := int(binary.LittleEndian.Uint32(data[len(data)-8:]))
	out := append(bytes.Clone(data[:len(data)-8-old]), footer...)
	return append(binary.LittleEndian.AppendUint32(out, uint32(len(footer))), "PAR1"...)
}

// TestParquetRows: any subset of the rows, of files of any layout, read in any order by several goroutines, is what was written.
func TestParquetRows(t *testing.T) {
	mem := object.OpenMem("parquet-rows")
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(r, "rows")
		options := []parquet.WriterOption{
			parquet.MaxRowsPerRowGroup(int64(rapid.IntRange(1, 200).Draw(r, "group"))),
			parquet.PageBufferSize(rapid.SampledFrom([]int{8, 64, 1000, 1 << 20}).Draw(r, "page")),
			parquet.DataPageVersion(rapid.IntRange(1, 2).Draw(r, "version")),
		}
		switch rapid.IntRange(0, 2).Draw(r, "compression") {
		case 1:
			options = append(options, parquet.Compression(&parquet.Snappy))
		case 2:
			options = append(options, parquet.Compression(&parquet.Zstd))
		}
		null := map[int]bool{}
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, 300), 0, 20).Draw(r, "nulls") {
			null[i] = true
		}
		var data []byte
		switch kind := rapid.SampledFrom([]string{"struct", "binary", "dict"}).Draw(r, "kind"); kind {
		case "struct":
			rows := hfRows(n)
			for i := range rows {
				if null[i] {
					rows[i].Image.Bytes = nil
				}
				if null[i] && i%2 == 0 {
					rows[i].Image = nil
				}
			}
			data = parquetBytes(r, rows, options...)
		case "binary":
			rows := make([]binaryRow, n)
			for i := range rows {
				if rows[i].ID = fmt.Sprint(i); !null[i] {
					rows[i].Data = []byte(imageOf(i))
				}
			}
			data = parquetBytes(r, rows, options...)
		case "dict":
			rows := make([]dictRow, n)
			clear(null)
			for i := range rows {
				rows[i].Data = []byte(imageOf(i))
			}
			data = parquetBytes(r, rows, options...)
		}
		if rapid.Bool().Draw(r, "without page index") {
			data = withoutPageIndex(r, data)
		}
		mem.Put("x.parquet", data)
		all := listed(t, source.Options{}, "mem://parquet-rows/x.parquet")
		if len(all) != n {
			r.Fatalf("%d items, want %d", len(all), n)
		}
		var some []source.Item
		for i, item := range all {
			if item.Offset != int64(i) || item.Member != fmt.Sprintf("%010d", i) || item.Column == "" || item.Size < 0 {
				r.Fatalf("item %d is %+v", i, item)
			}
		}
		for i, wanted := range rapid.SliceOfN(rapid.Bool(), n, n).Draw(r, "wanted") {
			if wanted {
				some = append(some, all[i])
			}
		}
		reader := source.NewReader(len(some), func(i int) *source.Item { return &some[i] })
		defer reader.Close()
		order := rapid.Permutation(some).Draw(r, "order")
		at := map[int64]int{}
		for i, item := range some {
			at[item.Offset] = i
		}
		errs := make([]error, len(order))
		var group sync.WaitGroup
		for i, item := range order {
			group.Go(func() {
				data, info, err := reader.Read(t.Context(), at[item.Offset], 1<<20)
				var p *source.Problem
				switch {
				case null[int(item.Offset)]:
					if !errors.As(err, &p) || p.Code != source.CodeEmpty || p.Retryable {
						errs[i] = fmt.Errorf("row %d is NULL: %q, %w", item.Offset, data, err)
					}
				case err != nil || string(data) != imageOf(int(item.Offset)) || info.Size != int64(len(data)) || info.Version != item.Version || len(info.MD5) != 32:
					errs[i] = fmt.Errorf("row %d: %q, %+v, %w", item.Offset, data, info, err)
				}
			})
		}
		group.Wait()
		if len(some) > 0 && !null[int(some[0].Offset)] {
			if data, _, err := reader.Read(t.Context(), 0, 1<<20); err != nil || string(data) != imageOf(int(some[0].Offset)) {
				r.Fatalf("read again: %q, %v", data, err)
			}
		}
		if err := errors.Join(errs...); err != nil {
			r.Fatal(err)
		}
	})
}

// TestParquetColumns: which column is that of the images, and what is said when nobody can tell.
func TestParquetColumns(t *testing.T) {
	two := parquetBytes(t, []twoRow{{A: []byte("a"), B: []byte("b"), C: "c", D: [][]byte{[]byte("d")}}})
	text := parquetBytes(t, []textRow{{"x", 1}})
	hf := parquetBytes(t, hfRows(1))
	for _, test := range []struct {
		data   []byte
		column string
		want   string // the bytes of the first row, or the error
	}{
		{hf, "", imageOf(0)}, {hf, "image", imageOf(0)}, {hf, "image.bytes", imageOf(0)},
		{hf, "image.path", `column "image.path" holds`}, {hf, "text", `column "text" holds`}, {hf, "label", `column "label" holds`},
		{hf, "picture", `no column "picture" (--image-column); it has label (`},
		{two, "a", "a"}, {two, "b", "b"}, {two, "", "which column holds the images? Name it with --image-column; it has a (binary), b (binary)"},
		{two, "d", `no column "d"`}, {two, "d.list.element", "lists"},
		{text, "", "no column of images: neither a struct with bytes nor a binary column; it has name (string), n ("},
	} {
		mem := object.OpenMem("parquet-columns")
		mem.Put("x.parquet", test.data)
		set, err := source.Open(t.Context(), []string{"mem://parquet-columns/*.parquet"}, source.Options{ImageColumn: test.column})
		if err != nil {
			t.Fatal(err)
		}
		got, err := listSet(t, set)
		if err == nil {
			data, _, err := source.Fetch(t.Context(), got[0], 1000)
			if err != nil || string(data) != test.want {
				t.Errorf("column %q: %q, %v", test.column, data, err)
			}
			continue
		}
		if !errors.As(err, new(*source.PatternError)) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "mem://parquet-columns/x.parquet") {
			t.Errorf("column %q: %v; want %s", test.column, err, test.want)
		}
	}
}

// TestParquetDamage: a damaged page costs the rows of its row group, a damaged footer is a row for the file.
func TestParquetDamage(t *testing.T) {
	whole := parquetBytes(t, hfRows(30), parquet.MaxRowsPerRowGroup(10), parquet.Compression(&parquet.Zstd))
	mem := object.OpenMem("parquet-damage")
	mem.Put("x.parquet", whole)
	f, err := parquet.OpenFile(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	chunk := f.Metadata().RowGroups[1].Columns[1].MetaData
	broken := bytes.Clone(whole)
	for i := range 40 {
		broken[chunk.DataPageOffset+int64(i)] ^= 0xa5
	}
	items := listed(t, source.Options{}, "mem://parquet-damage/x.parquet")
	mem.Put("x.parquet", broken)
	for i := range items {
		info, err := mem.Stat(t.Context(), "x.parquet")
		if err != nil {
			t.Fatal(err)
		}
		items[i].Version = info.Version
	}
	r := source.NewReader(len(items), func(i int) *source.Item { return &items[i] })
	defer r.Close()
	for i := range items {
		data, _, err := r.Read(t.Context(), i, 1000)
		var p *source.Problem
		bad := i >= 10 && i < 20
		if bad != (errors.As(err, &p) && p.Code == source.CodeCorrupt && !p.Retryable) || !bad && (err != nil || string(data) != imageOf(i)) {
			t.Errorf("row %d: %q, %v", i, data, err)
		}
	}
	long := items[:1]
	long[0].Offset = 1000
	if _, _, err := source.Fetch(t.Context(), long[0], 1000); err == nil || !strings.Contains(err.Error(), "it has 30 rows") {
		t.Errorf("a row behind the end: %v", err)
	}
	long[0].Offset, long[0].Column = 0, "nope"
	if _, _, err := source.Fetch(t.Context(), long[0], 1000); err == nil || !strings.Contains(err.Error(), `no column "nope"`) {
		t.Errorf("another column: %v", err)
	}
	huge := bytes.Clone(whole)
	copy(huge[len(huge)-8:], "\xff\xff\xff\x7f")
	for name, data := range map[string][]byte{"empty": nil, "short": []byte("PAR1"), "text": bytes.Repeat([]byte("text"), 100), "cut": whole[:len(whole)/2], "huge footer": huge,
		"garbage footer": append(bytes.Clone(whole[:len(whole)-8-100]), append(bytes.Repeat([]byte{0xff}, 100), whole[len(whole)-8:]...)...)} {
		mem.Put("y.parquet", data)
		got := listed(t, source.Options{}, "mem://parquet-damage/y.parquet")
		if len(got) != 1 || got[0].ProblemCode != source.CodeCorrupt || got[0].Member != "" || !strings.Contains(got[0].Problem, "not a whole Parquet file") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestParquetStore: a file that changes, vanishes or cannot be read between plan and read, and a row larger than the limit.
func TestParquetStore(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	data := parquetBytes(t, hfRows(100), parquet.MaxRowsPerRowGroup(10))
	put := func() { gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: "x.parquet"}, data) }
	put()
	items := listed(t, source.Options{}, "gs://bucket/*.parquet")
	read := func(i int, limit int64) error {
		r := source.NewReader(len(items), func(i int) *source.Item { return &items[i] })
		defer r.Close()
		_, _, err := r.Read(t.Context(), i, limit)
		return err
	}
	if err := read(99, 100); !errors.Is(err, object.ErrTooLarge) || !strings.Contains(err.Error(), "row 0000000099 of gs://bucket/x.parquet") {
		t.Errorf("too large: %v", err)
	}
	if err := read(99, 1000); err != nil {
		t.Error(err)
	}
	for code, want := range map[int]error{403: object.ErrPermission, 404: object.ErrNotFound} {
		gs.Inject(refuse(code))
		if err := read(3, 1000); !errors.Is(err, want) {
			t.Errorf("%d: %v", code, err)
		}
	}
	gs.Inject(nil)
	put()
	if err := read(3, 1000); !errors.Is(err, object.ErrChanged) {
		t.Errorf("changed: %v", err)
	}
	gs.Inject(refuse(403))
	set, err := source.Open(t.Context(), []string{"gs://bucket/*.parquet"}, source.Options{})
	if err == nil {
		_, err = listSet(t, set)
	}
	if !errors.Is(err, object.ErrPermission) {
		t.Errorf("closed bucket: %v", err)
	}
}

// TestParquetRequests: the listing reads footers only, and none when it is kept; reading goes row group by row group, in a few requests.
func TestParquetRequests(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	rows := hfRows(2000)
	for i := range rows {
		rows[i].Image.Bytes = bytes.Repeat([]byte{byte(i), byte(i >> 8), 3}, 3000)
		rows[i].Text = strings.Repeat("other column", 200)
	}
	gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: "x.parquet"}, parquetBytes(t, rows, parquet.MaxRowsPerRowGroup(100), parquet.SkipPageBounds("image", "bytes")))
	kept, err := object.Parse("mem://parquet-requests/_members")
	if err != nil {
		t.Fatal(err)
	}
	q := &requests{suffix: ".parquet"}
	gs.Inject(q.fault)
	opts := source.Options{Listings: &source.Listings{At: kept}}
	first := listed(t, opts, "gs://bucket/x.parquet")
	if n, bytes := q.take(); len(first) != 2000 || n > 2 || bytes > 300<<10 {
		t.Errorf("listed %d rows with %d requests, %d bytes", len(first), n, bytes)
	}
	if diff := cmp.Diff(first, listed(t, opts, "gs://bucket/*.parquet")); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if n, _ := q.take(); n != 0 {
		t.Errorf("a kept listing took %d requests", n)
	}
	if got := listed(t, source.Options{Listings: opts.Listings, ImageColumn: "image"}, "gs://bucket/*.parquet"); len(got) != 2000 {
		t.Errorf("with a column named: %d rows", len(got))
	}
	q.take()
	r := source.NewReader(len(first), func(i int) *source.Item { return &first[i] })
	defer r.Close()
	for i := range first {
		data, _, err := r.Read(t.Context(), i, 1<<20)
		if err != nil || !bytes.Equal(data, rows[i].Image.Bytes) {
			t.Fatalf("row %d: %d bytes, %v", i, len(data), err)
		}
		if i == 0 {
			if n, bytes := q.take(); n > 5 || bytes > 3<<20 {
				t.Errorf("the first row took %d requests, %d bytes", n, bytes)
			}
		}
	}
	if n, bytes := q.take(); n > 100 || bytes > 40<<20 {
		t.Errorf("2000 rows of 18 MB beside 5 MB of text took %d requests, %d bytes", n, bytes)
	}
}

// TestParquetSeeks: rows at the end of a large row group are found without reading what is before them, also in files without an index of their
// pages; and its pages are gone through once in a process.
func TestParquetSeeks(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	rows := make([]binaryRow, 400)
	for i := range rows {
		rows[i].Data = bytes.Repeat([]byte{byte(i), byte(i >> 8), 3}, 50_000)
	}
	data := parquetBytes(t, rows, parquet.SkipPageBounds("data"), parquet.DataPageStatistics(false), parquet.PageBufferSize(2<<20))
	gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: "index.parquet"}, data)
	gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: "none.parquet"}, withoutPageIndex(t, data))
	for _, name := range []string{"index", "none"} {
		q := &requests{suffix: name + ".parquet"}
		gs.Inject(q.fault)
		items := listed(t, source.Options{}, "gs://bucket/"+name+".parquet")
		for round, first := range []int{390, 200, 398} {
			q.take()
			some := items[first : first+2]
			r := source.NewReader(len(some), func(i int) *source.Item { return &some[i] })
			for i := range some {
				data, _, err := r.Read(t.Context(), i, 1<<20)
				if err != nil || !bytes.Equal(data, rows[first+i].Data) {
					t.Errorf("%s, row %d: %d bytes, %v", name, first+i, len(data), err)
				}
			}
			r.Close()
			n, bytes := q.take()
			most := int64(12)
			if round == 0 && name == "none" {
				most = 60 // one for each page
			}
			if n > most || bytes > 8<<20 {
				t.Errorf("%s: rows %d and %d took %d requests, %d bytes of %d", name, first, first+1, n, bytes, len(data))
			}
			t.Logf("%s: rows %d and %d took %d requests, %d bytes of %d", name, first, first+1, n, bytes, len(data))
		}
	}
}
