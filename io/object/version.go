package object

import (
	"context"
	"fmt"
)

type versionKey struct{}

// AtVersion returns a context whose reads (Read, ReadRange, ReaderAt) are of that version of the object only, as a Stat, a List or
// an earlier Read gave it: one that has another by now fails with ErrChanged. The store is asked for that version and no other, so that a
// wrong one costs no body. ReadRangeOf also sees a file that changes while it is read.
func AtVersion(ctx context.Context, version string) context.Context {
	return context.WithValue(ctx, versionKey{}, version)
}

// versionOf gives the version that reads are pinned to, or nothing.
func versionOf(ctx context.Context) string {
	v, _ := ctx.Value(versionKey{}).(string)
	return v
}

// checkVersion compares what is there with what a read is pinned to.
func checkVersion(ctx context.Context, object, version string) error {
	if want := versionOf(ctx); want != "" && want != version {
		return changed(object, want, version)
	}
	return nil
}

func changed(object, want, got string) error {
	cause := fmt.Errorf("its version was %s", want)
	if got != "" {
		cause = fmt.Errorf("its version was %s and is %s", want, got)
	}
	return &Error{Op: "read", Object: object, Kind: ErrChanged, Cause: cause}
}
