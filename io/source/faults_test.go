package source_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/source"
)

// brokenBody hands on a part of an answer, or other bytes, and breaks the connection.
type brokenBody struct {
	http.ResponseWriter
	left int
}

func (w *brokenBody) Write(p []byte) (int, error) {
	if len(p) > w.left {
		_, _ = w.ResponseWriter.Write(p[:w.left])
		panic(http.ErrAbortHandler)
	}
	w.left -= len(p)
	return w.ResponseWriter.Write(p)
}

// TestFaults: whatever answers the store breaks off or refuses, a listing of archives, Parquet files and manifests is the whole list or an
// error, and a member that is read is that member. Kept listings, written and read under the same faults, change nothing.
func TestFaults(t *testing.T) {
	gs := objecttest.StartGS(t, "bucket")
	var names []string
	want := map[string]string{}
	for i := range 5 {
		var files []file
		for j := range 30 {
			name := fmt.Sprintf("%03d.jpg", (j*7)%30)
			files = append(files, file{name: name, data: strings.Repeat(name, 200+i)})
			want[fmt.Sprintf("%d.tar %s", i, name)] = strings.Repeat(name, 200+i)
		}
		write(t, fmt.Sprintf("gs://bucket/in/%d.tar", i), tarBytes(t, files...))
		write(t, fmt.Sprintf("gs://bucket/in/%d.parquet", i), parquetBytes(t, hfRows(40), parquet.MaxRowsPerRowGroup(15)))
		for j := range 40 {
			want[fmt.Sprintf("%d.parquet %010d", i, j)] = imageOf(j)
		}
		names = append(names, fmt.Sprintf("%d.tar\n%d.parquet", 4-i, i))
	}
	write(t, "gs://bucket/in/list.txt", []byte(strings.Join(names, "\n")))
	kept, err := object.Parse("gs://bucket/out/_members")
	if err != nil {
		t.Fatal(err)
	}
	patterns := []string{"@gs://bucket/in/list.txt", "gs://bucket/in/*.{tar,parquet}"}
	whole := listed(t, source.Options{}, patterns...)
	if len(whole) != 5*(30+40) {
		t.Fatalf("%d items", len(whole))
	}
	failed, listings, reads, misread := 0, 0, 0, 0
	for seed := range uint64(60) {
		var mu sync.Mutex
		rnd := rand.New(rand.NewPCG(seed, 1))
		rate := []float64{0.01, 0.05, 0.2}[seed%3]
		gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			mu.Lock()
			fault, kind, left := rnd.Float64() < rate, rnd.IntN(3), rnd.IntN(3000)
			mu.Unlock()
			switch {
			case !fault:
				next.ServeHTTP(w, r)
			case kind == 0:
				w.WriteHeader(http.StatusBadRequest)
			default:
				next.ServeHTTP(&brokenBody{w, left}, r)
			}
		})
		set, err := source.Open(t.Context(), patterns, source.Options{Listings: &source.Listings{At: kept}})
		if err != nil {
			failed++
			continue
		}
		got, err := listSet(t, set)
		if err != nil {
			failed++
			continue
		}
		listings++
		if diff := cmp.Diff(whole, got); diff != "" {
			t.Fatalf("seed %d: a listing without an error is not the list (-want +got):\n%s", seed, diff)
		}
		reader := source.NewReader(len(got), func(i int) *source.Item { return &got[i] })
		for i, item := range got {
			data, _, err := reader.Read(t.Context(), i, 1<<20)
			if err != nil {
				misread++
				continue
			}
			reads++
			if string(data) != want[strings.TrimPrefix(item.URI, "gs://bucket/in/")+" "+item.Member] {
				t.Fatalf("seed %d: %s, member %s: other bytes", seed, item.URI, item.Member)
			}
		}
		reader.Close()
	}
	t.Logf("%d listings, %d failed; %d reads, %d failed", listings, failed, reads, misread)
	if listings == 0 || failed == 0 || reads == 0 || misread == 0 {
		t.Errorf("%d listings, %d failed; %d reads, %d failed: this proves nothing", listings, failed, reads, misread)
	}
}
