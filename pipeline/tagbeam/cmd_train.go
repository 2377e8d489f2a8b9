package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners"
	"github.com/spf13/cobra"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/model/head"
	"github.com/tagbeam/tagbeam/pipeline"
)

// trainOptions are the flags of tagbeam train.
type trainOptions struct {
	pipeline.TrainOptions
	model      modelFlags
	kind       string
	augment    []string
	l2         []string
	weights    []string // NAME=W
	reportJSON string
	plots      plotFlags
	quiet      bool
}

func newTrainCommand() *cobra.Command {
	o := &trainOptions{TrainOptions: pipeline.DefaultTrainOptions()}
	cmd := &cobra.Command{
		Use:   "train --input PATTERN --output MODEL_DIR",
		Short: "Train a classifier for your classes on a frozen network",
		Long: `train puts a new classifier for your classes on a network that is trained already (transfer learning). The network without its last layer gives the
features of each image, on any runner, as tag would; they are kept beside the model, so that the next training does not run the network again. The head that
is trained on them is grafted on the network: the result is a model folder, one ONNX file with labels, preprocessing, calibrated confidences and a model card.

An image's class is, first found: its label in the manifest (--input @labels.csv with uri,label[,split]); its row's label in a Parquet file; the .cls member
beside it in a tar archive; the name of the folder it lies in. Images that cannot be read are left out and counted.

Heads (--head):
  linear   softmax regression; the L2 penalty is chosen on the validation images
  mlp      a dense layer with ReLU, dropout and softmax, by Adam; stops when the validation loss no longer falls
  svm      linear support vectors, one class against the rest, with calibrated probabilities
  knn      the nearest training images by cosine similarity; their number is chosen on the validation images

Exit codes:
  0    trained
  1    failed
  2    a mistake in the command, something it names is not there, or the images are not such that a classifier can learn from them
  130  interrupted by Ctrl-C;  143  by SIGTERM: while features are made, run it again and it goes on where it stopped; while the head is trained, the best
       model until then is written`,
		Example: `  tagbeam train --input photos --model models/mobilenetv2 --output my-model
  tagbeam train --input @labels.csv --model models/mobilenetv2 --head mlp --epochs 20 --augment flip --output my-model --plots plots
  tagbeam tag --input more-photos --model my-model --output tags`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Model, err = o.model.ref(cmd.Context(), o.Model.URI); err != nil {
				return err
			}
			if err := o.parse(); err != nil {
				return err
			}
			o.Stores = object.SettingsFrom(cmd.Context())
			o.Runner = *runners.Runner
			o.Command = resumeCommand(cmd.Name(), cmd.Flags())
			return o.run(cmd.Context())
		},
	}
	o.addOwn(cmd)
	*runners.Runner = o.Runner
	addBeamFlags(cmd.Flags())
	cmd.Flags().Lookup("runner").Usage = "Beam runner: direct, prism, flink, dataflow, universal"
	return cmd
}

func (o *trainOptions) addOwn(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	addLabelledInputFlags(cmd, &o.Options, &o.Labels)
	f.StringArrayVar(&o.ValidationInputs, "validation-input", nil, "`PATTERN` of the validation images; repeatable")
	f.Float64Var(&o.ValidationSplit, "validation-split", o.ValidationSplit, "without them: this fraction of each class, chosen by --seed (0: none)")
	f.StringVar(&o.Model.URI, "model", "", "`BASE` network: a classifier as tag takes it (default: builtin)")
	f.StringVar(&o.Tensor, "features", "", "`TENSOR` of the base that has the features (default: what its last layer takes in)")
	f.StringVar(&o.Output, "output", "", "`DIR` of the new model; it must not exist")
	f.BoolVar(&o.Overwrite, "overwrite", false, "replace a model that train has written there")
	f.StringVar(&o.KeepFeatures, "keep-features", "", "`DIR` in which features are kept for the next training (default: the output's name and .features)")
	f.StringVar(&o.kind, "head", string(o.Head.Kind), "`HEAD` to train: linear, mlp, svm or knn")
	f.StringSliceVar(&o.augment, "augment", nil, "train on further `VIEWS` of each image: flip (mirrored), crop (its corners), or flip,crop")
	f.BoolVar(&o.Head.Balance, "balance", false, "let rare classes count as much as frequent ones")
	f.StringArrayVar(&o.weights, "class-weight", nil, "`CLASS=W`: an image of this class counts W times; repeatable")
	f.BoolVar(&o.Refit, "refit", false, "when the settings are chosen, train once more on training and validation images together; the report is of the model before")
	f.Uint64Var(&o.Head.Seed, "seed", o.Head.Seed, "of all that is random: the same seed gives the same model")
	f.StringSliceVar(&o.l2, "l2", nil, "`PENALTIES` that linear and svm choose from (default: from 1e-4 to 1e1)")
	f.IntSliceVar(&o.Head.Neighbours, "neighbours", nil, "`NUMBERS` of neighbours that knn chooses from")
	f.IntVar(&o.Head.Epochs, "epochs", 10, "passes over the training images, of mlp, at most")
	f.IntVar(&o.Head.Patience, "patience", 3, "epochs without a smaller validation loss that end the training of mlp (negative: never)")
	f.IntVar(&o.Head.Hidden, "hidden", 1024, "units of the dense layer of mlp")
	f.Float64Var(&o.Head.Dropout, "dropout", 0.5, "dropout of mlp (negative: none)")
	f.Float64Var(&o.Head.LearningRate, "learning-rate", 1e-3, "learning rate of mlp")
	f.IntVar(&o.Head.Batch, "minibatch", 0, "images of a training step of mlp (0: chosen for their number)")
	f.StringVar(&o.reportJSON, "report-json", "", "write the report as JSON to this `FILE`")
	o.plots.add(cmd)
	addLimitFlags(f, &o.Limits)
	o.model.add(cmd)
	f.IntVar(&o.Batch, "batch", o.Batch, "images inferred at once (0: chosen for the model)")
	f.IntVar(&o.CPU, "cpu", o.CPU, "images worked on at once in a process (0: one for each CPU)")
	f.IntVar(&o.UnitImages, "unit-images", o.UnitImages, "images of one unit of work (0: chosen for the total)")
	addJobFlags(f, &o.Options)
	f.BoolVar(&o.Abandon, "abandon", false, "give up unfinished features of other options")
	f.BoolVar(&o.quiet, "quiet", false, "print errors only")
	f.Var(logFormat{}, "log-format", "format of log lines: text or json")
}

