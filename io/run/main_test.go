package run

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	defaultLedgerRuns = 2
	// The storage client starts it with the program.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}
