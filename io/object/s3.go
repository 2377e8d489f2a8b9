package object

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// s3Bucket makes the requests of one bucket of Amazon S3, or of a service that speaks its protocol.
//
// An ETag is the MD5 of the content only for objects written in one request and not encrypted with a key of KMS or the customer's. So
// listings and Stat claim no MD5; Read does where the bytes that came have that MD5. On AWS, where the answer tells the encryption, bytes
// with another one are a checksum mismatch. Elsewhere ETags may be anything: bytes that come twice with the same MD5, which is not
// the ETag, are taken for right.
type s3Bucket struct {
	client *s3Client
	name   string
	// region is where the service says that the bucket is, when that is not the client's region.
	region atomic.Pointer[string]
	// conditional says that the service has been seen to honour If-None-Match.
	conditional atomic.Bool
	// odd keeps, by key, the MD5 of bytes that came under an ETag that may not be one.
	odd sync.Map
}

// s3PageSize is the most objects the service gives in one answer. Tests take less.
var s3PageSize int32 = 1000

func (b *s3Bucket) uri(key string) string {
	return Location{Scheme: SchemeS3, Bucket: b.name, Key: key}.String()
}

// in directs a request to the bucket's region.
func (b *s3Bucket) in(o *s3.Options) {
	if region := b.region.Load(); region != nil {
		o.Region = *region
	}
}

func (b *s3Bucket) page(ctx context.Context, opts ListOptions, token string) ([]Info, string, error) {
	in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &opts.Prefix, MaxKeys: &s3PageSize, EncodingType: types.EncodingTypeUrl}
	if token != "" {
		in.ContinuationToken = &token
	} else if opts.StartAfter != "" {
		in.StartAfter = &opts.StartAfter
	}
	out, err := b.client.ListObjectsV2(ctx, in, b.in)
	if err != nil {
		return nil, "", err
	}
	page := make([]Info, len(out.Contents))
	for i, o := range out.Contents {
		key := aws.ToString(o.Key)
		if out.EncodingType == types.EncodingTypeUrl {
			if key, err = url.QueryUnescape(key); err != nil {
				return nil, "", fmt.Errorf("the listing holds a name that cannot be read: %w", err)
			}
		}
		page[i] = Info{Key: key, Size: aws.ToInt64(o.Size), Version: s3Version(o.ETag), Modified: s3Time(o.LastModified)}
	}
	if aws.ToBool(out.IsTruncated) && aws.ToString(out.NextContinuationToken) == "" {
		return nil, "", errors.New("the service says that there are more objects, and not how to ask for them")
	}
	return page, aws.ToString(out.NextContinuationToken), nil
}

func s3Version(etag *string) string { return "etag:" + strings.Trim(aws.ToString(etag), `"`) }

func s3Time(t *time.Time) time.Time { return aws.ToTime(t).UTC().Truncate(time.Second) }

func (b *s3Bucket) stat(ctx context.Context, key string) (Info, error) {
	out, err := b.head(ctx, key)
	if err != nil {
		return Info{}, err
	}
	return Info{Key: key, Size: aws.ToInt64(out.ContentLength), Version: s3Version(out.ETag), ContentType: aws.ToString(out.ContentType), Modified: s3Time(out.LastModified)}, nil
}

func (b *s3Bucket) head(ctx context.Context, key string) (*s3.HeadObjectOutput, error) {
	if key == "" {
		return nil, &Error{Op: "stat", Object: b.uri(key), Kind: ErrNotFound}
	}
	return b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key}, b.in)
}

func (b *s3Bucket) attempt(ctx context.Context, key string) (string, error) {
	out, err := b.head(ctx, key)
	if err != nil {
		return "", err
	}
	return out.Metadata[attemptKey], nil
}

