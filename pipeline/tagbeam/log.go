package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"

	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"
)

// jsonLines says that every line on standard error is JSON (--log-format json), the last complaint included: so it stands for the process.
var jsonLines atomic.Bool

// logFormat is the value of --log-format. It takes effect as it is parsed: what is wrong with a later flag is said in that format already.
type logFormat struct{}

func (logFormat) Type() string { return "FORMAT" }

func (logFormat) String() string {
	if jsonLines.Load() {
		return "json"
	}
	return "text"
}

func (logFormat) Set(s string) error {
	if s != "text" && s != "json" {
		return errors.New("must be text or json")
	}
	jsonLines.Store(s == "json")
	return nil
}

// newLogger sets up where log lines go: standard error, as text or JSON. Beam's own lines go the same way, warnings and worse only. What prism
// says by itself goes nowhere: all that matters of it comes back as the error of the job, and is said once.
func newLogger(quiet bool) *slog.Logger {
	level := slog.LevelInfo
	if quiet {
		level = slog.LevelError
	}
	log := slog.New(logHandler(level))
	slog.SetDefault(slog.New(slog.DiscardHandler))
	beamlog.SetLogger(beamLogger{log: log})
	return log
}

func logHandler(level slog.Level) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	if jsonLines.Load() {
		return slog.NewJSONHandler(os.Stderr, options)
	}
	return slog.NewTextHandler(os.Stderr, options)
}

// complain prints why the program ends: the one line that even --quiet leaves.
func complain(message string) {
	if jsonLines.Load() {
		slog.New(logHandler(slog.LevelError)).Error(message)
		return
	}
	fmt.Fprintln(os.Stderr, "tagbeam: "+message)
}

// beamLogger passes Beam's warnings on, and with all what it says besides.
type beamLogger struct {
	log *slog.Logger
	all bool
}

func (b beamLogger) Log(ctx context.Context, sev beamlog.Severity, _ int, msg string) {
	switch {
	case sev >= beamlog.SevError:
		b.log.ErrorContext(ctx, strings.TrimSpace(msg))
	case sev >= beamlog.SevWarn:
		b.log.WarnContext(ctx, strings.TrimSpace(msg))
	case b.all && sev >= beamlog.SevInfo:
		b.log.InfoContext(ctx, strings.TrimSpace(msg))
	}
}

// reason is what went wrong, without the runner's account of the way there.
func reason(err error) string {
	msg := err.Error()
	if i := strings.LastIndex(msg, "caused by:"); i >= 0 {
		msg = msg[i+len("caused by:"):]
	}
	msg = strings.TrimSpace(msg)
	if rest, ok := strings.CutPrefix(msg, "DoFn["); ok {
		if _, after, ok := strings.Cut(rest, "failed:"); ok {
			msg = strings.TrimSpace(after)
		}
	}
	return msg
}
