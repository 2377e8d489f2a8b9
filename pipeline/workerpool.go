package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"google.golang.org/grpc"
)

// WorkerPool starts worker processes for a runner that is told to use it (--environment_type EXTERNAL): this program, as its own boot
// program. Workers do not outlive it, and leave no zombies.
type WorkerPool struct {
	fnpb.UnimplementedBeamFnExternalWorkerPoolServer

	// Log is told what happens; nil: nobody is.
	Log func(message string)

	mu      sync.Mutex
	workers map[string]*exec.Cmd
	closed  bool
	running sync.WaitGroup
}

// Serve serves a runner on l until ctx ends, and then ends all workers.
func (p *WorkerPool) Serve(ctx context.Context, l net.Listener) error {
	server := grpc.NewServer()
	fnpb.RegisterBeamFnExternalWorkerPoolServer(server, p)
	defer context.AfterFunc(ctx, func() {
		p.stopAll()
		server.Stop()
	})()
	err := server.Serve(l)
	p.stopAll()
	p.running.Wait()
	if errors.Is(err, grpc.ErrServerStopped) || ctx.Err() != nil {
		return nil
	}
	return err
}

// StartWorker starts a process.
func (p *WorkerPool) StartWorker(_ context.Context, r *fnpb.StartWorkerRequest) (*fnpb.StartWorkerResponse, error) {
	if err := p.start(r); err != nil {
		p.log("worker %s was not started: %v", r.GetWorkerId(), err)
		return &fnpb.StartWorkerResponse{Error: err.Error()}, nil
	}
	return &fnpb.StartWorkerResponse{}, nil
}

func (p *WorkerPool) start(r *fnpb.StartWorkerRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := r.GetWorkerId()
	switch {
	case p.closed:
		return errors.New("the worker pool is ending")
	case p.workers[id] != nil:
		return fmt.Errorf("there is a worker %q already", id)
	case r.GetProvisionEndpoint().GetUrl() == "":
		return errors.New("the runner names no provision service")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "--id="+id, "--provision_endpoint="+r.GetProvisionEndpoint().GetUrl(),
		"--logging_endpoint="+r.GetLoggingEndpoint().GetUrl(), "--control_endpoint="+r.GetControlEndpoint().GetUrl())
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if p.workers == nil {
		p.workers = map[string]*exec.Cmd{}
	}
	p.workers[id] = cmd
	p.log("worker %s started, process %d", id, cmd.Process.Pid)
	p.running.Go(func() {
		err := cmd.Wait()
		p.mu.Lock()
		delete(p.workers, id)
		p.mu.Unlock()
		p.log("worker %s ended: %v", id, ending(err))
	})
	return nil
}

func ending(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// StopWorker ends a process. One that has ended by itself is no error.
func (p *WorkerPool) StopWorker(_ context.Context, r *fnpb.StopWorkerRequest) (*fnpb.StopWorkerResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cmd := p.workers[r.GetWorkerId()]; cmd != nil {
		cmd.Process.Signal(syscall.SIGKILL)
	}
	return &fnpb.StopWorkerResponse{}, nil
}

func (p *WorkerPool) stopAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, cmd := range p.workers {
		cmd.Process.Signal(syscall.SIGKILL)
	}
}

func (p *WorkerPool) log(format string, args ...any) {
	if p.Log != nil {
		p.Log(fmt.Sprintf(format, args...))
	}
}
