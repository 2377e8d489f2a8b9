package pipeline

import (
	"context"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal/extworker"

	"github.com/tagbeam/tagbeam/model/onnx"
)

// Environments are the values of Beam's --environment_type, in lower case. Empty is process.
const (
	envProcess  = "process"
	envLoopback = "loopback"
	envExternal = "external"
	envDocker   = "docker"
)

func environmentType() string {
	if t := strings.ToLower(*jobopts.EnvironmentType); t != "" {
		return t
	}
	return envProcess
}

// checkEnvironment refuses what Beam would take for something else, or find out about only when the job has failed.
func checkEnvironment() error {
	config := *jobopts.EnvironmentConfig
	switch t := environmentType(); {
	case !slices.Contains([]string{envProcess, envLoopback, envExternal, envDocker}, t):
		return usage("--environment_type %s: not known; one of PROCESS (the default: this program on the workers), LOOPBACK (this process), EXTERNAL (tagbeam worker-pool), DOCKER", *jobopts.EnvironmentType)
	case t == envExternal && config == "":
		return usage("--environment_type EXTERNAL: --environment_config HOST:PORT is missing: where 'tagbeam worker-pool' listens, as the Flink task managers reach it")
	case t == envDocker && config == "":
		return usage("--environment_type DOCKER: --environment_config IMAGE is missing: an image with tagbeam and ONNX Runtime (Beam's own Go image has neither)")
	case t == envProcess && strings.HasPrefix(config, "{"):
		var process struct{ Command string }
		if err := json.Unmarshal([]byte(config), &process); err != nil || process.Command == "" {
			return usage(`--environment_config %s: for PROCESS it is the path of tagbeam on the workers, or JSON such as {"command": "/opt/tagbeam/bin/tagbeam", "env": {"NAME": "value"}}`, config)
		}
	}
	if f := *jobopts.WorkerBinary; f != "" {
		return checkWorkerBinary(f)
	}
	return nil
}

// checkWorkerBinary refuses a program that cannot be a worker: what Beam builds by itself has no cgo, and so neither decoders nor ONNX Runtime.
func checkWorkerBinary(file string) error {
	program, err := elf.Open(file)
	if os.IsNotExist(err) {
		return usage("--worker_binary %s: there is no such file", file)
	}
	if err != nil {
		return usage("--worker_binary %s: it is no program for Linux: build tagbeam there, or leave the flag out", file)
	}
	program.Close()
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return nil // somebody's own wrapper
	}
	for _, s := range info.Settings {
		if s.Key == "CGO_ENABLED" && s.Value != "1" {
			return usage("--worker_binary %s: it was built with CGO_ENABLED=0, so it can neither decode nor load ONNX Runtime: build it with CGO_ENABLED=1 (make build does)", file)
		}
	}
	return nil
}

// environment is where the stages of a job run, and what has to be staged for it.
type environment struct {
	proto *pipepb.Environment
	// binary is the worker program to be staged; empty: there is none.
	binary string
	// stop ends what was started for it in this process.
	stop func()
}

// openEnvironment makes the environment that Beam's flags ask for. Unless they ask for anything it is PROCESS, with this program as its own boot
// program: the workers have it at the same path, and nothing is staged.
func (o Options) openEnvironment(ctx context.Context) (*environment, error) {
	env := &environment{stop: func() {}}
	urn, config := graphx.URNEnvProcess, *jobopts.EnvironmentConfig
	staged := *jobopts.WorkerBinary != ""
	switch environmentType() {
	case envProcess:
		if config == "" {
			self, err := os.Executable()
			if err != nil {
				return nil, fmt.Errorf("which program the workers should run: %w", err)
			}
			config = self
		}
		if !strings.HasPrefix(config, "{") {
			var err error
			if config, err = processConfig(config, o.workerEnv()); err != nil {
				return nil, err
			}
		} else {
			staged = true // it may be Beam's own boot program
		}
	case envLoopback:
		server, err := extworker.StartLoopback(ctx, 0)
		if err != nil {
			return nil, fmt.Errorf("--environment_type LOOPBACK: %w", err)
		}
		urn, config = graphx.URNEnvExternal, server.EnvironmentConfig(ctx)
		env.stop = func() { server.Stop(context.WithoutCancel(ctx)) }
		staged = false
	case envExternal:
		urn, staged = graphx.URNEnvExternal, true
	case envDocker:
		urn, staged = graphx.URNEnvDocker, true
	}
	if staged {
		env.binary = workerBinary()
	}
	var err error
	if env.proto, err = graphx.CreateEnvironment(ctx, urn, func(context.Context) string { return config }); err != nil {
		env.stop()
		return nil, err
	}
	if env.binary == "" {
		env.proto.Dependencies = nil
	}
	return env, nil
}

// workerProgram is the program that PROCESS workers are started with.
func workerProgram() string {
	config := *jobopts.EnvironmentConfig
	var process struct{ Command string }
	if json.Unmarshal([]byte(config), &process) == nil && process.Command != "" {
		return process.Command
	}
	if config == "" {
		config, _ = os.Executable()
	}
	return config
}

// workerBinary is the program for workers whose boot program runs what is staged: the one that Beam's flag names, or this one where a worker on
// Linux can run it. Otherwise there is none, and their boot program must be tagbeam's.
func workerBinary() string {
	if *jobopts.WorkerBinary != "" {
		return *jobopts.WorkerBinary
	}
	self, err := os.Executable()
	if err != nil || runtime.GOOS != "linux" {
		return ""
	}
	return self
}

// workerEnv are the variables that workers at the same paths need to find what this process finds.
func (o Options) workerEnv() map[string]string {
	env := map[string]string{}
	if library := os.Getenv(onnx.LibraryEnv); library != "" && o.SharedFilesystem {
		if abs, err := filepath.Abs(library); err == nil {
			env[onnx.LibraryEnv] = abs
		}
	}
	return env
}

func processConfig(command string, env map[string]string) (string, error) {
	config, err := json.Marshal(map[string]any{"command": command, "env": env})
	return string(config), err
}
