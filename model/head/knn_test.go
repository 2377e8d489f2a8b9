package head

import (
	"slices"
	"strings"
	"testing"
)

func TestFitsInFile(t *testing.T) {
	if err := fitsInFile(100_000, 1280); err != nil {
		t.Error(err)
	}
	if err := fitsInFile(1_000_000, 1280); err == nil || !strings.Contains(err.Error(), "take another head, or fewer images") {
		t.Error(err)
	}
}

func TestSample(t *testing.T) {
	for _, tt := range []struct {
		n, most int
		want    []int
	}{{3, 5, []int{0, 1, 2}}, {6, 3, []int{0, 2, 4}}, {5, 2, []int{0, 2}}} {
		if got := sample(tt.n, tt.most); !slices.Equal(got, tt.want) {
			t.Errorf("%d of %d: %v, want %v", tt.most, tt.n, got, tt.want)
		}
	}
}
