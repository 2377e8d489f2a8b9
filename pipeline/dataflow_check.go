package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/dataflow/dataflowlib"
	"google.golang.org/api/googleapi"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/source"
)

// CheckDataflow checks, before a job costs money, all that can be checked from here: the flags, the worker, that nothing local is asked of the
// workers, that the image is there, that staging and temporary locations and the output can be written (a small object is written and
// removed) and inputs read, and that the Dataflow API lets us in. All that is wrong is in the error, not only the first.
func CheckDataflow(ctx context.Context, o Options) (*Dataflow, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	ctx = object.WithSettings(ctx, o.Stores)
	d := readDataflow(ctx)
	var c checks
	c.add(d.checkPlace()...)
	c.add(d.checkLocation("--"+flagStaging, d.Staging), d.checkLocation("--"+flagTemp, d.Temp))
	c.add(checkBeamFlags()...)
	c.add(d.checkImageFlags())
	c.add(o.checkNothingLocal()...)
	var err error
	d.Worker, err = findWorker(*jobopts.WorkerBinary, d.MachineType)
	c.add(err)
	if c.failed() {
		return &d, c.err() // what follows asks services, by these
	}
	if newerVersion(d.Worker.GLIBC, imageGLIBC) {
		d.Warnings = append(d.Warnings, fmt.Sprintf("the worker %s needs the C library of GLIBC %s, and the image of our Dockerfile has %s: if the image is that, build tagbeam on Debian 12, or take it out of the image", d.Worker.Path, d.Worker.GLIBC, imageGLIBC))
	}
	warning, err := checkImage(ctx, d.Image, d.Worker.Arch)
	c.add(err)
	if warning != "" {
		d.Warnings = append(d.Warnings, warning)
	}
	if t := beamFlag(flagTemplate); t != "" {
		c.add(d.checkLocation("--"+flagTemplate, t))
	}
	for _, place := range [][2]string{{"--" + flagStaging, d.Staging}, {"--" + flagTemp, d.Temp}, {"--output", o.Output}} {
		warning, err := checkWritable(ctx, place[0], place[1])
		c.add(err)
		if warning != "" {
			d.Warnings = append(d.Warnings, warning)
		}
	}
	c.add(o.checkReadable(ctx))
	c.add(d.checkAPI(ctx))
	return &d, c.err()
}

// checks gathers what is wrong.
type checks struct{ errs []error }

func (c *checks) add(errs ...error) {
	for _, err := range errs {
		if err != nil {
			c.errs = append(c.errs, err)
		}
	}
}

func (c *checks) failed() bool { return len(c.errs) > 0 }

// err is all that is wrong, as one: a UsageError when everything in it is.
func (c *checks) err() error {
	if len(c.errs) == 0 {
		return nil
	}
	lines, mistakes := make([]string, len(c.errs)), true
	for i, err := range c.errs {
		lines[i] = err.Error()
		mistakes = mistakes && errors.As(err, new(*UsageError))
	}
	err := fmt.Errorf("not ready for Dataflow:\n  %s", strings.Join(lines, "\n  "))
	if mistakes {
		return &UsageError{err}
	}
	return err
}

