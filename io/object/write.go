package object

import (
	"context"
	"fmt"
	"io"
)

// contextWriter fails as soon as the context ends, so that a write callback that never looks at the context stops too.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (w contextWriter) Write(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.w.Write(p)
}

// writeFailed wraps what a write callback returned; the context's end is the reason where it has ended.
func writeFailed(ctx context.Context, object string, err error) error {
	if ended := cancelled(ctx, "write", object); ended != nil {
		return ended
	}
	return &Error{Op: "write", Object: object, Cause: err}
}

func negativeOffset(object string, offset int64) error {
	return &Error{Op: "read", Object: object, Cause: fmt.Errorf("negative offset %d", offset)}
}
