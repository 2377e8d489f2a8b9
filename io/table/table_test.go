package table

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestSchema holds the columns, their types and their order fast: other programs are built on them.
func TestSchema(t *testing.T) {
	golden(t, "testdata/schema.txt", schema.String()+"\n")
	unit, _ := writeUnit(t, []Row{sample(1)})
	for name, file := range map[string][]byte{"unit": unit, "part": writePart(t, unit)} {
		f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Schema().String(); got != schema.String() {
			t.Errorf("%s file has the schema\n%s", name, got)
		}
	}
}

// TestPartLayout: parts are compressed, have statistics, a page index, a Bloom filter on uri, and say how they are sorted.
func TestPartLayout(t *testing.T) {
	rows := make([]Row, 2000)
	for i := range rows {
		rows[i] = sample(i)
	}
	unit, _ := writeUnit(t, rows)
	part := writePart(t, unit)
	f, err := parquet.OpenFile(bytes.NewReader(part), int64(len(part)))
	if err != nil {
		t.Fatal(err)
	}
	group := f.RowGroups()[0]
	uri := group.ColumnChunks()[0]
	filter := uri.BloomFilter()
	if filter == nil || filter.Size() < 2000*bloomBits/8 {
		t.Fatal("no Bloom filter on uri")
	}
	for i, want := range map[int]bool{7: true, 999_999: false} {
		if got, err := filter.Check(parquet.ValueOf(sample(i).URI)); err != nil || got != want {
			t.Errorf("Bloom filter on image %d: %v, %v", i, got, err)
		}
	}
	if index, err := uri.ColumnIndex(); err != nil || string(index.MinValue(0).ByteArray()) != rows[0].URI {
		t.Errorf("no page index: %v", err)
	}
	for _, c := range f.Metadata().RowGroups[0].Columns {
		if got := c.MetaData.Codec.String(); got != "ZSTD" {
			t.Errorf("%v is compressed with %s", c.MetaData.PathInSchema, got)
		}
	}
	var sorting []string
	for _, s := range group.SortingColumns() {
		sorting = append(sorting, fmt.Sprint(s.Path(), s.Descending(), s.NullsFirst()))
	}
	if diff := cmp.Diff([]string{"[uri] false false", "[member] false true"}, sorting); diff != "" {
		t.Errorf("sorting columns (-want +got):\n%s", diff)
	}
}

