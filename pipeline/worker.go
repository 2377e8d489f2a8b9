package pipeline

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/apache/beam/sdks/v2/go/container/tools"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
)

// BootArgs says whether a runner started this program with these arguments as Beam's boot program, the entry point of a worker's container or
// process: with an id and a provision service, and not yet as a worker.
func BootArgs(args []string) bool {
	_, ok := parseBoot(args)
	return ok
}

// boot is what a runner tells the boot program.
type boot struct {
	id, provision string
	// logging and control are the services of the worker. Some runners name them only in what the provision service says.
	logging, control string
}

func parseBoot(args []string) (b boot, ok bool) {
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			return boot{}, false // a subcommand
		}
		name, value, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		switch name {
		case "worker":
			return boot{}, false
		case "id":
			b.id = value
		case "provision_endpoint":
			b.provision = value
		case "logging_endpoint":
			b.logging = value
		case "control_endpoint":
			b.control = value
		}
	}
	return b, b.id != "" && b.provision != ""
}

// Boot makes this process the worker that a runner asked for with args (BootArgs): it asks the provision service for the worker's services and
// options and executes itself anew. So a worker is one process, which the runner's signals reach; nothing is copied, and nothing is left
// behind when it is killed. Boot returns only when that fails.
func Boot(ctx context.Context, args []string) error {
	b, ok := parseBoot(args)
	if !ok {
		return fmt.Errorf("not the arguments of a worker's boot: %q", args)
	}
	info, err := tools.ProvisionInfo(grpcx.WriteWorkerID(ctx, b.id), b.provision)
	if err != nil {
		return fmt.Errorf("boot of worker %s: asking the provision service at %s: %w", b.id, b.provision, err)
	}
	options, err := tools.ProtoToJSON(info.GetPipelineOptions())
	if err != nil {
		return fmt.Errorf("boot of worker %s: pipeline options: %w", b.id, err)
	}
	if url := info.GetLoggingEndpoint().GetUrl(); url != "" {
		b.logging = url
	}
	if url := info.GetControlEndpoint().GetUrl(); url != "" {
		b.control = url
	}
	env := os.Environ()
	if c := info.GetRunnerCapabilities(); len(c) > 0 {
		env = append(env, "RUNNER_CAPABILITIES="+strings.Join(c, " "))
	}
	if url := info.GetStatusEndpoint().GetUrl(); url != "" {
		env = append(env, "STATUS_ENDPOINT="+url)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("boot of worker %s: %w", b.id, err)
	}
	err = syscall.Exec(self, []string{self, "--worker=true", "--id=" + b.id, "--options=" + options,
		"--logging_endpoint=" + b.logging, "--control_endpoint=" + b.control}, env)
	return fmt.Errorf("boot of worker %s: executing %s: %w", b.id, self, err)
}
