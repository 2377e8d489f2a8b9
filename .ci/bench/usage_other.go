//go:build !linux

package main

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Elsewhere than on Linux only the command's own process is seen: memory is that of the largest process, and daemons are not counted.

func adoptOrphans() error { return nil }

func ownGroup(*exec.Cmd) {}

func endGroup(cmd *exec.Cmd) { cmd.Process.Kill() }

func children() []int { return nil }

func residentMemory(int) (now, peak int64) { return 0, 0 }

func cpuTime(int) (process string, seconds float64) { return "", 0 }

func proportionalMemory(int) int64 { return 0 }

func reapOrphans(time.Duration) float64 { return 0 }

func machineCPU() float64 { return 0 }

func maxRSS(state *os.ProcessState) int64 {
	if use, ok := state.SysUsage().(*syscall.Rusage); ok {
		return use.Maxrss // macOS counts bytes
	}
	return 0
}

func cpuModel() string { return "" }
