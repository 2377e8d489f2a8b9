package object_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/auth"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/go-cmp/cmp"
	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"google.golang.org/api/googleapi"
)

// gsAttempts is how often the adapter tries.
const gsAttempts = 5

// startGS gives an emulator with one bucket and an object "key" in it.
func startGS(t *testing.T) (*objecttest.GS, object.Store) {
	t.Helper()
	gs := objecttest.StartGS(t, "bucket")
	store := open(t, "gs://bucket")
	gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: "key", ContentType: "image/png"}, []byte("content"))
	return gs, store
}

func putText(ctx context.Context, store object.Store, key, text string) error {
	return store.PutIfAbsent(ctx, key, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// operations are one call each of everything a store does.
func operations(ctx context.Context, store object.Store) map[string]func() error {
	return map[string]func() error{
		"stat": func() error { _, err := store.Stat(ctx, "key"); return err },
		"read": func() error { _, _, err := store.Read(ctx, "key", 100); return err },
		"range": func() error {
			body, err := store.ReadRange(ctx, "key", 0, 3)
			if err != nil {
				return err
			}
			defer body.Close()
			_, err = io.ReadAll(body)
			return err
		},
		"list":   func() error { return store.List(ctx, object.ListOptions{}, func(object.Info) error { return nil }) },
		"write":  func() error { return putText(ctx, store, "new", "text") },
		"delete": func() error { return store.Delete(ctx, "key") },
	}
}

func TestGSTransientAnswers(t *testing.T) {
	for _, code := range []int{408, 429, 500, 503, 504} {
		for name := range operations(t.Context(), nil) {
			gs, store := startGS(t)
			var requests atomic.Int32
			gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if requests.Add(1) < gsAttempts {
					w.WriteHeader(code)
					return
				}
				next.ServeHTTP(w, r)
			})
			if err := operations(t.Context(), store)[name](); err != nil {
				t.Errorf("%s: %d four times, then an answer: %v", name, code, err)
			}
			requests.Store(0)
			gs.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				requests.Add(1)
				w.WriteHeader(code)
			})
			err := operations(t.Context(), store)[name]()
			if !errors.Is(err, object.ErrTransient) || !strings.Contains(err.Error(), "gs://bucket") || requests.Load() != gsAttempts {
				t.Errorf("%s: always %d: %v after %d requests", name, code, err, requests.Load())
			}
		}
	}
}

func TestGSRefusals(t *testing.T) {
	for _, test := range []struct {
		code int
		body string
		want error
		text string
	}{
		{401, "", object.ErrPermission, "Unauthorized (HTTP 401)"},
		{403, `<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access denied.</Message><Details>me does not have storage.objects.get</Details></Error>`, object.ErrPermission, "me does not have storage.objects.get (HTTP 403)"},
		{404, "", object.ErrNotFound, "not found"},
	} {
		gs, store := startGS(t)
		var requests atomic.Int32
		gs.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			requests.Add(1)
			w.WriteHeader(test.code)
			io.WriteString(w, test.body)
		})
		_, _, err := store.Read(t.Context(), "key", 100)
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) || !strings.HasPrefix(err.Error(), "read gs://bucket/key: ") || requests.Load() != 1 {
			t.Errorf("%d: %v after %d requests", test.code, err, requests.Load())
		}
	}
}

func TestGSExplain(t *testing.T) {
	for _, test := range []struct {
		err  error
		want error
		text string
	}{
		{&googleapi.Error{Code: 401, Message: "Anonymous caller does not have access"}, object.ErrPermission, "gcloud auth application-default login"},
		{&googleapi.Error{Code: 403, Errors: []googleapi.ErrorItem{{Reason: "rateLimitExceeded"}}}, object.ErrTransient, "Forbidden (HTTP 403)"},
		{&auth.Error{Response: &http.Response{StatusCode: 400}, Err: errors.New("invalid_grant")}, object.ErrPermission, "cannot fetch token: 400 Response: ;"},
		{&url.Error{Op: "Get", URL: "x", Err: errors.New("no such host")}, object.ErrTransient, "no such host"},
		{errors.New("storage: bad CRC on read: got 1, want 2"), object.ErrChecksum, "bad CRC"},
	} {
		err := object.ExplainAnonymous(test.err)
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%v is explained as %v", test.err, err)
		}
	}
}

