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

// errStalled ends a request that brings no byte for gsStall.
var errStalled = errors.New("the store stopped answering")

// gsStall is how long a read may bring nothing at all.
var gsStall = time.Minute

// newGSTransport keeps connections for as many requests as a fetch pool makes at once.
func newGSTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 256
	return gsTransport{t}
}

// gsTransport adds two limits that the storage client lacks: on the silence of a server, and on how often a reader whose
// body breaks off opens it again, which it does without a pause and without end.
type gsTransport struct{ base *http.Transport }

// RoundTrip implements http.RoundTripper.
func (t gsTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if left, ok := req.Context().Value(requestBudget{}).(*atomic.Int32); ok && left.Add(-1) < 0 {
		return nil, fmt.Errorf("the answer broke off again and again: %w", io.ErrUnexpectedEOF)
	}
	if req.Body != nil && req.Body != http.NoBody {
		return t.base.RoundTrip(req) // an upload: its chunks have deadlines of their own
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(gsStall, func() { cancel(errStalled) })
	body := &stallReader{ctx: ctx, timer: timer, cancel: cancel}
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
func (t gsTransport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// stallReader is a body whose silence ends it.
type stallReader struct {
	io.ReadCloser
	ctx    context.Context
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

func (r *stallReader) Read(p []byte) (int, error) {
	r.timer.Reset(gsStall)
	n, err := r.ReadCloser.Read(p)
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
