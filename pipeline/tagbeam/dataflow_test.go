package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	gocmp "github.com/google/go-cmp/cmp"
	df "google.golang.org/api/dataflow/v1b3"
	"google.golang.org/protobuf/proto"
)

// onDataflow is a job over n images in buckets, and the flags with which it is ready for Dataflow.
func onDataflow(t *testing.T, f *fakeDataflow, n int) (job, []string) {
	t.Helper()
	putImages(f.gs, "data", "photos", n)
	putModel(t, f.gs, "models", "tiny")
	return job{"gs://data/photos", "gs://models/tiny", "gs://tags/all"}, []string{
		"--runner=dataflow", "--project=" + fakeProject, "--region=" + fakeRegion, "--staging_location=gs://staging/here",
		"--dataflow_endpoint=" + f.server.URL + "/", "--sdk_container_image=" + f.image(t, "ready", "linux", "amd64", "/usr/local/bin/tagbeam"),
	}
}

// self is the program that the tests start.
func self(t *testing.T) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(program)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDataflow submits a job through Beam's runner to a fake of Dataflow, looks at the job that arrives, and runs it as it was
// staged. When Dataflow says that it is done, the command sees the run published.
func TestDataflow(t *testing.T) {
	f := startDataflow(t)
	j, flags := onDataflow(t, f, 10)
	p := start(t, j.args(append(flags, "--temp_location=gs://staging/temporary", "--worker_machine_type=n2-standard-4", "--num_workers=2", "--max-num-workers=7",
		"--use_public_ips=false", "--subnetwork=regions/europe-west4/subnetworks/quiet", "--service_account_email=worker@example.org", "--disk_size_gb=40",
		`--labels={"team":"images"}`, "--experiments=some_experiment", "--dataflow_service_options=enable_prime",
		"--resource_hints=min_ram=6GB", "--resource_hints=beam:resources:max_active_bundles_per_worker:v1=2", "--unit-images=4")...)...)
	sent := f.arrived(t, p)

	pool := sent.Environment.WorkerPools[0]
	image := f.registry + "/tagbeam:ready"
	staged := pool.Packages[0].Location
	binary := readFile(t, self(t))
	sum := sha256.Sum256(binary)
	digest := hex.EncodeToString(sum[:])
	if !strings.HasPrefix(staged, "gs://staging/here/") || pool.Packages[0].Name != "worker" || pool.Packages[0].Sha256 != digest {
		t.Errorf("staged %+v, want a worker of sha256 %s", pool.Packages[0], digest)
	}
	if !slices.Equal(f.object(t, staged), binary) {
		t.Errorf("%s is not this program", staged)
	}
	harness := pool.SdkHarnessContainerImages
	if len(harness) != 1 || harness[0].ContainerImage != image || harness[0].UseSingleCorePerContainer {
		t.Errorf("images: %+v, want %s, one for all CPUs of a worker", harness, image)
	}
	got := map[string]any{
		"name": sent.Name, "type": sent.Type, "project": sent.ProjectId, "image": pool.WorkerHarnessContainerImage, "machine": pool.MachineType,
		"workers": pool.NumWorkers, "most": pool.AutoscalingSettings.MaxNumWorkers, "threads": pool.NumThreadsPerWorker, "ips": pool.IpConfiguration,
		"subnetwork": pool.Subnetwork, "disk": pool.DiskSizeGb, "account": sent.Environment.ServiceAccountEmail, "temp": sent.Environment.TempStoragePrefix,
		"labels": sent.Labels, "service": sent.Environment.ServiceOptions, "experiment": slices.Contains(sent.Environment.Experiments, "some_experiment"),
		"runner v2": slices.Contains(sent.Environment.Experiments, "use_runner_v2"),
	}
	tags := sha256.Sum256([]byte("gs://tags/all"))
	want := map[string]any{
		"name": "tagbeam-" + hex.EncodeToString(tags[:4]) + "-run-1", "type": "JOB_TYPE_BATCH", "project": fakeProject, "image": image, "machine": "n2-standard-4",
		"workers": int64(2), "most": int64(7), "threads": int64(2), "ips": "WORKER_IP_PRIVATE",
		"subnetwork": "regions/europe-west4/subnetworks/quiet", "disk": int64(40), "account": "worker@example.org", "temp": "gs://staging/temporary",
		"labels": map[string]string{"team": "images"}, "service": []string{"enable_prime"}, "experiment": true, "runner v2": true,
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("the job (-want +got):\n%s", diff)
	}
	checkOptions(t, sent, strings.TrimSuffix(staged, "worker")+"model")
	checkGraph(t, f.object(t, strings.TrimSuffix(staged, "worker")+"model"), image, staged, digest)

	f.becomes("JOB_STATE_RUNNING")
	f.run(t, sent)
	f.becomes("JOB_STATE_DONE")
	p.wait().want(exitOK).says("submitted to Dataflow, project "+fakeProject+", region "+fakeRegion+", which calls it "+fakeJobID).prints("images     10 ", "table      gs://tags/all/labels")
	j.wantEachOnce(t, 10)
	if left := leftovers(t, "gs://staging/here/tagbeam-check", "gs://staging/temporary", "gs://tags/all/tagbeam-check"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// checkOptions looks at the options that go to the workers.
func checkOptions(t *testing.T, sent *df.Job, model string) {
	t.Helper()
	var options struct {
		Options struct {
			PipelineURL, Region, TempLocation string
		} `json:"options"`
		Go struct {
			Options map[string]string `json:"options"`
		} `json:"beam:option:go_options:v1"`
	}
	if err := json.Unmarshal(sent.Environment.SdkPipelineOptions, &options); err != nil {
		t.Fatal(err)
	}
	o := options.Options
	if o.PipelineURL != model || o.Region != fakeRegion || o.TempLocation != "gs://staging/temporary" {
		t.Errorf("%+v, want %s", o, model)
	}
	// Beam's boot program uploads what it knows of a crash there: only a flag that Go's flag package has seen gets through.
	if got := options.Go.Options["temp_location"]; got != "gs://staging/temporary" {
		t.Errorf("the workers' temp_location is %q in %v", got, options.Go.Options)
	}
}

// checkGraph looks at the pipeline that was staged.
func checkGraph(t *testing.T, staged []byte, image, worker, digest string) {
	t.Helper()
	var p pipepb.Pipeline
	if err := proto.Unmarshal(staged, &p); err != nil {
		t.Fatal(err)
	}
	if n := len(p.GetComponents().GetEnvironments()); n != 1 {
		t.Fatalf("%d environments", n)
	}
	for _, env := range p.GetComponents().GetEnvironments() {
		var docker pipepb.DockerPayload
		if err := proto.Unmarshal(env.GetPayload(), &docker); err != nil || env.GetUrn() != "beam:env:docker:v1" || docker.GetContainerImage() != image {
			t.Errorf("environment %s, %v, %v", env.GetUrn(), &docker, err)
		}
		var url pipepb.ArtifactUrlPayload
		if deps := env.GetDependencies(); len(deps) != 1 || proto.Unmarshal(deps[0].GetTypePayload(), &url) != nil || url.GetUrl() != worker || url.GetSha256() != digest {
			t.Errorf("dependencies %v, want %s", deps, worker)
		}
		hints := map[string]string{}
		for urn, value := range env.GetResourceHints() {
			hints[urn] = string(value)
		}
		if diff := gocmp.Diff(map[string]string{"beam:resources:min_ram_bytes:v1": "6000000000", "beam:resources:max_active_bundles_per_worker:v1": "2"}, hints); diff != "" {
			t.Errorf("resource hints (-want +got):\n%s", diff)
		}
	}
	var steps []string
	for _, transform := range p.GetComponents().GetTransforms() {
		if len(transform.GetSubtransforms()) == 0 {
			steps = append(steps, strings.TrimPrefix(transform.GetUniqueName(), "tagbeam.Tag/")+" "+transform.GetSpec().GetUrn())
		}
	}
	slices.Sort(steps)
	golden(t, "dataflow_graph.txt", strings.Join(steps, "\n")+"\n")
}

// golden compares with a file of testdata beside the test; TAGBEAM_UPDATE writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("TAGBEAM_UPDATE") != "" {
		writeFile(t, file, []byte(got))
	}
	if diff := gocmp.Diff(string(readFile(t, file)), got); diff != "" {
		t.Errorf("%s (-want +got), TAGBEAM_UPDATE=1 writes it:\n%s", file, diff)
	}
}

