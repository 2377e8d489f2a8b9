package onnx

import (
	"strings"
	"sync"

	"golang.org/x/sync/singleflight"
)

// cache holds the sessions of the process. Workers of one process, and runners that make and drop a DoFn for every bundle, share it.
var cache struct {
	mu       sync.Mutex
	sessions map[string]*Session
	loading  singleflight.Group
}

// Load returns the process's session of the model that digest names, with those ports. The first caller loads it: open is called for
// the model's bytes, or for its path (see Open), and callers that come meanwhile wait for the same session. A failed load is not
// remembered. The session stays until the process ends.
func Load(digest string, opts SessionOptions, open func() (model []byte, path string, err error)) (*Session, error) {
	key := cacheKey(digest, opts)
	if s := cached(key); s != nil {
		return s, nil
	}
	v, err, _ := cache.loading.Do(key, func() (any, error) {
		if s := cached(key); s != nil {
			return s, nil // stored between our look and Do
		}
		model, path, err := open()
		if err != nil {
			return nil, err
		}
		s, err := Open(model, path, opts)
		if err != nil {
			return nil, err
		}
		cache.mu.Lock()
		defer cache.mu.Unlock()
		if cache.sessions == nil {
			cache.sessions = map[string]*Session{}
		}
		cache.sessions[key] = s
		return s, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*Session), nil
}

func cached(key string) *Session {
	cache.mu.Lock()
	defer cache.mu.Unlock()
	return cache.sessions[key]
}

// cacheKey tells sessions of one model apart that compute different outputs.
func cacheKey(digest string, opts SessionOptions) string {
	words := []string{digest, opts.Input.Name}
	for _, out := range opts.Outputs {
		words = append(words, out.Name)
	}
	return strings.Join(words, "\x00")
}
