package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/io/table"
	"github.com/tagbeam/tagbeam/model/dataset"
	"github.com/tagbeam/tagbeam/model/head"
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
	c.warnSplitFolders()
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
