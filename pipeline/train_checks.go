package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tagbeam/tagbeam/io/source"
	"github.com/tagbeam/tagbeam/model/dataset"
)

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

// warnSplitFolders says that folders which are called like the parts of a divided data set are not taken for such.
func (c *collector) warnSplitFolders() {
	if c.d.divided || c.d.KeptAside > 0 {
		return
	}
	for _, in := range c.t.o.Inputs {
		root, parts := strings.TrimRight(in, "/")+"/", map[string]string{}
		for _, image := range c.images {
			first, _, _ := strings.Cut(strings.TrimPrefix(image.uri, root), "/")
			split, known := source.SplitOf(first)
			if !known || !strings.HasPrefix(image.uri, root) {
				parts = nil
				break
			}
			parts[split] = first
		}
		if train, held := parts[source.SplitTrain], parts[source.SplitValidation]; train != "" && held != "" {
			c.t.watch.warn("all of %s is trained on, and validated by images chosen from all of it; to keep the parts it has, give --input %s --validation-input %s",
				in, ShellJoin([]string{root + train}), ShellJoin([]string{root + held}))
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
