package object

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"
	"cloud.google.com/go/storage"
	"google.golang.org/api/option"
)

// gsClient is the process's one client of Google Cloud Storage. The library's own retries are off: they have no limit that
// holds for every kind of request.
type gsClient struct {
	*storage.Client
	http      *http.Client
	anonymous bool // no credentials were found: public buckets only
}

const gsLoginHint = "run 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file"

// openGSClient gives the client for the present STORAGE_EMULATOR_HOST. Without credentials it is anonymous, which is enough
// for public buckets. The caller holds the registry's lock.
func openGSClient(ctx context.Context) (*gsClient, error) {
	host := os.Getenv("STORAGE_EMULATOR_HOST")
	if c, ok := stores.gs[host]; ok {
		return c, nil
	}
	c, err := newGSClient(ctx, host != "")
	if err != nil {
		return nil, fmt.Errorf("open Google Cloud Storage: %w", err)
	}
	stores.gs[host] = c
	return c, nil
}

func newGSClient(ctx context.Context, emulator bool) (*gsClient, error) {
	c := &gsClient{}
	opts := &httptransport.Options{BaseRoundTripper: newTransport(), DisableTelemetry: true}
	if !emulator {
		creds, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{storage.ScopeReadWrite}})
		switch {
		case err == nil:
			opts.Credentials = creds
		case os.Getenv("GOOGLE_APPLICATION_CREDENTIALS") != "" || !strings.Contains(err.Error(), "could not find default credentials"):
			return nil, fmt.Errorf("the credentials cannot be used: %w; %s", err, gsLoginHint)
		default:
			c.anonymous = true
		}
	}
	opts.DisableAuthentication = emulator || c.anonymous
	var err error
	if c.http, err = httptransport.NewClient(opts); err != nil {
		return nil, err
	}
	// The client outlives the call that happens to open it.
	c.Client, err = storage.NewClient(context.WithoutCancel(ctx), option.WithHTTPClient(c.http), option.WithoutAuthentication())
	if err != nil {
		return nil, err
	}
	c.SetRetry(storage.WithPolicy(storage.RetryNever))
	return c, nil
}

func (c *gsClient) close() error {
	err := c.Client.Close()
	c.http.CloseIdleConnections()
	return err
}

// retry repeats what fails for a transient reason, or with a wrong checksum, and explains the last error.
func (c *gsClient) retry(ctx context.Context, op, uri string, try func(context.Context) error) error {
	return retry(ctx, op, uri, func(ctx context.Context) error { return c.explain(ctx, op, uri, try(ctx)) })
}
