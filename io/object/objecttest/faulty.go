package objecttest

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"sync"

	"github.com/tagbeam/tagbeam/io/object"
)

// Op is an operation of a store.
type Op string

// The operations, as hooks and rates name them.
const (
	OpList        Op = "list"
	OpStat        Op = "stat"
	OpRead        Op = "read"
	OpReadRange   Op = "read range"
	OpPutIfAbsent Op = "put"
	OpDelete      Op = "delete"
)

// Rates are probabilities, from 0 to 1, by operation; an operation that is not named never fails.
type Rates map[Op]float64

// FaultOptions says which faults to inject, and how often. The zero value injects none.
type FaultOptions struct {
	// Before is how often a call fails with object.ErrTransient without any effect.
	Before Rates
	// After is how often a call has its effect and then fails with object.ErrTransient all the same: the reply was lost.
	// A listing gives a part of its objects first.
	After Rates
	// BrokenBody is how often a reader of ReadRange breaks off with object.ErrTransient before its end.
	BrokenBody float64
	// ShortReads is how often a reader of ReadRange gives its bytes one at a time.
	ShortReads float64
	// WrongBytes is how often bytes arrive that the store does not hold: Read finds out and fails with object.ErrChecksum, as every adapter does; one
	// byte of what ReadRange gives is another, because nobody can check a part.
	WrongBytes float64
	// StopAfter, when not 0, is the number of calls after which the world stops: they all fail with ErrStopped.
	StopAfter int
	// Hook, when not nil, is called before each call, and its error returned without any effect. It may end the process.
	Hook func(op Op, key string) error
	// HookAfter is called after each call that succeeded, and its error returned although the effect is there.
	HookAfter func(op Op, key string) error
}

// FaultyStore injects faults into the calls of a store. Whether a call fails depends on the seed, the operation, the key and
// how many calls of that operation on that key went before, and on nothing else: not on the order in which goroutines call.
// It never says that an object is missing, or there, when it is not: no store lies about that.
type FaultyStore struct {
	store object.Store
	seed  uint64
	opts  FaultOptions

	mu       sync.Mutex
	calls    map[call]uint64
	injected map[Op]int
	kinds    map[string]int
	made     int
}

type call struct {
	op  Op
	key string
}

var _ object.Store = (*FaultyStore)(nil)

// Faulty wraps a store. Print the seed with the failures of a test.
func Faulty(store object.Store, seed uint64, opts FaultOptions) *FaultyStore {
	return &FaultyStore{store: store, seed: seed, opts: opts, calls: map[call]uint64{}, injected: map[Op]int{}, kinds: map[string]int{}}
}

// Injected says how many faults each operation met, hooks' errors included.
func (f *FaultyStore) Injected() map[Op]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.injected)
}

// Kinds says how many faults of each kind were injected.
func (f *FaultyStore) Kinds() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.kinds)
}

// List implements object.Store.
func (f *FaultyStore) List(ctx context.Context, opts object.ListOptions, fn func(object.Info) error) error {
	d, err := f.begin(OpList, opts.Prefix)
	if err != nil {
		return err
	}
	left := -1
	if d.after {
		left = d.IntN(20)
	}
	lost := f.lost(OpList, opts.Prefix)
	var fnErr error
	err = f.store.List(ctx, opts, func(info object.Info) error {
		if left == 0 {
			return lost
		}
		left--
		fnErr = fn(info)
		return fnErr
	})
	if fnErr != nil {
		return err
	}
	return f.end(OpList, opts.Prefix, d, err)
}

// Stat implements object.Store.
func (f *FaultyStore) Stat(ctx context.Context, key string) (object.Info, error) {
	d, err := f.begin(OpStat, key)
	if err != nil {
		return object.Info{}, err
	}
	info, err := f.store.Stat(ctx, key)
	if err = f.end(OpStat, key, d, err); err != nil {
		return object.Info{}, err
	}
	return info, nil
}

// Read implements object.Store.
func (f *FaultyStore) Read(ctx context.Context, key string, maxBytes int64) ([]byte, object.Info, error) {
	d, err := f.begin(OpRead, key)
	if err != nil {
		return nil, object.Info{}, err
	}
	data, info, err := f.store.Read(ctx, key, maxBytes)
	if err = f.end(OpRead, key, d, err); err != nil {
		return nil, object.Info{}, err
	}
	if d.Float64() < f.opts.WrongBytes {
		f.count(OpRead, "wrong bytes")
		return nil, object.Info{}, &object.Error{Op: string(OpRead), Object: key, Kind: object.ErrChecksum, Cause: fmt.Errorf("injected, seed %d", f.seed)}
	}
	return data, info, nil
}

