package engine

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the CPU time of the calling thread. Not getrusage's: that of a running thread goes by the scheduler's ticks, of some ms.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(t.Nano())
}

// residentBytes is the memory of the process, 0 when that cannot be told.
func residentBytes() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// cpuKind names the kind of CPU: its model and its instruction sets.
var cpuKind = sync.OnceValue(func() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return goCPU()
	}
	return cpuKindOf(data)
})

// cpuKindOf takes it from the first processor of /proc/cpuinfo.
func cpuKindOf(cpuinfo []byte) string {
	first, _, _ := bytes.Cut(cpuinfo, []byte("\n\n"))
	var words []string
	for line := range strings.Lines(string(first)) {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "model name", "cache size", "flags", "CPU implementer", "CPU part", "Features":
			words = append(words, strings.TrimSpace(value))
		}
	}
	return strings.Join(append(words, goCPU()), "; ")
}