func TestGSNoBucket(t *testing.T) {
	objecttest.StartGS(t)
	err := operations(t.Context(), open(t, "gs://nope"))["list"]()
	if !errors.Is(err, object.ErrNotFound) || !strings.Contains(err.Error(), "gs://nope: not found: the bucket does not exist") {
		t.Error(err)
	}
	for name, op := range operations(t.Context(), open(t, "gs://nope")) {
		if err := op(); name != "delete" && name != "write" && !errors.Is(err, object.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGSCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.json")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	for what, content := range map[string]string{"missing": "", "garbage": "{"} {
		if content != "" {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := object.NewGSClient(t.Context()); err == nil || !strings.Contains(err.Error(), "gcloud auth application-default login") {
			t.Errorf("%s credentials file: %v", what, err)
		}
	}
}

// TestGSLostReplies: the service has done it, but the answer is lost.
func TestGSLostReplies(t *testing.T) {
	for _, size := range []int{10, 20 << 20} {
		gs, store := startGS(t)
		lost := 0
		gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			// The upload that makes the object, and the first deletion.
			makes := r.Method == http.MethodPost && r.URL.Query().Get("uploadType") == "multipart" || r.Header.Get("Content-Range") != "" && answer.Code == 200
			if lost < 2 && (makes || r.Method == http.MethodDelete) {
				lost++
				panic(http.ErrAbortHandler)
			}
			for k, v := range answer.Header() {
				w.Header()[k] = v
			}
			w.WriteHeader(answer.Code)
			w.Write(answer.Body.Bytes())
		})
		text := strings.Repeat("x", size)
		if err := putText(t.Context(), store, "new", text); err != nil {
			t.Errorf("size %d: write with a lost reply: %v", size, err)
		}
		if lost == 0 {
			t.Errorf("size %d: no reply was lost", size)
		}
		lost = 1
		if err := store.Delete(t.Context(), "key"); err != nil || lost != 2 {
			t.Errorf("delete with a lost reply: %v", err)
		}
		if err := putText(t.Context(), store, "new", "other"); !errors.Is(err, object.ErrExists) {
			t.Errorf("size %d: second write: %v", size, err)
		}
		data, _, err := store.Read(t.Context(), "new", int64(size))
		if err != nil || string(data) != text {
			t.Errorf("size %d: the object holds %d bytes, %v", size, len(data), err)
		}
	}
}

// TestGSResumableRestarts: an upload of several chunks that cannot be started is written again from the start.
func TestGSResumableRestarts(t *testing.T) {
	gs, store := startGS(t)
	var starts atomic.Int32
	gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Query().Get("uploadType") == "resumable" && starts.Add(1) == 1 {
			w.WriteHeader(503)
			return
		}
		next.ServeHTTP(w, r)
	})
	calls := 0
	err := store.PutIfAbsent(t.Context(), "new", func(w io.Writer) error {
		calls++
		_, err := w.Write(make([]byte, 9<<20))
		return err
	})
	info, statErr := store.Stat(t.Context(), "new")
	if err != nil || statErr != nil || calls != 2 || info.Size != 9<<20 {
		t.Errorf("%v after %d calls; %+v, %v", err, calls, info, statErr)
	}
}

// TestGSBrokenBodies: bodies that break off are taken up where they ended, within limits.
func TestGSBrokenBodies(t *testing.T) {
	gs, store := startGS(t)
	content := strings.Repeat("0123456789", 1000)
	gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: "long"}, []byte(content))
	var requests, broken atomic.Int32
	give := 3000 // bytes, until a body breaks off
	gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		for k, v := range answer.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(answer.Code)
		if requests.Add(1) > broken.Load() {
			w.Write(answer.Body.Bytes())
			return
		}
		w.Write(answer.Body.Bytes()[:give])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	readRange := func() ([]byte, error) {
		body, err := store.ReadRange(t.Context(), "long", 5, -1)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		return io.ReadAll(body)
	}
	broken.Store(2)
	if data, _, err := store.Read(t.Context(), "long", 1e6); err != nil || string(data) != content {
		t.Errorf("read, broken twice: %d bytes, %v", len(data), err)
	}
	requests.Store(0)
	if data, err := readRange(); err != nil || string(data) != content[5:] {
		t.Errorf("range, broken twice: %d bytes, %v", len(data), err)
	}
	broken.Store(1 << 30)
	give = 0
	if _, _, err := store.Read(t.Context(), "long", 1e6); !errors.Is(err, object.ErrTransient) {
		t.Errorf("read, always broken: %v", err)
	}
	requests.Store(0)
	if _, err := readRange(); !errors.Is(err, object.ErrTransient) || requests.Load() > 5 {
		t.Errorf("range, always broken: %v after %d requests", err, requests.Load())
	}
}

func TestGSChecksum(t *testing.T) {
	gs, store := startGS(t)
	var requests atomic.Int32
	gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		for k, v := range answer.Header() {
			w.Header()[k] = v
		}
		if requests.Add(1); r.Method == http.MethodGet {
			answer.Body.Bytes()[0] ^= 1
		}
		w.Write(answer.Body.Bytes())
	})
	_, _, err := store.Read(t.Context(), "key", 100)
	if !errors.Is(err, object.ErrChecksum) || requests.Load() != gsAttempts {
		t.Errorf("flipped bit: %v after %d requests", err, requests.Load())
	}
}

