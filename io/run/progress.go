package run

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tagbeam/tagbeam/io/object"
)

// ImagesTagged is the number of images of a run whose units have a file: how far it is, as anybody can tell who sees the output. It lists the
// run's folder.
func (o *Output) ImagesTagged(ctx context.Context, plan *Plan) (int64, error) {
	units := plan.Units()
	prefix := o.key(runFolder(plan.RunID) + unitPrefix)
	var images int64
	err := o.store.List(ctx, object.ListOptions{Prefix: prefix}, func(i object.Info) error {
		number := strings.TrimSuffix(strings.TrimPrefix(i.Key, prefix), ".parquet")
		if index, err := strconv.Atoi(number); err == nil && index >= 0 && index < len(units) {
			images += int64(units[index].Images)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("progress of run %d: %w", plan.RunID, err)
	}
	return images, nil
}
