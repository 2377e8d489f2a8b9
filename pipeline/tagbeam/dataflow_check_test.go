package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDataflowNotReady: what is wrong is said before anything is planned or submitted, each with the way out, and all at once.
func TestDataflowNotReady(t *testing.T) {
	f := startDataflow(t)
	j, ready := onDataflow(t, f, 2)
	tagbeam(t, j.args(append(ready, "--plan-only", "--vcpu-rate=1")...)...).want(exitOK)

	f.image(t, "arm", "linux", "arm64", "/usr/local/bin/tagbeam")
	f.image(t, "shell", "linux", "amd64", "/bin/sh")
	image := "--sdk_container_image=" + f.registry + "/tagbeam"
	noCgo := buildProgram(t, "github.com/tagbeam/tagbeam")
	stranger := buildProgram(t, "example.org/stranger")
	text := filepath.Join(t.TempDir(), "text")
	writeFile(t, text, []byte("#!/bin/sh\n"))
	for name, c := range map[string]struct {
		flags []string // beside, or instead of, the ready ones
		says  []string
	}{
		"a project that is none":    {[]string{"--project=My Images"}, []string{"--project My Images: no id of a project"}},
		"the credentials' project":  {[]string{"--project="}, []string{"the Dataflow API refuses project another-project", "roles/dataflow.developer"}},
		"no region":                 {[]string{"--region="}, []string{"--region: give the region in which the job runs"}},
		"a zone":                    {[]string{"--region=europe-west4-b"}, []string{"that is a zone; its region is europe-west4"}},
		"a region that is none":     {[]string{"--region=Holland"}, []string{"--region Holland: no region"}},
		"a region without Dataflow": {[]string{"--region=mars-west1"}, []string{"the Dataflow API refuses project " + fakeProject + ", region mars-west1", "does the region have it?"}},
		"an endpoint":               {[]string{"--dataflow_endpoint=localhost"}, []string{"--dataflow_endpoint localhost: give a URL that ends in a slash"}},
		"no staging location":       {[]string{"--staging_location="}, []string{"--staging_location: give a folder in a bucket"}},
		"a local staging location":  {[]string{"--staging_location=/tmp"}, []string{"--staging_location /tmp: Dataflow reads it from Cloud Storage"}},
		"an odd staging location":   {[]string{"--staging_location=gs://staging/100%"}, []string{"Beam cannot handle the characters"}},
		"no staging bucket":         {[]string{"--staging_location=gs://nowhere/x"}, []string{"--staging_location gs://nowhere/x: there is no bucket gs://nowhere", "--temp_location gs://nowhere/x/tmp: there is no bucket"}},
		"no temporary bucket":       {[]string{"--temp_location=gs://nowhere"}, []string{"--temp_location gs://nowhere: there is no bucket gs://nowhere"}},
		"a local temporary place":   {[]string{"--temp_location=s3://bucket/tmp"}, []string{"--temp_location s3://bucket/tmp: Dataflow reads it from Cloud Storage"}},
		"no image":                  {[]string{"--sdk_container_image="}, []string{"--sdk_container_image: name the image of our Dockerfile", "neither ONNX Runtime nor the C libraries"}},
		"two images":                {[]string{"--worker_harness_container_image=x"}, []string{"are the same: give the first only"}},
		"an image that is not there": {
			[]string{image + ":nothing"}, []string{"tagbeam:nothing: the registry has no such image: build it with our Dockerfile"}},
		"an image for Arm":             {[]string{image + ":arm"}, []string{"it is for linux/arm64, and the workers are linux/amd64"}},
		"an image of something else":   {[]string{image + ":shell"}, []string{`its entry point is ["/bin/sh"], neither tagbeam nor Beam's boot`}},
		"an image's name that is none": {[]string{"--sdk_container_image=UPPER/case image"}, []string{"no name of an image"}},
		"another environment":          {[]string{"--environment_type=PROCESS"}, []string{"--environment_type PROCESS: Dataflow runs workers in containers only"}},
		"no worker":                    {[]string{"--worker_binary=/nowhere/worker"}, []string{"--worker_binary /nowhere/worker cannot be a worker: there is no such file"}},
		"a folder for a worker":        {[]string{"--worker_binary=/tmp"}, []string{"it is no file"}},
		"a script for a worker":        {[]string{"--worker_binary=" + text}, []string{"it is no Linux program (ELF)"}},
		"a C program for a worker":     {[]string{"--worker_binary=/bin/sh"}, []string{"it is no Go program"}},
		"a worker without cgo":         {[]string{"--worker_binary=" + noCgo}, []string{"it is built without cgo", "CGO_ENABLED=1"}},
		"another Go program":           {[]string{"--worker_binary=" + stranger}, []string{"it is another program (example.org/stranger)"}},
		"a worker for another machine": {[]string{"--machine_type=t2a-standard-4"}, []string{"is for linux/amd64, and a t2a-standard-4's processor is linux/arm64"}},
		"a local template":             {[]string{"--template_location=/tmp/x"}, []string{"--template_location /tmp/x: Dataflow reads it from Cloud Storage"}},
		"an update":                    {[]string{"--update"}, []string{"only streaming jobs can be updated"}},
		"labels":                       {[]string{"--labels=team=images"}, []string{`--labels team=images: give JSON`}},
		"workers":                      {[]string{"--num_workers=5", "--max_num_workers=3"}, []string{"nor the first above the second"}},
		"threads":                      {[]string{"--number_of_worker_harness_threads=-1"}, []string{"--number_of_worker_harness_threads -1: must not be negative"}},
		"a job's name":                 {[]string{"--job_name=Tonight!"}, []string{"--job_name Tonight!: lower-case letters"}},
		"autoscaling":                  {[]string{"--autoscaling_algorithm=MORE"}, []string{"NONE or THROUGHPUT_BASED"}},
		"flexible":                     {[]string{"--flexrs_goal=CHEAP"}, []string{"FLEXRS_COST_OPTIMIZED or"}},
		"an unknown hint":              {[]string{"--resource_hints=ram=1GB"}, []string{"--resource_hints: unknown resource hint", "as in --resource_hints=min_ram=8GB"}},
		"a hint without a value":       {[]string{"--resource_hints=min_ram"}, []string{"--resource_hints: unparsable resource hint"}},
		"an override":                  {[]string{"--sdk_harness_container_image_override=x"}, []string{"a pattern and an image with a comma between them"}},
		"a shared file system":         {[]string{"--shared-filesystem"}, []string{"--shared-filesystem: Dataflow's workers share no file system"}},
		"local images":                 {[]string{"--input=" + imageFolder(t, 1)}, []string{"the workers cannot see this machine's files: copy it to a bucket"}},
		"a local output":               {[]string{"--output=" + t.TempDir()}, []string{"the workers cannot write to this machine: name a folder in a bucket"}},
		"several things": {[]string{"--region=europe-west4-b", "--labels=x", "--sdk_container_image="},
			[]string{"not ready for Dataflow:\n  --region", "\n  --labels", "\n  --sdk_container_image"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, planOnly := range []string{"--plan-only=true", "--plan-only=false"} {
				tagbeam(t, j.args(append(append(ready, c.flags...), planOnly)...)...).want(exitUsage).says(c.says...)
			}
		})
	}
	t.Cleanup(func() {
		if len(f.jobs) > 0 {
			t.Errorf("%d jobs were submitted", len(f.jobs))
		}
	})
}

