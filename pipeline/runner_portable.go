package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/container/tools"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/util/hooks"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal/runnerlib"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/tagbeam/tagbeam/io/run"
)

// Job is a job that a remote runner has accepted.
type Job struct {
	// ID is what the job service calls it, Name what Flink's own pages and Dataflow's show.
	ID, Name string
	// Endpoint is the job service.
	Endpoint string
	// Output is where the run stands that it works on.
	Output string
	// Page is where a person sees it; empty: the job service does not tell.
	Page string
	// Counters are those of tagbeam's stages, by their names, once the job has ended well: see Counters of package transforms.
	Counters map[string]int64
}

// portable says that jobs go to a Beam job service.
func (o Options) portable() bool { return o.Runner == "flink" || o.Runner == "universal" }

// retryDelay is how long a failed job rests before it is submitted again.
const retryDelay = time.Second

// checkPortable checks, before anything is planned, what a job service needs. The connection is only to see who is there.
func (o Options) checkPortable(ctx context.Context) error {
	if err := checkAddress(*jobopts.Endpoint); err != nil {
		return err
	}
	if err := checkEnvironment(); err != nil {
		return err
	}
	if err := o.checkReach(); err != nil {
		return err
	}
	cc, err := connect(ctx, *jobopts.Endpoint)
	if err != nil {
		return err
	}
	cc.Close()
	return o.checkFlinkREST(ctx)
}

// submitUntil hands the job of a run to the job service, again when it fails: on Flink no job of the kind is tried again unless the cluster is set up so,
// and one that begins anew goes on with what is there.
func (n *night) submitUntil(ctx context.Context, graph func() *beam.Pipeline, plan *run.Plan) (*Job, error) {
	for attempt := 1; ; attempt++ {
		job, err := n.submit(ctx, graph(), plan)
		var failed *JobError
		if !errors.As(err, &failed) || failed.final() || attempt >= n.o.JobAttempts || ctx.Err() != nil {
			return job, err
		}
		n.watch.warn("%v; it is submitted again (attempt %d of %d) and goes on with what is there", err, attempt+1, n.o.JobAttempts)
		select {
		case <-time.After(retryDelay):
		case <-ctx.Done():
			return job, context.Cause(ctx)
		}
	}
}

// submit hands one job of a run to the job service and, unless it is to be left alone, waits for its end.
func (n *night) submit(ctx context.Context, p *beam.Pipeline, plan *run.Plan) (*Job, error) {
	env, err := n.o.openEnvironment(ctx)
	if err != nil {
		return nil, err
	}
	defer env.stop()
	graph, err := portableGraph(p, env.proto)
	if err != nil {
		return nil, err
	}
	if env.binary != "" {
		if err := runnerlib.UpdateGoEnvironmentWorker(env.binary, graph); err != nil {
			return nil, fmt.Errorf("staging %s: %w", env.binary, err)
		}
	}
	endpoint := *jobopts.Endpoint
	cc, err := connect(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	defer cc.Close()
	j := &remoteJob{
		Job: Job{Name: *jobopts.JobName, Endpoint: endpoint, Output: n.o.Output}, client: jobpb.NewJobServiceClient(cc), graph: graph, night: n, plan: plan,
	}
	if j.Name == "" {
		// Flink is asked for the job by its name: a run may have several jobs, one after the other.
		j.Name = fmt.Sprintf("tagbeam-%06d-%s", plan.RunID, strings.ToLower(rand.Text()[:6]))
	}
	if err := j.submit(ctx, env.binary); err != nil {
		return nil, err
	}
	if n.watch.Submitted != nil {
		n.watch.Submitted(j.Job)
	}
	if n.o.Detach {
		return &j.Job, nil
	}
	return &j.Job, j.wait(ctx)
}

func portableGraph(p *beam.Pipeline, env *pipepb.Environment) (*pipepb.Pipeline, error) {
	edges, _, err := p.Build()
	if err != nil {
		return nil, err
	}
	return graphx.Marshal(edges, &graphx.Options{Environment: env, PipelineResourceHints: jobopts.GetPipelineResourceHints()})
}

// submit prepares the job, stages what there is to be staged, and starts it.
func (j *remoteJob) submit(ctx context.Context, binary string) error {
	options, err := j.options()
	if err != nil {
		return err
	}
	prepared, err := j.client.Prepare(ctx, &jobpb.PrepareJobRequest{Pipeline: j.graph, PipelineOptions: options, JobName: j.Name})
	if err != nil {
		return fmt.Errorf("the job service at %s refused the job: %w", j.Endpoint, err)
	}
	artifacts := prepared.GetArtifactStagingEndpoint().GetUrl()
	token, err := stage(ctx, prepared.GetPreparationId(), artifacts, binary, prepared.GetStagingSessionToken())
	if err != nil {
		return fmt.Errorf("the job service at %s names %s as the place for artifacts: %w (it says the --job-host that it was started with)", j.Endpoint, artifacts, err)
	}
	started, err := j.client.Run(ctx, &jobpb.RunJobRequest{PreparationId: prepared.GetPreparationId(), RetrievalToken: token})
	if err != nil {
		return fmt.Errorf("the job service at %s did not start the job: %w", j.Endpoint, err)
	}
	j.ID = started.GetJobId()
	return nil
}

// stage gives the job service what it asks for: nothing, or the worker program.
func stage(ctx context.Context, id, endpoint, binary, token string) (string, error) {
	if endpoint == "" {
		return token, nil
	}
	if err := checkListening(ctx, endpoint); err != nil {
		return "", err
	}
	return runnerlib.Stage(ctx, id, endpoint, binary, token)
}

// options are the pipeline's options, as Beam's own submission writes them, and the runner's.
func (j *remoteJob) options() (*structpb.Struct, error) {
	hooks.SerializeHooksToOptions()
	beam.PipelineOptions.LoadOptionsFromFlags(nil)
	options, err := tools.OptionsToProto(runtime.RawOptionsWrapper{
		Options: beam.PipelineOptions.Export(), AppName: j.Name, Experiments: append(jobopts.GetExperiments(), "beam_fn_api"),
		RetainDocker: *jobopts.RetainDockerContainers, Parallelism: *jobopts.Parallelism,
	})
	if err != nil {
		return nil, fmt.Errorf("pipeline options: %w", err)
	}
	options.Fields["beam:option:job_name:v1"] = structpb.NewStringValue(j.Name)
	for name, value := range j.night.o.RunnerOptions {
		options.Fields["beam:option:"+name+":v1"] = optionValue(value)
	}
	return options, nil
}

// optionValue is a number, true, false, a list or an object where the text is one in JSON, and otherwise the text.
func optionValue(text string) *structpb.Value {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err == nil {
		if value, err := structpb.NewValue(v); err == nil {
			return value
		}
	}
	return structpb.NewStringValue(text)
}
