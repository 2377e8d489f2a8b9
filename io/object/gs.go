package object

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
)

// gsStore is one bucket of Google Cloud Storage.
//
// An object stored with Content-Encoding: gzip is fetched as it is stored, so that its checksum can be checked, and Read
// then gives its decoded bytes; size, MD5 and limit are those of the stored object, and the limit holds for the decoded
// bytes too. ReadRange refuses such objects: a range of the stored bytes is of no use.
type gsStore struct {
	client *gsClient
	name   string
	bucket *storage.BucketHandle
}

var _ Store = (*gsStore)(nil)

// gsPageSize is the most objects the service gives in one answer. Tests take less.
var gsPageSize = 1000

// List implements Store. After a transient error it goes on behind the last object it gave.
func (s *gsStore) List(ctx context.Context, opts ListOptions, fn func(Info) error) error {
	failures := 0
	for {
		progress, fnErr, err := s.listRest(ctx, &opts, fn)
		if fnErr != nil {
			return fnErr
		}
		if err == nil {
			return cancelled(ctx, "list", s.uri(opts.Prefix))
		}
		if progress {
			failures = 0
		}
		failures++
		err = s.client.explain(ctx, "list", s.uri(opts.Prefix), err)
		if !errors.Is(err, ErrTransient) || failures == attempts {
			return err
		}
		pause(ctx, failures)
	}
}

// listRest lists until the end or an error, moving StartAfter along.
func (s *gsStore) listRest(ctx context.Context, opts *ListOptions, fn func(Info) error) (progress bool, fnErr, err error) {
	query := &storage.Query{Prefix: opts.Prefix, StartOffset: opts.StartAfter, EndOffset: opts.EndBefore, Projection: storage.ProjectionNoACL}
	if err := query.SetAttrSelection([]string{"Name", "Size", "Generation", "MD5", "Updated", "ContentType"}); err != nil {
		return false, nil, err
	}
	it := s.bucket.Objects(ctx, query)
	it.PageInfo().MaxSize = gsPageSize
	for {
		attrs, err := it.Next()
		if err == iterator.Done {
			return progress, nil, nil
		}
		if err != nil {
			return progress, nil, err
		}
		if attrs.Name <= opts.StartAfter && opts.StartAfter != "" {
			continue // StartOffset is inclusive
		}
		if err := ctx.Err(); err != nil {
			return progress, nil, err
		}
		if err := fn(gsInfo(attrs)); err != nil {
			return progress, err, nil
		}
		progress, opts.StartAfter = true, attrs.Name
	}
}

func gsInfo(a *storage.ObjectAttrs) Info {
	return Info{
		Key: a.Name, Size: a.Size, Version: gsVersion(a.Generation), MD5: hex.EncodeToString(a.MD5),
		ContentType: a.ContentType, Modified: a.Updated.UTC(),
	}
}

func gsVersion(generation int64) string { return fmt.Sprintf("gen:%d", generation) }

// Stat implements Store.
func (s *gsStore) Stat(ctx context.Context, key string) (Info, error) {
	var info Info
	if key == "" {
		return info, &Error{Op: "stat", Object: s.uri(key), Kind: ErrNotFound}
	}
	err := s.client.retry(ctx, "stat", s.uri(key), func(ctx context.Context) error {
		attrs, err := s.bucket.Object(key).Attrs(ctx)
		if err == nil {
			info = gsInfo(attrs)
		}
		return err
	})
	return info, err
}

// Read implements Store, with one request.
func (s *gsStore) Read(ctx context.Context, key string, maxBytes int64) ([]byte, Info, error) {
	var (
		data []byte
		info Info
	)
	if key == "" {
		return nil, info, &Error{Op: "read", Object: s.uri(key), Kind: ErrNotFound}
	}
	err := s.client.retry(ctx, "read", s.uri(key), func(ctx context.Context) (err error) {
		data, info, err = s.readOnce(ctx, key, maxBytes)
		return err
	})
	if err != nil {
		return nil, Info{}, err
	}
	return data, info, nil
}