// TestWideRows: rows with embeddings are grouped by bytes, so that memory is bounded, and take more than one batch of values each.
func TestWideRows(t *testing.T) {
	const width, each, units = 3000, 20, 10
	var part bytes.Buffer
	pw := NewPartWriter(&part)
	pw.file.groupBytes = 1 << 20
	var all []Row
	for u := range units {
		rows := make([]Row, each)
		for i := range rows {
			rows[i] = sample(u*each + i)
			for k := range width {
				rows[i].Embedding = append(rows[i].Embedding, float32(u*each+i)/float32(k+1))
			}
		}
		file, _ := writeUnit(t, rows)
		if err := pw.AppendUnit(context.Background(), bytes.NewReader(file), int64(len(file))); err != nil {
			t.Fatal(err)
		}
		all = append(all, rows...)
	}
	if _, _, err := pw.Close(); err != nil {
		t.Fatal(err)
	}
	checkRows(t, all, part.Bytes())
	f, err := parquet.OpenFile(bytes.NewReader(part.Bytes()), int64(part.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(f.RowGroups()); n != 2 {
		t.Errorf("%d row groups, want 2", n)
	}
	got, err := ReadRows(bytes.NewReader(part.Bytes()), int64(part.Len()), units*each-1, 5)
	if err != nil || len(got) != 1 || got[0].URI != all[units*each-1].URI {
		t.Errorf("the last row: %d rows, %v", len(got), err)
	}
}

func TestCounts(t *testing.T) {
	yes, no := true, false
	rows := []Row{
		{Status: StatusOK, Label: "cat"}, {Status: StatusOK, Label: "cat"}, {Status: StatusOK, Label: "dog"},
		{Status: StatusAbstained, Label: "dog"},
		{Status: StatusFailed, ErrorCode: "truncated", Retryable: &no}, {Status: StatusFailed, ErrorCode: "timeout", Retryable: &yes},
		{Status: StatusFailed, ErrorCode: "timeout"},
	}
	want := Counts{
		Images: 7, OK: 3, Abstained: 1, Failed: 3, Retryable: 1,
		Errors: map[string]int64{"truncated": 1, "timeout": 2}, Labels: map[string]int64{"cat": 2, "dog": 1},
	}
	if diff := cmp.Diff(want, CountRows(rows)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var sum Counts
	other := CountRows(rows[3:])
	sum.Add(CountRows(rows[:3]))
	sum.Add(other)
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Errorf("added up (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(CountRows(rows[3:]), other); diff != "" {
		t.Errorf("what was added has changed:\n%s", diff)
	}
}

// TestNotUTF8: texts that are no texts are mended in the file, not in the caller's rows.
func TestNotUTF8(t *testing.T) {
	rows := []Row{sample(1), sample(2)}
	rows[1].ErrorMessage, rows[1].TopK = "bad \xff byte", []Label{{Label: "\xfe"}}
	file, _ := writeUnit(t, rows)
	got, err := ReadRows(bytes.NewReader(file), int64(len(file)), 1, 1)
	if err != nil || got[0].ErrorMessage != "bad � byte" || got[0].TopK[0].Label != "�" {
		t.Errorf("%+v, %v", got, err)
	}
	if rows[1].ErrorMessage != "bad \xff byte" || rows[1].TopK[0].Label != "\xfe" {
		t.Error("the caller's rows have changed")
	}
}

// TestDamaged: whatever happens to a file's bytes, reading it is an error that says so, or gives rows; it is never a panic.
func TestDamaged(t *testing.T) {
	rows := make([]Row, 300)
	for i := range rows {
		rows[i] = sample(i)
	}
	unit, _ := writeUnit(t, rows)
	part := writePart(t, unit)
	foreign := new(bytes.Buffer)
	if err := parquet.Write(foreign, []struct{ A string }{{"a"}}); err != nil {
		t.Fatal(err)
	}
	short := new(bytes.Buffer)
	if err := parquet.Write(short, rows, parquet.KeyValueMetadata(countsKey, `{"images": 7}`)); err != nil {
		t.Fatal(err)
	}
	noJSON := new(bytes.Buffer)
	if err := parquet.Write(noJSON, rows, parquet.KeyValueMetadata(countsKey, `x`)); err != nil {
		t.Fatal(err)
	}
	otherColumns := new(bytes.Buffer)
	if err := parquet.Write(otherColumns, []struct{ A string }{{"a"}}, parquet.KeyValueMetadata(countsKey, `{"images": 1}`)); err != nil {
		t.Fatal(err)
	}
	longFooter := bytes.Clone(unit)
	copy(longFooter[len(longFooter)-8:], "\xff\xff\xff\xff")
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "0 bytes"},
		{"truncated", unit[:len(unit)-1], "does not end like a Parquet file"},
		{"garbage", bytes.Repeat([]byte("x"), 1000), "does not end like a Parquet file"},
		{"footer longer than the file", longFooter, "a footer of 4294967295 bytes"},
		{"another Parquet file", foreign.Bytes(), `without "tagbeam.counts"`},
		{"counts of other rows", short.Bytes(), "counts 7 images, it has 300 rows"},
		{"counts that are none", noJSON.Bytes(), `"tagbeam.counts" in its metadata`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ReadCounts(bytes.NewReader(tc.file), int64(len(tc.file)))
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if err := NewPartWriter(io.Discard).AppendUnit(context.Background(), bytes.NewReader(tc.file), int64(len(tc.file))); !errors.Is(err, ErrDamaged) {
				t.Errorf("appended: %v", err)
			}
		})
	}
	if err := NewPartWriter(io.Discard).AppendUnit(context.Background(), bytes.NewReader(otherColumns.Bytes()), int64(otherColumns.Len())); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "another version of tagbeam") {
		t.Errorf("other columns: %v", err)
	}
	if _, err := OpenLedger(bytes.NewReader(foreign.Bytes()), int64(foreign.Len()), 0); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), `no column "uri"`) {
		t.Errorf("ledger of other columns: %v", err)
	}

	// Every byte overwritten in turn: an error, or another value; the decoders' panics stay inside.
	for at := 0; at < len(part); at += 7 {
		file := bytes.Clone(part)
		file[at] ^= 0xff
		_, _ = ReadCounts(bytes.NewReader(file), int64(len(file)))
		_ = ReadLedger(context.Background(), bytes.NewReader(file), int64(len(file)), func(LedgerKey) error { return nil })
		_ = NewPartWriter(io.Discard).AppendUnit(context.Background(), bytes.NewReader(file), int64(len(file)))
	}
}

