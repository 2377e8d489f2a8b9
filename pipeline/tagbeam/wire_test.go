package main

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

// wire spoils the answers of a store on their way. What becomes of a request depends on the seed, on what is asked, and on how often it was asked
// before; not on the order in which requests come.
type wire struct {
	seed uint64
	rate float64
	// stopAfter, when not 0, is the number of requests after which none is answered.
	stopAfter int

	mu     sync.Mutex
	made   int
	asked  map[string]uint64
	kinds  map[string]int
	silent bool
}

// faults are what may become of a request, in the order of the dice.
var wireFaults = []string{"status 429", "status 500", "status 503", "connection reset", "lost reply", "slow reply", "short reply", "wrong bytes"}

func (f *wire) fault(w http.ResponseWriter, r *http.Request, next http.Handler) {
	kind, random := f.next(r)
	switch kind {
	case "status 429":
		http.Error(w, "injected", http.StatusTooManyRequests)
	case "status 500":
		http.Error(w, "injected", http.StatusInternalServerError)
	case "status 503":
		http.Error(w, "injected", http.StatusServiceUnavailable)
	case "connection reset", "world stopped":
		panic(http.ErrAbortHandler)
	case "lost reply":
		next.ServeHTTP(nowhere{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case "slow reply", "short reply", "wrong bytes":
		reply := httptest.NewRecorder()
		next.ServeHTTP(reply, r)
		spoil(w, reply, kind, random)
	default:
		next.ServeHTTP(w, r)
	}
}

// spoil passes on a reply in pieces, in part, or with a wrong byte.
func spoil(w http.ResponseWriter, reply *httptest.ResponseRecorder, kind string, random *rand.Rand) {
	for name, values := range reply.Header() {
		w.Header()[name] = values
	}
	body := bytes.Clone(reply.Body.Bytes())
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(reply.Code)
	if len(body) == 0 {
		return
	}
	switch kind {
	case "short reply":
		w.Write(body[:random.IntN(len(body))])
		panic(http.ErrAbortHandler)
	case "wrong bytes":
		body[random.IntN(len(body))] ^= 1 << random.IntN(8)
		w.Write(body)
	case "slow reply":
		for piece := 1 + len(body)/10; len(body) > 0; body = body[min(piece, len(body)):] {
			w.Write(body[:min(piece, len(body))])
			http.NewResponseController(w).Flush()
			time.Sleep(time.Duration(random.IntN(10)) * time.Millisecond)
		}
	}
}

// next rolls the dice of a request; "" is none.
func (f *wire) next(r *http.Request) (string, *rand.Rand) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made++
	if f.stopAfter > 0 && f.made > f.stopAfter {
		if !f.silent {
			f.silent = true
			f.kinds["world stopped"]++
		}
		return "world stopped", nil
	}
	what := r.Method + r.URL.Path + r.URL.Query().Get("name") + r.URL.Query().Get("prefix") + r.Header.Get("Range")
	nth := f.asked[what]
	f.asked[what]++
	h := fnv.New64a()
	fmt.Fprint(h, what, nth)
	random := rand.New(rand.NewPCG(f.seed, h.Sum64()))
	if random.Float64() >= f.rate {
		return "", random
	}
	kind := wireFaults[random.IntN(len(wireFaults))]
	// Only a whole object comes with its checksum; of a part, of a listing, and of what an object is said to be, there is none: TLS has one.
	if whole := r.Method == http.MethodGet && r.Header.Get("Range") == "" && !strings.Contains(r.URL.Path, "/storage/v1/"); kind == "wrong bytes" && !whole {
		kind = "short reply"
	}
	f.kinds[kind]++
	return kind, random
}

// TestWireFaults: the store between a command and its images, its model and its output answers as the seed says. A command gets through, or it says what the
// store did; a further one, in peace, brings the table to what it is for other people.
func TestWireFaults(t *testing.T) {
	g := objecttest.StartGS(t, "data")
	t.Cleanup(func() { object.Close() })
	const images = 24
	putImages(g, "data", "photos", images)
	putModel(t, g, "data", "model")
	kinds := map[string]int{}
	runs, failures := 0, 0
	for seed := range objecttest.Seeds(2, 40) {
		random := rand.New(rand.NewPCG(seed, 6))
		j := job{"gs://data/photos", "gs://data/model", fmt.Sprintf("gs://data/out-%d", seed)}
		args := j.args("--unit-images=5", "--max-error-ratio=1")
		for range 2 {
			f := &wire{seed: random.Uint64(), rate: []float64{0.02, 0.1, 0.3}[random.IntN(3)], asked: map[string]uint64{}, kinds: kinds}
			if random.IntN(3) == 0 {
				f.stopAfter = 1 + random.IntN(100)
			}
			g.Inject(f.fault)
			e := tagbeam(t, args...)
			g.Inject(nil)
			switch e.code {
			case exitOK, exitPartial:
			case exitFailed:
				failures++
				e.says("gs://data")
			default:
				t.Errorf("seed %d: exit code %d\n%s", seed, e.code, e)
			}
		}
		tagbeam(t, args...).want(exitOK)
		tagbeam(t, args...).want(exitOK).prints("nothing to do")
		// An image that no try could read has a row that says so, and then another.
		current := map[string]string{}
		doubled := 0
		for _, r := range j.rows(t) {
			if current[r.URI] == "ok" {
				doubled++
			}
			current[r.URI] = string(r.Status)
		}
		lost := 0
		for i := range images {
			if current["gs://data/photos/"+imageName(i)] != "ok" {
				lost++
			}
		}
		objecttest.Report("rows lost", lost)
		objecttest.Report("rows doubled", doubled)
		if lost+doubled > 0 || len(current) != images || t.Failed() {
			t.Fatalf("seed %d: %d rows lost, %d doubled, %d images", seed, lost, doubled, len(current))
		}
		runs++
	}
	t.Logf("%d outputs, %d commands failed, faults: %v", runs, failures, kinds)
	objecttest.Report("fault runs of the program over HTTP", runs)
	objecttest.Report("clear failures over HTTP, healed by a further run", failures)
	for kind, n := range kinds {
		objecttest.Report("faults over HTTP: "+kind, n)
	}
}

// TestListingFails: a listing that is refused, breaks off, or is not one, is never "no images", nor fewer of them.
func TestListingFails(t *testing.T) {
	g := objecttest.StartGS(t, "data")
	t.Cleanup(func() { object.Close() })
	putImages(g, "data", "photos", 5)
	model := tinyModel(t, "nchw.onnx")
	for _, tc := range []struct {
		name  string
		code  int
		reply func(w http.ResponseWriter, r *http.Request, next http.Handler)
	}{
		{"503", exitFailed, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			http.Error(w, "injected", http.StatusServiceUnavailable)
		}},
		{"403", exitUsage, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			http.Error(w, "injected", http.StatusForbidden)
		}},
		{"connection reset", exitFailed, func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }},
		{"half a reply", exitFailed, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			reply := httptest.NewRecorder()
			next.ServeHTTP(reply, r)
			body := reply.Body.Bytes()
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			w.Write(body[:len(body)/2])
			panic(http.ErrAbortHandler)
		}},
		{"another page that does not come", exitFailed, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.URL.Query().Get("pageToken") != "" {
				http.Error(w, "injected", http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"kind": "storage#objects", "nextPageToken": "photos/zzz", "items": []}`)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := job{"gs://data/photos", model, t.TempDir()}
			g.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Query().Get("prefix"), "photos") {
					tc.reply(w, r, next)
					return
				}
				next.ServeHTTP(w, r)
			})
			e := tagbeam(t, j.args()...)
			g.Inject(nil)
			e.want(tc.code).says("gs://data/photos")
			if strings.Contains(e.stdout+e.stderr, "no images") || strings.Contains(e.stdout, "nothing to do") || len(j.objects(t, "")) > 0 {
				t.Errorf("it takes the bucket for empty: there are %v\n%s", j.objects(t, ""), e)
			}
			tagbeam(t, j.args()...).want(exitOK)
			j.wantEachOnce(t, 5)
		})
	}
}
