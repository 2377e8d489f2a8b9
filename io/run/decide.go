package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/table"
)

// Decide decides a run whose units are all tagged: commit, or abort when more than maxErrorRatio (0 to 1) of its images failed. total and
// units are the sums over all units. A run that is decided already stays as it is, and that decision is returned; totals that are not the
// plan's are an error otherwise.
func (o *Output) Decide(ctx context.Context, plan *Plan, total table.Counts, units int, maxErrorRatio float64) (Decision, error) {
	// First, because a straggler may come when the unit files are cleaned away, and with them its totals.
	d, err := o.decision(ctx, plan.RunID)
	if err != nil {
		return Decision{}, err
	}
	if d != nil {
		return *d, nil
	}
	if planned := plan.unitCount(); units != planned || total.Images != plan.Images {
		return Decision{}, fmt.Errorf("run %d: %d units with %d images are tagged, planned are %d with %d: not deciding on a part of it; run the command again",
			plan.RunID, units, total.Images, planned, plan.Images)
	}
	return o.putDecision(ctx, Decision{
		RunID:  plan.RunID,
		Commit: !tooMany(total, maxErrorRatio),
		Reason: reason(total, maxErrorRatio),
		Counts: total,
	})
}

// Abandon aborts a run that is not decided. When it is decided already, that decision is returned: a commit cannot be taken back, the
// caller finishes it.
func (o *Output) Abandon(ctx context.Context, id int64) (Decision, error) {
	planned, err := o.exists(ctx, runFolder(id)+planName)
	if err == nil && !planned {
		err = object.ErrNotFound
	}
	if err != nil {
		return Decision{}, fmt.Errorf("abandon run %d of %s: %w", id, o.URI(), err)
	}
	return o.putDecision(ctx, Decision{RunID: id, Reason: "abandoned"})
}

func (o *Output) putDecision(ctx context.Context, d Decision) (Decision, error) {
	d.Attempt, d.DecidedAt = o.newAttempt(), now()
	err := o.putRecord(ctx, runFolder(d.RunID)+decisionName, d)
	if err == nil {
		return d, nil
	}
	if !errors.Is(err, object.ErrExists) {
		return Decision{}, fmt.Errorf("decide run %d: %w", d.RunID, err)
	}
	theirs, err := o.decision(ctx, d.RunID)
	if err == nil && theirs == nil {
		err = fmt.Errorf("decision of run %d: it was there and is not any more", d.RunID)
	}
	if err != nil {
		return Decision{}, err
	}
	return *theirs, nil
}

func (p *Plan) unitCount() int {
	n := 0
	for _, c := range p.Chunks {
		n += len(c.Units)
	}
	return n
}

// tooMany compares quotients, not products: 7/10 is the number that "0.7" is read as.
func tooMany(c table.Counts, maxErrorRatio float64) bool {
	return c.Failed > 0 && float64(c.Failed)/float64(c.Images) > maxErrorRatio
}

// reason says why a run is aborted: "12 of 20 images failed (60.0 %), more than --max-error-ratio 0.5; most frequent: truncated 9, not_found 3".
func reason(c table.Counts, maxErrorRatio float64) string {
	if !tooMany(c, maxErrorRatio) {
		return ""
	}
	codes := slices.SortedFunc(maps.Keys(c.Errors), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.Errors[b], c.Errors[a]), strings.Compare(a, b))
	})
	text := fmt.Sprintf("%d of %d images failed (%.1f %%), more than --max-error-ratio %v", c.Failed, c.Images, 100*float64(c.Failed)/float64(c.Images), maxErrorRatio)
	for i, code := range codes[:min(3, len(codes))] {
		sep := ", "
		if i == 0 {
			sep = "; most frequent: "
		}
		text += fmt.Sprintf("%s%s %d", sep, code, c.Errors[code])
	}
	return text
}

// now is the time as the records keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
