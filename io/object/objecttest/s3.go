package objecttest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// S3 is an emulated S3 in this process: gofakes3, which knows If-None-Match on writes, and before it what it lacks of AWS's documented
// conditions on reads (If-Match).
type S3 struct {
	// URL is its endpoint.
	URL  string
	fake http.Handler

	mu    sync.Mutex
	fault Fault
}

// StartS3 starts an emulator with empty buckets of these names and points the s3 adapter at it (AWS_ENDPOINT_URL_S3, with
// credentials), until the test ends.
func StartS3(t testing.TB, buckets ...string) *S3 {
	t.Helper()
	backend := s3mem.New()
	for _, b := range buckets {
		if err := backend.CreateBucket(b); err != nil {
			t.Fatal(err)
		}
	}
	s := &S3{fake: gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_S3": server.URL, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	return s
}

// Inject lets f stand before the service; nil takes it away.
func (s *S3) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// ServeHTTP implements http.Handler.
func (s *S3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	f := s.fault
	s.mu.Unlock()
	if f != nil {
		f(w, r, http.HandlerFunc(s.conditions))
		return
	}
	s.conditions(w, r)
}

// conditions keeps If-Match of reads, and passes on what it does not answer.
func (s *S3) conditions(w http.ResponseWriter, r *http.Request) {
	want := r.Header.Get("If-Match")
	if want == "" || r.Method != http.MethodGet {
		s.fake.ServeHTTP(w, r)
		return
	}
	head := r.Clone(r.Context())
	head.Method = http.MethodHead
	head.Header.Del("Range")
	answer := httptest.NewRecorder()
	s.fake.ServeHTTP(answer, head)
	if got := answer.Header().Get("ETag"); answer.Code == http.StatusOK && strings.Trim(got, `"`) != strings.Trim(want, `"`) {
		S3Error(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	s.fake.ServeHTTP(w, r)
}

// S3Error answers as S3 does.
func S3Error(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>the message of %s</Message></Error>`, code, code)
}
