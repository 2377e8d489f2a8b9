package object

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// Mem is a store in the memory of this process, for tests and simulations. Its versions are generations, as those of gs are.
type Mem struct {
	name string

	mu         sync.RWMutex
	generation int64
	keys       []string // sorted
	objects    map[string]memObject
}

type memObject struct {
	data []byte
	info Info
}

var _ Store = (*Mem)(nil)

func newMem(name string) *Mem { return &Mem{name: name, objects: map[string]memObject{}} }

// Put writes an object, whether it exists or not; the new content gets a new generation.
func (m *Mem) Put(key string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, bytes.Clone(data))
}

func (m *Mem) put(key string, data []byte) {
	if i, found := slices.BinarySearch(m.keys, key); !found {
		m.keys = slices.Insert(m.keys, i, key)
	}
	m.generation++
	sum := md5.Sum(data)
	m.objects[key] = memObject{data: data, info: Info{
		Key: key, Size: int64(len(data)), Version: fmt.Sprintf("gen:%d", m.generation), MD5: hex.EncodeToString(sum[:]),
		ContentType: http.DetectContentType(data), Modified: time.Now().UTC(),
	}}
}

// List implements Store. It lists the keys as they are when it starts; those deleted meanwhile are left out.
func (m *Mem) List(ctx context.Context, opts ListOptions, fn func(Info) error) error {
	for _, key := range m.matching(opts) {
		if err := cancelled(ctx, "list", m.uri(opts.Prefix)); err != nil {
			return err
		}
		m.mu.RLock()
		o, ok := m.objects[key]
		m.mu.RUnlock()
		if !ok {
			continue
		}
		if err := fn(o.info); err != nil {
			return err
		}
	}
	return cancelled(ctx, "list", m.uri(opts.Prefix))
}

func (m *Mem) matching(opts ListOptions) []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	from := sort.SearchStrings(m.keys, opts.Prefix)
	if opts.StartAfter != "" {
		from = max(from, sort.SearchStrings(m.keys, opts.StartAfter+"\x00"))
	}
	to := from
	for to < len(m.keys) && strings.HasPrefix(m.keys[to], opts.Prefix) && (opts.EndBefore == "" || m.keys[to] < opts.EndBefore) {
		to++
	}
	return slices.Clone(m.keys[from:to])
}

// Stat implements Store.
func (m *Mem) Stat(ctx context.Context, key string) (Info, error) {
	o, err := m.get(ctx, "stat", key)
	return o.info, err
}

// Read implements Store.
func (m *Mem) Read(ctx context.Context, key string, maxBytes int64) ([]byte, Info, error) {
	o, err := m.get(ctx, "read", key)
	if err != nil {
		return nil, Info{}, err
	}
	if err := checkVersion(ctx, m.uri(key), o.info.Version); err != nil {
		return nil, Info{}, err
	}
	if o.info.Size > maxBytes {
		return nil, Info{}, tooLarge(m.uri(key), o.info.Size, maxBytes)
	}
	return bytes.Clone(o.data), o.info, nil
}

// ReadRange implements Store.
func (m *Mem) ReadRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 {
		return nil, negativeOffset(m.uri(key), offset)
	}
	o, err := m.get(ctx, "read", key)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(ctx, m.uri(key), o.info.Version); err != nil {
		return nil, err
	}
	data := o.data[min(offset, o.info.Size):]
	if length >= 0 {
		data = data[:min(length, int64(len(data)))]
	}
	return memReader{bytes.NewReader(data), o.info.Version}, nil
}

type memReader struct {
	*bytes.Reader
	version string
}

func (memReader) Close() error { return nil }

// ReadVersion implements VersionedReader.
func (r memReader) ReadVersion() (string, error) { return r.version, nil }

func (m *Mem) get(ctx context.Context, op, key string) (memObject, error) {
	if err := cancelled(ctx, op, m.uri(key)); err != nil {
		return memObject{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	o, ok := m.objects[key]
	if !ok {
		return memObject{}, &Error{Op: op, Object: m.uri(key), Kind: ErrNotFound}
	}
	return o, nil
}

// PutIfAbsent implements Store.
func (m *Mem) PutIfAbsent(ctx context.Context, key string, write func(io.Writer) error) error {
	if key == "" {
		return &Error{Op: "write", Object: m.uri(key), Cause: errors.New("an object needs a name")}
	}
	var buffer bytes.Buffer
	if err := write(contextWriter{ctx, &buffer}); err != nil {
		return writeFailed(ctx, m.uri(key), err)
	}
	if err := cancelled(ctx, "write", m.uri(key)); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objects[key]; ok {
		return &Error{Op: "write", Object: m.uri(key), Kind: ErrExists}
	}
	m.put(key, buffer.Bytes())
	return nil
}

// Delete implements Store.
func (m *Mem) Delete(ctx context.Context, key string) error {
	if err := cancelled(ctx, "delete", m.uri(key)); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, found := slices.BinarySearch(m.keys, key); found {
		m.keys = slices.Delete(m.keys, i, i+1)
		delete(m.objects, key)
	}
	return nil
}

func (m *Mem) uri(key string) string {
	return Location{Scheme: SchemeMem, Bucket: m.name, Key: key}.String()
}
