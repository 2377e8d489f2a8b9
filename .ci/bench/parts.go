package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// measure prepares the parts, and then goes through all of them once, and again, so that what time there is gives every part its rounds.
// A round that would not end in time is not begun, but the first is. Else only an interruption ends it early.
func (p plan) measure(ctx context.Context, r *Report) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	t := tools{self: self, tagbeam: p.tagbeam, work: p.work}
	if err := os.RemoveAll(filepath.Join(p.work, cacheFolder)); err != nil { // what is measured here is measured now
		return err
	}
	pythons := p.install(ctx, r)
	r.began = time.Now() // installing is done once
	for _, part := range p.parts {
		r.Skipped[part] = "the measurement ended before"
	}
	for _, part := range p.parts {
		fmt.Fprintf(os.Stderr, "bench: preparing %s\n", part)
		var err error
		var e *experiment
		switch part {
		case partPillow:
			r.Pillow, err = againstPillow(ctx, max(2*p.rounds, 5))
		case partMemory:
			e, err = p.memory()
		default:
			e, err = p.classify(ctx, t, part, pythons)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			r.Skipped[part] = err.Error()
			fmt.Fprintf(os.Stderr, "bench: %s is left out: %v\n", part, err)
			continue
		}
		delete(r.Skipped, part)
		if e != nil {
			r.Experiments = append(r.Experiments, e)
		}
	}
	for round := range p.rounds {
		if err := p.round(ctx, r, round); err != nil {
			return err
		}
	}
	return nil
}

// round is one round of every experiment that ends in time.
func (p plan) round(ctx context.Context, r *Report, round int) error {
	for _, e := range r.Experiments {
		if e.rounds > 0 && round >= e.rounds {
			continue
		}
		if used := time.Since(r.began); round > 0 && used+e.took > p.within {
			fmt.Fprintf(os.Stderr, "bench: %s gets %d rounds: %.1f of %.0f min are over, and a round takes %.1f\n",
				e.Name, round, used.Minutes(), p.within.Minutes(), e.took.Minutes())
			e.rounds = round
			continue
		}
		if err := e.round(ctx, p.work, round, r.keep); err != nil {
			return err
		}
	}
	return nil
}

// install makes the peers' environments and returns their Pythons, by key.
func (p plan) install(ctx context.Context, r *Report) map[string]string {
	pythons := map[string]string{}
	for _, other := range allPeers {
		if !slices.ContainsFunc(p.peers, func(c peer) bool { return c.key == other.key }) {
			r.Skipped[other.name] = "not asked for"
			continue
		}
		python, err := other.installed(ctx, p.work)
		if err != nil {
			r.Skipped[other.name] = "it does not install here: " + err.Error()
			fmt.Fprintf(os.Stderr, "bench: %s is left out: %v\n", other.name, err)
			continue
		}
		pythons[other.key] = python
	}
	return pythons
}

// classify compares everybody on one model.
func (p plan) classify(ctx context.Context, t tools, model string, pythons map[string]string) (*experiment, error) {
	folder, err := p.model(model)
	if err != nil {
		return nil, err
	}
	e := &experiment{Name: model, Title: model + " on photos", Sizes: []int{16, max(p.images/4, 32), max(p.images/4, 32) + p.images}}
	c := corpora{folder: p.work, shared: p.shared}
	prepare := c.photos
	if model == partViT {
		const once = 5000
		e.Title, e.Sizes = model+" on .tar shards of CIFAR-10", []int{once, once * (1 + max(1, p.images*2/1000))}
		prepare = func(n int) (string, error) { folder, _, err := c.cifar(n / once); return folder, err }
	}
	folders := map[int]string{}
	for _, n := range e.Sizes {
		if folders[n], err = prepare(n); err != nil {
			return nil, err
		}
	}
	in := func(n int) string { return folders[n] }
	images := in
	if model == partViT {
		images = func(n int) string { return filepath.Join(folders[n], "*.tar") }
	}
	flags, workerFlags := []string{"--model", folder}, []string{"-model", folder}
	if model == partSqueeze { // whose folder, one of the ONNX Model Zoo, does not say
		flags, workerFlags = append(flags, "--preprocess", "caffe"), append(workerFlags, "-preprocess", "caffe")
	}
	tag := t.tag(nameTag, images, flags...)
	batch, err := t.chosenBatch(ctx, tag, e.Sizes[len(e.Sizes)-1])
	if err != nil {
		return nil, err
	}
	e.Batch = batch
	e.contestants = []contestant{
		t.alone(nameInfer, "infer", in, append(slices.Clone(workerFlags), "-batch", fmt.Sprint(batch))...),
		t.alone(namePreprocess, "preprocess", in, workerFlags...),
		tag,
	}
	if model == partMobile || model == partBuiltin {
		e.contestants = append(e.contestants, t.tag(namePrism, images, append(slices.Clone(flags), "--runner", "prism")...))
	}
	for _, peer := range p.peers {
		python := pythons[peer.key]
		if python == "" || peer.name != peerScript && model != partMobile {
			continue
		}
		if e.PeerBatch == 0 {
			at := func(batch int) contestant { return peer.contestant(python, folder, batch, in) }
			e.PeerBatch = t.bestBatch(ctx, at, peerBatches[model], e.Sizes[len(e.Sizes)-2])
		}
		e.contestants = append(e.contestants, peer.contestant(python, folder, e.PeerBatch, in))
	}
	return e, nil
}

