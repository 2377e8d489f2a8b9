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
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

// emulator is a service in this process, or before one, that can be made to fail.
type emulator interface {
	Inject(objecttest.Fault)
}

// buckets are the services that stores of one kind of code speak to.
var buckets = map[string]struct {
	start func(t *testing.T) (emulator, object.Store)
	uri   string
	// refuse answers with an error of the service's own.
	refuse func(w http.ResponseWriter, status int, code string)
	// missing are the service's words for a bucket that is not there.
	missing string
}{
	"s3": {func(t *testing.T) (emulator, object.Store) {
		s := objecttest.StartS3(t, "bucket")
		return s, open(t, "s3://bucket")
	}, "s3://bucket", objecttest.S3Error, "NoSuchBucket"},
	"az": {func(t *testing.T) (emulator, object.Store) {
		a := objecttest.StartAzure(t, "bucket")
		return a, open(t, "az://bucket")
	}, "az://bucket", objecttest.AzureError, "ContainerNotFound"},
}

// eachBucket runs a test on every service, with an object "key" in its bucket.
func eachBucket(t *testing.T, test func(t *testing.T, e emulator, store object.Store)) {
	for name, b := range buckets {
		t.Run(name, func(t *testing.T) {
			e, store := b.start(t)
			if err := putText(t.Context(), store, "key", "content"); err != nil {
				t.Fatal(err)
			}
			test(t, e, store)
			e.Inject(nil)
		})
	}
}

// answered passes a request on and lets change make another answer of it.
func answered(w http.ResponseWriter, r *http.Request, next http.Handler, change func(a *httptest.ResponseRecorder)) {
	a := httptest.NewRecorder()
	next.ServeHTTP(a, r)
	change(a)
	for k, v := range a.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(a.Code)
	w.Write(a.Body.Bytes())
}

func TestBucketTransientAnswers(t *testing.T) {
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		for _, code := range []int{408, 429, 500, 503, 504} {
			for name := range operations(t.Context(), nil) {
				var requests atomic.Int32
				e.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					requests.Add(1)
					w.WriteHeader(code)
				})
				err := operations(t.Context(), store)[name]()
				if !errors.Is(err, object.ErrTransient) || requests.Load() != 5 || !strings.Contains(err.Error(), "://bucket") {
					t.Errorf("%s: always %d: %v after %d requests", name, code, err, requests.Load())
				}
				requests.Store(0)
				e.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if requests.Add(1) < 5 {
						w.WriteHeader(code)
						return
					}
					next.ServeHTTP(w, r)
				})
				if err := operations(t.Context(), store)[name](); err != nil {
					t.Errorf("%s: %d four times, then an answer: %v", name, code, err)
				}
				e.Inject(nil)
				if err := errors.Join(store.Delete(t.Context(), "new"), store.Delete(t.Context(), "key"), putText(t.Context(), store, "key", "content")); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestBucketRefusals(t *testing.T) {
	for name, b := range buckets {
		t.Run(name, func(t *testing.T) {
			e, store := b.start(t)
			for _, test := range []struct {
				code int
				name string
				want error
				text string
			}{
				{401, "Unauthorized", object.ErrPermission, "HTTP 401"},
				{403, "AccessDenied", object.ErrPermission, "the message of AccessDenied (HTTP 403)"},
				{404, "NoSuchKey", object.ErrNotFound, "not found"},
				{404, b.missing, object.ErrNotFound, "does not exist"},
				{400, "Strange", nil, "the message of Strange (HTTP 400)"},
			} {
				var requests atomic.Int32
				e.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
					requests.Add(1)
					b.refuse(w, test.code, test.name)
				})
				_, _, err := store.Read(t.Context(), "key", 100)
				if err == nil || test.want != nil && !errors.Is(err, test.want) || errors.Is(err, object.ErrTransient) || !strings.Contains(err.Error(), test.text) ||
					!strings.HasPrefix(err.Error(), "read "+b.uri+"/key: ") || requests.Load() != 1 {
					t.Errorf("%s: %v after %d requests", test.name, err, requests.Load())
				}
			}
		})
	}
}

// TestBucketLostReplies: the service has done it, but the answer is lost.
func TestBucketLostReplies(t *testing.T) {
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		for _, size := range []int{10, 20 << 20} {
			name, text := fmt.Sprint("new", size), strings.Repeat("x", size)
			var lost atomic.Int32
			e.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if (r.Method == http.MethodPut || r.Method == http.MethodDelete) && lost.Add(1) <= 1 {
					next.ServeHTTP(httptest.NewRecorder(), r)
					panic(http.ErrAbortHandler)
				}
				next.ServeHTTP(w, r)
			})
			if err := putText(t.Context(), store, name, text); err != nil || lost.Load() < 2 {
				t.Errorf("size %d: write with a lost reply: %v", size, err)
			}
			if err := putText(t.Context(), store, name, "other"); !errors.Is(err, object.ErrExists) {
				t.Errorf("size %d: second write: %v", size, err)
			}
			if data, _, err := store.Read(t.Context(), name, int64(size)); err != nil || string(data) != text {
				t.Errorf("size %d: the object holds %d bytes, %v", size, len(data), err)
			}
			lost.Store(0)
			if err := store.Delete(t.Context(), name); err != nil || lost.Load() != 2 {
				t.Errorf("delete with a lost reply: %v", err)
			}
		}
		// A rival's write, whose words we do not hear either: it is there and not ours.
		e.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPut {
				e.Inject(nil)
				if err := putText(t.Context(), store, "contended", "rival"); err != nil {
					t.Error(err)
				}
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
		if err := putText(t.Context(), store, "contended", "mine"); !errors.Is(err, object.ErrExists) {
			t.Errorf("a rival's write: %v", err)
		}
	})
}

