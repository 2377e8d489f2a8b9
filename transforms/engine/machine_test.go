package engine

import (
	"runtime"
	"testing"
)

// A batch of a small model takes less than a tick of the scheduler: time that goes by ticks would call it free.
func TestThreadTimeGoesByNoTicks(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const readings = 100
	moved, last := 0, threadTime()
	for range readings {
		for work := range 20_000 {
			spun += work
		}
		if now := threadTime(); now > last {
			moved, last = moved+1, now
		}
	}
	if moved < readings/2 {
		t.Errorf("in %d short stretches of work the thread's time went on %d times", readings, moved)
	}
}

var spun int
