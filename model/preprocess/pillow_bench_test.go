package preprocess

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// BenchmarkAgainstPillow takes photos to 3x224x224 float32, once here and once in Python, in turn, on one thread each. Its "x-pillow" is how
// many times the CPU time of Pillow and numpy is ours. An operation is a round over all files.
func BenchmarkAgainstPillow(b *testing.B) {
	for _, set := range []struct {
		name  string
		files func() []string
	}{
		{"small", func() []string { return smallPhotos(b) }},
		{"large", func() []string { return glob(b, "large", "*.jpg", "*.jpeg", "*.JPG", "*.JPEG") }},
	} {
		b.Run(set.name, func(b *testing.B) {
			files := set.files()
			images := make([][]byte, len(files))
			for i, f := range files {
				var err error
				if images[i], err = os.ReadFile(f); err != nil {
					b.Fatal(err)
				}
			}
			round := pillowRounds(b, files)
			w, dst := benchWorker(b, "torchvision")
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			ours := func() time.Duration {
				start := cpuTime(b)
				for i, data := range images {
					if _, err := w.Apply(data, Limits{}, Bytes(dst)); err != nil {
						b.Fatal(files[i], err)
					}
				}
				return cpuTime(b) - start
			}
			ours()
			round()
			var our, pillow time.Duration
			for b.Loop() {
				our += ours()
				pillow += round()
			}
			n := float64(b.N * len(images))
			b.ReportMetric(our.Seconds()*1e3/n, "ms/image")
			b.ReportMetric(pillow.Seconds()*1e3/n, "pillow-ms/image")
			b.ReportMetric(pillow.Seconds()/our.Seconds(), "x-pillow")
		})
	}
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
