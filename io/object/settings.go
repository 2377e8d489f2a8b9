package object

import (
	"context"
	"errors"
	"fmt"
	"net/url"
)

// Settings say how stores are reached, where the environment does not say it all. They travel to workers with the plan, so they
// never hold credentials: those come from each machine's own environment. The zero value is the default. Stores opened with equal
// settings share one client.
type Settings struct {
	// S3Endpoint is the base URL of a service that speaks S3, addressed by paths; empty: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or AWS.
	S3Endpoint string
	// S3Region is the region of the buckets; empty: AWS_REGION, the AWS configuration, or us-east-1.
	S3Region string
	// AzureAccount is the storage account; empty: AZURE_STORAGE_ACCOUNT, or the connection string's.
	AzureAccount string
	// AzureEndpoint is the base URL of the blob service; empty: the connection string's, or https://ACCOUNT.blob.core.windows.net.
	AzureEndpoint string
	// AllowPrivateHosts lets http and https uris lead to private, loopback and link-local addresses.
	AllowPrivateHosts bool
}

// Validate finds settings that cannot be meant, credentials among them.
func (s Settings) Validate() error {
	for _, e := range []struct{ flag, endpoint string }{{"--s3-endpoint", s.S3Endpoint}, {"--az-endpoint", s.AzureEndpoint}} {
		if err := checkEndpoint(e.endpoint); err != nil {
			return fmt.Errorf("%s: %w", e.flag, err)
		}
	}
	return nil
}

func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return errors.New("not a URL such as https://host:9000") // without what url.Parse says: it repeats a password
	case u.User != nil || u.RawQuery != "":
		return errors.New("an endpoint is written into plans, so it must not hold credentials: leave those to the environment")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("%q is not a URL such as https://host:9000", endpoint)
	}
	return nil
}

type settingsKey struct{}

// WithSettings returns a context whose stores are opened with these settings.
func WithSettings(ctx context.Context, s Settings) context.Context {
	return context.WithValue(ctx, settingsKey{}, s)
}

// SettingsFrom gives the settings of a context.
func SettingsFrom(ctx context.Context) Settings {
	s, _ := ctx.Value(settingsKey{}).(Settings)
	return s
}
