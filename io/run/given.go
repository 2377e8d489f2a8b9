package run

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tagbeam/tagbeam/io/object"
)

// givenFolder holds, within the folder of a run, local files that its workers cannot read where they are.
const givenFolder = "given/"

// Give writes a file for the workers of a run, unless it is there, and returns its full name. What was written for the same run before is the same:
// a run is gone on with by the same command only.
func (o *Output) Give(ctx context.Context, runID int64, name string, content io.ReadSeeker) (string, error) {
	path := runFolder(runID) + givenFolder + name
	err := o.store.PutIfAbsent(ctx, o.key(path), func(w io.Writer) error {
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := io.Copy(w, content)
		return err
	})
	if err != nil && !errors.Is(err, object.ErrExists) {
		return "", fmt.Errorf("copy %s for the workers of run %d: %w", name, runID, err)
	}
	return o.name(path), nil
}