// TestUnreadable: a store that does not answer is no damage.
func TestUnreadable(t *testing.T) {
	rows := make([]Row, 3000)
	for i := range rows {
		rows[i] = sample(i)
	}
	unit, _ := writeUnit(t, rows)
	part := writePart(t, unit)
	away := errors.New("the store is away")
	for good := range 12 {
		for name, read := range map[string]func(io.ReaderAt) error{
			"counts": func(r io.ReaderAt) error { _, err := ReadCounts(r, int64(len(part))); return err },
			"rows":   func(r io.ReaderAt) error { _, err := ReadRows(r, int64(len(part)), 0, 3000); return err },
			"ledger": func(r io.ReaderAt) error {
				return ReadLedger(context.Background(), r, int64(len(part)), func(LedgerKey) error { return nil })
			},
			"append": func(r io.ReaderAt) error {
				return NewPartWriter(io.Discard).AppendUnit(context.Background(), r, int64(len(part)))
			},
		} {
			r := &failing{r: bytes.NewReader(part), good: good, err: away}
			if err := read(r); r.failed != (err != nil) || err != nil && (!errors.Is(err, away) || errors.Is(err, ErrDamaged)) {
				t.Errorf("%s, failing after %d reads: %v", name, good, err)
			}
		}
	}
}

type failing struct {
	r      io.ReaderAt
	good   int
	err    error
	failed bool
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.good--; f.good < 0 {
		f.failed = true
		return 0, f.err
	}
	return f.r.ReadAt(p, off)
}

