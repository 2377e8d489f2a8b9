package pipeline

import (
	"context"

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
