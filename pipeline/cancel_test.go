package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/go-cmp/cmp"

	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/pipeline"
)

// slowBucket is a bucket of pictures, some of which are never sent until they are released.
type slowBucket struct {
	gs      *objecttest.GS
	asked   chan string // the names of those that are asked for
	release chan struct{}
}

// newSlowBucket puts n pictures into a bucket named photos; requests for the bytes of those named hang.
func newSlowBucket(t *testing.T, n int, hang ...int) *slowBucket {
	b := &slowBucket{gs: objecttest.StartGS(t, "photos"), asked: make(chan string, 100), release: make(chan struct{})}
	for i := range n {
		b.gs.Put(fakestorage.ObjectAttrs{BucketName: "photos", Name: pictureKey(i), ContentType: "image/png"}, picture(i))
	}
	b.gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		// With JSON and without alt=media it is metadata that is asked for.
		bytes := !strings.Contains(r.URL.Path, "/o/") || r.URL.Query().Get("alt") == "media"
		for _, h := range hang {
			if bytes && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, fmt.Sprintf("%04d.png", h)) {
				b.asked <- r.URL.Path
				select {
				case <-b.release:
				case <-r.Context().Done():
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
	t.Cleanup(b.free)
	return b
}

// free lets everything through.
func (b *slowBucket) free() {
	select {
	case <-b.release:
	default:
		close(b.release)
	}
}

// A run whose context ends stops in the middle, wherever it is, and the next one goes on.
func TestRunEndsWithItsContext(t *testing.T) {
	for _, test := range []struct {
		runner string
		// On prism one unit: a job that fails while another bundle is at work is a data race in Beam's harness.
		unitImages int
		tagged     int // units that have a file when the run stops, at most: the one before may not be done yet
	}{{"direct", 4, 1}, {"prism", 100, 0}} {
		t.Run(test.runner, func(t *testing.T) {
			_, o := inMemory(t, 0)
			bucket := newSlowBucket(t, 10, 6)
			o.Inputs, o.Runner, o.UnitImages = []string{"gs://photos"}, test.runner, test.unitImages
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			interrupt := errors.New("Ctrl-C")
			go func() {
				<-bucket.asked
				cancel(interrupt)
			}()
			// It returns, although the picture never comes.
			if _, err := pipeline.Run(ctx, o, pipeline.Observer{}); !errors.Is(err, interrupt) {
				t.Fatalf("the interrupted run: %v", err)
			}
			plan, err := open(t, o).Plan(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			tagged := 0
			for _, u := range plan.Units() {
				if _, err := open(t, o).UnitCounts(t.Context(), 1, u); err == nil {
					tagged++
				}
			}
			if tagged > test.tagged {
				t.Errorf("%d units were tagged", tagged)
			}
			bucket.free()
			res := mustRun(t, o)
			if len(res.Runs) != 1 || !res.Runs[0].Resumed || res.Runs[0].Manifest.Counts.OK != 10 {
				t.Errorf("the run that goes on: %+v", res)
			}
		})
	}
}

// The context of one run is no other run's business, also in the same process.
func TestRunsOfOneProcessAreInterruptedOneByOne(t *testing.T) {
	_, o := inMemory(t, 0)
	bucket := newSlowBucket(t, 2, 0, 1)
	results := make([]chan error, 2)
	cancels := make([]context.CancelFunc, 2)
	options := make([]pipeline.Options, 2)
	for i := range results {
		options[i], results[i] = o, make(chan error, 1)
		options[i].Inputs, options[i].Output = []string{"gs://photos/" + pictureKey(i)}, fmt.Sprint(o.Output, i)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		cancels[i] = cancel
		go func() {
			_, err := pipeline.Run(ctx, options[i], pipeline.Observer{})
			results[i] <- err
		}()
		<-bucket.asked
	}
	cancels[0]()
	if err := <-results[0]; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled run: %v", err)
	}
	bucket.free()
	if err := <-results[1]; err != nil {
		t.Errorf("the other run: %v", err)
	}
	for i, want := range []run.State{run.StatePlanned, run.StatePublished} {
		if diff := cmp.Diff([]run.State{want}, states(t, options[i])); diff != "" {
			t.Errorf("output %d (-want +got):\n%s", i, diff)
		}
	}
}