// TestBucketWriteOnce: what is written is asked for once, however often it is sent.
func TestBucketWriteOnce(t *testing.T) {
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		var requests atomic.Int32
		e.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if requests.Add(1) <= 2 {
				io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20))
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
		calls := 0
		err := store.PutIfAbsent(t.Context(), "new", func(w io.Writer) error {
			calls++
			_, err := w.Write(bytes.Repeat([]byte("x"), 9<<20))
			return err
		})
		info, statErr := store.Stat(t.Context(), "new")
		if err != nil || statErr != nil || calls != 1 || info.Size != 9<<20 {
			t.Errorf("%v after %d calls; %+v, %v", err, calls, info, statErr)
		}
	})
}

func TestBucketBrokenBodies(t *testing.T) {
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		content := strings.Repeat("0123456789", 1000)
		if err := putText(t.Context(), store, "long", content); err != nil {
			t.Fatal(err)
		}
		var requests, broken atomic.Int32
		var give atomic.Int32 // bytes, until a body breaks off
		give.Store(3000)
		e.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			a := httptest.NewRecorder()
			next.ServeHTTP(a, r)
			for k, v := range a.Header() {
				w.Header()[k] = v
			}
			w.WriteHeader(a.Code)
			if requests.Add(1) > broken.Load() {
				w.Write(a.Body.Bytes())
				return
			}
			w.Write(a.Body.Bytes()[:give.Load()])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})
		broken.Store(2)
		if data, _, err := store.Read(t.Context(), "long", 1e6); err != nil || string(data) != content {
			t.Errorf("read, broken twice: %d bytes, %v", len(data), err)
		}
		requests.Store(0)
		if data, err := readAll(t.Context(), store, "long", 5, -1); err != nil || data != content[5:] {
			t.Errorf("range, broken twice: %d bytes, %v", len(data), err)
		}
		requests.Store(0)
		if data, err := readAll(t.Context(), store, "long", 5, 7000); err != nil || data != content[5:7005] {
			t.Errorf("bounded range, broken twice: %d bytes, %v", len(data), err)
		}
		broken.Store(1 << 30)
		give.Store(0)
		if _, _, err := store.Read(t.Context(), "long", 1e6); !errors.Is(err, object.ErrTransient) {
			t.Errorf("read, always broken: %v", err)
		}
		requests.Store(0)
		if _, err := readAll(t.Context(), store, "long", 5, -1); !errors.Is(err, object.ErrTransient) || requests.Load() > 5 {
			t.Errorf("range, always broken: %v after %d requests", err, requests.Load())
		}
	})
}

func TestBucketChecksum(t *testing.T) {
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		var requests atomic.Int32
		e.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			answered(w, r, next, func(a *httptest.ResponseRecorder) {
				if n := requests.Add(1); r.Method == http.MethodGet {
					a.Body.Bytes()[0] ^= byte(n) // never twice the same
				}
			})
		})
		_, _, err := store.Read(t.Context(), "key", 100)
		if !errors.Is(err, object.ErrChecksum) || requests.Load() != 5 {
			t.Errorf("flipped bits: %v after %d requests", err, requests.Load())
		}
		e.Inject(nil)
		if _, info, err := store.Read(t.Context(), "key", 100); err != nil || info.MD5 != "9a0364b9e99bb480dd25e1f0284c8555" {
			t.Errorf("%+v, %v", info, err)
		}
	})
}

func TestBucketTooLargeReadsNoBody(t *testing.T) {
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		var requests atomic.Int32
		e.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			requests.Add(1)
			w.Header().Set("Content-Length", strconv.Itoa(1<<30))
			w.Header().Set("ETag", `"e"`)
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-r.Context().Done() // a body that never comes
		})
		_, _, err := store.Read(t.Context(), "key", 100)
		if !errors.Is(err, object.ErrTooLarge) || requests.Load() != 1 {
			t.Errorf("%v after %d requests", err, requests.Load())
		}
	})
}

func TestBucketStalls(t *testing.T) {
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		defer object.SetTiming(time.Millisecond, 20*time.Millisecond)()
		for _, headers := range []bool{false, true} {
			e.Inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
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
	})
}

