package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// Loop is what a worker says of its own loop, without what came before it.
type Loop struct {
	Images     int     `json:"images"`
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
	Batch      int     `json:"batch,omitempty"`
}

// The two halves of the work, each alone, in a process of its own and on as many threads as tagbeam has workers:
//
//	bench worker infer ...       ONNX Runtime, the session as the engine opens it, tensors ready in memory
//	bench worker preprocess ...  files to tensors: reading, decoding, resizing, normalising
func runWorker(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("worker: infer or preprocess?")
	}
	f := flag.NewFlagSet("worker "+args[0], flag.ContinueOnError)
	var (
		images  = f.String("images", "", "folder of images or .tar files")
		n       = f.Int("n", 0, "how many images")
		uri     = f.String("model", "", "model")
		prep    = f.String("preprocess", "", "as tagbeam's flag")
		batch   = f.Int("batch", 0, "images inferred at once (0: by the size of the model's input)")
		threads = f.Int("threads", runtime.GOMAXPROCS(0), "threads")
	)
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	c, err := engine.LoadClassifier(ctx, engine.ModelRef{URI: *uri, Preprocess: *prep})
	if err != nil {
		return err
	}
	var loop Loop
	switch args[0] {
	case "infer":
		loop, err = inferAlone(ctx, c, *images, *n, *threads, c.BatchSize(*batch))
	case "preprocess":
		loop, err = preprocessAlone(ctx, c, *images, *n, *threads)
	default:
		err = fmt.Errorf("worker: %q is neither infer nor preprocess", args[0])
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(loop)
}

// runnersEach is the number of batches that each thread goes through in turn, so that the tensors are not the ones in the cache.
const runnersEach = 8

func inferAlone(ctx context.Context, c *engine.Classifier, images string, n, threads, batch int) (Loop, error) {
	source := newFeed(ctx, images, runnersEach*threads*batch)
	ready := make([][]*onnx.Runner, threads)
	prep := c.Program.NewWorker()
	for t := range ready {
		for range runnersEach {
			r, err := c.Session.NewRunner(batch)
			if err != nil {
				return Loop{}, err
			}
			defer r.Close()
			for i := range batch {
				data, err := source.next()
				if err == io.EOF { // fewer images than tensors: begin again
					source = newFeed(ctx, images, runnersEach*threads*batch)
					data, err = source.next()
				}
				if err != nil {
					return Loop{}, err
				}
				if _, err := prep.Apply(data, preprocess.DefaultLimits, r.Image(i)); err != nil {
					return Loop{}, err
				}
			}
			if err := r.Run(batch); err != nil {
				return Loop{}, err
			}
			ready[t] = append(ready[t], r)
		}
	}
	batches := (n + batch - 1) / batch
	var next atomic.Int64
	return timed(batches*batch, batch, threads, func(t int) error {
		for i := 0; next.Add(1) <= int64(batches); i++ {
			if err := ready[t][i%runnersEach].Run(batch); err != nil {
				return err
			}
		}
		return nil
	})
}

func preprocessAlone(ctx context.Context, c *engine.Classifier, images string, n, threads int) (Loop, error) {
	source := newFeed(ctx, images, n)
	var done atomic.Int64
	// A runner is only the memory of a tensor here, in whatever type the model has.
	tensors := make([]*onnx.Runner, threads)
	for t := range tensors {
		r, err := c.Session.NewRunner(1)
		if err != nil {
			return Loop{}, err
		}
		defer r.Close()
		tensors[t] = r
	}
	loop, err := timed(n, 0, threads, func(t int) error {
		w := c.Program.NewWorker()
		for {
			data, err := source.next()
			if err == io.EOF {
				return nil
			}
			if err == nil {
				_, err = w.Apply(data, preprocess.DefaultLimits, tensors[t].Image(0))
			}
			if err != nil {
				return err
			}
			done.Add(1)
		}
	})
	if err == nil && done.Load() != int64(n) {
		err = fmt.Errorf("%s has %d images, not %d", images, done.Load(), n)
	}
	return loop, err
}

func timed(images, batch, threads int, work func(thread int) error) (Loop, error) {
	cpu, began := ownCPU(), time.Now()
	var g errgroup.Group
	for t := range threads {
		g.Go(func() error { return work(t) })
	}
	err := g.Wait()
	return Loop{Images: images, Seconds: time.Since(began).Seconds(), CPUSeconds: ownCPU() - cpu, Batch: batch}, err
}

func ownCPU() float64 {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano()).Seconds()
}

// feed gives the first n images of a folder, each once, to any number of goroutines. A file is read by the goroutine that asked.
type feed struct {
	files chan string
	err   error // read it only after the channels are closed

	members chan []byte // of .tar files
}

func newFeed(ctx context.Context, folder string, n int) *feed {
	s := &feed{files: make(chan string, 64)}
	names, err := filepath.Glob(filepath.Join(folder, "*"))
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s is empty", folder)
	}
	if s.err = err; err != nil {
		return s
	}
	if filepath.Ext(names[0]) == ".tar" {
		s.members = make(chan []byte, 256)
		go func() {
			defer close(s.members)
			s.err = eachMember(names, func(data []byte) bool {
				if n--; n < 0 {
					return false
				}
				select {
				case s.members <- data:
					return true
				case <-ctx.Done():
					return false
				}
			})
		}()
		return s
	}
	go func() {
		defer close(s.files)
		for _, name := range names[:min(n, len(names))] {
			select {
			case s.files <- name:
			case <-ctx.Done():
				return
			}
		}
	}()
	return s
}

// next returns the bytes of the next image, or io.EOF.
func (s *feed) next() ([]byte, error) {
	if s.members != nil {
		if data, ok := <-s.members; ok {
			return data, nil
		}
	} else if s.err == nil {
		if name, ok := <-s.files; ok {
			return os.ReadFile(name)
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	return nil, io.EOF
}

func eachMember(archives []string, take func([]byte) bool) error {
	for _, name := range archives {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		for r := tar.NewReader(f); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if !isImage(h.Name) {
				continue
			}
			data, err := io.ReadAll(r)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if !take(data) {
				return nil
			}
		}
	}
	return nil
}

func isImage(name string) bool {
	switch filepath.Ext(name) {
	case ".jpg", ".jpeg", ".JPEG", ".png":
		return true
	}
	return false
}