func TestStops(t *testing.T) {
	rows := make([]Row, 2000)
	for i := range rows {
		rows[i] = sample(i)
	}
	unit, _ := writeUnit(t, rows)
	r, size := bytes.NewReader(unit), int64(len(unit))
	enough := errors.New("enough")
	n := 0
	if err := ReadLedger(context.Background(), r, size, func(LedgerKey) error {
		if n++; n == 700 {
			return enough
		}
		return nil
	}); err != enough || n != 700 {
		t.Errorf("%v after %d rows", err, n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := ReadLedger(ctx, r, size, func(LedgerKey) error { return nil }); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	if err := NewPartWriter(io.Discard).AppendUnit(ctx, r, size); err != context.Canceled {
		t.Errorf("append, cancelled: %v", err)
	}
	l, err := OpenLedger(r, size, 0)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := l.Next(); err != io.ErrClosedPipe {
		t.Errorf("after Close: %v", err)
	}
	if _, err := ReadRows(r, size, -1, 1); err == nil {
		t.Error("row -1")
	}
	if rows, err := ReadRows(r, size, 5000, 1); err != nil || len(rows) != 0 {
		t.Errorf("beyond the end: %d rows, %v", len(rows), err)
	}
	full := errors.New("disk full")
	if _, err := WriteUnit(broken{full}, rows); !errors.Is(err, full) {
		t.Errorf("unit to a full disk: %v", err)
	}
	pw := NewPartWriter(broken{full})
	err = pw.AppendUnit(context.Background(), r, size)
	if err == nil {
		_, _, err = pw.Close()
	}
	if !errors.Is(err, full) {
		t.Errorf("part to a full disk: %v", err)
	}
}

type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

// TestOtherReaders has pyarrow and DuckDB read a part: types and values are what DESIGN says.
func TestOtherReaders(t *testing.T) {
	python := os.Getenv("TAGBEAM_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: set TAGBEAM_PYTHON to a Python with pyarrow, duckdb and pandas to have them read the table")
	}
	size, side, id, confidence, no := int64(1<<40), int32(640), int32(7), float32(0.25), false
	full := Row{
		URI: "gs://b/ä#%20\n.jpg", Member: "m/1.jpg", Version: "gen:1", MD5: "d41d8cd98f00b204e9800998ecf8427e", Size: &size, Format: "jpeg",
		Width: &side, Height: &side, Label: "cat", LabelID: &id, Confidence: &confidence,
		TopK:      []Label{{LabelID: 7, Label: "cat", Confidence: 0.25}, {LabelID: 2, Label: "dög", Confidence: 0.125}},
		Embedding: []float32{1, -0.5, 0}, Status: StatusOK, Model: "m", ModelDigest: "d", RunID: 17,
		TaggedAt: time.Date(2026, 11, 23, 1, 2, 3, 456_789_000, time.UTC),
	}
	failed := Row{
		URI: "gs://b/z", Version: "gen:2", Status: StatusFailed, ErrorCode: "truncated", ErrorMessage: "short", Retryable: &no,
		TopK: []Label{}, Embedding: []float32{}, Model: "m", ModelDigest: "d", RunID: 17, TaggedAt: full.TaggedAt,
	}
	null := Row{URI: "gs://b/zz", Version: "gen:3", Status: StatusAbstained, Model: "m", ModelDigest: "d", RunID: 17, TaggedAt: full.TaggedAt}
	unit, _ := writeUnit(t, []Row{full, failed, null})
	path := filepath.Join(t.TempDir(), "part.parquet")
	if err := os.WriteFile(path, writePart(t, unit), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "testdata/read.py", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	golden(t, "testdata/read.txt", string(out))
}

func writePart(t testing.TB, units ...[]byte) []byte {
	t.Helper()
	var part bytes.Buffer
	pw := NewPartWriter(&part)
	for _, unit := range units {
		if err := pw.AppendUnit(context.Background(), bytes.NewReader(unit), int64(len(unit))); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := pw.Close(); err != nil {
		t.Fatal(err)
	}
	return part.Bytes()
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// BenchmarkWriteUnit and the others handle 100,000 rows.
func BenchmarkWriteUnit(b *testing.B) {
	rows := benchRows()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := WriteUnit(io.Discard, rows); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, len(rows))
}

func BenchmarkAppendUnit(b *testing.B) {
	rows := benchRows()
	var unit bytes.Buffer
	if _, err := WriteUnit(&unit, rows); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		pw := NewPartWriter(io.Discard)
		if err := pw.AppendUnit(context.Background(), bytes.NewReader(unit.Bytes()), int64(unit.Len())); err != nil {
			b.Fatal(err)
		}
		if _, _, err := pw.Close(); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, len(rows))
	b.ReportMetric(float64(unit.Len())/float64(len(rows)), "B/row")
}

func BenchmarkReadLedger(b *testing.B) {
	rows := benchRows()
	var unit bytes.Buffer
	if _, err := WriteUnit(&unit, rows); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		err := ReadLedger(context.Background(), bytes.NewReader(unit.Bytes()), int64(unit.Len()), func(LedgerKey) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, len(rows))
}

func benchRows() []Row {
	rows := make([]Row, 100_000)
	for i := range rows {
		rows[i] = sample(i)
	}
	return rows
}

func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
