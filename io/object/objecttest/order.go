package objecttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tagbeam/tagbeam/io/object"
	"pgregory.net/rapid"
)

// testListOrder compares listings of random names, whole and in part, with sorting and filtering them.
func testListOrder(t *testing.T, s subject) {
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		sub := fmt.Sprintf("%d/", round)
		names := drawNames(r)
		for _, name := range names {
			s.put(t, sub+name, []byte("x"))
		}
		slices.Sort(names)
		for range 4 {
			opts := object.ListOptions{
				Prefix:     drawPart(r, "prefix", names),
				StartAfter: drawPart(r, "start after", names),
				EndBefore:  drawPart(r, "end before", names),
			}
			want := []string{}
			for _, name := range names {
				if strings.HasPrefix(name, opts.Prefix) && name > opts.StartAfter && (opts.EndBefore == "" || name < opts.EndBefore) {
					want = append(want, sub+name)
				}
			}
			below := opts
			below.Prefix = sub + opts.Prefix
			for _, bound := range []*string{&below.StartAfter, &below.EndBefore} {
				if *bound != "" {
					*bound = sub + *bound
				}
			}
			if diff := cmp.Diff(want, s.names(t, below)); diff != "" {
				r.Fatalf("%+v of %q (-want +got):\n%s", opts, names, diff)
			}
		}
	})
}

// drawNames gives names that a file system can hold too: none is a folder of another.
func drawNames(r *rapid.T) []string {
	element := rapid.StringOfN(rapid.SampledFrom([]rune("aab.-/0#% ?\né日~A")), 1, 6, -1)
	var names []string
	for _, name := range rapid.SliceOfN(element, 0, 12).Draw(r, "names") {
		if usable(name, names) {
			names = append(names, name)
		}
	}
	return names
}

func usable(name string, others []string) bool {
	for element := range strings.SplitSeq(name, "/") {
		if element == "" || element == "." || element == ".." {
			return false
		}
	}
	for _, other := range others {
		if other == name || strings.HasPrefix(other, name+"/") || strings.HasPrefix(name, other+"/") {
			return false
		}
	}
	return true
}

// drawPart gives nothing, a name, or its beginning, now and then with something behind it.
func drawPart(r *rapid.T, label string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	runes := []rune(rapid.SampledFrom(names).Draw(r, label))
	part := string(runes[:rapid.IntRange(0, len(runes)).Draw(r, label+" length")])
	return part + rapid.SampledFrom([]string{"", "", "", "/", "-", "a"}).Draw(r, label+" tail")
}
