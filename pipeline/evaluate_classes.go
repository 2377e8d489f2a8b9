package pipeline

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/transforms/engine"
)

// classNames brings together what folders are called and what models call their classes.
type classNames struct {
	byLabel map[string]string // a class by a label's text
	byClass map[string]string // a label by a class that is a number: its place among the labels
	unknown []string          // classes without a label
}

func (n *classNames) matched() bool { return n.byLabel != nil }

// class is the class that a label stands for: the label's own text when no image has it.
func (n *classNames) class(label string) string {
	if class, ok := n.byLabel[label]; ok {
		return class
	}
	return label
}

// own is the name that an image's class goes by in the report.
func (n *classNames) own(class string) string {
	if label, ok := n.byClass[class]; ok {
		return label
	}
	return class
}

// matchClasses finds a label for each class: of the same text; or with letters' case, - and _ put aside, the label or one of the synonyms that it
// lists with commas, perhaps behind a WordNet number, if that is one label only; or, when all classes are numbers, by its place.
func matchClasses(classes, labels []string) *classNames {
	n := &classNames{byLabel: map[string]string{}, byClass: map[string]string{}}
	exact := map[string]bool{}
	loose := map[string][]string{}
	for _, label := range labels {
		exact[label] = true
		for _, form := range looseForms(label) {
			loose[form] = append(loose[form], label)
		}
	}
	numbers := len(classes) > 0
	for _, class := range classes {
		_, err := strconv.Atoi(class)
		numbers = numbers && err == nil && !exact[class]
	}
	for _, class := range classes {
		if numbers {
			if id, _ := strconv.Atoi(class); id >= 0 && id < len(labels) && labels[id] != "" {
				n.byClass[class] = labels[id]
				continue
			}
			n.unknown = append(n.unknown, class)
			continue
		}
		if exact[class] {
			n.byLabel[class] = class
			continue
		}
		if found := loose[looseForm(class)]; len(found) == 1 {
			n.byLabel[found[0]] = class
			continue
		}
		n.unknown = append(n.unknown, class)
	}
	return n
}

func looseForm(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ' ' || r == '_' || r == '-' }), " ")
}

func looseForms(label string) []string {
	forms := []string{looseForm(label)}
	if first, rest, ok := strings.Cut(label, " "); ok && len(first) == 9 && first[0] == 'n' { // n01440764 tench, Tinca tinca
		if _, err := strconv.Atoi(first[1:]); err == nil {
			forms = append(forms, first, looseForm(rest))
			label = rest
		}
	}
	if strings.Contains(label, ",") {
		for synonym := range strings.SplitSeq(label, ",") {
			forms = append(forms, looseForm(synonym))
		}
	}
	return forms
}

// quoted lists the first few of some names.
func quoted(names []string, most int) string {
	var words []string
	for _, name := range names[:min(len(names), most)] {
		words = append(words, strconv.Quote(name))
	}
	text := strings.Join(words, ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}

// matchModel holds the classes of the images against the model's labels.
func (e *evaluator) matchModel(ctx context.Context) error {
	bundle, err := engine.LoadBundle(ctx, e.o.Model)
	if err != nil {
		return asUsage(ctx, err)
	}
	classes := e.truth.classes()
	e.names = matchClasses(classes, bundle.Labels)
	if unknown := e.names.unknown; len(unknown) > 0 {
		return usage("model %s has no label %s: its %d labels are %s. Leave these images out, name the folders as the model names its classes, or give a manifest with its labels",
			bundle.Name, quoted(unknown, 10), len(bundle.Labels), quoted(bundle.Labels, 10))
	}
	return nil
}

// openTable opens an OUTPUT that has a table.
func openTable(ctx context.Context, output string) (*run.Output, error) {
	at, err := absolute(output)
	if err != nil {
		return nil, usage("--from: %w", err)
	}
	out, err := run.Open(ctx, at)
	if err != nil {
		return nil, asUsage(ctx, fmt.Errorf("--from: %w", err))
	}
	switch latest, err := out.Latest(ctx); {
	case err != nil:
		return nil, err
	case latest == nil:
		return nil, usage("--from %s: there is no table of tagbeam tag (name its --output, not the labels/ in it)", output)
	}
	return out, nil
}

// matchTable does what matchModel does where only a table is there: its labels are those that some row has.
func (e *evaluator) matchTable(ctx context.Context, out *run.Output) error {
	byID := map[int32]string{}
	seen := map[string]bool{}
	err := out.EachCurrent(ctx, func(row table.Row) error {
		if e.truth == nil {
			label, err := e.labels.Of(ctx, source.Item{URI: row.URI, Member: row.Member})
			if err != nil {
				return err
			}
			if label.Class != "" {
				seen[label.Class] = true
			}
		}
		for _, g := range row.TopK {
			byID[g.LabelID] = g.Label
		}
		return nil
	})
	if err != nil {
		return labelMistake(ctx, err)
	}
	var classes []string
	if e.truth != nil {
		classes = e.truth.classes()
	}
	for class := range seen {
		classes = append(classes, class)
	}
	last := int32(-1)
	for id := range byID {
		last = max(last, id)
	}
	labels := make([]string, last+1)
	for id, label := range byID {
		labels[id] = label
	}
	e.names = matchClasses(classes, labels)
	if len(classes) > 0 && len(e.names.unknown) == len(classes) {
		return usage("none of the classes %s is a label that the table has: those are %s", quoted(classes, 10), quoted(labels, 10))
	}
	if len(e.names.unknown) > 0 {
		e.watch.warn("no image was taken for %s: is it a label of the model?", quoted(e.names.unknown, 10))
	}
	return nil
}