// leftovers are the objects whose names begin so.
func leftovers(t *testing.T, prefixes ...string) []string {
	t.Helper()
	var found []string
	for _, prefix := range prefixes {
		for name := range (job{output: prefix}).objects(t, "") {
			found = append(found, name)
		}
	}
	return found
}

// TestDataflowEnds: how a job ends is how the command ends, and an interrupted command cancels its job.
func TestDataflowEnds(t *testing.T) {
	t.Run("failed", func(t *testing.T) {
		f := startDataflow(t)
		j, flags := onDataflow(t, f, 3)
		f.becomes("JOB_STATE_FAILED", "Startup of the worker pool failed", "The zone is out of resources")
		tagbeam(t, j.args(flags...)...).want(exitFailed).says("the Dataflow job "+fakeJobID+" failed", "Startup of the worker pool failed; The zone is out of resources")
	})
	t.Run("cancelled elsewhere", func(t *testing.T) {
		f := startDataflow(t)
		j, flags := onDataflow(t, f, 3)
		f.becomes("JOB_STATE_CANCELLED")
		tagbeam(t, j.args(flags...)...).want(exitFailed).says("was cancelled: run the command again")
	})
	t.Run("said to be done", func(t *testing.T) {
		f := startDataflow(t)
		j, flags := onDataflow(t, f, 3)
		f.becomes("JOB_STATE_DONE")
		tagbeam(t, j.args(flags...)...).want(exitFailed).says("the run is not published")
	})
	t.Run("interrupted", func(t *testing.T) {
		f := startDataflow(t)
		j, flags := onDataflow(t, f, 3)
		f.becomes("JOB_STATE_RUNNING")
		p := start(t, j.args(flags...)...)
		f.arrived(t, p)
		p.signal(syscall.SIGINT)
		p.wait().want(130).says("Dataflow was asked to cancel job " + fakeJobID)
		if diff := gocmp.Diff([]string{"JOB_STATE_CANCELLED"}, f.wishes); diff != "" {
			t.Errorf("asked for (-want +got):\n%s", diff)
		}
	})
	t.Run("not waited for", func(t *testing.T) {
		for _, flag := range []string{"--async", "--detach"} {
			f := startDataflow(t)
			j, flags := onDataflow(t, f, 3)
			tagbeam(t, j.args(append(flags, flag)...)...).want(exitOK).prints(fakeJobID).says("is left to itself: it is on https://console.cloud.google.com/dataflow/jobs/" + fakeRegion + "/" + fakeJobID)
			if f.asked != 0 {
				t.Errorf("%s: asked for the job %d times", flag, f.asked)
			}
		}
	})
}

