package object

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Error says which operation failed on which object, why (one of the sentinels, or nil) and what the store said.
// errors.Is and errors.As see both the sentinel and the cause.
type Error struct {
	// Op is what was being done: "read", "list", "stat", "write" or "delete".
	Op string
	// Object is the object or prefix as a Location prints it.
	Object string
	// Kind is one of the sentinels, or nil where none fits.
	Kind error
	// Cause is what the store said, or nil where the kind says it all.
	Cause error
}

// Error gives "read gs://bucket/key: permission denied: what the store said".
func (e *Error) Error() string {
	message := e.Op + " " + e.Object
	if e.Kind != nil {
		message += ": " + e.Kind.Error()
	}
	if e.Cause == nil {
		return message
	}
	// The path of a PathError stands in Object already.
	cause := e.Cause
	if p, ok := cause.(*fs.PathError); ok {
		cause = p.Err
	}
	if e.Kind != nil && (cause.Error() == e.Kind.Error() || e.Kind == ErrNotFound && errors.Is(cause, fs.ErrNotExist)) {
		return message
	}
	return message + ": " + strings.Join(strings.Fields(cause.Error()), " ") // some stores say it on several lines
}

// Unwrap gives the sentinel and the cause.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Kind, e.Cause} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func tooLarge(object string, size, maxBytes int64) error {
	return &Error{Op: "read", Object: object, Kind: ErrTooLarge, Cause: fmt.Errorf("%d bytes, the limit is %d", size, maxBytes)}
}

// cancelled wraps the context's error, or gives nil while the context lives.
func cancelled(ctx context.Context, op, object string) error {
	if err := ctx.Err(); err != nil {
		return &Error{Op: op, Object: object, Cause: context.Cause(ctx)}
	}
	return nil
}