func (s *gsStore) readOnce(ctx context.Context, key string, maxBytes int64) ([]byte, Info, error) {
	r, err := s.at(ctx, key).ReadCompressed(true).NewReader(withRequestBudget(ctx))
	if err != nil {
		return nil, Info{}, s.changed(ctx, key, err)
	}
	defer r.Close()
	if err := checkVersion(ctx, s.uri(key), gsVersion(r.Attrs.Generation)); err != nil {
		return nil, Info{}, err
	}
	if r.Attrs.Size > maxBytes {
		return nil, Info{}, tooLarge(s.uri(key), r.Attrs.Size, maxBytes)
	}
	data, err := readAtMost(r, r.Attrs.Size, maxBytes)
	if err != nil {
		return nil, Info{}, err
	}
	if int64(len(data)) > maxBytes {
		return nil, Info{}, tooLarge(s.uri(key), int64(len(data)), maxBytes)
	}
	info := Info{
		Key: key, Size: int64(len(data)), Version: gsVersion(r.Attrs.Generation),
		ContentType: r.Attrs.ContentType, Modified: r.Attrs.LastModified.UTC(),
	}
	if r.Attrs.ContentEncoding == "gzip" {
		data, err = gunzip(s.uri(key), data, maxBytes)
	}
	return data, info, err
}

// ReadRange implements Store.
func (s *gsStore) ReadRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	uri := s.uri(key)
	if offset < 0 {
		return nil, negativeOffset(uri, offset)
	}
	if key == "" {
		return nil, &Error{Op: "read", Object: uri, Kind: ErrNotFound}
	}
	var r *storage.Reader
	err := s.client.retry(ctx, "read", uri, func(ctx context.Context) (err error) {
		r, err = s.at(ctx, key).ReadCompressed(true).NewRangeReader(withRequestBudget(ctx), offset, max(length, -1))
		return s.changed(ctx, key, err)
	})
	if answer, ok := errors.AsType[*googleapi.Error](err); ok && answer.Code == http.StatusRequestedRangeNotSatisfiable {
		return io.NopCloser(bytes.NewReader(nil)), nil // behind the end
	}
	if err != nil {
		return nil, err
	}
	if err := checkVersion(ctx, uri, gsVersion(r.Attrs.Generation)); err != nil {
		r.Close()
		return nil, err
	}
	if r.Attrs.ContentEncoding == "gzip" {
		r.Close()
		return nil, &Error{Op: "read", Object: uri, Kind: ErrNoRange,
			Cause: errors.New("the object is stored with Content-Encoding gzip; store it without")}
	}
	return &gsReader{Reader: r, ctx: ctx, client: s.client, uri: uri}, nil
}

// at is the object, at the generation that reads are pinned to.
func (s *gsStore) at(ctx context.Context, key string) *storage.ObjectHandle {
	o := s.bucket.Object(key)
	if generation, err := strconv.ParseInt(strings.TrimPrefix(versionOf(ctx), "gen:"), 10, 64); err == nil {
		o = o.If(storage.Conditions{GenerationMatch: generation})
	}
	return o
}

// changed says what a failed precondition of a read means.
func (s *gsStore) changed(ctx context.Context, key string, err error) error {
	if answer, ok := errors.AsType[*googleapi.Error](err); ok && answer.Code == http.StatusPreconditionFailed {
		return changed(s.uri(key), versionOf(ctx), "")
	}
	return err
}

// gsReader gives the errors of a body their sentinels.
type gsReader struct {
	*storage.Reader
	ctx    context.Context
	client *gsClient
	uri    string
}

// ReadVersion implements VersionedReader: the generation that the service is sending.
func (r *gsReader) ReadVersion() (string, error) { return gsVersion(r.Attrs.Generation), nil }

func (r *gsReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = r.client.explain(r.ctx, "read", r.uri, err)
	}
	return n, err
}

// WriteTo hides that of storage.Reader, whose errors are not explained.
func (r *gsReader) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{r})
}

// Delete implements Store.
func (s *gsStore) Delete(ctx context.Context, key string) error {
	if key == "" {
		return nil
	}
	err := s.client.retry(ctx, "delete", s.uri(key), func(ctx context.Context) error {
		return s.bucket.Object(key).Delete(ctx)
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (s *gsStore) uri(key string) string {
	return Location{Scheme: SchemeGS, Bucket: s.name, Key: key}.String()
}
