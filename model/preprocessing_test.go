package model_test

import (
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/model"
)

// A colour with too few or too many numbers is no colour.
func TestSpecColours(t *testing.T) {
	const spec = `{"resize": {"mode": "exact", "width": 8, "height": 8, "filter": "box"}, "crop": {"width": 8, "height": 8, "rounding": "floor", "fill": [1, 2, 3]},
		"channels": "rgb", "normalize": {"scale": 1, "mean": [4, 5, 6], "std": [7, 8, 9], "divide": [1, 1, 2]}}`
	load(t, zoo, model.Options{Preprocess: spec})
	for _, tt := range []struct{ from, to, want string }{
		{"[1, 2, 3]", "[1]", "crop.fill has 1 numbers, not three"},
		{"[4, 5, 6]", "[4, 5]", "normalize.mean has 2 numbers, not three"},
		{"[7, 8, 9]", "[7, 8, 9, 10]", "normalize.std has 4 numbers, not three"},
		{"[1, 1, 2]", "[]", "normalize.divide has 0 numbers, not three"},
		{"[1, 1, 2]", "[1, 0, 2]", "preprocess.normalize.divide: [1] = 0 is not allowed"},
		{"[1, 2, 3]", "[1, 2, 300]", "cannot unmarshal number 300"},
	} {
		_, err := model.Load(zoo.fs(t), "zoo", model.Options{Preprocess: strings.Replace(spec, tt.from, tt.to, 1)})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.to, err, tt.want)
		}
	}
}
