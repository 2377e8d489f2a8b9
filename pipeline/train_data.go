package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/model/dataset"
	"github.com/tagbeam/tagbeam/model/head"
	"github.com/tagbeam/tagbeam/model/metrics"
)

// TrainingData is what a classifier is trained on, and held against.
type TrainingData struct {
	// Classes are their names, in the order of the model's labels: sorted, numbers as numbers.
	Classes []string
	// TrainingImages and ValidationImages count the images of each class; further views do not count.
	TrainingImages, ValidationImages []int
	// Views is the number of views of each training image.
	Views int
	// Failed images could not be read or decoded, by error code, Contradictory ones have the content of an image of another class, Leaking ones are
	// training images with the content of a validation image, Unlabelled ones have no class, Kept aside ones are of the split test: none of them is used.
	Failed                                        map[string]int64
	Contradictory, Leaking, Unlabelled, KeptAside int
	Copies                                        int
	New                                           int64 // images that the network was run on, views counted one by one
	training, validation                          head.Dataset
	divided                                       bool // by somebody else
}

// Training and Validation are the numbers of images.
func (d *TrainingData) Training() int   { return sum(d.TrainingImages) }
func (d *TrainingData) Validation() int { return sum(d.ValidationImages) }

func sum(numbers []int) (n int) {
	for _, v := range numbers {
		n += v
	}
	return n
}

// collector finds the images, their features and what each is for.
type collector struct {
	t      *training
	d      *TrainingData
	images []labelledImage
	class  map[string]int
	failed []failedImage
	set    []dataset.Image // of images; Class < 0: not to be used
	slot   []int           // of images: the row in training, or -1-row in validation; see noSlot
}

type failedImage struct{ name, class, code, message string }

// noSlot is for images on neither side.
const noSlot = int(^uint(0) >> 1)

