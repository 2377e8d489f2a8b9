package pipeline_test

import (
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"

	"github.com/tagbeam/tagbeam/pipeline"
)

// TestJobError: what a runner says of a failed job is cut to its cause, and the known ones come with a way out.
func TestJobError(t *testing.T) {
	const harness = "org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestart\n\tat org.apache.flink.X(Y.java:1)\n" +
		"Caused by: java.lang.RuntimeException: Error received from SDK harness for instruction 4: process bundle failed\nFull error:\nwhile executing\n\tcaused by:\n" +
		"DoFn[UID:6] failed:\nwrite unit 2: permission denied\n\tat java.base/X\n\t... 3 more"
	for _, tc := range []struct {
		name, text, environment string
		says, not               []string
	}{
		{"a stage", harness, "", []string{"write unit 2: permission denied"}, []string{"Full error", "at java", "Recovery", "more"}},
		{"Java alone", "A: x\n\tat a.b(C.java:1)\nCaused by: B: the disk is full\n\tat d.e(F.java:2)\n", "", []string{"B: the disk is full"}, []string{"at d.e", "A: x"}},
		{"nothing said", "", "", []string{"does not say why", "its log"}, nil},
		{"no program", "java.io.IOException: error=2, No such file or directory", "", []string{"put tagbeam", "--environment_config"}, []string{"docker"}},
		{"no docker", "java.io.IOException: error=2, No such file or directory", "DOCKER", []string{"DOCKER workers", "leave --environment_type out"}, []string{"put tagbeam"}},
		{"no library", "ONNX Runtime's library (libonnxruntime.so) was not found", "", []string{"beside tagbeam on every worker", "--onnxruntime FILE"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			setFlag(t, jobopts.EnvironmentType, tc.environment)
			e := &pipeline.JobError{Job: pipeline.Job{ID: "id", Name: "name"}, State: "failed", Text: tc.text}
			for _, words := range append(tc.says, "job name (id) failed") {
				if !strings.Contains(e.Error(), strings.TrimSuffix(words, " failed")) {
					t.Errorf("it does not say %q: %v", words, e)
				}
			}
			for _, words := range tc.not {
				if strings.Contains(e.Error(), words) {
					t.Errorf("it says %q: %v", words, e)
				}
			}
		})
	}
}
