package model

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tagbeam/tagbeam/model/preprocess"
)

// configFile is what is read of config.json, which HuggingFace's and timm's folders both have. Most of its keys are about the network and
// need not be understood; labels are decoded only when they are needed.
type configFile struct {
	present bool

	// HuggingFace
	ModelType string          `json:"model_type"`
	ID2Label  json.RawMessage `json:"id2label"`

	// timm
	Architecture  string          `json:"architecture"`
	PretrainedCfg json.RawMessage `json:"pretrained_cfg"`
	LabelNames    json.RawMessage `json:"label_names"`
}

func (c *configFile) markPresent() { c.present = true }

func (c *configFile) isTimm() bool { return c.Architecture != "" && given(c.PretrainedCfg) }

// useHuggingFace reads labels from config.json and preprocessing from preprocessor_config.json.
func (f *folder) useHuggingFace(config *configFile) {
	f.layout = LayoutHuggingFace
	f.labels = func() ([]string, error) {
		if !given(config.ID2Label) {
			return nil, errors.New("config.json has no id2label: give --model-labels FILE, with one label a line, or \"labels\" in tagbeam.json")
		}
		return config.id2label()
	}
	f.spec = func(int, int) (preprocess.Spec, error) { return f.huggingFaceSpec(config.ModelType) }
}

func (c *configFile) id2label() ([]string, error) {
	labels, err := ParseLabels(c.ID2Label)
	if err != nil {
		return nil, fmt.Errorf("config.json: id2label: %w", err)
	}
	return labels, nil
}

func (f *folder) huggingFaceSpec(modelType string) (preprocess.Spec, error) {
	const name = "preprocessor_config.json"
	there, err := f.exists(name)
	if err != nil {
		return preprocess.Spec{}, err
	}
	if !there {
		return preprocess.Spec{}, fmt.Errorf("%s is missing, so nothing says how images become its input: give --preprocess, or \"preprocess\" in tagbeam.json", name)
	}
	data, err := f.read(name)
	if err != nil {
		return preprocess.Spec{}, err
	}
	spec, warnings, err := processorSpec(data, modelType)
	if err != nil {
		return spec, fmt.Errorf("%s: %w", name, err)
	}
	f.warnings = append(f.warnings, warnings...)
	return spec, nil
}