// data gathers the training data.
func (t *training) data(ctx context.Context) (*TrainingData, error) {
	c := &collector{t: t, d: &TrainingData{Failed: map[string]int64{}}, class: map[string]int{}}
	if err := c.list(ctx); err != nil {
		return nil, err
	}
	if err := c.checkClasses(); err != nil {
		return nil, err
	}
	tables, err := c.extract(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.divide(ctx, tables[0]); err != nil {
		return nil, err
	}
	return c.d, c.fill(ctx, tables)
}

// list lists the images and their classes, those for validation among them.
func (c *collector) list(ctx context.Context) error {
	o, d := &c.t.o, c.d
	columns := source.Options{URIColumn: o.URIColumn, ImageColumn: o.ImageColumn}
	listed, err := listLabelled(ctx, o.Inputs, columns, o.Labels)
	if err != nil {
		return err
	}
	listed.warnUnlabelled(c.t.watch.Observer)
	d.Unlabelled = listed.unlabelled
	c.images = listed.images
	if len(o.ValidationInputs) > 0 {
		held, err := listLabelled(ctx, o.ValidationInputs, columns, o.Labels)
		if err != nil {
			return err
		}
		held.warnUnlabelled(c.t.watch.Observer)
		d.Unlabelled += held.unlabelled
		if err := c.join(held.images); err != nil {
			return err
		}
	}
	n := len(c.images)
	c.images = slices.DeleteFunc(c.images, func(i labelledImage) bool { return i.split == source.SplitTest })
	d.KeptAside = n - len(c.images)
	d.divided = slices.ContainsFunc(c.images, func(i labelledImage) bool { return i.split == source.SplitValidation })
	c.warnEmptyFolders()
	return nil
}

// join adds the validation images.
func (c *collector) join(held []labelledImage) error {
	for i := range c.images {
		c.images[i].split = source.SplitTrain
	}
	for i := range held {
		held[i].split = source.SplitValidation
	}
	all := append(c.images, held...)
	slices.SortStableFunc(all, func(a, b labelledImage) int { return a.compare(b.uri, b.member) })
	for i := 1; i < len(all); i++ {
		if all[i].compare(all[i-1].uri, all[i-1].member) == 0 {
			return usage("%s is under --input and under --validation-input: an image that is trained on says nothing about others; take it out of one of them", all[i].name())
		}
	}
	c.images = all
	return nil
}

// warnEmptyFolders names the classes that are there as folders only.
func (c *collector) warnEmptyFolders() {
	for _, in := range c.t.o.Inputs {
		folders := map[string]bool{}
		for _, image := range c.images {
			if rest, ok := strings.CutPrefix(image.uri, strings.TrimRight(in, "/")+"/"); ok {
				first, _, below := strings.Cut(rest, "/")
				folders[first] = folders[first] || below
			}
		}
		if len(folders) == 0 {
			continue
		}
		for _, folder := range source.EmptyFolders(in, func(name string) bool { return folders[name] }) {
			c.t.watch.warn("the folder %s has no images: it is no class of the model", folder)
		}
	}
}

// checkClasses says what cannot be learnt before anything is computed.
func (c *collector) checkClasses() error {
	counts := map[string]int{} // of training images
	for _, image := range c.images {
		if image.split != source.SplitValidation {
			counts[image.class]++
		}
	}
	for _, image := range c.images {
		if counts[image.class] == 0 {
			return usage("class %q has validation images, such as %s, and no training images: give it some, or leave it out", image.class, image.name())
		}
	}
	c.d.Classes = sortedClasses(counts)
	for i, name := range c.d.Classes {
		c.class[name] = i
	}
	training := 0
	var single []string
	for _, name := range c.d.Classes {
		training += counts[name]
		if counts[name] == 1 {
			single = append(single, name)
		}
	}
	switch n := len(c.d.Classes); {
	case n == 0:
		return usage("none of the images has a class: put them into a folder for each class (photos/ants/1.jpg, photos/bees/2.jpg), or name a manifest with columns uri and label (--input @labels.csv)")
	case n == 1:
		return usage("all %d images are of one class, %q: a classifier needs two or more. A class is the name of the folder an image lies in: put each class into a folder of its own, and name the folder above them",
			training, c.d.Classes[0])
	case n >= training:
		return usage("%d classes, such as %s, for %d images: a class needs two images or more to be learnt. Is it the right column or folder that names the classes (--label-column)?",
			n, quoted(c.d.Classes, 3), training)
	}
	for class := range c.t.o.ClassWeights {
		if _, ok := c.class[class]; !ok {
			return usage("--class-weight: there is no class %q; the classes are %s", class, quoted(c.d.Classes, 10))
		}
	}
	if len(single) > 0 {
		c.t.watch.warn("%s one training image only: %s. It is trained on, and too little to be told well or to be validated", plural(len(single), "class has", "classes have"), quoted(single, 10))
	}
	return nil
}

// sortedClasses sorts names, as numbers when all of them are.
func sortedClasses(counts map[string]int) []string {
	names, numbers := make([]string, 0, len(counts)), true
	for name := range counts {
		_, err := strconv.Atoi(name)
		numbers = numbers && err == nil
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if numbers {
			x, _ := strconv.Atoi(a)
			y, _ := strconv.Atoi(b)
			if x != y {
				return cmp.Compare(x, y)
			}
		}
		return strings.Compare(a, b)
	})
	return names
}

// extract makes sure that there are features of all images, and of all views of the training images.
func (c *collector) extract(ctx context.Context) ([]*FeatureTable, error) {
	o := &c.t.o
	views := c.t.views()
	c.d.Views = len(views)
	var tables []*FeatureTable
	for i, view := range views {
		inputs, images := slices.Concat(o.Inputs, o.ValidationInputs), c.images
		if i > 0 {
			inputs = o.Inputs
			images = slices.DeleteFunc(slices.Clone(images), func(i labelledImage) bool { return i.split == source.SplitValidation })
		}
		if c.t.watch.Extracting != nil {
			c.t.watch.Extracting(i+1, len(views), view)
		}
		features, err := ExtractFeatures(ctx, c.t.features(inputs, images, view), c.t.watch.Observer)
		if err != nil {
			return nil, err
		}
		for _, r := range features.Result.Runs {
			c.d.New += r.Decision.Counts.Images
		}
		tables = append(tables, features)
	}
	return tables, nil
}

