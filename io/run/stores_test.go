package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
)

const root = "out/"

var outputAt = object.Location{Scheme: object.SchemeMem, Bucket: "test", Key: "out"}

// newMem returns an empty memory store of the test's own.
func newMem(t testing.TB) *object.Mem {
	return object.OpenMem(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, t.Name()) + "-" + randomAttempt())
}

// newOutput returns an output that makes one request at a time, so that its requests come in the same order every time.
func newOutput(store object.Store) *Output {
	o := New(store, outputAt)
	o.parallel = 1
	return o
}

// hooked calls step around each request of a store: before it with done=false, after it with done=true. An error of step is that of the request.
type hooked struct {
	object.Store
	step func(op, key string, done bool) error
}

func (h hooked) around(op, key string, do func() error) error {
	if err := h.step(op, key, false); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return h.step(op, key, true)
}

func (h hooked) List(ctx context.Context, opts object.ListOptions, fn func(object.Info) error) error {
	return h.around("list", opts.Prefix, func() error { return h.Store.List(ctx, opts, fn) })
}

func (h hooked) Stat(ctx context.Context, key string) (info object.Info, err error) {
	err = h.around("stat", key, func() (err error) { info, err = h.Store.Stat(ctx, key); return err })
	return info, err
}

func (h hooked) Read(ctx context.Context, key string, maxBytes int64) (data []byte, info object.Info, err error) {
	err = h.around("read", key, func() (err error) { data, info, err = h.Store.Read(ctx, key, maxBytes); return err })
	return data, info, err
}

func (h hooked) ReadRange(ctx context.Context, key string, offset, length int64) (r io.ReadCloser, err error) {
	err = h.around("read", key, func() (err error) { r, err = h.Store.ReadRange(ctx, key, offset, length); return err })
	return r, err
}

// PutIfAbsent makes the content first, so that its requests are steps of their own and the appearance of the object is one.
func (h hooked) PutIfAbsent(ctx context.Context, key string, write func(io.Writer) error) error {
	var content bytes.Buffer
	if err := write(&content); err != nil {
		return err
	}
	return h.around("put", key, func() error {
		return h.Store.PutIfAbsent(ctx, key, func(w io.Writer) error {
			_, err := w.Write(content.Bytes())
			return err
		})
	})
}

func (h hooked) Delete(ctx context.Context, key string) error {
	return h.around("delete", key, func() error { return h.Store.Delete(ctx, key) })
}

