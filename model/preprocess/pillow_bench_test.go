package preprocess

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkAgainstPillow takes photos to 3x224x224 float32, once here and once in Python, in turn, on one thread each, and prints a table. What
// is compared is CPU time, round by round: a machine that slows down for a while slows both sides of a pair. An operation is a round over all
// files; -benchtime 15x is enough.
func BenchmarkAgainstPillow(b *testing.B) {
	large := func() []string { return glob(b, "large", "*.jpg", "*.jpeg", "*.JPG", "*.JPEG") }
	table := []string{
		"JPEG to 3x224x224 float32: CPU ms per image, one thread each; how many times faster than Pillow + numpy, by the rounds' medians",
		fmt.Sprintf("%-22s %6s %7s %8s %8s %8s %8s %8s %8s", "photos", "files", "rounds", "tagbeam", "Pillow", "times", "min", "max", "at least"),
	}
	for _, set := range []struct {
		name  string
		files func() []string
		fast  bool
		bar   string
	}{
		{"small", func() []string { return smallPhotos(b) }, false, "1.8"},
		{"large", large, false, "1.7"},
		{"large, --fast-decode", large, true, ""},
	} {
		b.Run(set.name, func(b *testing.B) {
			files := set.files()
			ours, theirs := ourRounds(b, files, set.fast), pillowRounds(b, files)
			ours()
			theirs()
			var our, pillow, ratios []float64
			for b.Loop() {
				o, p := ours().Seconds(), theirs().Seconds()
				our, pillow, ratios = append(our, o), append(pillow, p), append(ratios, p/o)
			}
			perImage := 1e3 / float64(len(files))
			b.ReportMetric(median(our)*perImage, "ms/image")
			b.ReportMetric(median(pillow)*perImage, "pillow-ms/image")
			b.ReportMetric(median(ratios), "x-pillow")
			table = append(table, fmt.Sprintf("%-22s %6d %7d %8.2f %8.2f %8.2f %8.2f %8.2f %8s", set.name, len(files), len(ratios), median(our)*perImage, median(pillow)*perImage,
				median(ratios), slices.Min(ratios), slices.Max(ratios), set.bar))
		})
	}
	if len(table) > 2 {
		fmt.Fprintln(os.Stderr, strings.Join(table, "\n"))
	}
}

// ourRounds returns a function that takes all files to tensors and returns the CPU time of that.
func ourRounds(b *testing.B, files []string, fast bool) func() time.Duration {
	images := make([][]byte, len(files))
	for i, f := range files {
		var err error
		if images[i], err = os.ReadFile(f); err != nil {
			b.Fatal(err)
		}
	}
	spec := torchvisionSpec(b)
	spec.FastDecode = fast
	p, err := Compile(spec, TensorFormat{Layout: layoutNCHW})
	if err != nil {
		b.Fatal(err)
	}
	w, dst := p.NewWorker(), make([]byte, p.Size())
	threads := runtime.GOMAXPROCS(1)
	b.Cleanup(func() { runtime.GOMAXPROCS(threads) })
	return func() time.Duration {
		start := cpuTime(b)
		for i, data := range images {
			if _, err := w.Apply(data, Limits{}, dst); err != nil {
				b.Fatal(files[i], err)
			}
		}
		return cpuTime(b) - start
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// smallPhotos are the first photos of 500 x 375 pixels.
func smallPhotos(b *testing.B) (files []string) {
	for _, f := range glob(b, "photos", "*.JPEG") {
		data, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		if h, err := ReadHeader(data, Limits{}); err == nil && h.Width == 500 && h.Height == 375 && len(files) < 40 {
			files = append(files, f)
		}
	}
	return files
}

func glob(b *testing.B, folder string, patterns ...string) (files []string) {
	dir := sharedData(b, folder)
	for _, p := range patterns {
		found, err := filepath.Glob(filepath.Join(dir, p))
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		b.Fatalf("no %v in %s", patterns, dir)
	}
	return files
}

// pillowRounds starts Python, and returns a function that runs one round there and returns its CPU time.
func pillowRounds(b *testing.B, files []string) func() time.Duration {
	cmd := exec.Command(python(b), append([]string{filepath.Join(testdata, "bench.py")}, files...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	lines := bufio.NewReader(out)
	return func() time.Duration {
		if _, err := io.WriteString(in, "\n"); err != nil {
			b.Fatal(err)
		}
		var seconds float64
		if _, err := fmt.Fscanln(lines, &seconds); err != nil {
			b.Fatal(err)
		}
		return time.Duration(seconds * float64(time.Second))
	}
}

// cpuTime is what this process has used, garbage collection included.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
