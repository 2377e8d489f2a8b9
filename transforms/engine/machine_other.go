//go:build !linux

package engine

import "time"

// threadTime is not to be had here; wall time is the next best.
func threadTime() time.Duration { return time.Duration(time.Now().UnixNano()) }

func residentBytes() int64 { return 0 }

func cpuKind() string { return goCPU() }