// guarded wraps a store so that a request that breaks the protocol fails the test at once, whoever makes it.
func guarded(t testing.TB, store object.Store) object.Store {
	var mu sync.Mutex
	return hooked{store, func(op, key string, done bool) error {
		if done || op != "put" && op != "delete" {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if err := allowed(store, op, strings.TrimPrefix(key, root)); err != nil {
			t.Errorf("%s %s: %v", op, key, err)
		}
		return nil
	}}
}

var (
	runObject  = regexp.MustCompile(`^_runs/(\d{6})/(plan\.json|settings\.json|given/.+|decision\.json|manifest\.json|plan-[0-9a-f]{12}-\d{5}\.jsonl\.zst|unit-\d{6}\.parquet)$`)
	partObject = regexp.MustCompile(`^labels/dt=\d{4}-\d\d-\d\d/(?:run-(\d{6})-part-\d{5}\.parquet|_SUCCESS)$`)
)

// allowed says what is wrong with a request that changes something.
func allowed(store object.Store, op, key string) error {
	state := func(id int64) State {
		s, err := New(store, outputAt).Closed(context.Background(), id)
		if err != nil {
			return State(err.Error())
		}
		return s
	}
	if m := partObject.FindStringSubmatch(key); m != nil {
		if op == "delete" {
			return errors.New("nothing is ever deleted from the table")
		}
		if m[1] == "" {
			return marked(store, path.Dir(key))
		}
		if s := state(atoi(m[1])); s != StateCommitted && s != StatePublished {
			return fmt.Errorf("a part of a run that is %s", s)
		}
		return nil
	}
	if name, ok := strings.CutPrefix(key, forgottenFolder); ok && strings.HasSuffix(name, ".parquet") {
		if op == "delete" {
			return errors.New("what is forgotten stays so")
		}
		return nil
	}
	if name, ok := strings.CutPrefix(key, ledgerFolder); ok && ledgerName.MatchString(name) {
		return nil
	}
	m := runObject.FindStringSubmatch(key)
	if m == nil {
		return errors.New("no such name in the layout")
	}
	id, name := atoi(m[1]), m[2]
	switch {
	case op == "delete" && (strings.HasPrefix(name, givenFolder) || name == settingsName):
		if s := state(id); !s.Closed() {
			return fmt.Errorf("what the workers of a run need, and it is %s", s)
		}
	case op == "delete" && strings.HasSuffix(name, ".json"):
		return errors.New("records are never deleted")
	case op == "delete" && strings.HasPrefix(name, unitPrefix):
		if s := state(id); !s.Closed() {
			return fmt.Errorf("a unit file of a run that is %s", s)
		}
	case op == "delete":
		if s := state(id); !s.Closed() && elected(store, id, name) {
			return fmt.Errorf("an elected chunk of a run that is %s", s)
		}
	case name == planName && id > 1:
		if s := state(id - 1); !s.Closed() {
			return fmt.Errorf("a plan after run %d, which is %s", id-1, s)
		}
	case name == manifestName:
		if s := state(id); s != StateCommitted && s != StatePublished {
			return fmt.Errorf("a manifest of a run that is %s", s)
		}
	}
	return nil
}

// marked says what is wrong with a partition that is marked: that no run has published into it.
func marked(store object.Store, partition string) error {
	runs, err := New(store, outputAt).Runs(context.Background())
	if err != nil {
		return err
	}
	for _, s := range runs {
		if s.Manifest != nil && "labels/dt="+s.Manifest.Date == partition {
			return nil
		}
	}
	return errors.New("marked, but nothing is published in it")
}

// elected says whether the plan of a run names a chunk.
func elected(store object.Store, id int64, chunk string) bool {
	var p Plan
	data, _, err := store.Read(context.Background(), root+runFolder(id)+planName, maxRecordBytes)
	if err != nil || json.Unmarshal(data, &p) != nil {
		return false
	}
	for _, c := range p.Chunks {
		if c.Name == path.Base(chunk) {
			return true
		}
	}
	return false
}

func atoi(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// rooted is a folder of a store as a store.
type rooted struct {
	object.Store
	prefix string
}

func (r rooted) List(ctx context.Context, opts object.ListOptions, fn func(object.Info) error) error {
	opts.Prefix = r.prefix + opts.Prefix
	if opts.StartAfter != "" {
		opts.StartAfter = r.prefix + opts.StartAfter
	}
	if opts.EndBefore != "" {
		opts.EndBefore = r.prefix + opts.EndBefore
	}
	return r.Store.List(ctx, opts, func(i object.Info) error {
		i.Key = strings.TrimPrefix(i.Key, r.prefix)
		return fn(i)
	})
}

func (r rooted) Stat(ctx context.Context, key string) (object.Info, error) {
	return r.Store.Stat(ctx, r.prefix+key)
}

func (r rooted) Read(ctx context.Context, key string, maxBytes int64) ([]byte, object.Info, error) {
	return r.Store.Read(ctx, r.prefix+key, maxBytes)
}

func (r rooted) ReadRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	return r.Store.ReadRange(ctx, r.prefix+key, offset, length)
}

func (r rooted) PutIfAbsent(ctx context.Context, key string, write func(io.Writer) error) error {
	return r.Store.PutIfAbsent(ctx, r.prefix+key, write)
}

func (r rooted) Delete(ctx context.Context, key string) error {
	return r.Store.Delete(ctx, r.prefix+key)
}
