package source

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// braceRange is {000..009} as in a shell, and in WebDataset's names of shards.
var braceRange = regexp.MustCompile(`\{([0-9]{1,18})\.\.([0-9]{1,18})\}`)

// maxBraceNames bounds what the ranges of a pattern stand for.
const maxBraceNames = 10_000_000

// maxBraceAlternatives bounds what a range stands for that is part of a glob, and is matched name by name.
const maxBraceAlternatives = 1000

// numberRange is one range: the numbers from..to, with at least width digits.
type numberRange struct {
	from, to uint64
	width    int
}

func parseRange(from, to string) numberRange {
	var r numberRange
	r.from, _ = strconv.ParseUint(from, 10, 64) // 18 digits at most
	r.to, _ = strconv.ParseUint(to, 10, 64)
	// As in a shell: a leading zero on either side makes all as long as the longer one.
	if len(from) > 1 && from[0] == '0' || len(to) > 1 && to[0] == '0' {
		r.width = max(len(from), len(to))
	}
	if r.from > r.to {
		r.from, r.to = r.to, r.from
	}
	return r
}

func (r numberRange) count() uint64 { return r.to - r.from + 1 }

func (r numberRange) name(i uint64) string { return fmt.Sprintf("%0*d", r.width, r.from+i) }

// eachBraceName calls fn for each name that a pattern with ranges, and nothing else of a glob, stands for.
func eachBraceName(pattern string, fn func(string) error) error {
	at := braceRange.FindStringSubmatchIndex(pattern)
	if at == nil {
		return fn(pattern)
	}
	r := parseRange(pattern[at[2]:at[3]], pattern[at[4]:at[5]])
	for i := range r.count() {
		err := eachBraceName(pattern[at[1]:], func(rest string) error { return fn(pattern[:at[0]] + r.name(i) + rest) })
		if err != nil {
			return err
		}
	}
	return nil
}

// checkBraces refuses ranges that nobody can mean.
func checkBraces(pattern string) error {
	total := uint64(1)
	for _, m := range braceRange.FindAllStringSubmatch(pattern, -1) {
		n := parseRange(m[1], m[2]).count()
		if n > maxBraceNames/total {
			return fmt.Errorf("its ranges stand for more than %d names; a glob (*) takes those that are there", maxBraceNames)
		}
		total *= n
	}
	return nil
}

// braceAlternatives writes the ranges of a glob out, as {000,001,002}.
func braceAlternatives(glob string) (string, error) {
	var wide error
	written := braceRange.ReplaceAllStringFunc(glob, func(text string) string {
		m := braceRange.FindStringSubmatch(text)
		r := parseRange(m[1], m[2])
		if r.count() > maxBraceAlternatives {
			wide = fmt.Errorf("%s stands for more than %d names, too many for a part of a glob; write * in its place", text, maxBraceAlternatives)
			return text
		}
		names := make([]string, r.count())
		for i := range names {
			names[i] = r.name(uint64(i))
		}
		return "{" + strings.Join(names, ",") + "}"
	})
	return written, wide
}
