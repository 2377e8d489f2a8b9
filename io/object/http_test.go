package object_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tagbeam/tagbeam/io/object"
)

// web gives a web server on a loopback address, the store of it, and the location of its root.
func web(t *testing.T, handler http.HandlerFunc) (object.Store, string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return openWeb(t, server.URL), server.URL
}

func openWeb(t *testing.T, uri string) object.Store {
	t.Helper()
	loc, err := object.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	store, err := object.Open(object.WithSettings(t.Context(), object.Settings{AllowPrivateHosts: true}), loc)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func readAll(ctx context.Context, store object.Store, key string, offset, length int64) (string, error) {
	body, err := store.ReadRange(ctx, key, offset, length)
	if err != nil {
		return "", err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	return string(data), err
}

var lastModified = time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC)

// servers are ways in which web servers give the same object.
var servers = map[string]struct {
	handler func(content string) http.HandlerFunc
	version string
}{
	"with an etag": {func(content string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"e1"`)
			http.ServeContent(w, r, "a.png", lastModified, strings.NewReader(content))
		}
	}, "etag:e1"},
	"with a weak etag": {func(content string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `W/"e1"`)
			http.ServeContent(w, r, "a.png", lastModified, strings.NewReader(content))
		}
	}, `etag:W/"e1"`},
	"with a time": {func(content string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "a.png", lastModified, strings.NewReader(content))
		}
	}, "mtime:1795395723.000000000-26"},
	"without HEAD": {func(content string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			http.ServeContent(w, r, "a.png", time.Time{}, strings.NewReader(content))
		}
	}, "size:26"},
	"without ranges": {func(content string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"e1"`)
			io.WriteString(w, content)
		}
	}, "etag:e1"},
	"without a length": {func(content string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			io.WriteString(w, content)
		}
	}, "size:26"},
}

func TestHTTPReads(t *testing.T) {
	const content = "abcdefghijklmnopqrstuvwxyz"
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Value
			handler := server.handler(content)
			store, root := web(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Store(r.RequestURI)
				handler(w, r)
			})
			key := "dir/a%20b.png?size=10#part"
			info, err := store.Stat(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			if info.Key != key || info.Size != 26 || info.Version != server.version || asked.Load() != "/dir/a%20b.png?size=10" {
				t.Errorf("%+v of %v", info, asked.Load())
			}
			data, read, err := store.Read(t.Context(), key, 26)
			// A server that says neither a length nor a time tells a version only once its body has come.
			if err != nil || string(data) != content || read.Size != 26 || name != "without a length" && read.Version != server.version {
				t.Errorf("read %q, %+v, %v", data, read, err)
			}
			if _, _, err := store.Read(t.Context(), key, 25); !errors.Is(err, object.ErrTooLarge) {
				t.Errorf("one byte too many: %v", err)
			}
			for _, r := range []struct{ offset, length int64 }{{0, -1}, {0, 5}, {3, 4}, {3, -1}, {20, 100}, {26, 5}, {100, -1}, {5, 0}, {0, 0}} {
				want := content[min(r.offset, 26):]
				if r.length >= 0 {
					want = want[:min(r.length, int64(len(want)))]
				}
				if got, err := readAll(t.Context(), store, key, r.offset, r.length); err != nil || got != want {
					t.Errorf("range %+v: %q, %v, want %q", r, got, err, want)
				}
			}
			if strings.HasPrefix(server.version, "size:") {
				return
			}
			if got, err := readAll(object.AtVersion(t.Context(), info.Version), store, key, 3, 4); err != nil || got != "defg" {
				t.Errorf("pinned to %s: %q, %v", info.Version, got, err)
			}
			_, err = readAll(object.AtVersion(t.Context(), "etag:e0"), store, key, 3, 4)
			if !errors.Is(err, object.ErrChanged) || !strings.Contains(err.Error(), root+"/dir/") {
				t.Errorf("pinned to another version: %v", err)
			}
			if _, _, err := store.Read(object.AtVersion(t.Context(), "etag:e0"), key, 100); !errors.Is(err, object.ErrChanged) {
				t.Errorf("read of another version: %v", err)
			}
		})
	}
}

