package dataset_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagbeam/tagbeam/model/dataset"
)

func TestDivideGiven(t *testing.T) {
	d := dataset.Divide([]dataset.Image{
		{Name: "a", Class: 0, Content: "1", Side: dataset.Training},
		{Name: "b", Class: 0, Content: "2"},
		{Name: "c", Class: 1, Content: "3", Side: dataset.Validation},
		{Name: "d", Class: 1, Content: "3", Side: dataset.Training}, // leaks
		{Name: "e", Class: 1, Content: "4"},
		{Name: "f", Class: 0, Content: "4"}, // contradicts
		{Name: "g", Class: 1, Content: "3", Side: dataset.Validation},
		{Name: "h", Class: 0},
		{Name: "i", Class: 1},
	}, 0.5, 1)
	want := &dataset.Division{
		Training: []int{0, 1, 7, 8}, Validation: []int{2, 6},
		Contradictions: [][]int{{4, 5}}, Leaks: []dataset.Leak{{Training: 3, Validation: 2}}, Copies: 1,
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
}

func TestDivideSmallClasses(t *testing.T) {
	for n, want := range map[int]int{1: 0, 2: 1, 3: 1, 5: 1, 10: 2, 13: 3} {
		var images []dataset.Image
		for i := range n {
			images = append(images, dataset.Image{Name: fmt.Sprint(i), Content: fmt.Sprint(i)})
		}
		if d := dataset.Divide(images, 0.2, 7); len(d.Validation) != want || len(d.Training) != n-want {
			t.Errorf("of %d images %d are for validation, want %d", n, len(d.Validation), want)
		}
		if d := dataset.Divide(images, 0, 7); len(d.Validation) != 0 {
			t.Errorf("%d images for validation, although none are wanted", len(d.Validation))
		}
	}
}

func TestDivide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 120).Draw(t, "images")
		contents := rapid.IntRange(1, 150).Draw(t, "contents")
		given := rapid.Bool().Draw(t, "given")
		images := make([]dataset.Image, n)
		for i := range images {
			images[i] = dataset.Image{Name: fmt.Sprint("image", i), Class: rapid.IntRange(0, 3).Draw(t, "class")}
			if c := rapid.IntRange(0, contents).Draw(t, "content"); c > 0 {
				images[i].Content = fmt.Sprint(c)
			}
			if given {
				images[i].Side = dataset.Side(rapid.IntRange(0, 2).Draw(t, "side"))
			}
		}
		fraction := rapid.Float64Range(0.05, 0.5).Draw(t, "fraction")
		seed := rapid.Uint64().Draw(t, "seed")
		d := dataset.Divide(images, fraction, seed)

		// Every image is at one place.
		var all []int
		all = append(append(all, d.Training...), d.Validation...)
		for _, c := range d.Contradictions {
			all = append(all, c...)
		}
		for _, l := range d.Leaks {
			all = append(all, l.Training)
		}
		slices.Sort(all)
		for i := range n {
			if len(all) != n || all[i] != i {
				t.Fatalf("%d images of %d: %+v", len(all), n, d)
			}
		}
		// No content is on both sides, or in two classes.
		side, class := map[string]string{}, map[string]int{}
		for name, list := range map[string][]int{"training": d.Training, "validation": d.Validation} {
			for _, i := range list {
				c := images[i].Content
				if c == "" {
					continue
				}
				if s, ok := side[c]; ok && s != name {
					t.Fatalf("content %s is for %s and %s", c, s, name)
				}
				if k, ok := class[c]; ok && k != images[i].Class {
					t.Fatalf("content %s is of two classes", c)
				}
				side[c], class[c] = name, images[i].Class
			}
		}
		if slices.ContainsFunc(images, func(i dataset.Image) bool { return i.Side == dataset.Validation }) {
			return
		}
		// Each class keeps its share: of contents, to the nearest.
		for k := range 4 {
			contents := map[string]bool{}
			count := func(list []int) int {
				own := map[string]bool{}
				for _, i := range list {
					if images[i].Class == k {
						name := images[i].Content
						if name == "" {
							name = images[i].Name
						}
						own[name], contents[name] = true, true
					}
				}
				return len(own)
			}
			training, validation := count(d.Training), count(d.Validation)
			switch n := len(contents); {
			case n == 0:
			case n == 1:
				if training != 1 {
					t.Fatalf("class %d: the only image is for validation", k)
				}
			case training == 0 || validation == 0 || math.Abs(float64(validation)-fraction*float64(n)) > 1:
				t.Fatalf("class %d: %d of %d for validation, wanted %v", k, validation, n, fraction)
			}
		}
		// The order of the images does not matter.
		order := rand.New(rand.NewPCG(seed, 1)).Perm(n)
		shuffled := make([]dataset.Image, n)
		for to, from := range order {
			shuffled[to] = images[from]
		}
		var back []int
		for _, i := range dataset.Divide(shuffled, fraction, seed).Validation {
			back = append(back, order[i])
		}
		slices.Sort(back)
		if diff := cmp.Diff(d.Validation, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Another seed is another division.
func TestDivideBySeed(t *testing.T) {
	var images []dataset.Image
	for i := range 200 {
		images = append(images, dataset.Image{Name: fmt.Sprint(i), Class: i % 2})
	}
	a, b, c := dataset.Divide(images, 0.2, 1), dataset.Divide(images, 0.2, 2), dataset.Divide(images, 0.2, 1)
	if slices.Equal(a.Validation, b.Validation) || !slices.Equal(a.Validation, c.Validation) || len(a.Validation) != 40 {
		t.Errorf("%v\n%v\n%v", a.Validation, b.Validation, c.Validation)
	}
}
