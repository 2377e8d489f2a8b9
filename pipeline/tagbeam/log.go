package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"

	"github.com/tagbeam/tagbeam/pipeline"
)

// newLogger sets up where log lines go: standard error, as text or JSON. Beam's own lines go the same way, warnings and worse only.
func newLogger(format string, quiet bool) (*slog.Logger, error) {
	level := slog.LevelInfo
	if quiet {
		level = slog.LevelError
	}
	handler := func(level slog.Level) slog.Handler {
		if format == "json" {
			return slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})
		}
		return slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})
	}
	if format != "text" && format != "json" {
		return nil, &pipeline.UsageError{Err: fmt.Errorf("--log-format %s: text or json", format)}
	}
	log := slog.New(handler(level))
	slog.SetDefault(slog.New(handler(max(level, slog.LevelWarn)))) // prism's lines
	beamlog.SetLogger(beamLogger{log})
	return log, nil
}

// beamLogger passes Beam's warnings on.
type beamLogger struct{ log *slog.Logger }

func (b beamLogger) Log(ctx context.Context, sev beamlog.Severity, _ int, msg string) {
	switch {
	case sev >= beamlog.SevError:
		b.log.ErrorContext(ctx, strings.TrimSpace(msg))
	case sev >= beamlog.SevWarn:
		b.log.WarnContext(ctx, strings.TrimSpace(msg))
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
