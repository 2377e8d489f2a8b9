package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/graph"
	"github.com/tagbeam/tagbeam/model/head"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// save writes the model folder.
func (t *training) save(ctx context.Context, res *TrainResult) error {
	cut, err := graph.Cut(t.network, t.top)
	if err != nil {
		return err
	}
	processor, err := t.processorConfig(ctx)
	if err != nil {
		return err
	}
	d := res.Data
	card := head.Card{
		Name: path.Base(strings.TrimRight(t.o.Output, "/")), Date: time.Now().UTC().Format(time.DateOnly),
		Base: t.base.Name, BaseDigest: t.base.Digest, Features: t.top.Tensor,
		Data: strings.Join(t.o.Inputs, ", "), Training: d.TrainingImages, Validation: d.ValidationImages, ValidationDetails: t.validationDetails(d),
		Command: ShellJoin(t.o.Command), Notes: d.notes(t.views(), res.Report),
	}
	files, err := head.Folder(res.Head, t.base, cut, processor, d.Classes, card)
	if err != nil {
		return err
	}
	return writeModelFolder(ctx, t.o.Output, files, t.o.Overwrite)
}

// processorConfig is the base folder's own description of its preprocessing, when that is what the base goes by.
func (t *training) processorConfig(ctx context.Context) ([]byte, error) {
	if t.base.Layout != model.LayoutHuggingFace || t.o.Model.Preprocess != "" || t.o.Model.EXIFOrientation || t.o.Model.FastDecode {
		return nil, nil
	}
	data, err := engine.ReadModelFile(ctx, t.o.Model, "preprocessor_config.json")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, object.ErrNotFound) {
		return nil, nil
	}
	return data, err
}

func (t *training) validationDetails(d *TrainingData) string {
	switch {
	case d.validation.Len() == 0:
		return "none"
	case len(t.o.ValidationInputs) > 0:
		return strings.Join(t.o.ValidationInputs, ", ")
	case d.divided:
		return "as the data set is divided"
	}
	return fmt.Sprintf("%g of each class, chosen by seed %d; copies of an image are on the same side", t.o.ValidationSplit, t.o.Head.Seed)
}