// TestBucketStalledWrites: a service that takes a write and never answers does not hold it for ever.
func TestBucketStalledWrites(t *testing.T) {
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		defer object.SetUploadTime(20 * time.Millisecond)()
		e.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method != http.MethodPut {
				next.ServeHTTP(w, r)
				return
			}
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		})
		if err := putText(t.Context(), store, "new", "text"); !errors.Is(err, object.ErrTransient) || !strings.Contains(err.Error(), "stopped answering") {
			t.Error(err)
		}
	})
}

func TestBucketCancelsPromptly(t *testing.T) {
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		for name := range operations(t.Context(), nil) {
			ctx, cancel := context.WithCancel(t.Context())
			e.Inject(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
				io.Copy(io.Discard, r.Body) // only then does the server watch the connection
				cancel()
				<-r.Context().Done()
			})
			if err := operations(ctx, store)[name](); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestBucketMissing(t *testing.T) {
	for name, b := range buckets {
		t.Run(name, func(t *testing.T) {
			b.start(t)
			nowhere := strings.Replace(b.uri, "bucket", "nowhere", 1)
			for name, op := range operations(t.Context(), open(t, nowhere)) {
				if err := op(); name != "delete" && !errors.Is(err, object.ErrNotFound) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if err := operations(t.Context(), open(t, nowhere))["list"](); err == nil || !strings.Contains(err.Error(), nowhere+": not found: the ") {
				t.Error(err)
			}
		})
	}
}

func TestBucketListPages(t *testing.T) {
	defer object.SetPageSize(10)()
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		var want []string
		for i := range 25 {
			name := fmt.Sprintf("many/%04d", i)
			if err := putText(t.Context(), store, name, ""); err != nil {
				t.Fatal(err)
			}
			want = append(want, name)
		}
		var requests, failFrom atomic.Int32
		e.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if n := requests.Add(1); n%2 == 0 || n >= failFrom.Load() {
				w.WriteHeader(503)
				return
			}
			next.ServeHTTP(w, r)
		})
		list := func(opts object.ListOptions) (got []string, err error) {
			opts.Prefix = "many/"
			err = store.List(t.Context(), opts, func(info object.Info) error {
				got = append(got, info.Key)
				return nil
			})
			return got, err
		}
		failFrom.Store(1 << 30)
		got, err := list(object.ListOptions{})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("every other request fails: %v (-want +got):\n%s", err, diff)
		}
		requests.Store(0)
		got, err = list(object.ListOptions{StartAfter: "many/0019", EndBefore: "many/0023"})
		if diff := cmp.Diff(want[20:23], got); diff != "" || err != nil || requests.Load() != 1 {
			t.Errorf("a range took %d requests: %v (-want +got):\n%s", requests.Load(), err, diff)
		}
		requests.Store(0)
		failFrom.Store(3)
		got, err = list(object.ListOptions{})
		if !errors.Is(err, object.ErrTransient) || len(got) == len(want) {
			t.Errorf("the service goes away: %d objects, %v", len(got), err)
		}
	})
}

// TestBucketListOrder: a service that lists out of order is refused, not believed.
func TestBucketListOrder(t *testing.T) {
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		for _, name := range []string{"order-a", "order-b"} {
			if err := putText(t.Context(), store, name, ""); err != nil {
				t.Fatal(err)
			}
		}
		e.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			answered(w, r, next, func(a *httptest.ResponseRecorder) {
				body := strings.NewReplacer("order-a", "order-b", "order-b", "order-a").Replace(a.Body.String())
				a.Body.Reset()
				a.Body.WriteString(body)
			})
		})
		err := store.List(t.Context(), object.ListOptions{Prefix: "order-"}, func(object.Info) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "not listed in bytewise order") {
			t.Error(err)
		}
	})
}

func TestBucketGzip(t *testing.T) {
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		io.WriteString(z, "label\n")
		z.Close()
		if err := putText(t.Context(), store, "labels.txt", packed.String()); err != nil {
			t.Fatal(err)
		}
		e.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			answered(w, r, next, func(a *httptest.ResponseRecorder) { a.Header().Set("Content-Encoding", "gzip") })
		})
		data, info, err := store.Read(t.Context(), "labels.txt", 100)
		if err != nil || string(data) != "label\n" || info.Size != int64(packed.Len()) {
			t.Errorf("%q, %+v, %v", data, info, err)
		}
		if _, err := store.ReadRange(t.Context(), "labels.txt", 0, 10); err == nil || !strings.Contains(err.Error(), "store it without") {
			t.Errorf("range: %v", err)
		}
	})
}

// TestSpoolLeavesNothing: a large write has a temporary file, and no name of it is left for a killed process to leave behind.
func TestSpoolLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	eachBucket(t, func(t *testing.T, e emulator, store object.Store) {
		err := store.PutIfAbsent(t.Context(), "large", func(w io.Writer) error {
			if _, err := w.Write(make([]byte, 20<<20)); err != nil {
				return err
			}
			if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
				t.Errorf("%v, %v", names, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
