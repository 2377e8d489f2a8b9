package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkUnchanged is the night in which nothing is new: 100,000 small files and the built-in model, a run that tags them and a run after it, which fails
// at 5 % of the first one's time. (That the second opens no image: TestNightOverBucket.)
func BenchmarkUnchanged(b *testing.B) {
	const n = 100_000
	dir := b.TempDir()
	for i := range n {
		path := filepath.Join(dir, "images", fmt.Sprintf("%03d", i/1000), imageName(i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, pngImage(i), 0o644)); err != nil {
			b.Fatal(err)
		}
	}
	run := func() time.Duration {
		cmd := exec.Command(program, "tag", "--input", filepath.Join(dir, "images"), "--output", filepath.Join(dir, "out"))
		cmd.Env = append(os.Environ(), asCommand+"=1")
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		return time.Since(start)
	}
	var first, second time.Duration
	for b.Loop() {
		if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
			b.Fatal(err)
		}
		first += run()
		second += run()
	}
	share := 100 * second.Seconds() / first.Seconds()
	if share >= 5 {
		b.Errorf("the second run took %.1f s, %.1f %% of the first; want less than 5", second.Seconds()/float64(b.N), share)
	}
	b.ReportMetric(first.Seconds()/float64(b.N), "s/first")
	b.ReportMetric(second.Seconds()/float64(b.N), "s/second")
	b.ReportMetric(share, "%second/first")
}
