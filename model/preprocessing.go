package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tagbeam/tagbeam/model/preprocess"
)

// choosePreprocess reads the preprocessing and checks that what it makes is what the input takes. Sides that the graph leaves open become
// what it makes.
func (b *Bundle) choosePreprocess(f *folder, opts Options) error {
	spec, err := f.spec(b.Input.Height, b.Input.Width)
	if err != nil {
		return err
	}
	spec.EXIFOrientation = spec.EXIFOrientation || opts.EXIFOrientation
	spec.FastDecode = spec.FastDecode || opts.FastDecode
	if spec, err = spec.View(opts.View); err != nil {
		return err
	}
	b.Preprocess = spec
	program, err := b.Program()
	if err != nil {
		return fmt.Errorf("the preprocessing does not fit the model: %w", err)
	}
	b.Input.Height, b.Input.Width = program.Format().Height, program.Format().Width
	return nil
}

// parseSpec parses what --preprocess or tagbeam.json's "preprocess" holds: a preset's name with its settings, or a Spec as JSON. h and w are
// the input's size, 0 where the model takes any.
func parseSpec(text string, h, w int) (preprocess.Spec, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return preprocess.Preset(text, h, w)
	}
	var spec preprocess.Spec
	if err := decodeStrict([]byte(text), &spec); err != nil {
		return preprocess.Spec{}, err
	}
	return spec, checkColours([]byte(text))
}

// checkColours refuses colours of other than three numbers: encoding/json fills up and cuts off arrays without a word.
func checkColours(data []byte) error {
	var c struct {
		Crop      struct{ Fill []json.RawMessage }
		Normalize struct{ Mean, Std, Divide []json.RawMessage }
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	for key, colour := range map[string][]json.RawMessage{
		"crop.fill": c.Crop.Fill, "normalize.mean": c.Normalize.Mean, "normalize.std": c.Normalize.Std, "normalize.divide": c.Normalize.Divide,
	} {
		if colour != nil && len(colour) != 3 {
			return fmt.Errorf("%s has %d numbers, not three (in RGB order)", key, len(colour))
		}
	}
	return nil
}

func noSpec(int, int) (preprocess.Spec, error) {
	return preprocess.Spec{}, errors.New("nothing says how images become its input: give --preprocess, for instance `--preprocess torchvision` " +
		"(RGB, 0..1, ImageNet's mean and deviation) or `--preprocess caffe` (BGR, 0..255 less the mean), or \"preprocess\" in tagbeam.json")
}
