package object

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"
)

// SetTiming shortens the pauses between attempts and the patience with a silent server.
func SetTiming(first, patience time.Duration) (restore func()) {
	oldBackoff, oldStall := backoff, stall
	backoff.first, backoff.longest, stall = first, 10*first, patience
	return func() { backoff, stall = oldBackoff, oldStall }
}

// SetPageSize makes listings of few objects come in several pages.
func SetPageSize(n int32) (restore func()) {
	oldGS, oldS3, oldAZ := gsPageSize, s3PageSize, azPageSize
	gsPageSize, s3PageSize, azPageSize = int(n), n, n
	return func() { gsPageSize, s3PageSize, azPageSize = oldGS, oldS3, oldAZ }
}

// SetUploadTime shortens how long one request of a write may take.
func SetUploadTime(d time.Duration) (restore func()) {
	old := uploadTime
	uploadTime.base = d
	return func() { uploadTime = old }
}

// SetUnnamedFiles switches O_TMPFILE on or off, as on file systems that do not know it.
func SetUnnamedFiles(on bool) (restore func()) {
	old := unnamedFiles
	unnamedFiles = on
	return func() { unnamedFiles = old }
}

// SetLink stands in for a file system without hard links.
func SetLink(f func(from, to string) error) (restore func()) {
	old := link
	link = f
	return func() { link = old }
}

// SetDuringRead calls f in the middle of every read of a local file.
func SetDuringRead(f func(key string)) (restore func()) {
	old := duringRead
	duringRead = f
	return func() { duringRead = old }
}

// ExplainAnonymous explains an error as a client without credentials does.
func ExplainAnonymous(err error) error {
	return (&gsClient{anonymous: true}).explain(context.Background(), "read", "gs://bucket/key", err)
}

// NewGSClient makes a client as the first Open of a gs location does.
func NewGSClient(ctx context.Context) (anonymous bool, err error) {
	c, err := newGSClient(ctx, false)
	if err != nil {
		return false, err
	}
	defer c.close()
	return c.anonymous, nil
}

// IsPublic says whether an address may be connected to without AllowPrivateHosts.
func IsPublic(addr netip.Addr) bool { return isPublic(addr) }

// NewHTTPClient makes a client of web servers that trusts one's certificate.
func NewHTTPClient(server *httptest.Server, allowPrivate bool) *http.Client {
	c := newHTTPClient(allowPrivate)
	c.Transport.(*hostLimit).base.base.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig
	return c
}

// AZAccount is what FindAZAccount found.
type AZAccount struct{ Name, Endpoint, Key, SAS string }

// FindAZAccount finds the storage account of a context with these settings.
func FindAZAccount(s Settings) (AZAccount, error) {
	a, err := findAZAccount(s)
	return AZAccount{a.name, a.endpoint, a.key, a.sas}, err
}

// AzuriteKey is that of every Azurite.
const AzuriteKey = azuriteKey
