package table

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func sureRow(i int, status string, confidence float32) Row {
	return Row{URI: fmt.Sprintf("/%d.jpg", i), Label: "photo", Status: status, Confidence: &confidence}
}

// What is kept does not depend on how the rows were cut into units, nor on the order in which their counts came in.
func TestLeastSureOfAnyUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statuses := []string{StatusOK, StatusAbstained, StatusFailed}
		var rows []Row
		for i := range rapid.IntRange(0, 40).Draw(t, "rows") {
			rows = append(rows, sureRow(i, rapid.SampledFrom(statuses).Draw(t, "status"), float32(rapid.IntRange(0, 9).Draw(t, "confidence"))/10))
		}
		want := CountRows(rows)

		var units []Counts
		for rest := rows; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "unit")
			units, rest = append(units, CountRows(rest[:n])), rest[n:]
		}
		var got Counts
		for _, unit := range rapid.Permutation(units).Draw(t, "order") {
			got.Add(unit)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestLeastSure(t *testing.T) {
	nan := float32(math.NaN())
	rows := []Row{
		sureRow(1, StatusOK, .9), sureRow(2, StatusOK, .8), sureRow(3, StatusAbstained, .3), sureRow(4, StatusFailed, .1), sureRow(5, StatusOK, nan),
		sureRow(6, StatusOK, .8), sureRow(7, StatusOK, .95), sureRow(8, StatusOK, .7), {URI: "/9.jpg", Status: StatusFailed},
	}
	counts := CountRows(rows)
	var got []string
	for _, u := range counts.LeastSure {
		got = append(got, fmt.Sprintf("%s %s %v", u.URI, u.Label, u.Confidence))
	}
	want := []string{"/3.jpg photo 0.3", "/8.jpg photo 0.7", "/2.jpg photo 0.8", "/6.jpg photo 0.8", "/1.jpg photo 0.9"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	copied := counts
	copied.Add(CountRows([]Row{sureRow(0, StatusOK, 0)}))
	if counts.LeastSure[0].URI != "/3.jpg" {
		t.Errorf("adding to a copy changed the original: %+v", counts.LeastSure)
	}
}
