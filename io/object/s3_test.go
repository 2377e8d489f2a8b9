package object_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

// TestS3WithoutConditions: a service that ignores If-None-Match would let two writers overwrite each other; the first write finds out.
func TestS3WithoutConditions(t *testing.T) {
	s := objecttest.StartS3(t, "bucket")
	s.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Header.Del("If-None-Match")
		next.ServeHTTP(w, r)
	})
	if err := putText(t.Context(), open(t, "s3://bucket"), "key", "x"); err == nil || !strings.Contains(err.Error(), "ignores If-None-Match") {
		t.Error(err)
	}
	s.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		objecttest.S3Error(w, http.StatusNotImplemented, "NotImplemented")
	})
	if err := putText(t.Context(), open(t, "s3://bucket"), "key", "x"); err == nil || !strings.Contains(err.Error(), "does the service know If-None-Match") {
		t.Error(err)
	}
}

// TestS3Conflict: two conditional writes at once may both be refused; the try after it tells who won.
func TestS3Conflict(t *testing.T) {
	s := objecttest.StartS3(t, "bucket")
	var requests atomic.Int32
	s.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if requests.Add(1) == 1 {
			objecttest.S3Error(w, http.StatusConflict, "ConditionalRequestConflict")
			return
		}
		next.ServeHTTP(w, r)
	})
	if err := putText(t.Context(), open(t, "s3://bucket"), "key", "x"); err != nil || requests.Load() < 2 {
		t.Errorf("%v after %d requests", err, requests.Load())
	}
}

// TestS3Errors: some errors have a status that says little; what they mean stands in their code.
func TestS3Errors(t *testing.T) {
	for code, want := range map[string]error{
		"RequestTimeout": object.ErrTransient, "SlowDown": object.ErrTransient, "ExpiredToken": object.ErrPermission, "BadDigest": object.ErrChecksum,
	} {
		s := objecttest.StartS3(t, "bucket")
		s.Inject(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { objecttest.S3Error(w, 400, code) })
		if err := putText(t.Context(), open(t, "s3://bucket"), "key", "x"); !errors.Is(err, want) {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// TestS3Region: a bucket in another region than the client's is found there.
func TestS3Region(t *testing.T) {
	s := objecttest.StartS3(t, "bucket")
	var refused atomic.Int32
	s.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !strings.Contains(r.Header.Get("Authorization"), "/eu-west-3/s3/") {
			refused.Add(1)
			w.Header().Set("X-Amz-Bucket-Region", "eu-west-3")
			objecttest.S3Error(w, http.StatusMovedPermanently, "PermanentRedirect")
			return
		}
		next.ServeHTTP(w, r)
	})
	store := open(t, "s3://bucket")
	if err := putText(t.Context(), store, "key", "x"); err != nil {
		t.Error(err)
	}
	if _, _, err := store.Read(t.Context(), "key", 10); err != nil || refused.Load() != 1 {
		t.Errorf("%v, refused %d times", err, refused.Load())
	}
}

// TestS3ETags: an ETag is taken for an MD5 only where it is one.
func TestS3ETags(t *testing.T) {
	s := objecttest.StartS3(t, "bucket")
	store := open(t, "s3://bucket")
	if err := putText(t.Context(), store, "key", "content"); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ etag, encryption string }{
		"of several parts":  {`"9a0364b9e99bb480dd25e1f0284c8555-3"`, ""},
		"encrypted by KMS":  {`"00000000000000000000000000000000"`, "aws:kms"},
		"of another making": {`"00000000000000000000000000000000"`, ""},
	} {
		s.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			answered(w, r, next, func(a *httptest.ResponseRecorder) {
				a.Header().Set("ETag", test.etag)
				if test.encryption != "" {
					a.Header().Set("X-Amz-Server-Side-Encryption", test.encryption)
				}
			})
		})
		data, info, err := store.Read(t.Context(), "key", 100)
		if err != nil || string(data) != "content" || info.MD5 != "" {
			t.Errorf("%s: %q, %+v, %v", name, data, info, err)
		}
	}
}

// TestS3Settings: the endpoint and region of the settings go before the environment's.
func TestS3Settings(t *testing.T) {
	first := objecttest.StartS3(t, "bucket")
	second := objecttest.StartS3(t, "bucket") // what the environment says
	var signed atomic.Value
	first.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		signed.Store(r.Header.Get("Authorization"))
		next.ServeHTTP(w, r)
	})
	second.Inject(func(http.ResponseWriter, *http.Request, http.Handler) { t.Error("asked the wrong service") })
	ctx := object.WithSettings(t.Context(), object.Settings{S3Endpoint: first.URL, S3Region: "mars-1"})
	store, err := object.Open(ctx, object.Location{Scheme: "s3", Bucket: "bucket"})
	if err != nil {
		t.Fatal(err)
	}
	if err := putText(ctx, store, "key", "x"); err != nil || !strings.Contains(signed.Load().(string), "/mars-1/s3/") {
		t.Errorf("%v, signed %v", err, signed.Load())
	}
}

// TestS3Credentials: with none, requests are not signed and a refusal says what to do; those that cannot be used are said so at once.
func TestS3Credentials(t *testing.T) {
	s := objecttest.StartS3(t, "bucket")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	var signed atomic.Value
	s.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		signed.Store(r.Header.Get("Authorization"))
		objecttest.S3Error(w, 403, "AccessDenied")
	})
	_, _, err := open(t, "s3://bucket").Read(t.Context(), "key", 10)
	if !errors.Is(err, object.ErrPermission) || !strings.Contains(err.Error(), "set AWS_ACCESS_KEY_ID") || signed.Load() != "" {
		t.Errorf("%v, signed %q", err, signed.Load())
	}
	objecttest.StartS3(t, "bucket")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_PROFILE", "nobody")
	if _, err := object.Open(t.Context(), object.Location{Scheme: "s3", Bucket: "bucket"}); err == nil || !strings.Contains(err.Error(), "nobody") || !strings.Contains(err.Error(), "set AWS_ACCESS_KEY_ID") {
		t.Error(err)
	}
}