// peerBatches are the sizes among which the peers' is chosen, by the first of them: tagbeam measures its own, too. More than these is slower,
// or no faster, and takes more memory.
var peerBatches = map[string][]int{partMobile: {4, 8}, partSqueeze: {4, 8}, partViT: {32, 64}, partBuiltin: {4, 8}}

// memory is the same run at two sizes, one ten times the other.
func (p plan) memory() (*experiment, error) {
	folder, err := p.model(partMobile)
	if err != nil {
		if folder, err = p.model(partBuiltin); err != nil {
			return nil, err
		}
	}
	c := corpora{folder: p.work, shared: p.shared}
	photos, err := c.photos(p.images)
	if err != nil {
		return nil, err
	}
	many, err := c.copies(photos, 10*p.images)
	if err != nil {
		return nil, err
	}
	e := &experiment{
		Name: partMemory, Title: fmt.Sprintf("%s at %d and at %d photos", filepath.Base(folder), p.images, 10*p.images),
		Sizes:  []int{p.images, 10 * p.images},
		rounds: 2, // large, and memory varies little
	}
	folders := map[int]string{p.images: photos, 10 * p.images: many}
	t := tools{tagbeam: p.tagbeam, work: p.work}
	e.contestants = []contestant{t.tag(nameTag, func(n int) string { return folders[n] }, "--model", folder, "--no-dedup")}
	return e, nil
}

// model is the folder of a model: our own one, or one of the shared.
func (p plan) model(name string) (string, error) {
	if name == partBuiltin {
		return filepath.Join("model", "builtin"), nil
	}
	if p.shared == "" {
		return "", errors.New("$TAGBEAM_SHARED, whose data/models has the model, is not set")
	}
	folder := filepath.Join(p.shared, "data", "models", name)
	if _, err := os.Stat(filepath.Join(folder, "model.onnx")); err != nil {
		return "", err
	}
	return folder, nil
}

// PillowRow is a row of BenchmarkAgainstPillow's table.
type PillowRow struct {
	Photos  string  `json:"photos"`
	Ours    float64 `json:"ms_per_image"`
	Pillow  float64 `json:"pillow_ms_per_image"`
	Times   Spread  `json:"times"`
	AtLeast float64 `json:"at_least,omitempty"`
}

// Its columns: photos, files, rounds, tagbeam, Pillow, times, min, max, and a bar where there is one.
var pillowLine = regexp.MustCompile(`^(\S.*?)\s{2,}(\d+)\s+(\d+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)(?:\s+([\d.]+))?\s*$`)

// againstPillow runs the comparison that stands beside the preprocessing and reads its table.
func againstPillow(ctx context.Context, rounds int) ([]PillowRow, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "AgainstPillow", "-benchtime", fmt.Sprintf("%dx", rounds), "./model/preprocess")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, lastLines(out, 5))
	}
	rows := parsePillow(string(out))
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s has measured nothing: it needs $TAGBEAM_SHARED and $TAGBEAM_PYTHON: %s", strings.Join(cmd.Args, " "), lastLines(out, 3))
	}
	return rows, nil
}

func parsePillow(text string) (rows []PillowRow) {
	for line := range strings.Lines(text) {
		m := pillowLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			continue
		}
		number := func(i int) float64 { v, _ := strconv.ParseFloat(m[i], 64); return v }
		rows = append(rows, PillowRow{Photos: m[1], Ours: number(4), Pillow: number(5), AtLeast: number(9),
			Times: Spread{Median: number(6), Min: number(7), Max: number(8), Rounds: int(number(3))}})
	}
	return rows
}
