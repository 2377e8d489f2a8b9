package run

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	defaultLedgerRuns = 2
	if killStride > 1 {
		flag.Set("rapid.checks", "20")
	}
	// The storage client starts it with the program.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}
