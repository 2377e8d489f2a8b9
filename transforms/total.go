package transforms

import (
	"encoding/json"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tagbeam/tagbeam/io/table"
)

func init() {
	beam.RegisterType(reflect.TypeFor[*sumTotals]())
	beam.RegisterCoder(reflect.TypeFor[Total](), encodeTotal, decodeTotal)
}

// Total is what a number of units came to.
type Total struct {
	Units  int
	Counts table.Counts
}

func encodeTotal(t Total) ([]byte, error) { return json.Marshal(t) }

func decodeTotal(b []byte) (Total, error) {
	var t Total
	err := json.Unmarshal(b, &t)
	return t, err
}

// sumTotals adds up the totals of all units.
type sumTotals struct{}

func (*sumTotals) CreateAccumulator() Total { return Total{} }

func (*sumTotals) AddInput(sum, t Total) Total {
	sum.Units += t.Units
	sum.Counts.Add(t.Counts)
	return sum
}

func (fn *sumTotals) MergeAccumulators(a, b Total) Total { return fn.AddInput(a, b) }

// Sum combines a PCollection<Total> into one.
func Sum(s beam.Scope, totals beam.PCollection) beam.PCollection {
	return beam.Combine(s, &sumTotals{}, totals)
}