// TestDataflowTemplate: what the launcher of a flex template asks for. The run is planned, and its job written for the launcher to submit.
func TestDataflowTemplate(t *testing.T) {
	f := startDataflow(t)
	j, flags := onDataflow(t, f, 3)
	tagbeam(t, j.args(append(flags, "--template_location=gs://staging/templates/job")...)...).want(exitOK).prints("gs://staging/templates/job")
	var sent df.Job
	if err := json.Unmarshal(f.object(t, "gs://staging/templates/job"), &sent); err != nil || len(f.jobs) > 0 {
		t.Fatalf("%v; %d submitted", err, len(f.jobs))
	}
	if image := sent.Environment.WorkerPools[0].WorkerHarnessContainerImage; image != f.registry+"/tagbeam:ready" {
		t.Errorf("image %s", image)
	}
	f.run(t, &sent)
	j.wantEachOnce(t, 3)
}

// TestFlexTemplate: the files of the flex template are what Google's API takes, and the parameters are flags of ours or Beam's.
func TestFlexTemplate(t *testing.T) {
	t.Parallel()
	var spec df.ContainerSpec
	decoder := json.NewDecoder(bytes.NewReader(deployFile(t, "flex-template.json")))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&spec); err != nil {
		t.Fatal(err)
	}
	if spec.SdkInfo.Language != "GO" || spec.Metadata.Name == "" || len(spec.Metadata.Parameters) < 5 {
		t.Errorf("%+v", spec)
	}
	for _, p := range spec.Metadata.Parameters {
		if p.Label == "" || p.HelpText == "" || p.ParamType == "" {
			t.Errorf("parameter %s has no label, help or type", p.Name)
		}
		value := "1"
		knownFlags(t, []string{"tag", "--" + p.Name + "=" + value})
		for _, r := range p.Regexes {
			if _, err := regexp.Compile(r); err != nil {
				t.Errorf("parameter %s: %v", p.Name, err)
			}
		}
	}
	launcher := string(deployFile(t, "flex-template-launch"))
	m := regexp.MustCompile(`(?m)^exec /usr/local/bin/tagbeam (tag .*) "\$@"$`).FindStringSubmatch(launcher)
	if m == nil {
		t.Fatalf("the launcher starts no tagbeam: %s", launcher)
	}
	knownFlags(t, strings.Fields(m[1]))
}

