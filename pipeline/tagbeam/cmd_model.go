package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/builtin"
	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

func newModelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "Look at models",
		Args:  noSuchCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newModelInspectCommand(), newModelPreprocessCommand())
	return cmd
}

func newModelInspectCommand() *cobra.Command {
	var flags modelFlags
	var asJSON, benchmark, features bool
	var cpus int
	cmd := &cobra.Command{
		Use:   "inspect [MODEL]",
		Short: "Print what a model is, whether it can run, and what its preprocessing is",
		Long: `inspect reads a model folder (HuggingFace, ONNX Model Zoo, or with a tagbeam.json) or an .onnx file, checks that it can classify images, loads it
and prints its inputs, outputs, labels, preprocessing, digest and operators. Without MODEL it is the built-in one, whose model card follows.

Exit codes:
  0  the model can be used
  1  ONNX Runtime cannot load it
  2  it cannot classify images, or it or ONNX Runtime is not there; the message says why`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &pipeline.UsageError{Err: fmt.Errorf("name one model, not %d: tagbeam model inspect MODEL", len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := flags.ref(cmd.Context(), strings.Join(args, ""))
			if err != nil {
				return err
			}
			bundle, err := engine.LoadBundle(cmd.Context(), ref)
			if err != nil {
				return &pipeline.UsageError{Err: err}
			}
			if asJSON {
				err = model.DescribeJSON(os.Stdout, bundle)
			} else {
				err = model.Describe(os.Stdout, bundle)
			}
			if err == nil && !asJSON && ref.Builtin() {
				_, err = fmt.Printf("\n%s", builtin.Card())
			}
			if err != nil {
				return err
			}
			if err := engine.StartRuntime(ref); err != nil {
				return &pipeline.UsageError{Err: err}
			}
			classifier, err := engine.LoadClassifier(cmd.Context(), ref)
			if err == nil && features {
				err = printFeatures(os.Stdout, bundle, asJSON)
			}
			if err != nil || !benchmark {
				return err
			}
			return printBenchmark(cmd.Context(), os.Stdout, classifier, cpus, asJSON)
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&features, "features", false, "list the tensors that train --features and tag --embedding can take, the default first; with --json that is a further JSON value")
	cmd.Flags().BoolVar(&benchmark, "benchmark", false, "measure how fast it runs here, by batch size; with --json that is a second JSON object. tag then takes the best one")
	cmd.Flags().IntVar(&cpus, "cpu", 0, "CPUs to measure on (0: those that the system grants)")
	return cmd
}
