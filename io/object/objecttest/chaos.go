package objecttest

import (
	"fmt"
	"iter"
	"os"
	"strconv"
	"sync"
)

// The tests that break things have a short form, and a long one that make chaos asks for with these variables.
const (
	// chaosVariable is the first seed of the long form.
	chaosVariable = "TAGBEAM_CHAOS"
	// seedVariable is the one seed to run again, in either form.
	seedVariable = "TAGBEAM_SEED"
	// reportVariable is a file that takes lines of counts.
	reportVariable = "TAGBEAM_CHAOS_REPORT"
)

// Chaos says whether the long form is asked for.
func Chaos() bool { return os.Getenv(chaosVariable) != "" }

// Seeds are those to try: the first of them, or the many that begin where the caller of the long form says, or the one that is to be run again.
func Seeds(short, long uint64) iter.Seq[uint64] {
	first, n := uint64(0), max(1, short)
	if Chaos() {
		first, n = number(chaosVariable), long
	}
	if os.Getenv(seedVariable) != "" {
		first, n = number(seedVariable), 1
	}
	return func(yield func(uint64) bool) {
		for seed := first; seed < first+n && yield(seed); seed++ {
		}
	}
}

func number(variable string) uint64 {
	n, err := strconv.ParseUint(os.Getenv(variable), 10, 63)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", variable, err))
	}
	return n
}

var reporting sync.Mutex

// Report adds a number to those that the long form sums up.
func Report(what string, n int) {
	file := os.Getenv(reportVariable)
	if file == "" {
		return
	}
	reporting.Lock()
	defer reporting.Unlock()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintf(f, "%s\t%d\n", what, n)
}
