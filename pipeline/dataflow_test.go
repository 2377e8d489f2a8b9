package pipeline_test

import (
	"testing"

	"github.com/tagbeam/tagbeam/pipeline"
)

func TestMachineVCPUs(t *testing.T) {
	for machine, want := range map[string]int{
		"n1-standard-1": 1, "n2-standard-8": 8, "n2d-highmem-96": 96, "c4a-standard-16-lssd": 16, "t2a-standard-4": 4, "e2-medium": 2, "e2-standard-2": 2,
		"custom-4-8192": 4, "n2-custom-6-3072": 6, "n1-custom-2-13312-ext": 2, "zones/europe-west4-a/machineTypes/n1-standard-4": 4, "": 0, "n1": 0, "f1-micro": 0, "a-b-c": 0, "n1-standard-0": 0,
	} {
		if got := (&pipeline.Dataflow{MachineType: machine}).VCPUs(); got != want {
			t.Errorf("%s has %d, want %d", machine, got, want)
		}
	}
}

func TestNewerVersion(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"2.36", "2.36", false}, {"2.38", "2.36", true}, {"2.4", "2.36", false}, {"2.36.1", "2.36", true}, {"3", "2.36", true}, {"2.2.5", "2.36", false},
		{"2.3", "", true}, {"PRIVATE", "2.36", false}, {"", "2.36", false},
	} {
		if got := pipeline.NewerVersion(c.a, c.b); got != c.want {
			t.Errorf("%q above %q: %v", c.a, c.b, got)
		}
	}
}
