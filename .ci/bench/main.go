// Bench measures tagbeam beside what bounds it and beside its peers, all in one go and in turn, so that a machine which slows down for a
// while slows down everybody. It is run from the root of the repository; make bench, bench-go and scale do that.
//
//	bench run      the parts of the comparison, to a table on standard output and a JSON file, which is rewritten after every command
//	bench scale    10,000, 100,000 and 1,000,000 small images, in .tar shards and in Parquet files
//	bench write    puts the tables of a JSON file between the markers of a Markdown file
//
// A part that cannot be measured is named, with the reason, and the others go on. Interrupted, it prints what it has.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	commands := map[string]func(context.Context, []string) error{"run": runParts, "scale": runScale, "write": runWrite, "worker": runWorker}
	if len(args) == 0 || commands[args[0]] == nil {
		return errors.New("which of run, scale and write?")
	}
	return commands[args[0]](ctx, args[1:])
}

// plan is what runParts was asked for.
type plan struct {
	work    string
	tagbeam string
	parts   []string
	peers   []peer
	images  int
	rounds  int
	within  time.Duration
	shared  string
}

const (
	partPillow  = "pillow"
	partMobile  = "mobilenetv2"
	partSqueeze = "squeezenet"
	partViT     = "vit-cifar10"
	partBuiltin = "builtin"
	partMemory  = "memory"
)

var (
	allParts   = []string{partPillow, partMobile, partSqueeze, partViT, partBuiltin, partMemory}
	shortParts = []string{partPillow, partMobile, partSqueeze, partViT}
)

func runParts(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	var (
		work    = f.String("work", ".cache/bench", "folder for images, peers and output")
		tagbeam = f.String("tagbeam", "bin/tagbeam", "program under measurement")
		short   = f.Bool("short", false, "under five minutes: other defaults for -images, -rounds, -parts and -peers")
		parts   = f.String("parts", "", "parts, separated by commas (default: all of "+strings.Join(allParts, ",")+")")
		peers   = f.String("peers", "", "peers, separated by commas, or none (default: script,beam,ray)")
		images  = f.Int("images", 0, "photos between the two sizes of a rate (default 2000)")
		rounds  = f.Int("rounds", 0, "how often everything is measured, Beam and Ray three times at most (default 5)")
		within  = f.Duration("within", 23*time.Minute, "begin no round after the first that would end later than that, installing peers not counted")
		file    = f.String("json", "", "file of the report (default: bench.json in -work)")
		readme  = f.String("readme", "", "also put the tables between the markers of this Markdown file")
	)
	if err := f.Parse(args); err != nil {
		return err
	}
	p := plan{work: *work, tagbeam: *tagbeam, images: 2000, rounds: 5, within: *within, parts: allParts, shared: os.Getenv("TAGBEAM_SHARED")}
	chosen := "script,beam,ray"
	if *short {
		p.images, p.rounds, p.parts, chosen = 400, 3, shortParts, "script"
	}
	if *images > 0 {
		p.images = *images
	}
	if *rounds > 0 {
		p.rounds = *rounds
	}
	if *peers != "" {
		chosen = *peers
	}
	if *parts != "" {
		p.parts = strings.Split(*parts, ",")
	}
	for _, part := range p.parts {
		if !slices.Contains(allParts, part) {
			return fmt.Errorf("-parts: %q is none of %s", part, strings.Join(allParts, ", "))
		}
	}
	var err error
	if p.peers, err = choosePeers(chosen); err != nil {
		return err
	}
	if p.work, err = prepare(p.work, p.tagbeam); err != nil {
		return err
	}
	r := newReport(reportFile(*file, p.work, "bench.json"))
	r.Rounds = p.rounds
	err = p.measure(ctx, r)
	r.finish()
	if err := r.save(); err != nil {
		return err
	}
	fmt.Print(r.markdown())
	fmt.Fprintf(os.Stderr, "bench: report in %s\n", r.file)
	if *readme != "" {
		err = errors.Join(err, writeBetween(*readme, "measured", r.markdown()))
	}
	return err
}

// prepare makes the folder to work in, returns its absolute path, and looks whether there is something to measure.
func prepare(work, tagbeam string) (string, error) {
	if _, err := os.Stat(tagbeam); err != nil {
		return "", fmt.Errorf("%w: make build builds it", err)
	}
	folder, err := filepath.Abs(work)
	return folder, errors.Join(err, adoptOrphans(), os.MkdirAll(folder, 0o755))
}

func runWrite(_ context.Context, args []string) error {
	f := flag.NewFlagSet("write", flag.ContinueOnError)
	var (
		from = f.String("json", ".cache/bench/bench.json", "a report")
		to   = f.String("to", "README.md", "Markdown file")
		name = f.String("section", "measured", "name in the markers, as in <!-- measured: begin -->")
	)
	if err := f.Parse(args); err != nil {
		return err
	}
	r, err := loadReport(*from)
	if err != nil {
		return err
	}
	return writeBetween(*to, *name, r.markdown())
}
