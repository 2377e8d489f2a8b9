package main

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// graceful is how long an interrupted run may take to end by itself. Ending it the hard way loses no more than the units at hand.
const graceful = 3 * time.Second

// moreTime is how long it may take from giveTime on, when that is longer.
var moreTime atomic.Int64

// giveTime lets what is interrupted from now on end in that time.
func giveTime(d time.Duration) { moreTime.Store(int64(d)) }

// interruptError is the cause with which a signal ends the context of a command.
type interruptError struct{ signal syscall.Signal }

func (*interruptError) Error() string {
	return "interrupted; run the same command again and it goes on where it stopped"
}

func (e *interruptError) code() int { return 128 + int(e.signal) }

// notifyInterrupt returns a context that ends on the first SIGINT or SIGTERM, with an interruptError as its cause. A second signal, or a
// process that does not end in time, exits at once. A job elsewhere is cancelled at the first, and left alone at the second.
func notifyInterrupt(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		interrupt := &interruptError{(<-signals).(syscall.Signal)}
		patience := graceful
		if job := remote.Load(); job != nil {
			patience = cancelling
			complain(job.interrupted())
		}
		cancel(interrupt)
		select {
		case <-signals:
		case <-time.After(max(patience, time.Duration(moreTime.Load()))):
		}
		if job := remote.Load(); job != nil {
			complain(job.left())
		}
		complain(interrupt.Error())
		os.Exit(interrupt.code())
	}()
	return ctx
}
