package objecttest

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// GS is an emulated Google Cloud Storage in this process.
type GS struct {
	fake *fakestorage.Server

	mu    sync.Mutex
	fault Fault
}

// Fault may answer a request in the service's place; it passes on to next what it does not answer. It may also pass on and
// then drop the answer (panic with http.ErrAbortHandler breaks the connection).
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// StartGS starts an emulator with empty buckets of these names and points the gs adapter at it (STORAGE_EMULATOR_HOST),
// until the test ends.
func StartGS(t testing.TB, buckets ...string) *GS {
	t.Helper()
	g := &GS{}
	server := httptest.NewUnstartedServer(g)
	host := server.Listener.Addr().String()
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		NoListener: true, Scheme: "http", PublicHost: host, ExternalURL: "http://" + host,
	})
	if err != nil {
		t.Fatal(err)
	}
	g.fake = fake
	for _, b := range buckets {
		fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: b})
	}
	server.Start()
	t.Cleanup(server.Close)
	t.Setenv("STORAGE_EMULATOR_HOST", host)
	return g
}

// Put writes an object, whether it exists or not, with all its metadata.
func (g *GS) Put(attrs fakestorage.ObjectAttrs, data []byte) {
	g.fake.CreateObject(fakestorage.Object{ObjectAttrs: attrs, Content: data})
}

// Delete removes an object.
func (g *GS) Delete(bucket, name string) error {
	return g.fake.Backend().DeleteObject(bucket, name)
}

// Inject lets f stand before the service; nil takes it away.
func (g *GS) Inject(f Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = f
}

// ServeHTTP implements http.Handler.
func (g *GS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	f := g.fault
	g.mu.Unlock()
	if f != nil {
		f(w, r, g.fake.HTTPHandler())
		return
	}
	g.fake.HTTPHandler().ServeHTTP(w, r)
}
