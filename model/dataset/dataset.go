// Package dataset divides images whose classes are known into training and validation, and finds what would make a fool of either: the same
// content in two classes, or on both sides. It looks at classes and hashes of content only, and knows nothing of where images are.
package dataset

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
)

// Side is what an image is for.
type Side int

const (
	// Undecided images are divided by Divide: they are training images where others are for validation already.
	Undecided Side = iota
	Training
	Validation
)

// Image is one image of the set.
type Image struct {
	// Name tells images apart, for the order that depends on the seed only.
	Name string
	// Class is its number.
	Class int
	// Content is a hash of its bytes; images with the same are copies. Empty: nobody knows, it has no copies.
	Content string
	// Side is what somebody has decided.
	Side Side
}

// Division is how the images of a set were divided. All numbers are places in the set; lists are ascending.
type Division struct {
	Training, Validation []int
	// Contradictions are images with the same content and different classes, by content. They are on neither side: nobody knows which class
	// is right.
	Contradictions [][]int
	// Leaks are training images with the content of a validation image, where somebody else has divided the set. They are on neither side;
	// the validation images stay.
	Leaks []Leak
	// Copies counts the images that have the content of an earlier one of the same class on the same side. They count as they stand.
	Copies int
}

// Leak is a training image and a validation image of the same content.
type Leak struct{ Training, Validation int }

// Divide divides the images. Where none is for validation, that fraction of each class is chosen, by the seed: at least one of a class with two
// or more contents, and never all of them. Copies go to the same side. The order of the images does not matter to what is chosen.
func Divide(images []Image, fraction float64, seed uint64) *Division {
	d := &Division{}
	groups := byContent(images)
	divided := slices.ContainsFunc(images, func(i Image) bool { return i.Side == Validation })
	classes := map[int][]group{}
	for _, g := range groups {
		first := images[g[0]]
		if slices.ContainsFunc(g, func(i int) bool { return images[i].Class != first.Class }) {
			d.Contradictions = append(d.Contradictions, g)
			continue
		}
		if divided {
			d.take(images, g)
			continue
		}
		classes[first.Class] = append(classes[first.Class], g)
	}
	for _, groups := range classes {
		d.choose(images, groups, fraction, seed)
	}
	slices.Sort(d.Training)
	slices.Sort(d.Validation)
	slices.SortFunc(d.Leaks, func(a, b Leak) int { return cmp.Compare(a.Training, b.Training) })
	return d
}

// group is the places of images with the same content.
type group []int

// byContent groups images, in the order of the first of each group.
func byContent(images []Image) []group {
	var groups []group
	at := map[string]int{}
	for i, image := range images {
		if image.Content == "" {
			groups = append(groups, group{i})
			continue
		}
		k, known := at[image.Content]
		if !known {
			k = len(groups)
			at[image.Content], groups = k, append(groups, nil)
		}
		groups[k] = append(groups[k], i)
	}
	return groups
}

// take puts a group where somebody has put its images.
func (d *Division) take(images []Image, g group) {
	validation := slices.IndexFunc(g, func(i int) bool { return images[i].Side == Validation })
	sides := [2]int{}
	for _, i := range g {
		switch {
		case images[i].Side == Validation:
			d.Validation = append(d.Validation, i)
			sides[1]++
		case validation >= 0:
			d.Leaks = append(d.Leaks, Leak{Training: i, Validation: g[validation]})
		default:
			d.Training = append(d.Training, i)
			sides[0]++
		}
	}
	d.Copies += max(sides[0]-1, 0) + max(sides[1]-1, 0)
}

// choose divides the groups of one class.
func (d *Division) choose(images []Image, groups []group, fraction float64, seed uint64) {
	type ranked struct {
		group
		rank uint64
		name string
	}
	order := make([]ranked, len(groups))
	for k, g := range groups {
		name := images[g[0]].Content
		if name == "" {
			name = images[g[0]].Name
		}
		order[k] = ranked{g, rank(seed, name), name}
	}
	slices.SortFunc(order, func(a, b ranked) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.name, b.name)) })
	n := int(math.Round(fraction * float64(len(order))))
	if fraction > 0 {
		n = min(max(n, 1), len(order)-1)
	}
	for k, g := range order {
		d.Copies += len(g.group) - 1
		if k < n {
			d.Validation = append(d.Validation, g.group...)
		} else {
			d.Training = append(d.Training, g.group...)
		}
	}
}

// rank is a number that looks random and depends on both.
func rank(seed uint64, name string) uint64 {
	sum := sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, seed), name...))
	return binary.LittleEndian.Uint64(sum[:])
}
