package head

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"testing/fstest"

	"github.com/tagbeam/tagbeam/model"
	"github.com/tagbeam/tagbeam/model/graph"
)

// The files of a model folder.
const (
	modelFile     = "model.onnx"
	configFile    = "config.json"
	processorFile = "preprocessor_config.json"
	tagbeamFile   = "tagbeam.json"
	trainingFile  = "training.json"
	cardFile      = "MODEL_CARD.md"
)

// Folder makes the model folder in HuggingFace layout: file name to content: model.onnx (base with the head grafted on), config.json
// (id2label), preprocessor_config.json, training.json (settings, history, calibration, for programs) and MODEL_CARD.md; and tagbeam.json
// where the former cannot say how the base preprocesses. base is the network trained on; cut is what graph.Cut made of it;
// processorConfig is the base folder's preprocessor_config.json, nil where it has none. The result has been loaded (model.Load) and found to have
// the base's preprocessing and these labels.
func Folder(h *Head, base *model.Bundle, cut, processorConfig []byte, labels []string, card Card) (map[string][]byte, error) {
	if len(labels) != h.Classes {
		return nil, fmt.Errorf("%d labels for a head of %d classes", len(labels), h.Classes)
	}
	opset, err := graph.Opset(cut)
	if err != nil {
		return nil, err
	}
	top, err := h.ONNX(opset)
	if err != nil {
		return nil, err
	}
	network, err := graph.Graft(cut, top)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{modelFile: network, cardFile: card.markdown(h, labels)}
	if files[configFile], err = config(labels); err != nil {
		return nil, err
	}
	if files[trainingFile], err = trainingRecord(h, labels, card); err != nil {
		return nil, err
	}
	if processorConfig != nil {
		files[processorFile] = processorConfig
		if err := loads(files, base, labels); err == nil {
			return files, nil
		}
	}
	// Any folder can be told all of it.
	settings := map[string]any{"preprocess": base.Preprocess, "input_layout": base.Input.Layout, "output": graph.Probabilities}
	if files[tagbeamFile], err = indented(settings); err != nil {
		return nil, err
	}
	return files, loads(files, base, labels)
}

// loads says whether the folder is read as it is meant.
func loads(files map[string][]byte, base *model.Bundle, labels []string) error {
	fsys := fstest.MapFS{}
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	made, err := model.Load(fsys, base.Name, model.Options{})
	switch {
	case err != nil:
		return err
	case !slices.Equal(made.Labels, labels):
		return errors.New("the labels of the new model are not read as they were written")
	case !reflect.DeepEqual(made.Preprocess, base.Preprocess) || made.Input.Layout != base.Input.Layout:
		return errors.New("the preprocessing of the new model is not read as that of its base")
	case made.Output.Name != graph.Probabilities || made.Activation != model.ActivationNone:
		return fmt.Errorf("the output of the new model is read as %s, with activation %s", made.Output.Name, made.Activation)
	}
	return nil
}

// config is a HuggingFace configuration: as much of one as tells the labels.
func config(labels []string) ([]byte, error) {
	names, numbers := make(map[string]string, len(labels)), make(map[string]int, len(labels))
	for i, label := range labels {
		names[strconv.Itoa(i)], numbers[label] = label, i
	}
	return indented(map[string]any{"architectures": []string{"TagbeamForImageClassification"}, "num_labels": len(labels), "id2label": names, "label2id": numbers})
}

// trainingRecord is how the head came about, for programs.
func trainingRecord(h *Head, labels []string, card Card) ([]byte, error) {
	type classRecord struct {
		Label      string `json:"label"`
		Training   int    `json:"training"`
		Validation int    `json:"validation"`
	}
	classes := make([]classRecord, len(labels))
	for i, label := range labels {
		classes[i] = classRecord{label, at(card.Training, i), at(card.Validation, i)}
	}
	record := map[string]any{
		"head": h.Kind, "setting": h.Setting, "seed": h.Seed, "interrupted": h.Interrupted, "temperature": h.Temperature, "history": h.History,
		"base": card.Base, "base_digest": card.BaseDigest, "features": card.Features, "feature_size": h.Dim, "classes": classes, "date": card.Date,
	}
	if h.Before != (Calibration{}) || h.After != (Calibration{}) {
		record["calibration_before"], record["calibration_after"] = h.Before, h.After
	}
	return indented(record)
}

func at(counts []int, i int) int {
	if i < len(counts) {
		return counts[i]
	}
	return 0
}

func indented(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}
