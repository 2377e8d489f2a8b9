package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	batchv1 "k8s.io/api/batch/v1"
	"sigs.k8s.io/json"
	kyaml "sigs.k8s.io/yaml"
)

// cronJobs decodes the CronJobs of a manifest by Kubernetes' own types: a field that these do not have, or have in other capitals, fails the test.
func cronJobs(t *testing.T, file string) []batchv1.CronJob {
	t.Helper()
	var found []batchv1.CronJob
	for _, doc := range documents(t, file) {
		if doc["kind"] != "CronJob" {
			continue
		}
		text, err := yaml.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		object, err := kyaml.YAMLToJSONStrict(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var job batchv1.CronJob
		if mistakes, err := json.UnmarshalStrict(object, &job); err != nil || len(mistakes) > 0 {
			t.Errorf("%s: %v", file, errors.Join(append(mistakes, err)...))
		}
		if job.APIVersion != "batch/v1" || job.Name == "" {
			t.Errorf("%s: apiVersion %q, name %q", file, job.APIVersion, job.Name)
		}
		found = append(found, job)
	}
	return found
}

// documents are those of a file of pipeline/deploy.
func documents(t *testing.T, file string) []map[string]any {
	t.Helper()
	var docs []map[string]any
	decoder := yaml.NewDecoder(bytes.NewReader(deployFile(t, file)))
	for {
		var doc map[string]any
		err := decoder.Decode(&doc)
		if err == io.EOF {
			return docs
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		docs = append(docs, doc)
	}
}

// TestFlinkManifest: what the CronJob submits runs where the FlinkDeployment's task managers have their workers, by the job server beside it; and
// what is written twice, here and in cronjob.yaml, is the same.
func TestFlinkManifest(t *testing.T) {
	t.Parallel()
	docs := documents(t, "flink.yaml")
	if len(docs) != 2 || docs[0]["kind"] != "FlinkDeployment" {
		t.Fatalf("%d documents", len(docs))
	}
	var cluster struct {
		Metadata struct{ Name string }
		Spec     struct {
			TaskManager struct {
				PodTemplate struct {
					Spec struct {
						Containers []struct {
							Name, Image string
							Args        []string
						}
					}
				} `yaml:"podTemplate"`
			} `yaml:"taskManager"`
		}
	}
	text, err := yaml.Marshal(docs[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &cluster); err != nil {
		t.Fatal(err)
	}
	workers := cluster.Spec.TaskManager.PodTemplate.Spec.Containers
	if len(workers) != 2 || workers[0].Name != "flink-main-container" {
		t.Fatalf("containers of task managers: %+v", workers)
	}
	knownFlags(t, workers[1].Args)
	pool, _ := strings.CutPrefix(workers[1].Args[len(workers[1].Args)-1], "--listen=")

	jobs, plain := cronJobs(t, "flink.yaml"), cronJobs(t, "cronjob.yaml")
	if len(jobs) != 1 || len(plain) != 1 {
		t.Fatalf("%d and %d CronJobs", len(jobs), len(plain))
	}
	pod, other := jobs[0].Spec.JobTemplate.Spec.Template.Spec, plain[0].Spec.JobTemplate.Spec.Template.Spec
	command := pod.Containers[0]
	if command.Image != workers[1].Image || command.Image != other.Containers[0].Image {
		t.Errorf("images %s, %s, %s", command.Image, workers[1].Image, other.Containers[0].Image)
	}
	if !slices.Equal(command.Command, other.Containers[0].Command) || strings.Join(command.Args[:2], "\n") != strings.Join(other.Containers[0].Args[:2], "\n") {
		t.Error("the commands around tagbeam differ")
	}
	knownFlags(t, command.Args[2:])
	for _, want := range []string{"--runner=flink", "--environment_type=EXTERNAL", "--environment_config=" + pool, "--endpoint=localhost:8099", "--flink-rest=" + cluster.Metadata.Name + "-rest:8081"} {
		if !slices.Contains(command.Args, want) {
			t.Errorf("the command lacks %s: %q", want, command.Args)
		}
	}
	server := pod.InitContainers[0]
	if server.RestartPolicy == nil || *server.RestartPolicy != "Always" {
		t.Error("the job server is no sidecar: the pod would wait for its end")
	}
	for _, want := range []string{"--job-host=localhost", "--job-port=8099", "--flink-master=" + cluster.Metadata.Name + "-rest:8081"} {
		if !slices.Contains(server.Args, want) {
			t.Errorf("the job server lacks %s: %q", want, server.Args)
		}
	}
}

// TestFlinkDeployment: the manifest of the cluster is what the schema of Flink's operator has, with no field that it lacks.
func TestFlinkDeployment(t *testing.T) {
	jar := os.Getenv("TAGBEAM_FLINK_OPERATOR")
	if jar == "" {
		t.Skip("SKIPPED: no schema of Flink's operator (make flink fetches it, with mvn)")
	}
	schema := operatorSchema(t, jar)
	deployment := documents(t, "flink.yaml")[0]
	if err := schema.Validate(deployment); err != nil {
		t.Errorf("flink.yaml: %v", err)
	}
	// It is a schema that refuses.
	for name, spoil := range map[string]func(map[string]any){
		"unknown field": func(spec map[string]any) { spec["taskManagers"] = map[string]any{} },
		"wrong type":    func(spec map[string]any) { spec["image"] = 1 },
		"no such value": func(spec map[string]any) { spec["flinkVersion"] = "v9_9" },
		"in a container": func(spec map[string]any) {
			pod := spec["taskManager"].(map[string]any)["podTemplate"].(map[string]any)["spec"].(map[string]any)
			pod["containers"].([]any)[1].(map[string]any)["arg"] = []any{"worker-pool"}
		},
	} {
		spoilt := documents(t, "flink.yaml")[0]
		spoil(spoilt["spec"].(map[string]any))
		if err := schema.Validate(spoilt); err == nil {
			t.Errorf("%s: the schema lets it pass", name)
		}
	}
}

// operatorSchema reads the schema of FlinkDeployment v1beta1 from the jar of the operator's API.
func operatorSchema(t *testing.T, jar string) *jsonschema.Schema {
	t.Helper()
	archive, err := zip.OpenReader(jar)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	file, err := archive.Open("META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var definition struct {
		Spec struct {
			Versions []struct {
				Name   string
				Schema struct {
					OpenAPI map[string]any `yaml:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.NewDecoder(file).Decode(&definition); err != nil {
		t.Fatal(err)
	}
	for _, v := range definition.Spec.Versions {
		if v.Name != "v1beta1" {
			continue
		}
		v.Schema.OpenAPI["properties"].(map[string]any)["apiVersion"] = map[string]any{"const": "flink.apache.org/v1beta1"}
		v.Schema.OpenAPI["properties"].(map[string]any)["kind"] = map[string]any{"const": "FlinkDeployment"}
		v.Schema.OpenAPI["properties"].(map[string]any)["metadata"] = map[string]any{"type": "object", "required": []any{"name"}}
		closeObjects(v.Schema.OpenAPI)
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource("flinkdeployment.json", v.Schema.OpenAPI); err != nil {
			t.Fatal(err)
		}
		schema, err := compiler.Compile("flinkdeployment.json")
		if err != nil {
			t.Fatal(err)
		}
		return schema
	}
	t.Fatal("the jar has no FlinkDeployment v1beta1")
	return nil
}

// closeObjects lets objects have the properties that the schema names and no other: Kubernetes drops those in silence.
func closeObjects(schema map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	if len(properties) > 0 && schema["additionalProperties"] == nil && schema["x-kubernetes-preserve-unknown-fields"] != true {
		schema["additionalProperties"] = false
	}
	for _, p := range properties {
		if p, ok := p.(map[string]any); ok {
			closeObjects(p)
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if s, ok := schema[key].(map[string]any); ok {
			closeObjects(s)
		}
	}
}
