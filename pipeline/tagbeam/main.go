// Command tagbeam labels the images of a data set. See README.md, and `tagbeam help`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/spf13/cobra"

	"github.com/tagbeam/tagbeam/pipeline"
)

// version is set by the linker.
var version = "dev"

// Exit codes. Interrupted runs exit with 128 + the signal's number.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitPartial = 3
)

const exitCodes = `Exit codes:
  0    all images were tagged, or there was nothing to do
  1    failed, or aborted on --max-error-ratio: nothing was published
  2    a mistake in the command, or something it names is not there
  3    published, but some images of this run have errors
  130  interrupted by Ctrl-C;  143  by SIGTERM: run it again and it goes on where it stopped`

func main() {
	if pipeline.BootArgs(os.Args[1:]) {
		complain(pipeline.Boot(context.Background(), os.Args[1:]).Error())
		os.Exit(exitFailed)
	}
	if isWorker(os.Args[1:]) {
		// A runner started this process: Beam's harness takes over and never returns.
		flag.Parse()
		beam.Init()
		fmt.Fprintln(os.Stderr, "tagbeam: the worker harness ended")
		os.Exit(exitFailed)
	}
	os.Exit(execute(notifyInterrupt(context.Background()), os.Args[1:]))
}

// isWorker says whether a runner's boot program started this process as a worker: it names no subcommand.
func isWorker(args []string) bool {
	for _, a := range args {
		if a == "--" || !strings.HasPrefix(a, "-") {
			return false
		}
		name, value, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if name == "worker" && value != "false" {
			return true
		}
	}
	return false
}

// execute runs one command and returns its exit code. The error of a command is printed here, once.
func execute(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	code, message := outcome(ctx, root.ExecuteContext(ctx))
	if message != "" {
		complain(message)
	}
	return code
}

// outcome is the exit code and the message of a command that returned err.
func outcome(ctx context.Context, err error) (code int, message string) {
	var coded *exitError
	var signal *interruptError
	var usage *pipeline.UsageError
	switch {
	case err == nil:
		return exitOK, ""
	case errors.As(err, &coded):
		return coded.code, coded.message
	case errors.As(context.Cause(ctx), &signal):
		return signal.code(), signal.Error()
	case errors.As(err, &usage):
		return exitUsage, err.Error()
	}
	return exitFailed, reason(err)
}

// exitError ends the program with a code; its message, if any, is printed.
type exitError struct {
	code    int
	message string
}

func (e *exitError) Error() string { return e.message }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "tagbeam",
		Short: "Label the images of a data set, every night, at any size",
		Long: `tagbeam labels the images of a data set: it reads them from a folder or a bucket, runs an ONNX classifier over them
and writes labels and confidences to Parquet. It is one Apache Beam pipeline: the same command runs here and on a cluster.

` + exitCodes,
		Version:           version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
		Args: noSuchCommand,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &pipeline.UsageError{Err: fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.SetGlobalNormalizationFunc(foldUnderscores)
	addStoreFlags(root)
	root.AddCommand(newTagCommand(), newRunsCommand(), newCurrentCommand(), newTrainCommand(), newEvaluateCommand(), newModelCommand(), newWorkerPoolCommand())
	return root
}

// noSuchCommand is for commands that have subcommands: what is left over is a mistyped one.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &pipeline.UsageError{Err: fmt.Errorf("no command %q; see %s --help", args[0], cmd.CommandPath())}
	}
	return nil
}
