package pipeline

import (
	"context"
	"time"

	"github.com/tagbeam/tagbeam/io/run"
)

// What tests look at from outside.
var (
	Shape   = Options.shape
	AsUsage = asUsage

	NewerVersion = newerVersion
)

// GiveUp is what a command does about an open run whose status it has read.
func GiveUp(ctx context.Context, o Options, open *run.Status, watch Observer) (gone bool, err error) {
	n, err := newNight(ctx, o, watch, true)
	if err != nil {
		return false, err
	}
	return n.giveUp(ctx, open)
}

// Hasten makes jobs elsewhere be looked at all the time, and quiet ones be told of after a moment. It returns what undoes that.
func Hasten(quiet time.Duration) (undo func()) {
	look, flink, poll, known, ends := lookEvery, quietOnFlink, pollEvery, knownWithin, endsWithin
	lookEvery, quietOnFlink, pollEvery, knownWithin, endsWithin = time.Millisecond, quiet, time.Millisecond, quiet, quiet
	return func() { lookEvery, quietOnFlink, pollEvery, knownWithin, endsWithin = look, flink, poll, known, ends }
}
