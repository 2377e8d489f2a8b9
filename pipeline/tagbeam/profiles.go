package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"runtime/trace"

	"github.com/spf13/pflag"

	"github.com/tagbeam/tagbeam/pipeline"
)

// profiles are the files that a command notes into what it spends its time on.
type profiles struct {
	cpu, trace string
}

func (p *profiles) add(f *pflag.FlagSet) {
	f.StringVar(&p.cpu, "cpuprofile", "", "write a CPU profile to this `FILE`, for go tool pprof")
	f.StringVar(&p.trace, "trace", "", "write an execution trace to this `FILE`, for go tool trace")
}

// start begins the profiles that are wanted. stop ends them and closes their files.
func (p *profiles) start() (stop func() error, err error) {
	var stops []func() error
	stop = func() error {
		var errs []error
		for _, s := range stops {
			errs = append(errs, s())
		}
		stops = nil
		return errors.Join(errs...)
	}
	begin := func(flag, file string, start func(*os.File) error, end func()) error {
		if file == "" {
			return nil
		}
		f, err := os.Create(file)
		if err != nil {
			return &pipeline.UsageError{Err: fmt.Errorf("--%s: %w", flag, err)}
		}
		if err := start(f); err != nil {
			return errors.Join(fmt.Errorf("--%s: %w", flag, err), f.Close())
		}
		stops = append(stops, func() error {
			end()
			if err := f.Close(); err != nil {
				return fmt.Errorf("--%s: %w", flag, err)
			}
			return nil
		})
		return nil
	}
	err = begin("cpuprofile", p.cpu, func(f *os.File) error { return pprof.StartCPUProfile(f) }, pprof.StopCPUProfile)
	if err == nil {
		err = begin("trace", p.trace, func(f *os.File) error { return trace.Start(f) }, trace.Stop)
	}
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}
