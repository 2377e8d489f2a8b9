package head

import (
	"fmt"
	"strings"
)

// Card is what the model card says about data and training beyond what the head knows. Empty fields are left out.
type Card struct {
	// Name is the model's title; Date is written as given ("2026-11-26"), so that the same training gives the same bytes.
	Name, Date string
	// Base is the network's name, BaseDigest its digest (model.Bundle), Features the tensor it was cut at.
	Base, BaseDigest, Features string
	// Data says in words where the images came from. Counts is by class: training and validation images.
	Data              string
	Training          []int
	Validation        []int
	ValidationDetails string // how validation images were chosen
	// Command is the command line that makes the model again.
	Command string
	// Notes are further paragraphs in Markdown: warnings, metrics of a test set.
	Notes []string
}

// markdown is the model card.
func (c Card) markdown(h *Head, labels []string) []byte {
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", key, value)
		}
	}
	fmt.Fprintf(&b, "# %s\n\nAn image classifier of %d classes: a %s head, trained on the features of a frozen network.\n\n| | |\n|---|---|\n", InMarkdown(orName(c.Name)), len(labels), h.Kind)
	line("base", InMarkdown(c.Base))
	line("base digest", code(c.BaseDigest))
	line("features", fmt.Sprintf("%d%s", h.Dim, words(" of tensor ", code(c.Features))))
	line("head", string(h.Kind)+words(", ", h.Setting))
	line("seed", fmt.Sprint(h.Seed))
	line("data", InMarkdown(c.Data))
	line("validation images", InMarkdown(c.ValidationDetails))
	line("date", c.Date)
	if h.Interrupted {
		b.WriteString("\nThe training was interrupted: this is the best model until then.\n")
	}
	b.WriteString("\n## Images\n\n| class | training | validation |\n|---|---|---|\n")
	for i, label := range labels {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", InMarkdown(label), at(c.Training, i), at(c.Validation, i))
	}
	if h.After != (Calibration{}) {
		fmt.Fprintf(&b, "\n## Validation\n\nThe temperature %.3f was fitted on the validation images, so that confidences are probabilities:\n\n| | before | with it |\n|---|---|---|\n", h.Temperature)
		fmt.Fprintf(&b, "| expected calibration error | %.4f | %.4f |\n| negative log-likelihood | %.4f | %.4f |\n| accuracy | %.4f | %.4f |\n",
			h.Before.ECE, h.After.ECE, h.Before.NLL, h.After.NLL, h.Before.Accuracy, h.After.Accuracy)
		b.WriteString("\nSettings were chosen on the same images, so these numbers are a little optimistic; hold the model against images of a test set (`tagbeam evaluate`).\n")
	}
	for _, note := range c.Notes {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	if c.Command != "" {
		fmt.Fprintf(&b, "\n## Made by\n\n```sh\n%s\n```\n", c.Command)
	}
	return []byte(b.String())
}

// inMarkdown escapes what would be taken for markup, or break the row of a table.
var inMarkdown = strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "`", "\\`", "[", `\[`, "<", "&lt;", "&", "&amp;", "\r", " ", "\n", " ")

// InMarkdown is a text, such as a class's name, for a line or a table in Markdown.
func InMarkdown(text string) string { return inMarkdown.Replace(text) }

func orName(name string) string {
	if name == "" {
		return "Image classifier"
	}
	return name
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

// words are two texts, when there is a second.
func words(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