// eachRow calls fn for each image that has a row in a table.
func (c *collector) eachRow(ctx context.Context, features *FeatureTable, fn func(i int, row *table.Row) error) error {
	next := 0
	return features.Each(ctx, func(row table.Row) error {
		for next < len(c.images) && c.images[next].compare(row.URI, row.Member) < 0 {
			next++
		}
		if next == len(c.images) || c.images[next].compare(row.URI, row.Member) > 0 {
			return nil
		}
		next++
		return fn(next-1, &row)
	})
}

// divide decides which images are for what.
func (c *collector) divide(ctx context.Context, features *FeatureTable) error {
	d, sides := c.d, map[string]dataset.Side{source.SplitTrain: dataset.Training, source.SplitValidation: dataset.Validation}
	var at []int // of the set, in images
	err := c.eachRow(ctx, features, func(i int, row *table.Row) error {
		image := &c.images[i]
		if row.Status == table.StatusFailed {
			d.Failed[row.ErrorCode]++
			c.failed = append(c.failed, failedImage{image.name(), image.class, row.ErrorCode, row.ErrorMessage})
			return nil
		}
		at = append(at, i)
		c.set = append(c.set, dataset.Image{Name: image.name(), Class: c.class[image.class], Content: row.MD5, Side: sides[image.split]})
		return nil
	})
	if err != nil {
		return err
	}
	c.warnFailed()
	division := dataset.Divide(c.set, c.t.o.ValidationSplit, c.t.o.Head.Seed)
	c.warnContradictions(division)
	c.warnLeaks(division)
	d.Copies = division.Copies
	d.TrainingImages, d.ValidationImages = make([]int, len(d.Classes)), make([]int, len(d.Classes))
	c.slot = make([]int, len(c.images))
	for i := range c.slot {
		c.slot[i] = noSlot
	}
	for row, k := range division.Training {
		c.slot[at[k]] = row
		d.training.Labels = append(d.training.Labels, c.set[k].Class)
		d.TrainingImages[c.set[k].Class]++
	}
	for row, k := range division.Validation {
		c.slot[at[k]] = -1 - row
		d.validation.Labels = append(d.validation.Labels, c.set[k].Class)
		d.ValidationImages[c.set[k].Class]++
	}
	return c.checkLeft()
}

// checkLeft makes sure that every class has training images after all.
func (c *collector) checkLeft() error {
	for k, n := range c.d.TrainingImages {
		if n > 0 {
			continue
		}
		name, failed, example := c.d.Classes[k], 0, ""
		for _, f := range c.failed {
			if f.class == name {
				failed++
				example = fmt.Sprintf(", such as %s (%s: %s)", f.name, f.code, f.message)
			}
		}
		return usage("class %q has no training image left: %d of its images could not be read%s, the others are left out for the reasons above; give it images, or take its folder away", name, failed, example)
	}
	return nil
}

func (c *collector) warnFailed() {
	if n := len(c.failed); n > 0 {
		f := c.failed[0]
		c.t.watch.warn("%s left out, because they cannot be read: %s, such as %s (%s)", plural(n, "image is", "images are"), countsText(c.d.Failed), f.name, f.message)
	}
}