func TestHTTPGzip(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, "content")
	z.Close()
	store, _ := web(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip") // although it was not asked for
		w.Write(packed.Bytes())
	})
	if data, _, err := store.Read(t.Context(), "a", 100); err != nil || string(data) != "content" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestHTTPAnswers(t *testing.T) {
	for _, test := range []struct {
		code     int
		want     error
		requests int32
	}{
		{400, nil, 1}, {401, object.ErrPermission, 1}, {403, object.ErrPermission, 1}, {404, object.ErrNotFound, 1}, {410, object.ErrNotFound, 1},
		{412, object.ErrChanged, 1}, {429, object.ErrTransient, 5}, {500, object.ErrTransient, 5}, {503, object.ErrTransient, 5}, {204, nil, 1}, {999, object.ErrTransient, 5},
	} {
		var requests atomic.Int32
		store, root := web(t, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			w.WriteHeader(test.code)
		})
		_, _, err := store.Read(t.Context(), "a.jpg", 100)
		if err == nil || test.want != nil && !errors.Is(err, test.want) || requests.Load() != test.requests || !strings.HasPrefix(err.Error(), "read "+root+"/a.jpg: ") {
			t.Errorf("%d: %v after %d requests", test.code, err, requests.Load())
		}
		if _, err := store.Stat(t.Context(), "a.jpg"); err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("stat, %d: %v", test.code, err)
		}
	}
}

func TestHTTPIsReadOnly(t *testing.T) {
	store := openWeb(t, "https://example.org")
	for name, op := range operations(t.Context(), store) {
		if name != "list" && name != "write" && name != "delete" {
			continue
		}
		if err := op(); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "https://example.org") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHTTPPrivateHosts: without the flag no request reaches a server on a private address, by whatever way it is named.
func TestHTTPPrivateHosts(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer server.Close()
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	t.Setenv("HTTP_PROXY", server.URL)
	for host, resolves := range map[string]bool{
		"127.0.0.1": true, "localhost": true, "[::ffff:127.0.0.1]": true, "0.0.0.0": true, "[::]": true, "2130706433": false, "0x7f.1": false, "127.1": false,
	} {
		loc, err := object.Parse("http://" + host + ":" + port + "/a.jpg")
		if err != nil {
			t.Fatal(err)
		}
		store, err := object.Open(t.Context(), loc)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = store.Read(t.Context(), loc.Key, 100)
		if err == nil || requests.Load() > 0 {
			t.Errorf("%s: %v, %d requests", host, err, requests.Load())
		}
		if resolves && (!errors.Is(err, object.ErrPermission) || !strings.Contains(err.Error(), "--allow-private-hosts")) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestPublicAddresses(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true, "64:ff9b::808:808": true, "172.32.0.1": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.100.100.200": false,
		"0.0.0.0": false, "255.255.255.255": false, "224.0.0.1": false, "168.63.129.16": false, "198.18.0.1": false, "240.0.0.1": false,
		"::1": false, "::": false, "fe80::1%eth0": false, "fd00:ec2::254": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false,
		"64:ff9b::a9fe:a9fe": false, "2002:7f00:1::": false, "::7f00:1": false, "fec0::1": false, "ff02::1": false, "2001:db8::1": false,
	} {
		if got := object.IsPublic(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: public %v", addr, got)
		}
	}
}

// TestHTTPRedirects: a redirect to a private address is refused as the address itself is, and so is one that loses https.
func TestHTTPRedirects(t *testing.T) {
	var inner atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.Add(1)
		io.WriteString(w, "content")
	}))
	defer target.Close()
	hops := func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscanf(r.URL.Path, "/%d", &n)
		switch {
		case n > 0:
			http.Redirect(w, r, fmt.Sprintf("/%d", n-1), http.StatusFound)
		case r.URL.Path == "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case r.URL.Path == "/password":
			http.Redirect(w, r, strings.Replace(target.URL, "//", "//me:secret@", 1), http.StatusFound)
		default:
			http.Redirect(w, r, target.URL+"/a.jpg", http.StatusFound)
		}
	}
	store, _ := web(t, hops)
	if data, info, err := store.Read(t.Context(), "4", 100); err != nil || string(data) != "content" || info.Key != "4" {
		t.Errorf("five redirects: %q, %+v, %v", data, info, err)
	}
	inner.Store(0)
	for key, want := range map[string]string{"5": "number 6", "file": "file", "password": "password"} {
		if _, _, err := store.Read(t.Context(), key, 100); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") || inner.Load() > 0 {
			t.Errorf("%s: %v", key, err)
		}
	}
	secure := httptest.NewTLSServer(http.HandlerFunc(hops))
	defer secure.Close()
	client := object.NewHTTPClient(secure, true)
	defer client.CloseIdleConnections()
	if _, err := client.Get(secure.URL + "/0"); err == nil || !strings.Contains(err.Error(), "from https to http") || inner.Load() > 0 {
		t.Errorf("https to http: %v", err)
	}
	// The first server stands for one on the public internet.
	client = object.NewHTTPClient(secure, false)
	defer client.CloseIdleConnections()
	if _, err := client.Get(secure.URL + "/1"); err == nil || !strings.Contains(err.Error(), "from https to http") && !strings.Contains(err.Error(), "--allow-private-hosts") {
		t.Errorf("redirect within a private host: %v", err)
	}
}