func (b *s3Bucket) get(ctx context.Context, key string, offset, length int64, version string) (*answer, error) {
	if key == "" {
		return nil, &Error{Op: "read", Object: b.uri(key), Kind: ErrNotFound}
	}
	in := &s3.GetObjectInput{Bucket: &b.name, Key: &key}
	if offset > 0 || length >= 0 {
		in.Range = aws.String(byteRange(offset, length))
	} else {
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	if etag, ok := strings.CutPrefix(version, "etag:"); ok {
		in.IfMatch = aws.String(`"` + etag + `"`)
	}
	out, err := b.client.GetObject(ctx, in, b.in)
	if statusOf(err) == http.StatusRequestedRangeNotSatisfiable {
		return b.behindTheEnd(ctx, key)
	}
	if err != nil {
		return nil, err
	}
	a := &answer{ReadCloser: out.Body, encoding: aws.ToString(out.ContentEncoding)}
	a.info = Info{Key: key, Size: aws.ToInt64(out.ContentLength), Version: s3Version(out.ETag), ContentType: aws.ToString(out.ContentType), Modified: s3Time(out.LastModified)}
	if in.Range == nil {
		a.check = func(data []byte) error { return b.check(key, data, &a.info, out) }
		return a, nil
	}
	if first, _, err := contentRange(aws.ToString(out.ContentRange)); err != nil || first != offset {
		out.Body.Close()
		return nil, fmt.Errorf("asked for bytes from %d, the service gave %q", offset, aws.ToString(out.ContentRange))
	}
	a.ReadCloser = limitBody(a.ReadCloser, length)
	return a, nil
}

func (b *s3Bucket) behindTheEnd(ctx context.Context, key string) (*answer, error) {
	info, err := b.stat(ctx, key)
	if err != nil {
		return nil, err
	}
	return &answer{ReadCloser: io.NopCloser(bytes.NewReader(nil)), info: info}, nil
}

// check compares bytes with the ETag, where that can be their MD5. The checksums that S3 keeps beside it are checked by its client.
func (b *s3Bucket) check(key string, data []byte, info *Info, out *s3.GetObjectOutput) error {
	etag := strings.TrimPrefix(info.Version, "etag:")
	ours := out.ServerSideEncryption == "" || out.ServerSideEncryption == types.ServerSideEncryptionAes256
	if len(etag) != 2*md5.Size || !ours || out.SSECustomerAlgorithm != nil {
		return nil
	}
	sum := md5.Sum(data)
	got := hex.EncodeToString(sum[:])
	if got == etag {
		info.MD5 = got
		return nil
	}
	if before, ok := b.odd.Swap(key, got); b.client.custom && ok && before == got {
		return nil
	}
	return &Error{Op: "read", Object: b.uri(key), Kind: ErrChecksum, Cause: fmt.Errorf("the MD5 is %s, the ETag %s", got, etag)}
}

func (b *s3Bucket) put(ctx context.Context, key, attempt string, data *spool) error {
	in := &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: data.reader(), ContentLength: &data.size, IfNoneMatch: aws.String("*"),
		ContentMD5: aws.String(base64.StdEncoding.EncodeToString(data.sum())), Metadata: map[string]string{attemptKey: attempt},
	}
	if _, err := b.client.PutObject(ctx, in, b.in); err != nil || !b.client.custom || b.conditional.Load() {
		return err
	}
	// Does this service know If-None-Match? One that does refuses to write the same again.
	in.Body = data.reader()
	_, err := b.client.PutObject(ctx, in, b.in)
	switch statusOf(err) {
	case http.StatusPreconditionFailed:
		b.conditional.Store(true)
		return nil
	case http.StatusOK:
		if err != nil {
			return err
		}
		return &Error{Op: "write", Object: b.uri(key), Cause: errors.New("the service ignores If-None-Match, so that two writers would overwrite each other: " +
			"it cannot hold a table (images and models it can)")}
	}
	return err
}

func (b *s3Bucket) remove(ctx context.Context, key string) error {
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key}, b.in)
	return err
}
