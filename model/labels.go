package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ParseLabels reads a label file: one label a line, in the order of the model's classes; or a JSON list of them; or a JSON object from class
// number to label. Where every line begins with a WordNet id, as in synset.txt ("n01440764 tench, Tinca tinca"), the label is what follows it.
// An empty label is an error that names its line.
func ParseLabels(data []byte) ([]string, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	trimmed := bytes.TrimSpace(data)
	var labels []string
	switch {
	case bytes.HasPrefix(trimmed, []byte("version https://git-lfs")):
		return nil, errors.New("a Git LFS pointer: run `git lfs pull`")
	case bytes.HasPrefix(trimmed, []byte("[")):
		if err := json.Unmarshal(trimmed, &labels); err != nil {
			return nil, fmt.Errorf("a JSON list of labels: %w", err)
		}
	case bytes.HasPrefix(trimmed, []byte("{")):
		var byID map[string]string
		if err := json.Unmarshal(trimmed, &byID); err != nil {
			return nil, fmt.Errorf("a JSON object from class number to label: %w", err)
		}
		return labelsByID(byID)
	case len(trimmed) > 0:
		text := strings.ReplaceAll(string(data), "\r\n", "\n")
		labels = strings.Split(strings.TrimRight(text, "\n"), "\n")
	}
	return labels, checkLabelText(stripSynsets(labels))
}

var synset = regexp.MustCompile(`^n\d{8}\s+\S`)

// stripSynsets removes the WordNet ids in place when all labels have one.
func stripSynsets(labels []string) []string {
	for _, l := range labels {
		if !synset.MatchString(l) {
			return labels
		}
	}
	for i, l := range labels {
		labels[i] = strings.TrimSpace(l[len("n00000000"):])
	}
	return labels
}

func checkLabelText(labels []string) error {
	for i, l := range labels {
		if strings.TrimSpace(l) == "" {
			return fmt.Errorf("label %d (line %d) is empty: every class needs a name", i, i+1)
		}
	}
	return nil
}

// labelsByID puts labels in the order of their numbers, of which none may be missing: "10" comes after "9", and a gap would shift
// all the labels behind it.
func labelsByID(byID map[string]string) ([]string, error) {
	labels := make([]string, len(byID))
	seen := make([]bool, len(byID))
	for key, label := range byID {
		id, err := strconv.Atoi(key)
		if err != nil {
			return nil, fmt.Errorf("class number %q is not a number", key)
		}
		if id < 0 || id >= len(labels) || seen[id] {
			return nil, fmt.Errorf("%d labels need the class numbers 0 to %d, each once; %q is not one of them", len(labels), len(labels)-1, key)
		}
		labels[id], seen[id] = label, true
	}
	return labels, checkLabelText(labels)
}

// checkLabels compares the labels with the model's classes. Two classes of the same name work, but cannot be told apart in the table.
func (b *Bundle) checkLabels() error {
	if len(b.Labels) != b.Output.Classes {
		return fmt.Errorf("there are %d labels, but output %s of the model has %d classes: they do not belong together; give the right ones with --model-labels FILE",
			len(b.Labels), b.Output.Name, b.Output.Classes)
	}
	if err := checkLabelText(b.Labels); err != nil {
		return err
	}
	first := make(map[string]int, len(b.Labels))
	duplicates, example := 0, ""
	for i, l := range b.Labels {
		if k, ok := first[l]; ok {
			if duplicates++; duplicates == 1 {
				example = fmt.Sprintf("%q is class %d and %d", l, k, i)
			}
			continue
		}
		first[l] = i
	}
	if duplicates > 0 {
		b.Warnings = append(b.Warnings, fmt.Sprintf("%d labels are names of several classes (%s): tell them apart by label_id", duplicates, example))
	}
	return nil
}
