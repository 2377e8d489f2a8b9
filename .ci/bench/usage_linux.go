package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes the descendants of this process whose parent has ended children of it, so that daemons are seen and counted.
func adoptOrphans() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func endGroup(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// children are all descendants of this process.
func children() (all []int) {
	todo := []int{os.Getpid()}
	for len(todo) > 0 {
		parent := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", parent))
		if err != nil {
			continue // it has ended
		}
		for _, t := range threads {
			list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", parent, t.Name()))
			if err != nil {
				continue
			}
			for _, field := range strings.Fields(string(list)) {
				if pid, err := strconv.Atoi(field); err == nil {
					all, todo = append(all, pid), append(todo, pid)
				}
			}
		}
	}
	return all
}

// residentMemory is what a process has in memory now, and the most it had since it became the program it is. A child that has not become a
// program yet shares its parent's memory and is nobody's.
func residentMemory(pid int) (now, peak int64) {
	if own, err := os.Readlink("/proc/self/exe"); err == nil {
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && exe == own && !isWorker(pid) {
			return 0, 0
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	return kilobytes(status, "VmRSS:"), kilobytes(status, "VmHWM:")
}

func isWorker(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	args := bytes.Split(line, []byte{0})
	return err == nil && len(args) > 1 && string(args[1]) == "worker"
}

func proportionalMemory(pid int) int64 {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	return kilobytes(rollup, "Pss:")
}

// cpuTime is what a process has used itself, and a name for it that no other has.
func cpuTime(pid int) (process string, seconds float64) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // of the program's name, which may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return "", 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return fmt.Sprint(pid, "-", fields[19]), (user + system) / hertz
}

// kilobytes reads a "Key:  123 kB" line, as bytes.
func kilobytes(text []byte, key string) int64 {
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			if fields := strings.Fields(rest); len(fields) > 0 {
				n, _ := strconv.ParseInt(fields[0], 10, 64)
				return n << 10
			}
		}
	}
	return 0
}

// reapOrphans waits until there are no descendants any more, ends them after a while, and returns the CPU time of those that had become
// ours.
func reapOrphans(may time.Duration) (cpu float64) {
	deadline := time.Now().Add(may)
	for {
		var use syscall.Rusage
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, &use)
		switch {
		case err == syscall.EINTR:
		case err != nil: // there are none
			return cpu
		case pid > 0:
			cpu += time.Duration(use.Utime.Nano() + use.Stime.Nano()).Seconds()
		default:
			if time.Now().After(deadline) {
				for _, orphan := range children() {
					syscall.Kill(orphan, syscall.SIGKILL)
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// hertz is USER_HZ, the same on every Linux that Go runs on.
const hertz = 100

// machineCPU is the CPU time that everything on this machine has used.
func machineCPU() float64 {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	var ticks float64
	for i, field := range strings.Fields(line) {
		if n, err := strconv.ParseFloat(field, 64); err == nil && i != 4 && i != 5 && i <= 8 { // neither idle nor waiting; guests are in user
			ticks += n
		}
	}
	return ticks / hertz
}

func maxRSS(state *os.ProcessState) int64 {
	if use, ok := state.SysUsage().(*syscall.Rusage); ok {
		return use.Maxrss << 10
	}
	return 0
}

// cpuModel is the name of the processor.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
