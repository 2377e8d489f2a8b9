package model

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/tagbeam/tagbeam/model/onnx"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

// shownLabels is how many labels Describe names.
const shownLabels = 5

// Describe writes for people what a model is: what `tagbeam model inspect` prints.
func Describe(w io.Writer, b *Bundle) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(key, format string, args ...any) { fmt.Fprintf(t, key+"\t"+format+"\n", args...) }
	row("model", "%s (%s)", b.Name, b.Layout)
	row("digest", "%s", b.Digest)
	row("file", "%s, %s", b.File, fileSize(len(b.Graph)))
	for _, name := range b.Info.ExternalData {
		row("weights", "%s", name)
	}
	for _, in := range b.Info.Inputs {
		row("input", "%s%s", in, b.inputRole(in))
	}
	for _, out := range b.Info.Outputs {
		row("output", "%s%s", out, b.outputRole(out))
	}
	row("labels", "%d: %s", len(b.Labels), someLabels(b.Labels))
	for i, step := range describeSpec(b.Preprocess) {
		key := ""
		if i == 0 {
			key = "preprocessing"
		}
		row(key, "%s", step)
	}
	row("made by", "%s", cmp.Or(b.Info.Producer, "unknown"))
	row("opset", "%s", describeOpsets(b.Info.Opsets))
	row("operators", "%s", describeOperators(b.Info.Operators))
	for _, key := range slices.Sorted(maps.Keys(b.Info.Metadata)) {
		row("metadata", "%s = %s", key, b.Info.Metadata[key])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, warning := range b.Warnings {
		if _, err := fmt.Fprintf(w, "warning: %s\n", warning); err != nil {
			return err
		}
	}
	return nil
}

// DescribeJSON writes the same for programs, as one indented JSON object. Keys are only ever added.
func DescribeJSON(w io.Writer, b *Bundle) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		Name       string          `json:"name"`
		Layout     Layout          `json:"layout"`
		Digest     string          `json:"digest"`
		File       string          `json:"file"`
		Input      jsonInput       `json:"input"`
		Output     jsonOutput      `json:"output"`
		Activation Activation      `json:"activation"`
		Labels     []string        `json:"labels"`
		Preprocess preprocess.Spec `json:"preprocess"`
		Graph      *onnx.Info      `json:"graph"`
		Warnings   []string        `json:"warnings"`
	}{
		b.Name, b.Layout, b.Digest, b.File,
		jsonInput{b.Input.Name, b.Input.Layout, b.Input.Height, b.Input.Width, b.Input.Batch, b.Input.Type},
		jsonOutput{b.Output.Name, b.Output.Classes},
		b.Activation, b.Labels, b.Preprocess, b.Info, append([]string{}, b.Warnings...),
	})
}

type jsonInput struct {
	Name   string           `json:"name"`
	Layout string           `json:"layout"`
	Height int              `json:"height"`
	Width  int              `json:"width"`
	Batch  int              `json:"fixed_batch"` // 0: any
	Type   onnx.ElementType `json:"type"`
}

type jsonOutput struct {
	Name    string `json:"name"`
	Classes int    `json:"classes"`
}

func (b *Bundle) inputRole(in onnx.Value) string {
	if in.Name != b.Input.Name {
		return ""
	}
	role := fmt.Sprintf(" (%s, %d x %d pixels", b.Input.Layout, b.Input.Width, b.Input.Height)
	if b.Input.Batch > 0 {
		role += fmt.Sprintf(", %d at a time", b.Input.Batch)
	}
	return role + ")"
}

func (b *Bundle) outputRole(out onnx.Value) string {
	if out.Name != b.Output.Name {
		return ""
	}
	what := map[Activation]string{
		ActivationSoftmax: "logits, softmax is applied",
		ActivationSigmoid: "logits, sigmoid is applied",
		ActivationExp:     "logarithms of probabilities, exp is applied",
		ActivationNone:    "probabilities",
	}[b.Activation]
	return fmt.Sprintf(" (%d classes: %s)", b.Output.Classes, what)
}

// describeSpec says what is done to an image, one step a line.
func describeSpec(s preprocess.Spec) []string {
	steps := []string{"decode to RGB"}
	if s.FastDecode {
		steps[0] += ", JPEGs at 1/2, 1/4 or 1/8 of their size where that is still three times what is needed"
	}
	if s.EXIFOrientation {
		steps = append(steps, "turn as EXIF says")
	}
	if r := s.Resize; r != nil {
		switch {
		case r.Size > 0:
			steps = append(steps, fmt.Sprintf("resize the shorter edge to %d (%s)", r.Size, r.Filter))
		case r.Mode == "exact":
			steps = append(steps, fmt.Sprintf("resize to %d x %d (%s)", r.Width, r.Height, r.Filter))
		default:
			steps = append(steps, fmt.Sprintf("resize to %s %d x %d, keeping the aspect ratio (%s)", r.Mode, r.Width, r.Height, r.Filter))
		}
	}
	if c := s.Crop; c != nil {
		step := fmt.Sprintf("crop the centre %d x %d (margins: %s)", c.Width, c.Height, c.Rounding)
		if c.Fill != nil {
			step += fmt.Sprintf(", padding with %v", *c.Fill)
		}
		steps = append(steps, step)
	}
	if s.Channels == "bgr" {
		steps = append(steps, "order the channels BGR")
	}
	return append(steps, describeNormalize(s.Normalize))
}

func describeNormalize(n preprocess.Normalize) string {
	value := "x"
	if n.Scale != 1 {
		value = fmt.Sprintf("x * %.6g", n.Scale)
	}
	if n.Offset != 0 {
		value += fmt.Sprintf(" %+g", n.Offset)
	}
	if n.Mean != [3]float32{} {
		value = fmt.Sprintf("%s - %v", value, n.Mean)
	}
	if n.Std != [3]float32{1, 1, 1} {
		value = fmt.Sprintf("(%s) / %v", value, n.Std)
	}
	if n.Divide != nil {
		value = fmt.Sprintf("(%s) / %v", value, *n.Divide)
	}
	return "values: " + value + " (x: 0 to 255; by channel, red first)"
}

func someLabels(labels []string) string {
	if len(labels) <= shownLabels {
		return strings.Join(labels, ", ")
	}
	return strings.Join(labels[:shownLabels], ", ") + ", ..."
}

func describeOpsets(opsets map[string]int64) string {
	var words []string
	for _, domain := range slices.Sorted(maps.Keys(opsets)) {
		words = append(words, fmt.Sprintf("%s %d", domain, opsets[domain]))
	}
	return strings.Join(words, ", ")
}

// describeOperators lists the operators, the most frequent first.
func describeOperators(counts map[string]int) string {
	names := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, counts[name])
	}
	return strings.Join(names, ", ")
}

func fileSize(bytes int) string {
	if bytes < 100_000 {
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
