package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tagbeam/tagbeam/io/source"
)

// labelledImage is an image whose class is known.
type labelledImage struct {
	uri, member  string
	class, split string
}

func (l labelledImage) compare(uri, member string) int {
	return cmp.Or(strings.Compare(l.uri, uri), strings.Compare(l.member, member))
}

func (l labelledImage) name() string {
	if l.member == "" {
		return l.uri
	}
	return l.uri + "#" + l.member
}

// labelledImages are those of some inputs, sorted by uri and member, in memory.
type labelledImages struct {
	images []labelledImage
	// unlabelled counts those without a class, which are left out; firstUnlabelled names one.
	unlabelled      int
	firstUnlabelled string
}

// listLabelled lists the inputs and finds the class of every image.
func listLabelled(ctx context.Context, inputs []string, sourceOptions source.Options, opts source.LabelOptions) (*labelledImages, error) {
	set, err := source.Open(ctx, inputs, sourceOptions)
	if err != nil {
		return nil, asUsage(ctx, fmt.Errorf("--input: %w", err))
	}
	labels, err := source.OpenLabels(ctx, inputs, sourceOptions, opts)
	if err != nil {
		return nil, labelMistake(ctx, err)
	}
	all, known := &labelledImages{}, map[string]string{}
	err = set.Each(ctx, func(item source.Item) error {
		label, err := labels.Of(ctx, item)
		if err != nil {
			return err
		}
		image := labelledImage{uri: item.URI, member: item.Member, split: label.Split}
		if label.Class == "" {
			if all.unlabelled++; all.firstUnlabelled == "" {
				all.firstUnlabelled = image.name()
			}
			return nil
		}
		if _, ok := known[label.Class]; !ok {
			known[label.Class] = strings.Clone(label.Class)
		}
		image.class = known[label.Class] // one string a class
		all.images = append(all.images, image)
		return nil
	})
	if err != nil {
		return nil, labelMistake(ctx, err)
	}
	for _, c := range set.Counts() {
		if c.Images == 0 {
			return nil, usage("--input %s: there are no images", c.Pattern)
		}
	}
	return all, nil
}

// labelMistake makes a UsageError of what is wrong with a manifest or a column.
func labelMistake(ctx context.Context, err error) error {
	if errors.As(err, new(*source.PatternError)) {
		return asUsage(ctx, err)
	}
	return err
}

// classes are the names of the classes, sorted.
func (l *labelledImages) classes() []string {
	seen := map[string]bool{}
	for _, image := range l.images {
		seen[image.class] = true
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// onlySplit leaves the images of one split.
func (l *labelledImages) onlySplit(split string) {
	l.images = slices.DeleteFunc(l.images, func(i labelledImage) bool { return i.split != split })
}

// warnUnlabelled says how many images have no class.
func (l *labelledImages) warnUnlabelled(watch Observer) {
	if l.unlabelled > 0 {
		watch.warn("%s no class and left out, such as %s: a class is the name of an image's folder, or its label in a manifest or Parquet file",
			plural(l.unlabelled, "image has", "images have"), l.firstUnlabelled)
	}
}

// picked are some of the images of a run's inputs: all others are passed over.
type picked struct{ images []labelledImage }

// from restricts a listing. Both are sorted.
func (p *picked) from(each func(context.Context, func(source.Item) error) error) func(context.Context, func(source.Item) error) error {
	if p == nil {
		return each
	}
	return func(ctx context.Context, fn func(source.Item) error) error {
		left := p.images
		return each(ctx, func(item source.Item) error {
			for len(left) > 0 && left[0].compare(item.URI, item.Member) < 0 {
				left = left[1:]
			}
			if len(left) == 0 || left[0].compare(item.URI, item.Member) > 0 {
				return nil
			}
			return fn(item)
		})
	}
}

// digest tells picks apart; empty for all images.
func (p *picked) digest() string {
	if p == nil {
		return ""
	}
	h := sha256.New()
	for _, image := range p.images {
		fmt.Fprintf(h, "%q %q\n", image.uri, image.member)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// plural is "1 image has" or "3 images have".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
