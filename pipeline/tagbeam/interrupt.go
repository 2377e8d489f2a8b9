package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// graceful is how long an interrupted run may take to end by itself. Ending it the hard way loses no more than the units at hand.
const graceful = 3 * time.Second

// notifyInterrupt returns a context that ends on the first SIGINT or SIGTERM, and a function that tells which it was, 0 for none.
// A second signal, or a process that does not end in time, exits at once.
func notifyInterrupt(ctx context.Context) (context.Context, func() syscall.Signal) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	var got atomic.Int32
	go func() {
		sig := (<-signals).(syscall.Signal)
		got.Store(int32(sig))
		cancel()
		select {
		case <-signals:
		case <-time.After(graceful):
		}
		fmt.Fprintln(os.Stderr, "tagbeam: interrupted; run the same command again and it goes on where it stopped")
		os.Exit(128 + int(sig))
	}()
	return ctx, func() syscall.Signal { return syscall.Signal(got.Load()) }
}
