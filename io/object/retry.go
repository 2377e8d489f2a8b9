package object

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"
)

// attempts bounds how often a request is made that fails for a transient reason.
const attempts = 5

// backoff is the pause after the first failure and the longest one; each failure doubles it, and chance halves it at most.
var backoff = struct{ first, longest time.Duration }{200 * time.Millisecond, 5 * time.Second}

// retry repeats what fails for a transient reason, or with a wrong checksum. The errors of try are explained: they are *Error.
func retry(ctx context.Context, op, uri string, try func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		if err := cancelled(ctx, op, uri); err != nil {
			return err
		}
		err := try(ctx)
		if err == nil || attempt == attempts || !errors.Is(err, ErrTransient) && !errors.Is(err, ErrChecksum) {
			return err
		}
		pause(ctx, attempt)
	}
}

// pause waits after the given number of failures, or until the context ends.
func pause(ctx context.Context, failures int) {
	d := min(backoff.first<<(failures-1), backoff.longest)
	timer := time.NewTimer(d/2 + rand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// transportKind sorts what went wrong without an answer: connections that fail or break may be better the next time, certificates
// are not.
func transportKind(err error) error {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return nil
	}
	_, isURL := errors.AsType[*url.Error](err)
	_, isNet := errors.AsType[net.Error](err)
	if isURL || isNet || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errStalled) || errors.Is(err, net.ErrClosed) {
		return ErrTransient
	}
	return nil
}

// statusKind sorts answers by their HTTP status.
func statusKind(code int) error {
	switch {
	case code == http.StatusNotFound, code == http.StatusGone:
		return ErrNotFound
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusProxyAuthRequired, code == http.StatusUnavailableForLegalReasons:
		return ErrPermission
	case code == http.StatusPreconditionFailed:
		return ErrChanged
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return ErrTransient
	}
	return nil
}