// parse understands what the flags' types do not.
func (o *trainOptions) parse() error {
	o.Head.Kind = head.Kind(o.kind)
	known := false
	for _, k := range head.Kinds {
		known = known || k == o.Head.Kind
	}
	if !known {
		return &pipeline.UsageError{Err: fmt.Errorf("--head %s: not known; one of %v", o.kind, head.Kinds)}
	}
	for _, word := range o.augment {
		switch word {
		case "flip":
			o.Flip = true
		case "crop":
			o.Crop = true
		default:
			return &pipeline.UsageError{Err: fmt.Errorf("--augment %s: not known; flip, crop, or both", word)}
		}
	}
	for _, text := range o.l2 {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v > 0) || math.IsInf(v, 0) {
			return &pipeline.UsageError{Err: fmt.Errorf("--l2 %s: a penalty, more than 0", text)}
		}
		o.Head.L2 = append(o.Head.L2, v)
	}
	for _, text := range o.weights {
		if err := o.weigh(text); err != nil {
			return &pipeline.UsageError{Err: fmt.Errorf("--class-weight %s: %w", text, err)}
		}
	}
	for _, k := range o.Head.Neighbours {
		if k < 1 {
			return &pipeline.UsageError{Err: fmt.Errorf("--neighbours %d: at least 1", k)}
		}
	}
	for flag, bad := range map[string]bool{
		"--epochs": o.Head.Epochs < 1, "--hidden": o.Head.Hidden < 1, "--minibatch": o.Head.Batch < 0,
		"--learning-rate": !(o.Head.LearningRate > 0), "--dropout": !(o.Head.Dropout < 1),
	} {
		if bad {
			return &pipeline.UsageError{Err: fmt.Errorf("%s: out of range; see tagbeam train --help", flag)}
		}
	}
	return nil
}

// weigh takes CLASS=W; a class's name may have = in it.
func (o *trainOptions) weigh(text string) error {
	at := strings.LastIndex(text, "=")
	if at < 1 {
		return errors.New("a class and its weight, as in bees=2")
	}
	w, err := strconv.ParseFloat(text[at+1:], 64)
	if err != nil || !(w > 0) || math.IsInf(w, 0) {
		return errors.New("the weight has to be a number, more than 0")
	}
	if o.ClassWeights == nil {
		o.ClassWeights = map[string]float64{}
	}
	o.ClassWeights[text[:at]] = w
	return nil
}

func (o *trainOptions) run(ctx context.Context) error {
	if err := checkFile("--report-json", o.reportJSON); err != nil {
		return err
	}
	if err := o.plots.check(); err != nil {
		return err
	}
	beam.Init() // first: it sets up logging, its own way
	log := newLogger(o.quiet)
	w := newProgress(log, o.Options, o.quiet)
	res, err := pipeline.Train(ctx, o.TrainOptions, o.observer(log, w))
	w.stop()
	if errors.Is(err, pipeline.ErrDryRun) {
		log.Info(err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	if !o.quiet {
		if err := printTraining(os.Stdout, res); err != nil {
			return err
		}
	}
	if err := o.write(res); err != nil {
		return err
	}
	if res.Head.Interrupted {
		return o.interrupted(ctx, res)
	}
	return nil
}

func (o *trainOptions) observer(log *slog.Logger, w *progress) pipeline.TrainObserver {
	return pipeline.TrainObserver{
		Observer: observing(log, w, o.FlinkREST),
		Extracting: func(view, views int, name string) {
			if views > 1 {
				log.Info(fmt.Sprintf("features of view %d of %d: %s", view, views, orElse(name, "as it is")))
			}
		},
		Extracted: func(d *pipeline.TrainingData) {
			w.stop()
			log.Info(fmt.Sprintf("%d training images, %d validation images, %d classes; the network was run on %d images, the others have features from before",
				d.Training(), d.Validation(), len(d.Classes), d.New))
			giveTime(savingTime)
		},
		Epoch: func(e head.Epoch) {
			switch {
			case o.quiet:
			case jsonLines.Load():
				log.Info(epochLine(e))
			default:
				fmt.Fprintln(os.Stderr, epochLine(e))
			}
		},
	}
}

// savingTime is how long an interrupted training of a head may take to end and to write the model.
const savingTime = time.Minute

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// interrupted says what became of a training that was interrupted.
func (o *trainOptions) interrupted(ctx context.Context, res *pipeline.TrainResult) error {
	code := exitFailed
	var signal *interruptError
	if errors.As(context.Cause(ctx), &signal) {
		code = signal.code()
	}
	return &exitError{code, fmt.Sprintf("interrupted; the best model until then (%s) was written to %s", res.Head.Setting, res.Model)}
}