// ReadRange implements object.Store.
func (f *FaultyStore) ReadRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	d, err := f.begin(OpReadRange, key)
	if err != nil {
		return nil, err
	}
	body, err := f.store.ReadRange(ctx, key, offset, length)
	if failed := f.end(OpReadRange, key, d, err); failed != nil {
		if err == nil {
			body.Close()
		}
		return nil, failed
	}
	if d.Float64() < f.opts.WrongBytes {
		f.count(OpReadRange, "wrong bytes")
		body = &wrongBody{body, d.IntN(16 << d.IntN(11))}
	}
	if d.Float64() < f.opts.ShortReads {
		f.count(OpReadRange, "short reads")
		body = shortBody{body}
	}
	if d.Float64() >= f.opts.BrokenBody {
		return body, nil
	}
	f.count(OpReadRange, "broken bodies")
	return &brokenBody{ReadCloser: body, left: 1 + d.IntN(64), err: f.lost(OpReadRange, key)}, nil
}

// PutIfAbsent implements object.Store.
func (f *FaultyStore) PutIfAbsent(ctx context.Context, key string, write func(io.Writer) error) error {
	d, err := f.begin(OpPutIfAbsent, key)
	if err != nil {
		return err
	}
	return f.end(OpPutIfAbsent, key, d, f.store.PutIfAbsent(ctx, key, write))
}

// Delete implements object.Store.
func (f *FaultyStore) Delete(ctx context.Context, key string) error {
	d, err := f.begin(OpDelete, key)
	if err != nil {
		return err
	}
	return f.end(OpDelete, key, d, f.store.Delete(ctx, key))
}

// dice are those of one call.
type dice struct {
	*rand.Rand
	after bool
}

func (f *FaultyStore) begin(op Op, key string) (dice, error) {
	f.mu.Lock()
	nth := f.calls[call{op, key}]
	f.calls[call{op, key}]++
	f.made++
	stopped := f.opts.StopAfter > 0 && f.made > f.opts.StopAfter
	f.mu.Unlock()
	if stopped {
		return dice{}, ErrStopped
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00", op, key)
	binary.Write(h, binary.LittleEndian, nth)
	d := dice{Rand: rand.New(rand.NewPCG(f.seed, h.Sum64()))}
	before := d.Float64() < f.opts.Before[op]
	d.after = d.Float64() < f.opts.After[op]

	if f.opts.Hook != nil {
		if err := f.opts.Hook(op, key); err != nil {
			f.count(op, "hooks")
			return d, err
		}
	}
	if before {
		answer := answers[d.IntN(len(answers))]
		f.count(op, answer)
		return d, &object.Error{Op: string(op), Object: key, Kind: object.ErrTransient,
			Cause: fmt.Errorf("%s, injected before call %d, seed %d", answer, nth, f.seed)}
	}
	return d, nil
}

func (f *FaultyStore) end(op Op, key string, d dice, err error) error {
	if err == nil && f.opts.HookAfter != nil {
		if err := f.opts.HookAfter(op, key); err != nil {
			f.count(op, "hooks")
			return err
		}
	}
	if !d.after {
		return err
	}
	f.count(op, "lost replies")
	return f.lost(op, key)
}

func (f *FaultyStore) lost(op Op, key string) error {
	return &object.Error{Op: string(op), Object: key, Kind: object.ErrTransient,
		Cause: fmt.Errorf("injected: the reply was lost, seed %d", f.seed)}
}

func (f *FaultyStore) count(op Op, kind string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.injected[op]++
	f.kinds[kind]++
}

// answers are what a store says when it does not want to: its adapter makes object.ErrTransient of them all, once it has tried often enough.
var answers = []string{"status 429", "status 500", "status 503", "connection reset"}

// shortBody gives one byte at a time.
type shortBody struct{ io.ReadCloser }

func (b shortBody) Read(p []byte) (int, error) { return b.ReadCloser.Read(p[:min(1, len(p))]) }

// wrongBody gives a wrong byte after a few right ones, or none when there are fewer.
type wrongBody struct {
	io.ReadCloser
	left int
}

func (b *wrongBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left >= 0 && b.left < n {
		p[b.left] ^= 0x10
	}
	b.left -= n
	return n, err
}

// brokenBody gives a few bytes and breaks off.
type brokenBody struct {
	io.ReadCloser
	left int
	err  error
}

func (b *brokenBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
