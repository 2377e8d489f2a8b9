package objecttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/tagbeam/tagbeam/io/object"
)

// ErrStopped is what a program gets from its store after it was stopped. No real program ever sees such an answer: it is dead.
var ErrStopped = errors.New("stopped")

// World is a store and the programs that share it, before any of them has made a call.
type World struct {
	Store    object.Store
	Programs []Program
	// Check, when not nil, is called after each call, while every program waits.
	Check func(Step) error
	// End, when not nil, is called when every program has ended, with what each returned; ErrStopped for one that was stopped.
	End func(errs []error) error
}

// Program is one user of the store. It makes one call at a time, and nothing but the store decides what it does next.
type Program struct {
	Run func(object.Store) error
	// Lives, when not 0, is the number of calls after which the program is stopped, as by SIGKILL: the next one never happens.
	Lives int
}

// Step is one call of a program.
type Step struct {
	Program int
	Op      Op
	// Key is the object's, or the prefix of a listing.
	Key string
	// Changed says that an object appeared or went.
	Changed bool

	after, before string // of a listing
}

func (s Step) String() string { return fmt.Sprintf("%d %s %s", s.Program, s.Op, s.Key) }

// touches says whether the outcome of s depends on an object.
func (s Step) touches(key string) bool {
	if s.Op != OpList {
		return s.Key == key
	}
	return strings.HasPrefix(key, s.Key) && (s.after == "" || key > s.after) && (s.before == "" || key < s.before)
}

// conflicts says that it may matter which of two steps comes first.
func (s Step) conflicts(other Step) bool {
	return s.Changed && other.touches(s.Key) || other.Changed && s.touches(other.Key)
}

// player runs the programs of a world one call at a time, in an order that its user chooses.
type player struct {
	world   World
	players []*playing
}

// playing is one running program.
type playing struct {
	id      int
	arrive  chan struct{} // it waits before a call, which is next; closed at its end
	proceed chan bool     // make the call; false: you are stopped
	next    Step
	calls   int
	inCall  atomic.Int32
	stopped bool
	ended   bool
	err     error
}

// play starts the programs of a world and returns when each waits before its first call.
func play(w World) *player {
	p := &player{world: w}
	for i, program := range w.Programs {
		run := &playing{id: i, arrive: make(chan struct{}), proceed: make(chan bool)}
		p.players = append(p.players, run)
		go func() {
			defer close(run.arrive)
			run.err = program.Run(turns{w.Store, run})
		}()
		p.await(run)
	}
	return p
}

// await waits until a program stands before its next call, or has ended.
func (p *player) await(run *playing) {
	_, ok := <-run.arrive
	run.ended = !ok
	if lives := p.world.Programs[run.id].Lives; ok && lives > 0 && run.calls == lives {
		run.stopped = true
	}
}

// waiting are the programs that can make a call, as bits.
func (p *player) waiting() (mask uint32) {
	for _, run := range p.players {
		if !run.ended && !run.stopped {
			mask |= 1 << run.id
		}
	}
	return mask
}

// pending is the next call of a program, with Changed as it would be now.
func (p *player) pending(i int) Step {
	s := p.players[i].next
	switch s.Op {
	case OpPutIfAbsent:
		s.Changed = !p.there(s.Key)
	case OpDelete:
		s.Changed = p.there(s.Key)
	}
	return s
}

func (p *player) there(key string) bool {
	_, err := p.world.Store.Stat(context.Background(), key)
	return err == nil
}

// step lets a program make its next call.
func (p *player) step(i int) (Step, error) {
	run, s := p.players[i], p.pending(i)
	run.calls++
	run.proceed <- true
	p.await(run)
	if p.world.Check != nil {
		if err := p.world.Check(s); err != nil {
			return s, fmt.Errorf("after %v: %w", s, err)
		}
	}
	return s, nil
}

// stop ends the programs that are still waiting.
func (p *player) stop() []error {
	errs := make([]error, len(p.players))
	for i, run := range p.players {
		if !run.ended {
			run.stopped = true
			run.proceed <- false
			for range run.arrive {
				run.proceed <- false
			}
			run.err = ErrStopped
		}
		errs[i] = run.err
	}
	return errs
}

// turns is the view that a program has of the store: it waits for its turn before each call.
type turns struct {
	store object.Store
	run   *playing
}

var _ object.Store = turns{}

// call makes do one step. The next step of the program begins only after do.
func (t turns) call(s Step, do func() error) error {
	if t.run.inCall.Add(1) != 1 {
		panic("objecttest: a program under exploration makes one call at a time: " + s.String())
	}
	s.Program = t.run.id
	t.run.next = s
	t.run.arrive <- struct{}{}
	alive := <-t.run.proceed
	t.run.inCall.Add(-1)
	if !alive {
		return ErrStopped
	}
	return do()
}

// List implements object.Store. It takes in all objects at once: what fn does comes after it.
func (t turns) List(ctx context.Context, opts object.ListOptions, fn func(object.Info) error) error {
	var found []object.Info
	err := t.call(Step{Op: OpList, Key: opts.Prefix, after: opts.StartAfter, before: opts.EndBefore}, func() error {
		return t.store.List(ctx, opts, func(i object.Info) error {
			found = append(found, i)
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, i := range found {
		if err := fn(i); err != nil {
			return err
		}
	}
	return nil
}

// Stat implements object.Store.
func (t turns) Stat(ctx context.Context, key string) (info object.Info, err error) {
	err = t.call(Step{Op: OpStat, Key: key}, func() (err error) { info, err = t.store.Stat(ctx, key); return err })
	return info, err
}

// Read implements object.Store.
func (t turns) Read(ctx context.Context, key string, maxBytes int64) (data []byte, info object.Info, err error) {
	err = t.call(Step{Op: OpRead, Key: key}, func() (err error) { data, info, err = t.store.Read(ctx, key, maxBytes); return err })
	return data, info, err
}

// ReadRange implements object.Store.
func (t turns) ReadRange(ctx context.Context, key string, offset, length int64) (body io.ReadCloser, err error) {
	err = t.call(Step{Op: OpReadRange, Key: key}, func() (err error) { body, err = t.store.ReadRange(ctx, key, offset, length); return err })
	return body, err
}

// PutIfAbsent implements object.Store. The content is made first, so that the calls this takes are steps of their own and the appearance of the
// object is one.
func (t turns) PutIfAbsent(ctx context.Context, key string, write func(io.Writer) error) error {
	var content bytes.Buffer
	if err := write(&content); err != nil {
		return err
	}
	return t.call(Step{Op: OpPutIfAbsent, Key: key}, func() error {
		return t.store.PutIfAbsent(ctx, key, func(w io.Writer) error {
			_, err := w.Write(content.Bytes())
			return err
		})
	})
}

// Delete implements object.Store.
func (t turns) Delete(ctx context.Context, key string) error {
	return t.call(Step{Op: OpDelete, Key: key}, func() error { return t.store.Delete(ctx, key) })
}
