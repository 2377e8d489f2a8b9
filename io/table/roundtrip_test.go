package table

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

// TestRoundTrip: rows survive a unit file and a part file, NULLs, empty lists and all, and so do counts and ledger keys.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		units := rapid.SliceOfN(rapid.SliceOfN(rows(), 0, 40), 1, 5).Draw(t, "units")
		var part bytes.Buffer
		pw := NewPartWriter(&part)
		var all []Row
		for _, unit := range units {
			file, counts := writeUnit(t, unit)
			if diff := cmp.Diff(CountRows(unit), counts); diff != "" {
				t.Fatalf("counts written (-want +got):\n%s", diff)
			}
			got, err := ReadCounts(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(counts, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("counts read (-want +got):\n%s", diff)
			}
			checkRows(t, unit, file)
			if err := pw.AppendUnit(context.Background(), bytes.NewReader(file), int64(len(file))); err != nil {
				t.Fatal(err)
			}
			all = append(all, unit...)
		}
		n, counts, err := pw.Close()
		if err != nil {
			t.Fatal(err)
		}
		if n != int64(len(all)) {
			t.Fatalf("part says %d rows, want %d", n, len(all))
		}
		if diff := cmp.Diff(CountRows(all), counts, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("part counts (-want +got):\n%s", diff)
		}
		checkRows(t, all, part.Bytes())
		checkLedger(t, all, part.Bytes())
	})
}

func rows() *rapid.Generator[Row] {
	text := rapid.StringN(0, 12, -1)
	return rapid.Custom(func(t *rapid.T) Row {
		return Row{
			URI:          rapid.StringN(1, 30, -1).Draw(t, "uri"),
			Member:       text.Draw(t, "member"),
			Version:      text.Draw(t, "version"),
			MD5:          text.Draw(t, "md5"),
			Size:         rapid.Ptr(rapid.Int64(), true).Draw(t, "size"),
			Format:       rapid.SampledFrom([]string{"", "jpeg", "png"}).Draw(t, "format"),
			Width:        rapid.Ptr(rapid.Int32(), true).Draw(t, "width"),
			Height:       rapid.Ptr(rapid.Int32(), true).Draw(t, "height"),
			Label:        text.Draw(t, "label"),
			LabelID:      rapid.Ptr(rapid.Int32(), true).Draw(t, "label_id"),
			Confidence:   rapid.Ptr(rapid.Float32(), true).Draw(t, "confidence"),
			TopK:         nullable(t, "top_k", labels()),
			Embedding:    nullable(t, "embedding", rapid.Float32()),
			Status:       rapid.SampledFrom([]string{StatusOK, StatusAbstained, StatusFailed}).Draw(t, "status"),
			ErrorCode:    rapid.SampledFrom([]string{"", "truncated", "not_found"}).Draw(t, "error_code"),
			ErrorMessage: text.Draw(t, "error_message"),
			Retryable:    rapid.Ptr(rapid.Bool(), true).Draw(t, "retryable"),
			Model:        text.Draw(t, "model"),
			ModelDigest:  rapid.SampledFrom([]string{"", "aa", "bb"}).Draw(t, "model_digest"),
			RunID:        rapid.Int64().Draw(t, "run_id"),
			TaggedAt:     time.UnixMicro(rapid.Int64Range(-1e15, 4e15).Draw(t, "tagged_at")).UTC(),
		}
	})
}

func labels() *rapid.Generator[Label] {
	return rapid.Custom(func(t *rapid.T) Label {
		return Label{
			LabelID:    rapid.Int32().Draw(t, "id"),
			Label:      rapid.StringN(0, 8, -1).Draw(t, "label"),
			Confidence: rapid.Float32().Draw(t, "confidence"),
		}
	})
}

// nullable draws nil, an empty list or a list.
func nullable[T any](t *rapid.T, name string, of *rapid.Generator[T]) []T {
	if rapid.Bool().Draw(t, name+" is null") {
		return nil
	}
	return append(make([]T, 0), rapid.SliceOfN(of, 0, 6).Draw(t, name)...)
}

func writeUnit(t fatal, rows []Row) ([]byte, Counts) {
	t.Helper()
	var b bytes.Buffer
	counts, err := WriteUnit(&b, rows)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), counts
}

type fatal interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func checkRows(t fatal, want []Row, file []byte) {
	t.Helper()
	got, err := ReadRows(bytes.NewReader(file), int64(len(file)), 0, len(want)+1)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if reflect.DeepEqual(want[i], got[i]) {
			continue
		}
		if diff := cmp.Diff(want[i], got[i]); diff != "" {
			t.Fatalf("row %d (-want +got):\n%s", i, diff)
		}
	}
	checkNulls(t, want, file)
}

