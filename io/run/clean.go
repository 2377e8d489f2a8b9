package run

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tagbeam/tagbeam/io/object"
)

// maxCleaned is the number of run folders one Clean lists at most.
const maxCleaned = 32

// Clean removes the unit files, plan chunks and settings of the runs before run, which are no longer needed: a run cleans up after its
// predecessors once it is planned, never after itself. Runs that are not closed are left alone. It goes back from the newest until two runs in a row
// have nothing to remove, so it costs two listings of a few objects when there is nothing to do. What stays behind when it fails is of no
// effect, and the next run's Clean sees to it.
func (o *Output) Clean(ctx context.Context, before int64) error {
	clean := 0
	for id := before - 1; id > 0 && id >= before-maxCleaned && clean < 2; id-- {
		state, err := o.Closed(ctx, id)
		if err != nil {
			return fmt.Errorf("clean up after run %d: %w", id, err)
		}
		if !state.Closed() {
			return nil
		}
		n, err := o.cleanRun(ctx, id)
		if err != nil {
			return fmt.Errorf("clean up after run %d: %w", id, err)
		}
		if n == 0 {
			clean++
		} else {
			clean = 0
		}
	}
	return nil
}

// cleanRun removes what is left over of a closed run and returns how many objects that were.
func (o *Output) cleanRun(ctx context.Context, id int64) (removed int, err error) {
	folder := o.key(runFolder(id))
	var leftovers []string
	err = o.store.List(ctx, object.ListOptions{Prefix: folder}, func(i object.Info) error {
		if name := strings.TrimPrefix(i.Key, folder); strings.HasPrefix(name, unitPrefix) || strings.HasPrefix(name, chunkPrefix) || strings.HasPrefix(name, givenFolder) || name == settingsName {
			leftovers = append(leftovers, i.Key)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.parallel)
	for _, key := range leftovers {
		group.Go(func() error { return o.store.Delete(ctx, key) })
	}
	return len(leftovers), group.Wait()
}
