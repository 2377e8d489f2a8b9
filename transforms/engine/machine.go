package engine

import "runtime"

// goCPU is what Go knows of the CPU.
func goCPU() string { return runtime.GOOS + "/" + runtime.GOARCH }