// TestHTTPCertificates: a server that cannot prove who it is may not be better the next time.
func TestHTTPCertificates(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	_, err := openWeb(t, server.URL).Stat(t.Context(), "a")
	if err == nil || errors.Is(err, object.ErrTransient) || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
}

// TestHTTPBrokenBody: a range goes on where its body broke off, unless the object is another by then.
func TestHTTPBrokenBody(t *testing.T) {
	content := strings.Repeat("0123456789", 1000)
	for name, later := range map[string]string{"same": `"e1"`, "changed": `"e2"`} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			store, _ := web(t, func(w http.ResponseWriter, r *http.Request) {
				if requests.Add(1) > 1 {
					w.Header().Set("ETag", later)
					http.ServeContent(w, r, "a", time.Time{}, strings.NewReader(content))
					return
				}
				w.Header().Set("ETag", `"e1"`)
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 5-%d/%d", len(content)-1, len(content)))
				w.Header().Set("Content-Length", fmt.Sprint(len(content)-5))
				w.WriteHeader(http.StatusPartialContent)
				io.WriteString(w, content[5:3000])
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			})
			got, err := readAll(t.Context(), store, "a", 5, -1)
			if name == "same" && (err != nil || got != content[5:]) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if name == "changed" && !errors.Is(err, object.ErrChanged) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if requests.Load() != 2 {
				t.Errorf("%d requests", requests.Load())
			}
		})
	}
}

// TestHTTPHostLimit: no host is asked for more than eight objects at once, and other hosts do not wait for it.
func TestHTTPHostLimit(t *testing.T) {
	var now, most atomic.Int32
	full, release := make(chan struct{}), make(chan struct{})
	store, _ := web(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for {
			old := most.Load()
			if n <= old || most.CompareAndSwap(old, n) {
				break
			}
		}
		if n == 8 {
			close(full)
		}
		<-release
		io.WriteString(w, "x")
	})
	other, _ := web(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "y") })
	var group sync.WaitGroup
	read := func() {
		if _, _, err := store.Read(t.Context(), "a", 10); err != nil {
			t.Error(err)
		}
	}
	for range 8 {
		group.Go(read)
	}
	<-full
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() {
		_, _, err := store.Read(ctx, "a", 10) // the ninth waits, and can be told not to
		waiting <- err
	}()
	if _, _, err := other.Read(t.Context(), "a", 10); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for range 20 {
		group.Go(read)
	}
	close(release)
	group.Wait()
	if most.Load() > 8 {
		t.Errorf("%d requests at once", most.Load())
	}
}

// TestHTTPSlowServers: one that says nothing, or too little, does not hold a read for ever.
func TestHTTPSlowServers(t *testing.T) {
	defer object.SetTiming(time.Millisecond, 30*time.Millisecond)()
	store, _ := web(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			<-r.Context().Done()
			return
		}
		for r.Context().Err() == nil { // one byte after the other, each well within the patience
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	for _, key := range []string{"silent", "trickle"} {
		if _, _, err := store.Read(t.Context(), key, 1e6); !errors.Is(err, object.ErrTransient) || !strings.Contains(err.Error(), "stopped answering") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestSettings(t *testing.T) {
	for endpoint, want := range map[string]string{
		"": "", "https://minio.example:9000": "", "http://127.0.0.1:10000/account": "",
		"minio:9000": "not a URL", "ftp://x": "not a URL", "https://": "not a URL",
		"https://key:hush@host": "must not hold credentials", "https://host/?sig=hush": "must not hold credentials", "https://key:hush%zz@host": "not a URL",
	} {
		for _, s := range []object.Settings{{S3Endpoint: endpoint}, {AzureEndpoint: endpoint}} {
			err := s.Validate()
			got := ""
			if err != nil {
				got = err.Error()
			}
			if want == "" && got != "" || !strings.Contains(got, want) || strings.Contains(got, "hush") {
				t.Errorf("%q: %q", endpoint, got)
			}
		}
	}
	if diff := cmp.Diff(object.Settings{}, object.SettingsFrom(t.Context())); diff != "" {
		t.Error(diff)
	}
}