// TestDataflowDryRun: Beam's --dry_run prints the job and does nothing.
func TestDataflowDryRun(t *testing.T) {
	f := startDataflow(t)
	j, flags := onDataflow(t, f, 3)
	e := tagbeam(t, j.args(append(flags, "--dry_run")...)...).want(exitOK).says("Dry-run: not submitting job!", "tagbeam:ready", "JOB_TYPE_BATCH", "nothing was written")
	if strings.Contains(e.stderr, "submitted to") || len(f.jobs) > 0 {
		t.Errorf("it was submitted: %s", e)
	}
	if left := leftovers(t, "gs://staging/here", "gs://tags/all"); len(left) > 0 {
		t.Errorf("written: %q", left)
	}
}

// TestDataflowPlanOnly: the job, its hours and its price; with what is measured here when no rate is given.
func TestDataflowPlanOnly(t *testing.T) {
	f := startDataflow(t)
	j, flags := onDataflow(t, f, 90)
	flags = append(flags, "--plan-only", "--worker_machine_type=n2-standard-8", "--max_num_workers=3", "--resource_hints=min_ram=6GB")
	tagbeam(t, j.args(append(flags, "--vcpu-rate=0.5", "--vcpu-hour-price=60")...)...).want(exitOK).prints(
		"to be tagged             90, ",
		"job on Dataflow          project "+fakeProject+", region "+fakeRegion,
		"image                    "+f.registry+"/tagbeam:ready",
		"staged worker            "+self(t)+" (linux/amd64, ",
		"workers                  at most 3 n2-standard-8, 2 units at hand in each",
		"resource hint            min_ram=6GB",
		"estimate                 0.05 vCPU hours, at 0.5 images/s and vCPU (as given)",
		"8s on 24 vCPUs",
		"cost                     3.00, at 60 a vCPU hour")
	tagbeam(t, j.args(flags...)...).want(exitOK).prints("images/s and vCPU (measured here, now", "give --vcpu-hour-price")
	tagbeam(t, j.args(append(flags, "--vcpu-rate=-1")...)...).want(exitUsage).says("--vcpu-rate -1: images a second, not negative")
	if left := leftovers(t, "gs://staging/here", "gs://tags/all"); len(left) > 0 || len(f.jobs) > 0 {
		t.Errorf("written: %q, submitted: %d", left, len(f.jobs))
	}
}
