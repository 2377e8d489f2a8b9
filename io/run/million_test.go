package run

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
)

// numberedImages is a store that can list images, numbered from one number up to another, in pages of 1,000 that take 20 ms each. It holds none of
// them, so that what is measured is the memory of planning.
type numberedImages struct {
	object.Store
	from, to int
}

func (s numberedImages) key(i int) string { return fmt.Sprintf("images/%09d.jpg", s.from+i) }

func (s numberedImages) List(ctx context.Context, opts object.ListOptions, fn func(object.Info) error) error {
	i := sort.Search(s.to-s.from, func(i int) bool { return s.key(i) > opts.StartAfter })
	for n := 0; ; n++ {
		if n%1000 == 0 {
			time.Sleep(20 * time.Millisecond)
		}
		if i == s.to-s.from || opts.EndBefore != "" && s.key(i) >= opts.EndBefore {
			return ctx.Err()
		}
		info := object.Info{Key: strings.Clone(s.key(i)), Version: fmt.Sprintf("gen:%d", 1_700_000_000_000_000+s.from+i), Size: 100_000}
		if err := fn(info); err != nil {
			return err
		}
		i++
	}
}

func (s numberedImages) each(ctx context.Context, fn func(source.Item) error) error {
	return object.ListParallel(ctx, s, object.ListOptions{Prefix: "images/"}, func(i object.Info) error {
		return fn(source.Item{URI: "gs://bucket/" + i.Key, Version: i.Version, Size: i.Size})
	})
}

// BenchmarkPlanMillion plans a million objects, half of them new, against a ledger of a million, and fails over 60 s or 300 MB (the heap, with the
// ledger's files in it: they are in a memory store).
func BenchmarkPlanMillion(b *testing.B) {
	const n = 1_000_000
	o := New(newMem(b), outputAt)
	tagMany(b, o, 1, n)
	req := newCommand(nil).req
	req.UnitImages, req.PartRows, req.Source = 0, 0, numberedImages{from: n / 2, to: n + n/2}.each
	var peak uint64
	for b.Loop() {
		stop, done := make(chan struct{}), make(chan uint64)
		go func() { done <- peakHeap(stop) }()
		start := time.Now()
		plan, stats, err := New(o.store, outputAt).PlanNext(context.Background(), 2, req)
		took := time.Since(start)
		close(stop)
		peak = max(peak, <-done)
		if err != nil || stats.Images != n/2 || stats.Skipped != n/2 {
			b.Fatalf("%+v, %v", stats, err)
		}
		if took > time.Minute || peak > 300_000_000 {
			b.Errorf("%v and %d MB, want at most 60 s and 300 MB", took, peak/1_000_000)
		}
		b.StopTimer()
		o.store.Delete(context.Background(), o.key(runFolder(2)+planName))
		for _, c := range plan.Chunks {
			o.store.Delete(context.Background(), o.key(runFolder(2)+c.Name))
		}
		b.StartTimer()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/plan")
	b.ReportMetric(float64(peak)/1e6, "peak-MB")
}
