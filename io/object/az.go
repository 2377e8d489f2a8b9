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
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// azContainer makes the requests of one container of Azure Blob Storage. The service takes a backslash for a slash, so no blob has one in
// its name.
type azContainer struct {
	client *azClient
	name   string
	blobs  *container.Client
}

// azPageSize is the most objects the service gives in one answer. Tests take less.
var azPageSize int32 = 5000

// azAttemptKey is attemptKey, spelled as names of C# are, which metadata of Azure must be.
const azAttemptKey = "tagbeamattempt"

func (c *azContainer) uri(key string) string {
	return Location{Scheme: SchemeAZ, Bucket: c.name, Key: key}.String()
}

func (c *azContainer) page(ctx context.Context, opts ListOptions, token string) ([]Info, string, error) {
	list := &container.ListBlobsFlatOptions{Prefix: &opts.Prefix, MaxResults: &azPageSize}
	if token != "" {
		list.Marker = &token
	}
	if opts.StartAfter != "" {
		list.StartFrom = &opts.StartAfter // and it: what is there already is left out by List
	}
	out, err := c.blobs.NewListBlobsFlatPager(list).NextPage(ctx)
	if err != nil {
		return nil, "", err
	}
	page := make([]Info, len(out.Segment.BlobItems))
	for i, b := range out.Segment.BlobItems {
		page[i] = azInfo(value(b.Name), b.Properties.ContentLength, b.Properties.ETag, b.Properties.ContentMD5, b.Properties.ContentType, b.Properties.LastModified)
	}
	return page, value(out.NextMarker), nil
}

func azInfo(key string, size *int64, etag *azcore.ETag, sum []byte, contentType *string, modified *time.Time) Info {
	return Info{
		Key: key, Size: value(size), Version: "etag:" + strings.Trim(string(value(etag)), `"`), MD5: hex.EncodeToString(sum),
		ContentType: value(contentType), Modified: value(modified).UTC().Truncate(time.Second),
	}
}

// value is what p points to, or the zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// azName says whether a blob can have that name.
func azName(key string) bool { return key != "" && !strings.ContainsRune(key, '\\') }

func (c *azContainer) stat(ctx context.Context, key string) (Info, error) {
	if !azName(key) {
		return Info{}, &Error{Op: "stat", Object: c.uri(key), Kind: ErrNotFound}
	}
	out, err := c.blobs.NewBlobClient(key).GetProperties(ctx, nil)
	if err != nil {
		return Info{}, err
	}
	return azInfo(key, out.ContentLength, out.ETag, out.ContentMD5, out.ContentType, out.LastModified), nil
}

func (c *azContainer) attempt(ctx context.Context, key string) (string, error) {
	out, err := c.blobs.NewBlobClient(key).GetProperties(ctx, nil)
	if err != nil {
		return "", err
	}
	for name, v := range out.Metadata {
		if strings.EqualFold(name, azAttemptKey) {
			return value(v), nil
		}
	}
	return "", nil
}

func (c *azContainer) get(ctx context.Context, key string, offset, length int64, version string) (*answer, error) {
	if !azName(key) {
		return nil, &Error{Op: "read", Object: c.uri(key), Kind: ErrNotFound}
	}
	in := &blob.DownloadStreamOptions{}
	whole := offset == 0 && length < 0
	if !whole {
		in.Range = blob.HTTPRange{Offset: offset, Count: max(length, 0)} // 0: to the end
		if length == 0 {
			in.Range.Count = 1
		}
	}
	if etag, ok := strings.CutPrefix(version, "etag:"); ok {
		in.AccessConditions = &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: to.Ptr(azcore.ETag(`"` + etag + `"`))}}
	}
	out, err := c.blobs.NewBlobClient(key).DownloadStream(ctx, in)
	if azStatus(err) == http.StatusRequestedRangeNotSatisfiable {
		info, err := c.stat(ctx, key)
		if err != nil {
			return nil, err
		}
		return &answer{ReadCloser: io.NopCloser(bytes.NewReader(nil)), info: info}, nil
	}
	if err != nil {
		return nil, err
	}
	a := &answer{ReadCloser: out.Body, encoding: value(out.ContentEncoding)}
	a.info = azInfo(key, out.ContentLength, out.ETag, out.ContentMD5, out.ContentType, out.LastModified)
	if whole {
		a.check = func(data []byte) error { return c.check(key, data, a.info.MD5) }
		return a, nil
	}
	if offset > 0 || out.ContentRange != nil {
		first, size, err := contentRange(value(out.ContentRange))
		if err != nil || first != offset {
			out.Body.Close()
			return nil, fmt.Errorf("asked for bytes from %d, the service gave %q", offset, value(out.ContentRange))
		}
		a.info.Size = size
	}
	a.ReadCloser = limitBody(a.ReadCloser, length)
	return a, nil
}

// check compares bytes with the MD5 that the service keeps; some blobs have none.
func (c *azContainer) check(key string, data []byte, want string) error {
	if want == "" {
		return nil
	}
	sum := md5.Sum(data)
	if got := hex.EncodeToString(sum[:]); got != want {
		return &Error{Op: "read", Object: c.uri(key), Kind: ErrChecksum, Cause: fmt.Errorf("the MD5 is %s, the blob's %s", got, want)}
	}
	return nil
}

func (c *azContainer) put(ctx context.Context, key, attempt string, data *spool) error {
	if !azName(key) {
		return &Error{Op: "write", Object: c.uri(key), Cause: fmt.Errorf("%w: Azure takes a backslash in a name for a slash", errors.ErrUnsupported)}
	}
	sum := data.sum()
	_, err := c.blobs.NewBlockBlobClient(key).Upload(ctx, data.reader(), &blockblob.UploadOptions{
		Metadata:                map[string]*string{azAttemptKey: &attempt},
		TransactionalValidation: blob.TransferValidationTypeMD5(sum),
		HTTPHeaders:             &blob.HTTPHeaders{BlobContentMD5: sum},
		AccessConditions:        &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}},
	})
	return err
}

func (c *azContainer) remove(ctx context.Context, key string) error {
	if !azName(key) {
		return nil
	}
	_, err := c.blobs.NewBlobClient(key).Delete(ctx, nil)
	return err
}
