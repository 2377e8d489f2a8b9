package main

import (
	"context"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/tagbeam/tagbeam/pipeline"
)

// defaultPool is where Beam's runners look for worker pools.
const defaultPool = "localhost:50000"

func newWorkerPoolCommand() *cobra.Command {
	listen := defaultPool
	var format logFormat
	cmd := &cobra.Command{
		Use:   "worker-pool [--listen HOST:PORT]",
		Short: "Start workers for a runner on this machine, until interrupted",
		Long: `worker-pool waits for a runner (Flink's task manager on this machine, say) and starts a worker process whenever it asks for one. Jobs use it with
--environment_type EXTERNAL --environment_config HOST:PORT. Whoever reaches the port can start workers, so it listens on this machine only unless
--listen says otherwise. Workers end with it.`,
		Example: `  tagbeam worker-pool --listen localhost:50000
  tagbeam tag --runner=flink --endpoint=jobserver:8099 --environment_type=EXTERNAL --environment_config=localhost:50000 ...`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return servePool(cmd.Context(), listen) },
	}
	cmd.Flags().StringVar(&listen, "listen", listen, "`HOST:PORT` to listen on; port 0: a free one, which is printed")
	cmd.Flags().Var(format, "log-format", "format of log lines: text or json")
	return cmd
}

func servePool(ctx context.Context, listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return &pipeline.UsageError{Err: fmt.Errorf("--listen %s: %w", listen, err)}
	}
	log := newLogger(false)
	log.Info("waiting for a runner on " + l.Addr().String())
	pool := &pipeline.WorkerPool{Log: func(m string) { log.Info(m) }}
	if err := pool.Serve(ctx, l); err != nil {
		return err
	}
	return context.Cause(ctx)
}