// buildProgram builds a Go program of that module, without cgo.
func buildProgram(t *testing.T, module string) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "go.mod"), []byte("module "+module+"\n\ngo 1.24\n"))
	writeFile(t, filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"))
	cmd := exec.Command("go", "build", "-o", "program", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "program")
}

// TestDataflowRefused: what services refuse, and what they only do not tell.
func TestDataflowRefused(t *testing.T) {
	f := startDataflow(t)
	j, ready := onDataflow(t, f, 2)
	plan := j.args(append(ready, "--plan-only", "--vcpu-rate=1")...)
	is := func(r *http.Request, method, bucket, part string) bool {
		return r.Method == method && strings.Contains(r.URL.Path, "/"+bucket+"/") && strings.Contains(r.URL.String(), part)
	}
	forbid := func(method, bucket, part string) {
		f.gs.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if is(r, method, bucket, part) {
				deny(w, http.StatusForbidden, "somebody@example.org does not have that right")
				return
			}
			next.ServeHTTP(w, r)
		})
	}

	forbid("POST", "staging", "")
	tagbeam(t, plan...).want(exitUsage).says("--staging_location gs://staging/here cannot be written", "--temp_location gs://staging/here/tmp cannot be written", "permission denied")
	forbid("POST", "tags", "")
	tagbeam(t, plan...).want(exitUsage).says("--output gs://tags/all cannot be written", "permission denied")
	forbid("GET", "data", imageName(0))
	tagbeam(t, plan...).want(exitUsage).says("--input: gs://data/photos/"+imageName(0)+" can be listed but not read", "permission denied")
	forbid("DELETE", "tags", "")
	tagbeam(t, plan...).want(exitOK).says("--output: gs://tags/all/tagbeam-check-", "cannot be removed")
	f.gs.Inject(nil)

	f.refuses(http.StatusForbidden)
	tagbeam(t, plan...).want(exitUsage).says("the Dataflow API refuses project "+fakeProject, "or it is disabled (HTTP 403)", "gcloud services enable dataflow.googleapis.com")
	f.refuses(http.StatusServiceUnavailable)
	tagbeam(t, plan...).want(exitFailed).says("ask the Dataflow API about project " + fakeProject)
	f.refuses(0)

	hidden := append(append([]string{}, plan...), "--sdk_container_image=127.0.0.1:1/tagbeam:1")
	tagbeam(t, hidden...).want(exitOK).says("--sdk_container_image 127.0.0.1:1/tagbeam:1 could not be looked at from here")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "nothing.json"))
	tagbeam(t, plan...).want(exitUsage).says("no credentials for Google Cloud", "gcloud auth application-default login")
	if len(f.jobs) > 0 {
		t.Errorf("%d jobs were submitted", len(f.jobs))
	}
}
