package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/pipeline"
)

func newCurrentCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "current OUTPUT --output FILE",
		Short: "Write the current row of each image to one Parquet file",
		Long: `current writes the latest row of each image, the one of the highest run_id for its uri and member, to one Parquet file with the columns
of the table, sorted by uri and member. Memory does not grow with the table; of more than 16 runs it keeps temporary files in $TMPDIR.

Exit codes:
  0  written
  1  the table could not be read, or the file not be written
  2  a mistake in the command, there is no such output, or the file exists already`,
		Example: `  tagbeam current tags --output current.parquet
  tagbeam current gs://bucket/tags --output gs://bucket/current-$(date -I).parquet`,
		Args: oneOutput,
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeCurrent(cmd.Context(), args[0], file)
		},
	}
	cmd.Flags().StringVar(&file, "output", "", "`FILE` to write, local, gs://, s3:// or az://; it must not exist")
	return cmd
}

func writeCurrent(ctx context.Context, output, file string) error {
	if file == "" {
		return &pipeline.UsageError{Err: errors.New("no --output: name the Parquet file to write")}
	}
	refuse := func(err error) error { return &pipeline.UsageError{Err: fmt.Errorf("--output: %w", err)} }
	loc, err := object.Parse(file)
	if err != nil {
		return refuse(err)
	}
	store, err := object.Open(ctx, loc)
	if err != nil {
		return refuse(err)
	}
	out, err := openOutput(ctx, output)
	if err != nil {
		return err
	}
	exists := fmt.Errorf("%s exists already: give it another name, or delete it first", file)
	// Found out before the work as well as after it.
	switch _, err := store.Stat(ctx, loc.Key); {
	case err == nil:
		return refuse(exists)
	case !errors.Is(err, object.ErrNotFound):
		return refuse(err)
	}
	var counts table.Counts
	err = store.PutIfAbsent(ctx, loc.Key, func(w io.Writer) (err error) {
		counts, err = out.WriteCurrent(ctx, w)
		return err
	})
	if errors.Is(err, object.ErrExists) {
		return refuse(exists)
	}
	if err != nil {
		return err
	}
	fmt.Printf("%d images: %d ok, %d abstained, %d failed; written to %s\n", counts.Images, counts.OK, counts.Abstained, counts.Failed, file)
	return nil
}
