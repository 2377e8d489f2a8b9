package object

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"
)

// bucket is what s3 and az have in common beyond remote: lists by pages, and writes that are conditional, in one request each.
type bucket struct {
	remote
	service bucketService
}

// newBucket makes a Store of a service.
func newBucket(s bucketService) *bucket { return &bucket{remote{s}, s} }

var _ Store = (*bucket)(nil)

// bucketService makes requests of one bucket.
type bucketService interface {
	service
	// page lists at most one answer's worth of objects: behind opts.StartAfter, or where token says when it is not empty. It may
	// give objects from before or behind the range, too. An empty next ends the list.
	page(ctx context.Context, opts ListOptions, token string) (page []Info, next string, err error)
	// put writes an object that carries attempt, if there is none of that name; otherwise explain gives ErrExists.
	put(ctx context.Context, key, attempt string, data *spool) error
	// attempt gives what put wrote with the object, or nothing.
	attempt(ctx context.Context, key string) (string, error)
	// remove removes an object; one that is not there may be an error that explain gives ErrNotFound.
	remove(ctx context.Context, key string) error
}

// attemptKey is the metadata key under which an object keeps the identity of the call that wrote it.
const attemptKey = "tagbeam-attempt"

// List implements Store. Every page is asked for until it comes, or attempts are used up. A service that does not list bytewise is an
// error: what is built on the order would lose objects.
func (b *bucket) List(ctx context.Context, opts ListOptions, fn func(Info) error) error {
	uri := b.service.uri(opts.Prefix)
	token, last := "", ""
	for {
		var page []Info
		var next string
		err := retry(ctx, "list", uri, func(ctx context.Context) (err error) {
			page, next, err = b.service.page(ctx, opts, token)
			return b.service.explain(ctx, "list", uri, err)
		})
		if err != nil {
			return err
		}
		for _, info := range page {
			if opts.StartAfter != "" && info.Key <= opts.StartAfter {
				continue
			}
			if opts.EndBefore != "" && info.Key >= opts.EndBefore {
				return cancelled(ctx, "list", uri)
			}
			if info.Key <= last {
				return &Error{Op: "list", Object: uri, Cause: fmt.Errorf("it is not listed in bytewise order (%q came after %q): "+
					"directory buckets and hierarchical namespaces cannot be used", info.Key, last)}
			}
			if err := cancelled(ctx, "list", uri); err != nil {
				return err
			}
			if err := fn(info); err != nil {
				return err
			}
			last = info.Key
		}
		if next == "" {
			return cancelled(ctx, "list", uri)
		}
		token = next
	}
}

// uploadTime is how long one request of a write may take, before and for every MiB.
var uploadTime = struct{ base, perMiB time.Duration }{2 * time.Minute, 5 * time.Second}

// PutIfAbsent implements Store. What write writes is gathered, in memory or in a temporary file without a name, and sent in one
// request: only that is conditional on every service, and nothing is left behind when the process is killed.
func (b *bucket) PutIfAbsent(ctx context.Context, key string, write func(io.Writer) error) error {
	uri := b.service.uri(key)
	if key == "" {
		return &Error{Op: "write", Object: uri, Cause: errors.New("an object needs a name")}
	}
	if err := cancelled(ctx, "write", uri); err != nil {
		return err
	}
	data := newSpool()
	defer data.Close()
	if err := write(contextWriter{ctx, data}); err != nil {
		return writeFailed(ctx, uri, err)
	}
	attempt := rand.Text()
	return retry(ctx, "write", uri, func(ctx context.Context) error {
		limited, cancel := context.WithTimeoutCause(ctx, uploadTime.base+time.Duration(data.size>>20)*uploadTime.perMiB, errStalled)
		defer cancel()
		err := b.service.put(limited, key, attempt, data)
		if err != nil && ctx.Err() == nil && limited.Err() != nil {
			err = errStalled
		}
		err = b.service.explain(ctx, "write", uri, err)
		if !errors.Is(err, ErrExists) {
			return err
		}
		return b.resolve(ctx, key, attempt)
	})
}

// resolve tells a lost election from a lost reply: when the object that is there carries this call's attempt, it is ours.
func (b *bucket) resolve(ctx context.Context, key, attempt string) error {
	uri := b.service.uri(key)
	writer, err := b.service.attempt(ctx, key)
	if err = b.service.explain(ctx, "write", uri, err); errors.Is(err, ErrNotFound) {
		return &Error{Op: "write", Object: uri, Kind: ErrTransient, Cause: errors.New("it was there and is gone again")}
	}
	if err != nil {
		return err
	}
	if writer == attempt {
		return nil
	}
	return &Error{Op: "write", Object: uri, Kind: ErrExists}
}

// Delete implements Store.
func (b *bucket) Delete(ctx context.Context, key string) error {
	if key == "" {
		return nil
	}
	uri := b.service.uri(key)
	err := retry(ctx, "delete", uri, func(ctx context.Context) error {
		return b.service.explain(ctx, "delete", uri, b.service.remove(ctx, key))
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
