package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tagbeam/tagbeam/model/preprocess"
)

// tagbeamFile is the file that says about a model what its folder does not.
const tagbeamFile = "tagbeam.json"

// tagbeamJSON is its content; every key may be missing, and one that is there overrides the rest of the folder.
type tagbeamJSON struct {
	// Model is the model file.
	Model string `json:"model"`
	// Labels is the name of a label file (see ParseLabels), or a list of labels.
	Labels json.RawMessage `json:"labels"`
	// Preprocess is a preset with its settings, or a preprocess.Spec.
	Preprocess json.RawMessage `json:"preprocess"`
	// Input is the name of the image input, InputLayout its layout where the shape fits both.
	Input       string `json:"input"`
	InputLayout string `json:"input_layout"`
	// Output is the name of the output that has the classes.
	Output string `json:"output"`
	// Activation turns the output into probabilities.
	Activation Activation `json:"activation"`
}

// useTagbeamJSON lays tagbeam.json, if there is one, over what the folder's layout says.
func (f *folder) useTagbeamJSON() error {
	data, err := fs.ReadFile(f.fsys, tagbeamFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", tagbeamFile, err)
	}
	var t tagbeamJSON
	if err := decodeStrict(data, &t); err != nil {
		return fmt.Errorf("%s: %w (known keys: model, labels, preprocess, input, input_layout, output, activation)", tagbeamFile, err)
	}
	if f.layout == LayoutBare || f.layout == LayoutModelZoo && given(t.Labels) && given(t.Preprocess) { // that is all a zoo folder would tell
		f.layout = LayoutTagbeam
	}
	if t.Model != "" && !fs.ValidPath(t.Model) {
		return fmt.Errorf("%s: model %q is not a path within the folder", tagbeamFile, t.Model)
	}
	f.graph = t.Model
	f.choice = choice{InputName: t.Input, InputLayout: t.InputLayout, Output: t.Output, Activation: t.Activation}
	if given(t.Labels) {
		f.labels = func() ([]string, error) { return f.labelsOf(t.Labels) }
	}
	if given(t.Preprocess) {
		f.spec = func(h, w int) (preprocess.Spec, error) {
			spec, err := specOf(t.Preprocess, h, w)
			if err != nil {
				return spec, fmt.Errorf("%s: preprocess: %w", tagbeamFile, err)
			}
			return spec, nil
		}
	}
	return nil
}

// labelsOf reads the labels key: a list, or the name of a file.
func (f *folder) labelsOf(raw json.RawMessage) ([]string, error) {
	var labels []string
	if json.Unmarshal(raw, &labels) == nil {
		return labels, nil
	}
	var name string
	if err := json.Unmarshal(raw, &name); err != nil || !fs.ValidPath(name) {
		return nil, fmt.Errorf("%s: labels must be a list of labels or the name of a file in the folder", tagbeamFile)
	}
	return f.labelFile(name)
}

func specOf(raw json.RawMessage, h, w int) (preprocess.Spec, error) {
	var preset string
	if json.Unmarshal(raw, &preset) == nil {
		return parseSpec(preset, h, w)
	}
	return parseSpec(string(raw), h, w)
}

// given says that a key is there and not null.
func given(raw json.RawMessage) bool {
	return len(raw) > 0 && !bytes.Equal(raw, []byte("null"))
}
