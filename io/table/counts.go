package table

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// CountRows sums up rows.
func CountRows(rows []Row) Counts {
	var c Counts
	for i := range rows {
		c.addRow(&rows[i])
	}
	return c
}

// Add adds the counts of other rows to c. It keeps nothing of other.
func (c *Counts) Add(other Counts) {
	c.Images += other.Images
	c.OK += other.OK
	c.Abstained += other.Abstained
	c.Failed += other.Failed
	c.Retryable += other.Retryable
	c.Copies += other.Copies
	for code, n := range other.Errors {
		increase(&c.Errors, code, n)
	}
	for label, n := range other.Labels {
		increase(&c.Labels, label, n)
	}
	c.addUnsure(other.LeastSure...)
}

func (c *Counts) addRow(r *Row) {
	c.Images++
	if r.Copy {
		c.Copies++
	}
	// Counts are written as JSON, which has no NaN.
	if r.Status != StatusFailed && r.Confidence != nil && !math.IsNaN(float64(*r.Confidence)) && !math.IsInf(float64(*r.Confidence), 0) {
		c.addUnsure(Unsure{URI: r.URI, Member: r.Member, Label: r.Label, Confidence: *r.Confidence})
	}
	switch r.Status {
	case StatusOK:
		c.OK++
		increase(&c.Labels, r.Label, 1)
	case StatusAbstained:
		c.Abstained++
	case StatusFailed:
		c.Failed++
		increase(&c.Errors, r.ErrorCode, 1)
		if r.Retryable != nil && *r.Retryable {
			c.Retryable++
		}
	}
}

// addUnsure keeps the least sure of all rows that were added, whatever the order they came in.
func (c *Counts) addUnsure(rows ...Unsure) {
	for _, u := range rows {
		place, _ := slices.BinarySearchFunc(c.LeastSure, u, compareUnsure)
		if place == MaxLeastSure {
			continue
		}
		// A slice of its own: that of a copied Counts must not change under it.
		kept := make([]Unsure, 0, MaxLeastSure+1)
		kept = append(append(append(kept, c.LeastSure[:place]...), u), c.LeastSure[place:]...)
		c.LeastSure = kept[:min(len(kept), MaxLeastSure)]
	}
}

func compareUnsure(a, b Unsure) int {
	return cmp.Or(cmp.Compare(a.Confidence, b.Confidence), strings.Compare(a.URI, b.URI), strings.Compare(a.Member, b.Member))
}

func increase(m *map[string]int64, key string, n int64) {
	if *m == nil {
		*m = make(map[string]int64)
	}
	(*m)[key] += n
}
