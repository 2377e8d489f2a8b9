package pipeline_test

import (
	"strings"
	"testing"

	"github.com/tagbeam/tagbeam/pipeline"
)

// What a model's reader warns of is said when it is used, not only by `model inspect`.
func TestModelWarningsAreSaid(t *testing.T) {
	_, o := inMemory(t, 2)
	o.Model.URI = strings.Replace(o.Model.URI, "softmax", "dynamic_quant", 1)
	var warnings []string
	if _, err := pipeline.Run(t.Context(), o, pipeline.Observer{Warn: func(m string) { warnings = append(warnings, m) }}); err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "images are run one at a time") {
		t.Errorf("warnings %q", warnings)
	}
}
