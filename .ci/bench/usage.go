package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Usage is what one command took, with all processes it started.
type Usage struct {
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
	// PeakRSS is the largest sum of the processes' resident memory; what they share counts in each. PeakPSS counts that once (sampled
	// less often).
	PeakRSS   int64 `json:"peak_rss_bytes"`
	PeakPSS   int64 `json:"peak_pss_bytes,omitempty"`
	Processes int   `json:"processes,omitempty"`
	// OtherCPUSeconds is what everybody else on the machine used meanwhile: a measurement is as good as this is small.
	OtherCPUSeconds float64 `json:"other_cpu_seconds"`

	seen cpuTimes
}

// cpuTimes is the CPU seconds that each process was last seen to have used, by pid and start.
type cpuTimes map[string]float64

func (c cpuTimes) sum() (s float64) {
	for _, t := range c {
		s += t
	}
	return s
}

const (
	sampleEvery = 50 * time.Millisecond
	pssEvery    = 10 // samples
	orphansMay  = 5 * time.Second
)

// measure runs a command to its end, which it may reach within so long, and says what it took. Processes it leaves behind are given a
// moment, then ended; temporary files are removed.
func measure(ctx context.Context, cmd *exec.Cmd, within time.Duration) (Usage, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("more than the %v it may take", within))
	defer cancel()
	temporary, err := os.MkdirTemp("", "bench-") // not in our folder: Ray's sockets need short names
	if err != nil {
		return Usage{}, err
	}
	defer os.RemoveAll(temporary)
	cmd.Env = append(cmd.Environ(), "TMPDIR="+temporary)
	ownGroup(cmd)
	otherBefore, began := machineCPU(), time.Now()
	if err := cmd.Start(); err != nil {
		return Usage{}, err
	}
	exited, watched := make(chan struct{}), make(chan Usage)
	go func() { watched <- watch(ctx, cmd, exited) }()
	err = cmd.Wait()
	took := time.Since(began)
	close(exited)
	u := <-watched
	u.Seconds = took.Seconds()
	u.CPUSeconds = cmd.ProcessState.UserTime().Seconds() + cmd.ProcessState.SystemTime().Seconds()
	u.CPUSeconds += reapOrphans(orphansMay)
	// What a process used reaches us only when its parent waited for it, which Ray's do not: what was seen of it then counts.
	u.CPUSeconds = max(u.CPUSeconds, u.seen.sum())
	if u.PeakRSS == 0 {
		u.PeakRSS = maxRSS(cmd.ProcessState)
	}
	u.OtherCPUSeconds = max(machineCPU()-otherBefore-u.CPUSeconds, 0)
	if ctx.Err() != nil {
		return u, fmt.Errorf("ended after %.0f s: %w", u.Seconds, context.Cause(ctx))
	}
	return u, err
}

// watch samples the memory of the command's processes until exited, and ends them when ctx does.
func watch(ctx context.Context, cmd *exec.Cmd, exited <-chan struct{}) (u Usage) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	u.seen = cpuTimes{}
	for i := 0; ; i++ {
		var rss, pss int64
		processes := children()
		for _, pid := range processes {
			now, peak := residentMemory(pid)
			rss += now
			if process, used := cpuTime(pid); process != "" {
				u.seen[process] = used
			}
			u.PeakRSS = max(u.PeakRSS, peak)
			if i%pssEvery == pssEvery-1 {
				pss += proportionalMemory(pid)
			}
		}
		u.PeakRSS, u.PeakPSS, u.Processes = max(u.PeakRSS, rss), max(u.PeakPSS, pss), max(u.Processes, len(processes))
		select {
		case <-exited:
			return u
		case <-ctx.Done():
			endGroup(cmd)
			<-exited
			return u
		case <-tick.C:
		}
	}
}
