package object

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
)

// explain gives an error of the client its sentinel and names the object. Errors that have been explained stay as they are.
func (c *gsClient) explain(ctx context.Context, op, uri string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if ended := cancelled(ctx, op, uri); ended != nil {
		return ended
	}
	e := &Error{Op: op, Object: uri, Cause: err}
	_, isLogin := errors.AsType[*auth.Error](err)
	answer, isAnswer := errors.AsType[*googleapi.Error](err)
	if isAnswer && !errors.Is(err, storage.ErrObjectNotExist) && !errors.Is(err, storage.ErrBucketNotExist) {
		e.Kind, e.Cause = answerKind(answer), &gsAnswer{answer: answer}
	} else {
		e.Kind = failureKind(err)
	}
	switch {
	case errors.Is(err, storage.ErrBucketNotExist):
		e.Cause = errors.New("the bucket does not exist")
	case e.Kind == ErrNotFound:
		e.Cause = nil
	case e.Kind == ErrPermission && c.anonymous:
		e.Cause = fmt.Errorf("%w; no Google credentials were found: %s", e.Cause, gsLoginHint)
	case e.Kind == ErrPermission && isLogin:
		e.Cause = fmt.Errorf("the credentials are refused: %w; %s", e.Cause, gsLoginHint)
	}
	return e
}

func answerKind(answer *googleapi.Error) error {
	switch code := answer.Code; {
	case code == http.StatusNotFound:
		return ErrNotFound
	case code == http.StatusForbidden && isRateLimit(answer):
		return ErrTransient
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return ErrPermission
	case code == http.StatusPreconditionFailed:
		return ErrExists
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		return ErrTransient
	}
	return nil
}

func isRateLimit(answer *googleapi.Error) bool {
	for _, e := range answer.Errors {
		if e.Reason == "rateLimitExceeded" || e.Reason == "userRateLimitExceeded" {
			return true
		}
	}
	return false
}

// failureKind sorts what went wrong without an answer of the service.
func failureKind(err error) error {
	if errors.Is(err, storage.ErrObjectNotExist) || errors.Is(err, storage.ErrBucketNotExist) {
		return ErrNotFound
	}
	if strings.Contains(err.Error(), "storage: bad CRC on read") { // the library has no value for it
		return ErrChecksum
	}
	if login, ok := errors.AsType[*auth.Error](err); ok && login.Response != nil && !login.Temporary() {
		return ErrPermission
	}
	return transportKind(err)
}

// gsAnswer prints the service's answer on one line.
type gsAnswer struct{ answer *googleapi.Error }

func (a *gsAnswer) Unwrap() error { return a.answer }

var xmlMessage = regexp.MustCompile(`(?s)<(Details|Message)>(.*?)</`)

func (a *gsAnswer) Error() string {
	message := a.answer.Message
	if message == "" { // answers to reads are XML
		for _, m := range xmlMessage.FindAllStringSubmatch(a.answer.Body, -1) {
			message = m[2]
		}
	}
	if message == "" {
		message = http.StatusText(a.answer.Code)
	}
	return fmt.Sprintf("%s (HTTP %d)", strings.Join(strings.Fields(message), " "), a.answer.Code)
}
