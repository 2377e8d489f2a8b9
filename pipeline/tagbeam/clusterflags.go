package main

import (
	"github.com/spf13/pflag"

	"github.com/tagbeam/tagbeam/pipeline"
)

// addJobFlags adds the flags of jobs on other machines that are ours, not Beam's.
func addJobFlags(f *pflag.FlagSet, o *pipeline.Options) {
	f.BoolVar(&o.SharedFilesystem, "shared-filesystem", false, "with a remote runner: local paths lead to the same files on every worker")
	f.StringVar(&o.FlinkREST, "flink-rest", "", "`HOST:PORT` of the Flink JobManager, usually 8081: Ctrl-C then cancels the job there")
	f.StringToStringVar(&o.RunnerOptions, "runner-option", nil, "`NAME=VALUE` of an option of the runner that has no flag, such as execution_mode_for_batch=BATCH_FORCED; repeatable")
	f.IntVar(&o.JobAttempts, "job-attempts", o.JobAttempts, "with Flink: submit a job up to so many times when it fails")
}
