package pipeline

import (
	"context"
	"fmt"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
)

// elsewhere says that the workers may be on machines where local paths lead to other files, or to none.
func (o Options) elsewhere() bool { return !o.local() && !o.SharedFilesystem }

const sharedHint = "put it into a bucket, or say --shared-filesystem where the path leads to the same files on every worker"

// checkReach refuses an output that workers elsewhere cannot write.
func (o Options) checkReach() error {
	if !o.elsewhere() || !isLocal(o.Output) {
		return nil
	}
	return usage("--output %s is local, and the workers of --runner %s may be on other machines: %s", o.Output, o.Runner, sharedHint)
}

func isLocal(uri string) bool {
	loc, err := object.Parse(uri)
	return err == nil && (loc.Scheme == object.SchemeFile || loc.Scheme == object.SchemeMem)
}

// reachable lists the images of the inputs and ends with an error at the first that workers elsewhere cannot read. Local manifests are welcome:
// they are read here, and it is what they name that counts.
func (o Options) reachable(each func(context.Context, func(source.Item) error) error) func(context.Context, func(source.Item) error) error {
	if !o.elsewhere() {
		return each
	}
	return func(ctx context.Context, fn func(source.Item) error) error {
		return each(ctx, func(item source.Item) error {
			if item.Problem == "" && isLocal(item.URI) {
				return &UsageError{fmt.Errorf("--input: image %s is local, and the workers of --runner %s may be on other machines: %s", item.URI, o.Runner, sharedHint)}
			}
			return fn(item)
		})
	}
}
