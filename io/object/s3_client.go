package object

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// s3Client is the process's one client of an S3 service.
type s3Client struct {
	*s3.Client
	http      *http.Client
	custom    bool // another service than AWS
	anonymous bool // no credentials were found: public buckets only
}

const s3LoginHint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run where a role is given"

// s3Endpoint is where the settings and the environment say that S3 is; empty: AWS.
func s3Endpoint(s Settings) string {
	return cmp.Or(s.S3Endpoint, os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"))
}

// s3CredentialsTime is how long finding credentials may take.
const s3CredentialsTime = 10 * time.Second

func newS3Client(ctx context.Context, s Settings) (*s3Client, error) {
	cfg, err := config.LoadDefaultConfig(context.WithoutCancel(ctx),
		config.WithLogger(logging.Nop{}), // what matters comes back as an error
		config.WithHTTPClient(awshttp.NewBuildableClient()),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), // ours have a limit that holds for all
		config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired))
	if err != nil {
		return nil, fmt.Errorf("%w; %s", err, s3LoginHint)
	}
	transport := newTransport()
	transport.base.DisableCompression = true
	if b, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok && b.GetTransport().TLSClientConfig != nil {
		transport.base.TLSClientConfig = &tls.Config{RootCAs: b.GetTransport().TLSClientConfig.RootCAs} // AWS_CA_BUNDLE, or a profile's
	}
	c := &s3Client{http: &http.Client{Transport: transport}}
	cfg.HTTPClient = c.http
	cfg.Region = cmp.Or(s.S3Region, cfg.Region, "us-east-1")
	if c.anonymous, err = s3Anonymous(ctx, cfg); err != nil {
		return nil, err
	}
	if c.anonymous {
		cfg.Credentials = aws.AnonymousCredentials{}
	}
	endpoint := s3Endpoint(s)
	c.Client = s3.NewFromConfig(cfg, func(o *s3.Options) {
		if endpoint != "" {
			o.BaseEndpoint, o.UsePathStyle = &endpoint, true
		}
		// A profile of the configuration may hold an endpoint, too.
		c.custom = o.BaseEndpoint != nil
		o.UsePathStyle = c.custom
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	return c, nil
}

// s3Anonymous says that there are no credentials to be found. Those that are there and cannot be used are an error.
func s3Anonymous(ctx context.Context, cfg aws.Config) (bool, error) {
	err := errors.New("there are none")
	if cfg.Credentials != nil {
		ctx, cancel := context.WithTimeout(ctx, s3CredentialsTime)
		defer cancel()
		if _, err = cfg.Credentials.Retrieve(ctx); err == nil {
			return false, nil
		}
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"} {
		if os.Getenv(name) != "" {
			return false, fmt.Errorf("the credentials that %s names cannot be used: %w; %s", name, err, s3LoginHint)
		}
	}
	return true, nil
}

// statusOf is the HTTP status of an answer that is an error; 0 where no answer came, 200 where there is no error of this kind.
func statusOf(err error) int {
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok && answer.ResponseError != nil {
		return answer.HTTPStatusCode()
	}
	return http.StatusOK
}

// explain implements service.
func (b *s3Bucket) explain(ctx context.Context, op, uri string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if ended := cancelled(ctx, op, uri); ended != nil {
		return ended
	}
	e := &Error{Op: op, Object: uri, Kind: transportKind(err), Cause: err}
	if strings.Contains(err.Error(), "checksum did not match") { // the library has no value for it
		e.Kind = ErrChecksum
	}
	answer, isAnswer := errors.AsType[*awshttp.ResponseError](err)
	if !isAnswer || statusOf(err) == 0 {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			e.Cause = failed // the library's words around it say nothing
		}
		return e
	}
	code := ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
		e.Cause = &s3Answer{err, cmp.Or(api.ErrorMessage(), code), answer.HTTPStatusCode()}
	}
	e.Kind = s3Kind(op, code, answer.HTTPStatusCode())
	switch {
	case b.moved(answer.Response.Header.Get("X-Amz-Bucket-Region")):
		e.Kind = ErrTransient // and the next try goes to the right region
	case code == "NoSuchBucket":
		e.Cause = errors.New("the bucket does not exist")
	case e.Kind == ErrNotFound:
		e.Cause = nil
	case e.Kind == ErrPermission && b.client.anonymous:
		e.Cause = fmt.Errorf("%w; no AWS credentials were found: %s", e.Cause, s3LoginHint)
	case answer.HTTPStatusCode() == http.StatusNotImplemented && op == "write":
		e.Kind, e.Cause = nil, fmt.Errorf("%w; does the service know If-None-Match? Without it, it cannot hold a table", e.Cause)
	}
	return e
}

// moved notes the region that the service names, and says whether it is news.
func (b *s3Bucket) moved(region string) bool {
	now := b.client.Options().Region
	if r := b.region.Load(); r != nil {
		now = *r
	}
	if region == "" || region == now {
		return false
	}
	b.region.Store(&region)
	return true
}

func s3Kind(op, code string, status int) error {
	switch code {
	case "RequestTimeout", "SlowDown", "ConditionalRequestConflict", "OperationAborted", "IncompleteBody", "RequestTimeTooSkewed":
		return ErrTransient
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return ErrPermission
	case "BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch":
		return ErrChecksum
	}
	if status == http.StatusPreconditionFailed && op == "write" {
		return ErrExists
	}
	return statusKind(status)
}

// s3Answer prints the service's answer on one line.
type s3Answer struct {
	err     error
	message string
	status  int
}

func (a *s3Answer) Unwrap() error { return a.err }

func (a *s3Answer) Error() string { return fmt.Sprintf("%s (HTTP %d)", a.message, a.status) }
