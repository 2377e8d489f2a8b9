package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/gcpopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
)

// Dataflow is what a job on Google Cloud Dataflow is made of, as Beam's own flags say it and as it was checked.
type Dataflow struct {
	Project, Region string
	// Endpoint is that of the Dataflow API; empty: Google's.
	Endpoint string
	// Staging and Temp are gs:// folders; Temp is where Dataflow itself puts things.
	Staging, Temp string
	// Image is the container in which the workers run, by the name it was given.
	Image string
	// Worker is the program that is staged for them.
	Worker WorkerBinary
	// MachineType is the workers'; empty: Dataflow chooses.
	MachineType string
	// Workers is how many there are at first, MaxWorkers at most; 0: Dataflow chooses.
	Workers, MaxWorkers int64
	// Threads is how many units a worker has at hand.
	Threads int64
	// Hints are the resource hints, as they were given.
	Hints []string
	// Warnings are what does not stop a job, but should be known before it.
	Warnings []string
}

// dataflowThreads is how many units of work a worker has at hand, unless Beam's flag says otherwise. Two, so that the CPUs need not wait at
// the end of one; the engine's budget of CPUs is the process's, so that more would only take memory.
const dataflowThreads = 2

// Beam's flags by their names: the values are private to its runner.
const (
	flagStaging      = "staging_location"
	flagTemp         = "temp_location"
	flagImage        = "sdk_container_image"
	flagOldImage     = "worker_harness_container_image"
	flagMachine      = "worker_machine_type"
	flagMachineAlias = "machine_type"
	flagThreads      = "number_of_worker_harness_threads"
	flagDryRun       = "dry_run"
	flagTemplate     = "template_location"
	flagUpdate       = "update"
	flagJobEndpoint  = "dataflow_endpoint"
)

func beamFlag(name string) string {
	if f := flag.Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

func beamFlagInt(name string) int64 {
	n, _ := strconv.ParseInt(beamFlag(name), 10, 64) // the flag is one of integers: it has been parsed
	return n
}

// DryRun says that Beam's --dry_run was given: a job is printed and not submitted. Only Dataflow's runner knows it.
func (o Options) DryRun() bool { return o.Runner == runnerDataflow && beamFlag(flagDryRun) == "true" }

const runnerDataflow = "dataflow"

// readDataflow reads Beam's flags, and makes the choices that they leave open.
func readDataflow(ctx context.Context) Dataflow {
	d := Dataflow{
		Project:     gcpopts.GetProjectFromFlagOrEnvironment(ctx),
		Region:      gcpopts.GetRegion(ctx),
		Endpoint:    beamFlag(flagJobEndpoint),
		Staging:     beamFlag(flagStaging),
		Temp:        beamFlag(flagTemp),
		Image:       beamFlag(flagImage),
		MachineType: beamFlag(flagMachine),
		Workers:     beamFlagInt("num_workers"),
		MaxWorkers:  beamFlagInt("max_num_workers"),
		Threads:     beamFlagInt(flagThreads),
		Hints:       jobopts.ResourceHints,
	}
	if d.Temp == "" && d.Staging != "" {
		d.Temp = strings.TrimRight(d.Staging, "/") + "/tmp" // as Beam has it
	}
	if d.Image == "" {
		d.Image = beamFlag(flagOldImage)
	}
	if d.Image == "" && *jobopts.EnvironmentConfig != "" {
		d.Image = *jobopts.EnvironmentConfig
	}
	if d.MachineType == "" {
		d.MachineType = beamFlag(flagMachineAlias)
	}
	if d.Threads == 0 {
		d.Threads = dataflowThreads
	}
	return d
}

// apply gives Beam's runner the choices that its flags left open.
func (d Dataflow) apply() error {
	*jobopts.WorkerBinary = d.Worker.Path
	return flag.Set(flagThreads, strconv.FormatInt(d.Threads, 10))
}

// jobName is the name of the job of a run. Dataflow runs one job of a name at a time, so two commands do not pay for the same work twice.
func jobName(output string, runID int64) string {
	if *jobopts.JobName != "" {
		return *jobopts.JobName
	}
	sum := sha256.Sum256([]byte(output))
	return fmt.Sprintf("tagbeam-%s-run-%d", hex.EncodeToString(sum[:4]), runID)
}

// VCPUs is the number of virtual CPUs of a worker, or 0 when the machine type does not tell.
func (d Dataflow) VCPUs() int { return machineVCPUs(d.MachineType) }

// machineVCPUs reads the number of virtual CPUs off a machine type's name: n2-standard-8, n1-custom-4-8192, custom-4-8192, e2-medium.
func machineVCPUs(machine string) int {
	// With a URL's path before it, as some tools give it.
	machine = machine[strings.LastIndexByte(machine, '/')+1:]
	parts := strings.Split(machine, "-")
	switch {
	case len(parts) == 2 && parts[0] == "e2": // shared-core machines have two, whatever part of them they may use
		return 2
	case len(parts) < 3:
		return 0
	}
	at := 2
	if parts[0] == "custom" {
		at = 1
	}
	n, err := strconv.Atoi(parts[at])
	if err != nil || n < 1 {
		return 0
	}
	return n
}
