package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/preprocess"
	"github.com/tagbeam/tagbeam/pipeline"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// preprocessOptions are those of model preprocess.
type preprocessOptions struct {
	model  modelFlags
	limits preprocess.Limits
	output string
}

func newModelPreprocessCommand() *cobra.Command {
	o := preprocessOptions{limits: preprocess.DefaultLimits}
	cmd := &cobra.Command{
		Use:   "preprocess MODEL IMAGE... --output FILE.npy",
		Short: "Write the array that a model would see, to compare with Python",
		Long: `preprocess reads images (local files, or objects of gs://, s3:// and az://), takes them through the model's preprocessing and writes the
array that the model would be given: [images, 3, height, width] or [images, height, width, 3] of float32, float16, uint8 or int8 as the model has
it, in the order of the command line, in NumPy's format. ONNX Runtime is not needed. In Python:

  ours = numpy.load("FILE.npy")
  theirs = AutoImageProcessor.from_pretrained(MODEL)(images, return_tensors="np")["pixel_values"]
  print(abs(ours - theirs).max())

Exit codes:
  0  the file is written
  1  an image cannot be read or decoded, or the file cannot be written; nothing is written then
  2  a mistake in the command, or the model cannot be used; the message says why`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return &pipeline.UsageError{Err: errors.New("name a model and at least one image: tagbeam model preprocess MODEL IMAGE... --output FILE.npy")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0], args[1:]) },
	}
	o.model.add(cmd)
	addLimitFlags(cmd.Flags(), &o.limits)
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "`FILE` to write, replaced when it is there: a local name that ends in .npy")
	return cmd
}

// preprocessedAtOnce bounds the tensors in memory: 128 of 3x224x224 are 77 MB.
const preprocessedAtOnce = 128

func (o *preprocessOptions) run(ctx context.Context, model string, names []string) error {
	if filepath.Ext(o.output) != ".npy" {
		return &pipeline.UsageError{Err: fmt.Errorf("--output %q: name a file that ends in .npy", o.output)}
	}
	images, err := imagesNamed(names)
	if err != nil {
		return &pipeline.UsageError{Err: err}
	}
	ref, err := o.model.ref(ctx, model)
	if err != nil {
		return err
	}
	classifier, err := engine.NewPreprocessor(ctx, ref)
	if err != nil {
		return &pipeline.UsageError{Err: err}
	}
	shape := append([]int64{int64(len(images))}, classifier.Program.Shape()...)
	element := classifier.Program.Format().Type
	out, err := createNPY(o.output, shape, element)
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	if err := o.writeTensors(ctx, out, classifier, images); err != nil {
		out.Discard()
		return err
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	fmt.Fprintf(os.Stdout, "%s: %s %v\n", o.output, element, shape)
	return nil
}

// imagesNamed are the images of the command line. What they are is found out when they are read.
func imagesNamed(names []string) ([]engine.Image, error) {
	images := make([]engine.Image, len(names))
	for i, name := range names {
		loc, err := object.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("image %q: %w", name, err)
		}
		images[i].Item = source.Item{URI: loc.String()}
	}
	return images, nil
}

// writeTensors writes the tensors of all images; the first one that has none is the error.
func (o *preprocessOptions) writeTensors(ctx context.Context, out *npyFile, c *engine.Classifier, images []engine.Image) error {
	e := engine.New(engine.Config{})
	defer e.Close()
	for from := 0; from < len(images); from += preprocessedAtOnce {
		task := engine.Task{Classifier: c, Images: images[from:min(from+preprocessedAtOnce, len(images))], Limits: o.limits, TensorsOnly: true}
		predictions, err := e.Run(ctx, task)
		if err != nil {
			return err
		}
		for i := range predictions {
			if f := predictions[i].Failure; f != nil {
				return fmt.Errorf("image %s: %w", task.Images[i].URI, f)
			}
			if _, err := out.Write(predictions[i].Tensor); err != nil {
				return fmt.Errorf("--output: %w", err)
			}
		}
	}
	return nil
}