func TestGSTooLargeReadsNoBody(t *testing.T) {
	gs, store := startGS(t)
	var requests atomic.Int32
	gs.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		requests.Add(1)
		w.Header().Set("Content-Length", strconv.Itoa(1<<30))
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		<-r.Context().Done() // a body that never comes
	})
	_, _, err := store.Read(t.Context(), "key", 100)
	if !errors.Is(err, object.ErrTooLarge) || requests.Load() != 1 {
		t.Errorf("%v after %d requests", err, requests.Load())
	}
}

// TestGSStalls: a server that says nothing, or stops in the middle of a body, does not hold a read for ever.
func TestGSStalls(t *testing.T) {
	defer object.SetTiming(time.Millisecond, 20*time.Millisecond)()
	for _, headers := range []bool{false, true} {
		gs, store := startGS(t)
		gs.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			if headers {
				w.Header().Set("Content-Length", "10")
				w.WriteHeader(200)
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		})
		if _, _, err := store.Read(t.Context(), "key", 100); !errors.Is(err, object.ErrTransient) {
			t.Errorf("headers %v: %v", headers, err)
		}
	}
}

func TestGSCancelsPromptly(t *testing.T) {
	for name := range operations(t.Context(), nil) {
		gs, store := startGS(t)
		ctx, cancel := context.WithCancel(t.Context())
		gs.Inject(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
			io.Copy(io.Discard, r.Body) // only then does the server watch the connection
			cancel()
			<-r.Context().Done()
		})
		if err := operations(ctx, store)[name](); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		gs.Inject(nil)
	}
}

func TestGSGzip(t *testing.T) {
	gs, store := startGS(t)
	plain := bytes.Repeat([]byte("label\n"), 1000)
	var stored bytes.Buffer
	z := gzip.NewWriter(&stored)
	z.Write(plain)
	z.Close()
	put := func(name string, data []byte) {
		gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: name, ContentEncoding: "gzip"}, data)
	}
	put("labels.txt", stored.Bytes())
	put("mislabelled", []byte("plain"))
	put("truncated", stored.Bytes()[:20])

	data, info, err := store.Read(t.Context(), "labels.txt", 6000)
	if err != nil || !bytes.Equal(data, plain) || info.Size != int64(stored.Len()) {
		t.Errorf("read %d bytes, %+v, %v", len(data), info, err)
	}
	if _, _, err := store.Read(t.Context(), "labels.txt", 5999); !errors.Is(err, object.ErrTooLarge) {
		t.Errorf("decoded beyond the limit: %v", err)
	}
	if data, _, err := store.Read(t.Context(), "mislabelled", 100); err != nil || string(data) != "plain" {
		t.Errorf("mislabelled: %q, %v", data, err)
	}
	if _, _, err := store.Read(t.Context(), "truncated", 6000); err == nil || !strings.Contains(err.Error(), "Content-Encoding gzip") {
		t.Errorf("truncated: %v", err)
	}
	if _, err := store.ReadRange(t.Context(), "labels.txt", 0, 10); err == nil || !strings.Contains(err.Error(), "store it without") {
		t.Errorf("range: %v", err)
	}
}

func TestGSListPages(t *testing.T) {
	defer object.SetPageSize(10)()
	gs, store := startGS(t)
	var want []string
	for i := range 25 {
		name := fmt.Sprintf("many/%04d", i)
		gs.Put(fakestorage.ObjectAttrs{BucketName: "bucket", Name: name, ContentType: "image/png"}, nil)
		want = append(want, name)
	}
	var requests, failFrom atomic.Int32
	gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if n := requests.Add(1); n%2 == 0 || n >= failFrom.Load() {
			w.WriteHeader(503)
			return
		}
		next.ServeHTTP(w, r)
	})
	list := func() (got []string, err error) {
		err = store.List(t.Context(), object.ListOptions{Prefix: "many/"}, func(info object.Info) error {
			got = append(got, info.Key)
			if info.Version == "" || info.MD5 == "" || info.ContentType != "image/png" {
				t.Fatalf("%+v", info)
			}
			return nil
		})
		return got, err
	}
	failFrom.Store(1 << 30)
	got, err := list()
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("every other request fails: %v (-want +got):\n%s", err, diff)
	}
	requests.Store(0)
	failFrom.Store(3)
	got, err = list()
	if !errors.Is(err, object.ErrTransient) || len(got) == len(want) {
		t.Errorf("the service goes away: %d objects, %v", len(got), err)
	}
}