// checkNulls makes sure that an empty string in an optional column is NULL: back in a Row, the two look the same.
func checkNulls(t fatal, want []Row, file []byte) {
	t.Helper()
	f, err := openFile(bytes.NewReader(file), int64(len(file)), partFooter, unitReadAhead)
	if err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]func(*Row) string{
		"member": func(r *Row) string { return r.Member }, "md5": func(r *Row) string { return r.MD5 },
		"format": func(r *Row) string { return r.Format }, "label": func(r *Row) string { return r.Label },
		"error_code": func(r *Row) string { return r.ErrorCode }, "error_message": func(r *Row) string { return r.ErrorMessage },
	} {
		i := 0
		for _, group := range f.RowGroups() {
			values := parquet.NewColumnChunkValueReader(group.ColumnChunks()[indexOf(name)])
			var v [100]parquet.Value
			for {
				n, err := values.ReadValues(v[:])
				for _, v := range v[:n] {
					if null := of(&want[i]) == ""; v.IsNull() != null {
						t.Fatalf("row %d: %s is NULL: %v, want %v", i, name, v.IsNull(), null)
					}
					i++
				}
				if err != nil {
					break
				}
			}
			values.Close()
		}
		if i != len(want) {
			t.Fatalf("%s has %d values, want %d", name, i, len(want))
		}
	}
}

func checkLedger(t fatal, rows []Row, file []byte) {
	t.Helper()
	var want, got []LedgerKey
	for _, r := range rows {
		want = append(want, LedgerKey{
			URI: r.URI, Member: r.Member, Version: r.Version, ModelDigest: r.ModelDigest, RunID: r.RunID,
			Retryable: r.Retryable != nil && *r.Retryable, Failed: r.Status == StatusFailed,
		})
	}
	err := ReadLedger(context.Background(), bytes.NewReader(file), int64(len(file)), func(k LedgerKey) error {
		got = append(got, k)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("ledger (-want +got):\n%s", diff)
	}
}

// TestLoneValues has a single value at each place of 64 rows, and runs of them: parquet-go v0.32.0 made empty strings of the NULLs after some.
func TestLoneValues(t *testing.T) {
	for at := range 64 {
		for n := 1; at+n <= 64; n++ {
			rows := make([]Row, 70)
			for i := range rows {
				rows[i] = Row{URI: fmt.Sprint(i), TaggedAt: time.UnixMicro(0).UTC()}
				if i >= at && i < at+n {
					rows[i].ErrorCode, rows[i].ErrorMessage, rows[i].Member = "code", "message", "member"
				}
			}
			file, _ := writeUnit(t, rows)
			checkNulls(t, rows, file)
			if at != n && n > 2 {
				n += 19
			}
		}
	}
}

// TestLarge goes over the borders of pages, batches and row groups, which small rows never reach.
func TestLarge(t *testing.T) {
	const units, each = 5, 6000
	var part bytes.Buffer
	pw := NewPartWriter(&part)
	pw.file.groupRows = 13_000
	var all []Row
	for u := range units {
		unit := make([]Row, each)
		for i := range unit {
			unit[i] = sample(u*each + i)
		}
		file, _ := writeUnit(t, unit)
		if err := pw.AppendUnit(context.Background(), bytes.NewReader(file), int64(len(file))); err != nil {
			t.Fatal(err)
		}
		all = append(all, unit...)
	}
	if _, _, err := pw.Close(); err != nil {
		t.Fatal(err)
	}
	checkRows(t, all, part.Bytes())
	checkLedger(t, all, part.Bytes())
	f, err := openFile(bytes.NewReader(part.Bytes()), int64(part.Len()), partFooter, unitReadAhead)
	if err != nil {
		t.Fatal(err)
	}
	var groups []int64
	for _, g := range f.RowGroups() {
		groups = append(groups, g.NumRows())
	}
	if want := []int64{12_000, 12_000, 6000}; !slices.Equal(groups, want) {
		t.Errorf("row groups of %v rows, want %v", groups, want)
	}
}

// sample makes a row that depends on i alone.
func sample(i int) Row {
	size, side, id, confidence := int64(1000+i), int32(100+i%7), int32(i%5), float32(i%100)/100
	r := Row{
		URI: fmt.Sprintf("gs://bucket/images/%09d.jpg", i), Version: fmt.Sprintf("gen:%d", 1_700_000_000_000_000+i),
		MD5: fmt.Sprintf("%032x", i), Size: &size, Format: "jpeg", Width: &side, Height: &side,
		Status: StatusOK, Label: fmt.Sprintf("label %d", i%5), LabelID: &id, Confidence: &confidence,
		Model: "test", ModelDigest: fmt.Sprintf("digest %d", i/10_000), RunID: 17,
		TaggedAt: time.UnixMicro(1_700_000_000_000_000 + int64(i)).UTC(),
	}
	for k := range i % 4 {
		r.TopK = append(r.TopK, Label{LabelID: int32(k), Label: fmt.Sprintf("label %d", k), Confidence: float32(k)})
	}
	if i%3 == 0 {
		r.Member = fmt.Sprintf("member/%d.jpg", i)
	}
	if i%11 == 0 {
		retryable := i%22 == 0
		r.Status, r.ErrorCode, r.ErrorMessage, r.Retryable = StatusFailed, "truncated", "it ends early", &retryable
		r.Label, r.LabelID, r.Confidence, r.TopK = "", nil, nil, nil
	}
	return r
}