var (
	projectPattern = regexp.MustCompile(`^([a-z0-9][a-z0-9.-]*:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	regionPattern  = regexp.MustCompile(`^[a-z]+(-[a-z]+)+\d+$`)
	zonePattern    = regexp.MustCompile(`^([a-z]+(-[a-z]+)+\d+)-[a-z]$`)
	jobNamePattern = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)
)

func (d *Dataflow) checkPlace() []error {
	var errs []error
	switch {
	case d.Project == "":
		errs = append(errs, usage("--project: give the id of the Google Cloud project, as in --project=my-project"))
	case !projectPattern.MatchString(d.Project):
		errs = append(errs, usage("--project %s: no id of a project (6 to 30 lower-case letters, digits and dashes; neither its name nor its number)", d.Project))
	}
	switch zone := zonePattern.FindStringSubmatch(d.Region); {
	case d.Region == "":
		errs = append(errs, usage("--region: give the region in which the job runs, as in --region=europe-west4 (the one of the buckets is cheapest)"))
	case zone != nil:
		errs = append(errs, usage("--region %s: that is a zone; its region is %s", d.Region, zone[1]))
	case !regionPattern.MatchString(d.Region):
		errs = append(errs, usage("--region %s: no region, as europe-west4 is one", d.Region))
	}
	if d.Endpoint != "" {
		if u, err := url.Parse(d.Endpoint); err != nil || u.Scheme == "" || u.Host == "" || !strings.HasSuffix(u.Path, "/") {
			errs = append(errs, usage("--%s %s: give a URL that ends in a slash", flagJobEndpoint, d.Endpoint))
		}
	}
	return errs
}

// checkLocation checks a folder that Beam's runner takes apart itself, as a URL.
func (d *Dataflow) checkLocation(flag, uri string) error {
	if uri == "" {
		if flag == "--"+flagTemp {
			return nil // it follows from the staging location, about which was complained
		}
		return usage("%s: give a folder in a bucket, as in %s=gs://bucket/tagbeam/staging", flag, flag)
	}
	loc, err := object.Parse(uri)
	switch {
	case err != nil:
		return usage("%s: %w", flag, err)
	case loc.Scheme != object.SchemeGS:
		return usage("%s %s: Dataflow reads it from Cloud Storage: give a folder in a bucket, gs://bucket/folder", flag, uri)
	case strings.ContainsAny(uri, "#%? "):
		return usage("%s %s: Beam cannot handle the characters # %% ? and spaces there", flag, uri)
	}
	return nil
}

// checkBeamFlags refuses what Beam's runner would panic or fail on later, and what cannot work with a run that is planned first.
func checkBeamFlags() []error {
	var errs []error
	if text := beamFlag("labels"); text != "" {
		if err := json.Unmarshal([]byte(text), &map[string]string{}); err != nil {
			errs = append(errs, usage(`--labels %s: give JSON, as in --labels='{"team":"images"}': %w`, text, err))
		}
	}
	if n, most := beamFlagInt("num_workers"), beamFlagInt("max_num_workers"); n < 0 || most < 0 || most > 0 && n > most {
		errs = append(errs, usage("--num_workers %d, --max_num_workers %d: must not be negative, nor the first above the second", n, most))
	}
	if n := beamFlagInt(flagThreads); n < 0 {
		errs = append(errs, usage("--%s %d: must not be negative", flagThreads, n))
	}
	if n := *jobopts.JobName; n != "" && !jobNamePattern.MatchString(n) {
		errs = append(errs, usage("--job_name %s: lower-case letters, digits and dashes, a letter first and no dash last", n))
	}
	if a := beamFlag("autoscaling_algorithm"); a != "" && a != "NONE" && a != "THROUGHPUT_BASED" {
		errs = append(errs, usage("--autoscaling_algorithm %s: NONE or THROUGHPUT_BASED", a))
	}
	if g := beamFlag("flexrs_goal"); g != "" && g != "FLEXRS_UNSPECIFIED" && g != "FLEXRS_SPEED_OPTIMIZED" && g != "FLEXRS_COST_OPTIMIZED" {
		errs = append(errs, usage("--flexrs_goal %s: FLEXRS_COST_OPTIMIZED or FLEXRS_SPEED_OPTIMIZED", g))
	}
	if beamFlag(flagUpdate) == "true" {
		errs = append(errs, usage("--%s: only streaming jobs can be updated; to go on with a run, run the same command again", flagUpdate))
	}
	for _, o := range jobopts.SdkHarnessContainerImageOverrides {
		if !strings.Contains(o, ",") {
			errs = append(errs, usage("--sdk_harness_container_image_override %s: a pattern and an image with a comma between them", o))
		}
	}
	return append(errs, checkHints())
}

// checkHints parses the resource hints as Beam does, which panics on those that it does not understand.
func checkHints() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = usage("--resource_hints: %v; as in --resource_hints=min_ram=8GB", p)
		}
	}()
	jobopts.GetPipelineResourceHints()
	return nil
}

func (d *Dataflow) checkImageFlags() error {
	env := strings.ToUpper(*jobopts.EnvironmentType)
	switch {
	case env != "" && env != "DOCKER":
		return usage("--environment_type %s: Dataflow runs workers in containers only: leave it out, and name the image with --%s", env, flagImage)
	case d.Image == "":
		return usage("--%s: name the image of our Dockerfile, in a registry that the workers can read: Beam's own, the default, has neither ONNX Runtime nor the C libraries", flagImage)
	case beamFlag(flagImage) != "" && beamFlag(flagOldImage) != "":
		return usage("--%s and --%s are the same: give the first only", flagImage, flagOldImage)
	}
	return nil
}

// checkNothingLocal refuses what only this machine has.
func (o Options) checkNothingLocal() []error {
	var errs []error
	if o.SharedFilesystem {
		errs = append(errs, usage("--shared-filesystem: Dataflow's workers share no file system with this machine"))
	}
	for _, in := range o.Inputs {
		if !strings.HasPrefix(in, "@") && isLocal(in) {
			errs = append(errs, usage("--input %s: the workers cannot see this machine's files: copy it to a bucket (gcloud storage cp -r), and name it there", in))
		}
	}
	if isLocal(o.Output) {
		errs = append(errs, usage("--output %s: the workers cannot write to this machine: name a folder in a bucket", o.Output))
	}
	return errs
}

// checkWritable writes a small object into a folder and removes it again.
func checkWritable(ctx context.Context, flag, folder string) (warning string, err error) {
	loc, err := object.Parse(folder)
	if err != nil {
		return "", usage("%s: %w", flag, err)
	}
	loc = loc.Join("tagbeam-check-" + rand.Text())
	store, err := object.Open(ctx, loc)
	if err != nil {
		return "", asUsage(ctx, fmt.Errorf("%s: %w", flag, err))
	}
	err = store.PutIfAbsent(ctx, loc.Key, func(w io.Writer) error {
		_, err := io.WriteString(w, "written by tagbeam to see whether it may, and removed at once\n")
		return err
	})
	switch {
	case errors.Is(err, object.ErrNotFound):
		return "", usage("%s %s: there is no bucket %s://%s", flag, folder, loc.Scheme, loc.Bucket)
	case err != nil:
		return "", asUsage(ctx, fmt.Errorf("%s %s cannot be written: %w", flag, folder, err))
	}
	if err := store.Delete(ctx, loc.Key); err != nil {
		return fmt.Sprintf("%s: %s was written to see whether that is allowed, and cannot be removed: %v", flag, loc, err), nil
	}
	return "", nil
}

// checkReadable reads the first byte of the first image: who may list a bucket need not be allowed to read it. Of manifests it is their own
// reading that tells.
func (o Options) checkReadable(ctx context.Context) error {
	var patterns []string
	for _, in := range o.Inputs {
		if !strings.HasPrefix(in, "@") {
			patterns = append(patterns, in)
		}
	}
	if len(patterns) == 0 {
		return nil
	}
	set, err := source.Open(ctx, patterns, o.sourceOptions(false))
	if err != nil {
		return asUsage(ctx, fmt.Errorf("--input: %w", err))
	}
	var first source.Item
	found := errors.New("found one")
	if err := set.Each(ctx, func(item source.Item) error { first = item; return found }); err == nil {
		return nil // there is none, which is said elsewhere
	} else if !errors.Is(err, found) {
		return asUsage(ctx, fmt.Errorf("--input: %w", err))
	}
	loc, err := object.Parse(first.URI)
	if err != nil {
		return nil // a row of its own will say so
	}
	store, err := object.Open(ctx, loc)
	if err != nil {
		return asUsage(ctx, fmt.Errorf("--input: %w", err))
	}
	body, err := store.ReadRange(ctx, loc.Key, 0, 1)
	if err == nil {
		_, err = io.Copy(io.Discard, body)
		err = errors.Join(err, body.Close())
	}
	if errors.Is(err, object.ErrPermission) {
		return usage("--input: %s can be listed but not read: %w", first.URI, err)
	}
	return nil // anything else may be this one image's own trouble
}

// checkAPI asks the Dataflow API for the jobs of the project in the region: that needs credentials, an API that is enabled, a project and a region.
func (d *Dataflow) checkAPI(ctx context.Context) error {
	client, err := dataflowlib.NewClient(ctx, d.Endpoint)
	if err != nil {
		return usage("no credentials for Google Cloud: %w; run 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS", err)
	}
	_, err = client.Projects.Locations.Jobs.List(d.Project, d.Region).Filter("ACTIVE").PageSize(1).Context(ctx).Do()
	var answer *googleapi.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &answer) && answer.Code < http.StatusInternalServerError:
		return usage("the Dataflow API refuses project %s, region %s: %s (HTTP %d): is the API enabled (gcloud services enable dataflow.googleapis.com), may you use it (roles/dataflow.developer), and does the region have it?", d.Project, d.Region, answer.Message, answer.Code)
	}
	return fmt.Errorf("ask the Dataflow API about project %s, region %s: %w", d.Project, d.Region, err)
}
