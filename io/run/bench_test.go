package run

import (
	"context"
	"runtime"
	"testing"
	"time"
)

// BenchmarkPlan plans 200,000 listed images, of which half are new, against a ledger of 200,000.
func BenchmarkPlan(b *testing.B) {
	const n = 200_000
	o := New(newMem(b), outputAt)
	tagMany(b, o, 1, n)
	req := newCommand(nil).req
	req.UnitImages, req.PartRows, req.Source = 0, 0, manyFrom(n/2, n+n/2)
	b.ReportAllocs()
	for b.Loop() {
		plan, stats, err := New(o.store, outputAt).PlanNext(context.Background(), 2, req)
		if err != nil || stats.Images != n/2 {
			b.Fatalf("%+v, %v", stats, err)
		}
		b.StopTimer()
		for _, key := range append([]string{planName}, plan.Chunks[0].Name) {
			o.store.Delete(context.Background(), o.key(runFolder(2)+key))
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "images/s")
}

// BenchmarkPlanManyRuns counts against a ledger of 300 runs of 1,000 images.
func BenchmarkPlanManyRuns(b *testing.B) {
	const runs, each = 300, 1000
	o := New(newMem(b), outputAt)
	for i := range runs {
		tagMany(b, o, int64(i)+1, (i+1)*each)
	}
	req := newCommand(nil).req
	req.CountOnly, req.Source = true, many(runs*each)
	var peak uint64
	b.ReportAllocs()
	for b.Loop() {
		stop, done := make(chan struct{}), make(chan uint64)
		go func() { done <- peakHeap(stop) }()
		if _, stats, err := New(o.store, outputAt).PlanNext(context.Background(), runs+1, req); err != nil || stats.Skipped != runs*each {
			b.Fatalf("%+v, %v", stats, err)
		}
		close(stop)
		peak = max(peak, <-done)
	}
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
}

// tagMany runs one run over the images up to n that are new.
func tagMany(b *testing.B, o *Output, id int64, n int) {
	b.Helper()
	ctx, c := context.Background(), newCommand(nil)
	c.req.UnitImages, c.req.PartRows, c.req.Source = 0, 0, manyFrom(n-n/int(id), n)
	plan, _, err := o.PlanNext(ctx, id, c.req)
	if err != nil {
		b.Fatal(err)
	}
	if err := c.finish(ctx, o, plan); err != nil {
		b.Fatal(err)
	}
	if err := o.Clean(ctx, id+1); err != nil {
		b.Fatal(err)
	}
}

func peakHeap(stop chan struct{}) (peak uint64) {
	for {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapInuse)
		select {
		case <-stop:
			return peak
		case <-time.After(20 * time.Millisecond):
		}
	}
}
