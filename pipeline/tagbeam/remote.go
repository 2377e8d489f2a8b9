package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

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
	output    string
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
		r.Name, r.ID, r.Endpoint, at, pipeline.ShellJoin([]string{r.output}))
}
