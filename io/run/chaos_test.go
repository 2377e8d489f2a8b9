package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
)

// TestFaults lets every request fail as the seed says, in all the ways a store has, and stops the world now and then; commands try again, the last of
// them undisturbed. What fails says so, and that it may be tried again; the table is whole in the end.
func TestFaults(t *testing.T) {
	runs, stops, failures := 0, 0, 0
	kinds := map[string]int{}
	for seed := range objecttest.Seeds(100/killStride, 1000) {
		f := &faultRun{random: rand.New(rand.NewPCG(seed, 4)), store: guarded(t, newMem(t)), kinds: kinds}
		worlds := []world{numbered(12, "A"), numbered(15, "A").with(numbered(4, "B")), numbered(15, "A").with(numbered(5, "C")), numbered(15, "A").with(numbered(5, "C"))}
		for _, w := range worlds {
			if err := f.night(w, seed); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		rows := published(t, f.store)
		checkOnce(t, rows, onceEach(worlds...))
		objecttest.Report("rows lost", lost(rows, worlds[len(worlds)-1]))
		objecttest.Report("rows doubled", doubled(rows))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		runs, stops, failures = runs+1, stops+f.stops, failures+f.failures
	}
	t.Logf("%d runs, %d commands failed, the world stopped %d times, faults: %v", runs, failures, stops, kinds)
	objecttest.Report("fault runs", runs)
	objecttest.Report("clear failures in them, healed by a further run", failures)
	objecttest.Report("faults: world stopped", stops)
	for kind, n := range kinds {
		objecttest.Report("faults: "+kind, n)
	}
}

// faultRun is an output under faults.
type faultRun struct {
	random          *rand.Rand
	store           object.Store
	stops, failures int
	kinds           map[string]int
}

// faulty is a view of a store with faults, more or less of them.
func (f *faultRun) faulty(store object.Store, seed uint64) *objecttest.FaultyStore {
	severity := []float64{0.02, 0.2, 1}[f.random.IntN(3)]
	some := func() float64 { return severity * []float64{0, 0.005, 0.02, 0.1}[f.random.IntN(4)] }
	opts := objecttest.FaultOptions{Before: objecttest.Rates{}, After: objecttest.Rates{}, BrokenBody: some(), ShortReads: some(), WrongBytes: some()}
	for _, op := range []objecttest.Op{objecttest.OpList, objecttest.OpStat, objecttest.OpRead, objecttest.OpReadRange, objecttest.OpPutIfAbsent, objecttest.OpDelete} {
		opts.Before[op], opts.After[op] = some(), some()
	}
	if f.random.IntN(3) == 0 {
		opts.StopAfter = 1 + f.random.IntN(150)
	}
	return objecttest.Faulty(store, seed, opts)
}

// night has commands try under faults until one gets through, at most ten times, and then one without.
func (f *faultRun) night(w world, seed uint64) error {
	images := object.OpenMem("images-" + randomAttempt())
	for name := range w {
		if err := images.PutIfAbsent(context.Background(), strings.TrimPrefix(name, "gs://"), func(io.Writer) error { return nil }); err != nil {
			return err
		}
	}
	for try := range uint64(10) {
		output, input := f.faulty(f.store, seed+try<<32), f.faulty(images, seed+try<<33)
		_, err := listing(w, input).night(context.Background(), New(output, outputAt))
		for _, s := range []*objecttest.FaultyStore{output, input} {
			for kind, n := range s.Kinds() {
				f.kinds[kind] += n
			}
		}
		if err == nil {
			return nil
		}
		f.failures++
		if errors.Is(err, objecttest.ErrStopped) {
			f.stops++
		}
		if !clear(err) {
			return fmt.Errorf("try %d: not a failure of a store: %w", try, err)
		}
	}
	_, err := listing(w, images).night(context.Background(), New(f.store, outputAt))
	return err
}

// clear says whether an error tells whose fault it is.
func clear(err error) bool {
	return slices.ContainsFunc([]error{object.ErrTransient, object.ErrChecksum, objecttest.ErrStopped, table.ErrDamaged, errDamaged}, func(kind error) bool { return errors.Is(err, kind) })
}

// listing is a command whose source is the listing of a store.
func listing(w world, store object.Store) command {
	c := newCommand(w)
	c.req.Source = func(ctx context.Context, fn func(source.Item) error) error {
		return store.List(ctx, object.ListOptions{Prefix: "b/"}, func(i object.Info) error {
			return fn(source.Item{URI: "gs://" + i.Key, Version: w["gs://"+i.Key], Size: 100})
		})
	}
	return c
}

// lost is the number of images whose newest row is not of their version.
func lost(rows map[string][]string, w world) (n int) {
	for name, version := range w {
		if r := rows[name]; len(r) == 0 || r[len(r)-1] != version+" digest" {
			n++
		}
	}
	return n
}

// doubled is the number of rows that say again what the row before says.
func doubled(rows map[string][]string) (n int) {
	for _, r := range rows {
		n += len(r) - len(slices.Compact(slices.Clone(r)))
	}
	return n
}
