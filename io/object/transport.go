package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// errStalled ends a request that brings no byte for as long as stall, or too few.
var errStalled = errors.New("the store stopped answering")

// stall is how long a read may bring nothing at all.
var stall = time.Minute

// newTransport keeps connections for as many requests as a fetch pool makes at once.
func newTransport() stallTransport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 256
	return stallTransport{base: t}
}

// stallTransport adds two limits that storage clients lack: on the silence of a server, and on how often a reader whose body
// breaks off opens it again, which that of gs does without a pause and without end.
type stallTransport struct {
	base *http.Transport
	// slowest, when not 0, is the least number of bytes a second that a body may bring, once stall has gone by.
	slowest int64
}

// RoundTrip implements http.RoundTripper.
func (t stallTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if left, ok := req.Context().Value(requestBudget{}).(*atomic.Int32); ok && left.Add(-1) < 0 {
		return nil, fmt.Errorf("the answer broke off again and again: %w", io.ErrUnexpectedEOF)
	}
	if req.Body != nil && req.Body != http.NoBody {
		return t.base.RoundTrip(req) // an upload: its chunks have deadlines of their own
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(stall, func() { cancel(errStalled) })
	body := &stallReader{ctx: ctx, timer: timer, cancel: cancel, slowest: t.slowest}
	resp, err := t.base.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, body.stop(err)
	}
	timer.Stop()
	body.ReadCloser = resp.Body
	resp.Body = body
	return resp, nil
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (t stallTransport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// stallReader is a body whose silence ends it.
type stallReader struct {
	io.ReadCloser
	ctx    context.Context
	timer  *time.Timer
	cancel context.CancelCauseFunc

	slowest int64
	came    int64         // bytes
	waited  time.Duration // for them
}

func (r *stallReader) Read(p []byte) (int, error) {
	began, patience := time.Now(), stall
	if r.slowest > 0 {
		earned := time.Duration(float64(r.came) / float64(r.slowest) * float64(time.Second))
		patience = min(patience, stall+earned-r.waited)
	}
	r.timer.Reset(patience)
	n, err := r.ReadCloser.Read(p)
	r.came, r.waited = r.came+int64(n), r.waited+time.Since(began)
	if err == nil || err == io.EOF {
		// The time until the next Read is the caller's, not the server's.
		r.timer.Stop()
		return n, err
	}
	return n, r.stop(err)
}

func (r *stallReader) Close() error {
	err := r.ReadCloser.Close()
	r.stop(nil)
	return err
}

// stop frees what watches the request; err becomes errStalled where silence was the reason.
func (r *stallReader) stop(err error) error {
	r.timer.Stop()
	if context.Cause(r.ctx) == errStalled && err != nil {
		err = errStalled
	}
	r.cancel(nil)
	return err
}

// requestBudget is the context key of the number of requests that one read may still make.
type requestBudget struct{}

// gsReadRequests is how many requests one reader may make: it goes on where a broken body ended.
const gsReadRequests = 4

func withRequestBudget(ctx context.Context) context.Context {
	left := new(atomic.Int32)
	left.Store(gsReadRequests)
	return context.WithValue(ctx, requestBudget{}, left)
}
