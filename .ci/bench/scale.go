package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ScaleReport is what runScale measured. Its field names are a contract.
type ScaleReport struct {
	Version string     `json:"version"`
	Machine string     `json:"machine"`
	CPUs    int        `json:"cpus"`
	Began   time.Time  `json:"began"`
	Rows    []ScaleRow `json:"rows"`
}

// ScaleRow is one run of tag, or two: Again is that over the same images once more, which tags nothing.
type ScaleRow struct {
	Kind   string `json:"kind"` // tar or parquet
	Images int    `json:"images"`
	Usage
	InputBytes int64 `json:"input_bytes"`
	TableBytes int64 `json:"table_bytes"` // labels
	OtherBytes int64 `json:"other_bytes"` // the run, the ledger and the lists of members, unit files included, which the next run removes
	AgainUsage Usage `json:"again"`
}

// runScale tags ever more small images with a model that costs next to nothing, so that what is measured is everything around it.
func runScale(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("scale", flag.ContinueOnError)
	var (
		work    = f.String("work", ".cache/bench", "folder for images and output")
		tagbeam = f.String("tagbeam", "bin/tagbeam", "program under measurement")
		sizes   = f.String("sizes", "10000,100000,1000000", "numbers of images")
		kinds   = f.String("kinds", "tar,parquet", "what the images are in")
		file    = f.String("json", "", "file of the report (default: scale.json in -work)")
		to      = f.String("to", "", "also put the table between the markers of this Markdown file")
		within  = f.Duration("within", 20*time.Minute, "measure no size that would take longer, by what the one before took")
		keep    = f.Bool("keep", false, "keep the images, 2.5 GB a million, for another time")
	)
	if err := f.Parse(args); err != nil {
		return err
	}
	folder, err := prepare(*work, *tagbeam)
	if err != nil {
		return err
	}
	numbers, err := parseSizes(*sizes)
	if err != nil {
		return err
	}
	base := newReport(reportFile(*file, folder, "scale.json"))
	r := &ScaleReport{Version: base.Version, Machine: base.Machine, CPUs: base.CPUs, Began: base.Began}
	s := scale{work: folder, tagbeam: *tagbeam, within: *within, keep: *keep, corpora: corpora{folder: folder}}
	began := time.Now()
	var failed error
	for _, kind := range strings.Split(*kinds, ",") {
		var perImage time.Duration // by the size before, with making the images
		for _, n := range numbers {
			turn := time.Now()
			if used, more := turn.Sub(began), perImage*time.Duration(n); used+more > *within {
				failed = errors.Join(failed, fmt.Errorf("%d images in %s are left out: %.0f of %v are over and they would take %.0f min more; see -within",
					n, kind, used.Minutes(), *within, more.Minutes()))
				continue
			}
			row, err := s.measure(ctx, kind, n)
			perImage = time.Since(turn) / time.Duration(n)
			if ctx.Err() != nil {
				failed = errors.Join(failed, context.Cause(ctx))
				break
			}
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("%d images in %s: %w", n, kind, err))
				continue
			}
			r.Rows = append(r.Rows, row)
			fmt.Fprintf(os.Stderr, "bench: %d images in %s: %.1f s, %.0f MB\n", n, kind, row.Seconds, float64(row.PeakRSS)/1e6)
			if err := saveJSON(base.file, r); err != nil {
				return err
			}
		}
	}
	fmt.Print(r.markdown())
	if *to != "" {
		failed = errors.Join(failed, writeBetween(*to, "measured", r.markdown()))
	}
	return failed
}

func parseSizes(text string) (sizes []int, err error) {
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-sizes: %q is no number of images", field)
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}

type scale struct {
	work, tagbeam string
	within        time.Duration
	keep          bool
	corpora       corpora
}

// tinyModel takes 8 x 8 pixels; see testdata/models/make_models.py.
const tinyModel = "testdata/models/nchw.onnx"

func (s scale) measure(ctx context.Context, kind string, n int) (ScaleRow, error) {
	row := ScaleRow{Kind: kind, Images: n}
	var folder string
	var err error
	switch kind {
	case "tar":
		folder, err = s.corpora.shards(n, smallShard)
	case "parquet":
		folder, err = s.corpora.tables(n, smallShard)
	default:
		err = fmt.Errorf("-kinds: %q is neither tar nor parquet", kind)
	}
	if err != nil {
		return row, err
	}
	if !s.keep {
		defer os.RemoveAll(folder)
	}
	if row.InputBytes, err = bytesBelow(folder); err != nil {
		return row, err
	}
	out, err := os.MkdirTemp(s.work, "out-")
	if err != nil {
		return row, err
	}
	defer os.RemoveAll(out)
	labels := filepath.Join(out, "labels.txt")
	if err := os.WriteFile(labels, []byte("a\nb\nc\nd\ne\n"), 0o644); err != nil {
		return row, err
	}
	c := tools{tagbeam: s.tagbeam, work: s.work}.tag(nameTag, func(int) string { return filepath.Join(folder, "*."+kind) },
		"--model", tinyModel, "--model-labels", labels, "--preprocess", "torchvision")
	tag := func() (Usage, error) {
		cmd := c.command(n, out)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		u, err := measure(ctx, cmd, s.within)
		if err != nil {
			err = fmt.Errorf("%w: %s", err, lastLines([]byte(stderr.String()), 5))
		}
		return u, err
	}
	if row.Usage, err = tag(); err != nil {
		return row, err
	}
	switch done, err := summarised(nil, out); {
	case err != nil:
		return row, err
	case done != n:
		return row, fmt.Errorf("%d of %d images were done", done, n)
	}
	table := filepath.Join(out, "table")
	if row.TableBytes, err = bytesBelow(filepath.Join(table, "labels")); err != nil {
		return row, err
	}
	all, err := bytesBelow(table)
	if err != nil {
		return row, err
	}
	row.OtherBytes = all - row.TableBytes
	row.AgainUsage, err = tag()
	return row, err
}

func bytesBelow(folder string) (n int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}

func (r *ScaleReport) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs, tagbeam %s, %s; one run each, from the first listing to the published table.\n\n", r.Machine, r.CPUs, r.Version, r.Began.Format(time.DateOnly))
	var rows [][]string
	for _, row := range r.Rows {
		n := float64(row.Images)
		rows = append(rows, []string{
			row.Kind, fmt.Sprint(row.Images), fmt.Sprintf("%.1f", row.Seconds), fmt.Sprintf("%.0f", n/row.Seconds), fmt.Sprintf("%.0f", 1e6*row.CPUSeconds/n),
			fmt.Sprintf("%.0f", float64(row.PeakRSS)/1e6), fmt.Sprintf("%.1f", float64(row.InputBytes)/1e6),
			fmt.Sprintf("%.1f", float64(row.TableBytes)/1e6), fmt.Sprintf("%.0f", float64(row.TableBytes)/n), fmt.Sprintf("%.1f", float64(row.OtherBytes)/1e6),
			fmt.Sprintf("%.2f", row.AgainUsage.Seconds),
		})
	}
	b.WriteString(markdownTable([]string{"in", "images", "s", "images/s", "CPU µs per image", "peak RSS, MB", "input, MB", "table, MB", "bytes a row", "besides, MB", "again, s"}, rows))
	return b.String()
}
