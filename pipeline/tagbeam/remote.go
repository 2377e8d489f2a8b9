package main

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tagbeam/tagbeam/io/run"
	"github.com/tagbeam/tagbeam/pipeline"
)

// cancelling is how long a remote job may take to end after an interrupt.
const cancelling = time.Minute

// remote is the job elsewhere that this process waits for, if there is one.
var remote atomic.Pointer[remoteRun]

// remoteRun is a job and where it stands.
type remoteRun struct {
	pipeline.Job
	flinkREST string
}

// observing tells the progress and the log of runs, wherever they are worked on.
func observing(log *slog.Logger, w *progress, flinkREST string) pipeline.Observer {
	return pipeline.Observer{
		Started: w.start,
		Finished: func(*run.Status) {
			remote.Store(nil)
			w.stop()
		},
		Submitted: func(j pipeline.Job) {
			remote.Store(&remoteRun{j, flinkREST})
			log.Info(fmt.Sprintf("job %s submitted to %s, which calls it %s: waiting for it to start", j.Name, j.Endpoint, j.ID))
		},
		State: func(state string) {
			if state == "starting" || state == "running" {
				log.Info("job is " + state)
			}
		},
		Progress: w.report,
		Warn:     func(m string) { log.Warn(m) },
	}
}

// interrupted is what is said at the first Ctrl-C.
func (r *remoteRun) interrupted() string {
	return fmt.Sprintf("interrupted: cancelling job %s; Ctrl-C again leaves it running", r.Name)
}

// left says how to find a job that was left alone.
func (r *remoteRun) left() string {
	at := "the pages of the cluster"
	if r.Page != "" {
		at = r.Page
	}
	if r.flinkREST != "" {
		at = r.flinkREST
		if !strings.Contains(at, "://") {
			at = "http://" + at
		}
	}
	return fmt.Sprintf("job %s (%s at %s) is left to itself: it is on %s under that name, and 'tagbeam runs %s' says when its run is published",
		r.Name, r.ID, r.Endpoint, at, pipeline.ShellJoin([]string{r.Output}))
}