func countsText(counts map[string]int64) string {
	var words []string
	for code, n := range counts {
		words = append(words, fmt.Sprintf("%s %d", code, n))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func (c *collector) warnContradictions(division *dataset.Division) {
	for _, g := range division.Contradictions {
		c.d.Contradictory += len(g)
	}
	if n := len(division.Contradictions); n > 0 {
		first := division.Contradictions[0]
		a, b := c.set[first[0]], c.set[first[0]]
		for _, k := range first {
			if c.set[k].Class != a.Class {
				b = c.set[k]
			}
		}
		c.t.watch.warn("the same image is in two classes: %s left out, as nobody knows which class is right; %s (class %s) and %s (class %s) have the same bytes",
			plural(c.d.Contradictory, "image is", "images are"), a.Name, c.d.Classes[a.Class], b.Name, c.d.Classes[b.Class])
	}
}

func (c *collector) warnLeaks(division *dataset.Division) {
	if n := len(division.Leaks); n > 0 {
		c.d.Leaking = n
		l := division.Leaks[0]
		c.t.watch.warn("training and validation have images in common: %s not trained on, such as %s, which has the same bytes as %s, for validation",
			plural(n, "image is", "images are"), c.set[l.Training].Name, c.set[l.Validation].Name)
	}
}

// fill reads the features, all views of the training images one after another.
func (c *collector) fill(ctx context.Context, tables []*FeatureTable) error {
	d, dim := c.d, c.t.top.Size
	n := len(d.training.Labels)
	d.training.Dim, d.validation.Dim = dim, dim
	d.training.Features = make([]float32, len(tables)*n*dim)
	d.validation.Features = make([]float32, len(d.validation.Labels)*dim)
	labels := d.training.Labels
	for view, features := range tables {
		part := d.training.Features[view*n*dim : (view+1)*n*dim]
		if view > 0 {
			d.training.Labels = append(d.training.Labels, labels...)
			copy(part, d.training.Features[:n*dim]) // what has no such view has the usual one
		}
		err := c.eachRow(ctx, features, func(i int, row *table.Row) error {
			slot := c.slot[i]
			if slot == noSlot || row.Status == table.StatusFailed {
				return nil
			}
			if len(row.Embedding) != dim {
				return fmt.Errorf("%s has %d features in %s, not %d: the table was changed; delete it, and run the command again", c.images[i].name(), len(row.Embedding), features.At, dim)
			}
			if slot >= 0 {
				copy(part[slot*dim:], row.Embedding)
			} else if view == 0 {
				copy(d.validation.Features[(-1-slot)*dim:], row.Embedding)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// notes are paragraphs of the model card: what was left out, and how the model does on the validation images.
func (d *TrainingData) notes(views []string, r *metrics.Report) []string {
	var notes []string
	for _, n := range []struct {
		count int
		text  string
	}{
		{sumCounts(d.Failed), "could not be read (" + countsText(d.Failed) + ")"},
		{d.Contradictory, "have the content of an image of another class"},
		{d.Leaking, "have the content of a validation image"},
		{d.Unlabelled, "have no class"},
		{d.KeptAside, "are of the split test"},
	} {
		if n.count > 0 {
			notes = append(notes, fmt.Sprintf("Left out: %d images that %s.", n.count, n.text))
		}
	}
	if len(views) > 1 {
		notes = append(notes, fmt.Sprintf("Trained on %d views of each image: as it is, %s.", len(views), strings.Join(views[1:], ", ")))
	}
	if r != nil {
		notes = append(notes, reportMarkdown(r))
	}
	return notes
}

func sumCounts(counts map[string]int64) int {
	n := int64(0)
	for _, v := range counts {
		n += v
	}
	return int(n)
}

// maxCardClasses is how many classes a model card lists.
const maxCardClasses = 100

// reportMarkdown is the report on the validation images as a table.
func reportMarkdown(r *metrics.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "On the %d validation images: accuracy %.4f, top-%d %.4f, macro F1 %.4f, expected calibration error %.4f.\n\n", r.Images, r.Accuracy, r.Top, r.TopAccuracy, r.MacroF1, r.ECE)
	b.WriteString("| class | images | precision | recall | F1 |\n|---|---|---|---|---|\n")
	for _, c := range r.Classes[:min(len(r.Classes), maxCardClasses)] {
		fmt.Fprintf(&b, "| %s | %d | %.4f | %.4f | %.4f |\n", head.InMarkdown(c.Class), c.Images, c.Precision, c.Recall, c.F1)
	}
	return strings.TrimRight(b.String(), "\n")
}
