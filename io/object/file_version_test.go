package object

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// Versions stand in tables that were written before: they must not change.
func TestFileVersion(t *testing.T) {
	for _, tt := range []struct {
		modified time.Time
		size     int64
	}{
		{time.Unix(0, 0), 0}, {time.Unix(1795395723, 0), 26}, {time.Unix(1795395723, 1), 1}, {time.Unix(1795395723, 999_999_999), 1 << 40},
		{time.Unix(1795395723, 120_000_000), 7}, {time.Unix(-1, 5), 3}, {time.Unix(math.MaxInt32*1000, 10), math.MaxInt64},
	} {
		want := fmt.Sprintf("mtime:%d.%09d-%d", tt.modified.Unix(), tt.modified.Nanosecond(), tt.size)
		if got := fileVersion(tt.modified, tt.size); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	modified := time.Unix(1795395723, 987_654_321)
	if n := testing.AllocsPerRun(100, func() { fileVersion(modified, 12345) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
