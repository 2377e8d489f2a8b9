package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tagbeam/tagbeam/io/table"
)

// deployFile reads a file of pipeline/deploy.
func deployFile(t *testing.T, name string) []byte {
	t.Helper()
	return readFile(t, filepath.Join("..", "deploy", name))
}

// cronJob is what of the manifest is checked.
type cronJob struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Spec       struct {
		ConcurrencyPolicy string `yaml:"concurrencyPolicy"`
		JobTemplate       struct {
			Spec struct {
				PodFailurePolicy struct {
					Rules []struct {
						Action      string
						OnExitCodes struct {
							ContainerName string `yaml:"containerName"`
							Operator      string
							Values        []int
						} `yaml:"onExitCodes"`
					}
				} `yaml:"podFailurePolicy"`
				Template struct {
					Spec struct {
						RestartPolicy string `yaml:"restartPolicy"`
						Containers    []struct {
							Name          string
							Command, Args []string
						}
					}
				}
			}
		} `yaml:"jobTemplate"`
	}
}

// TestCronJob: what the container runs hands signals on and makes a success of exit code 3 only; its flags are ours; a mistake is not tried again.
func TestCronJob(t *testing.T) {
	t.Parallel()
	var job cronJob
	if err := yaml.Unmarshal(deployFile(t, "cronjob.yaml"), &job); err != nil {
		t.Fatal(err)
	}
	spec := job.Spec.JobTemplate.Spec
	if job.APIVersion != "batch/v1" || job.Kind != "CronJob" || job.Spec.ConcurrencyPolicy != "Forbid" || spec.Template.Spec.RestartPolicy != "Never" || len(spec.Template.Spec.Containers) != 1 {
		t.Fatalf("%+v", job)
	}
	container := spec.Template.Spec.Containers[0]
	var fails []int
	for _, r := range spec.PodFailurePolicy.Rules {
		if r.Action == "FailJob" && r.OnExitCodes.Operator == "In" && r.OnExitCodes.ContainerName == container.Name {
			fails = append(fails, r.OnExitCodes.Values...)
		}
	}
	if len(fails) != 1 || fails[0] != exitUsage {
		t.Errorf("fails at once on %v", fails)
	}
	if len(container.Args) < 3 || container.Args[1] != "tagbeam" {
		t.Fatalf("%q: what follows the script is $0 and its arguments", container.Args)
	}
	knownFlags(t, container.Args[2:])

	for code, want := range map[int]int{exitOK: 0, exitFailed: 1, exitUsage: 2, exitPartial: 0, 137: 137} {
		cmd := inContainer(t, container.Command, container.Args[:2], fmt.Sprintf(`[ "$1" = tag ] || exit 99; exit %d`, code))
		if got := exitCode(cmd.Run()); got != want {
			t.Errorf("exit code %d of tagbeam becomes %d, want %d", code, got, want)
		}
	}

	ready := filepath.Join(t.TempDir(), "ready")
	cmd := inContainer(t, container.Command, container.Args[:2], `trap 'echo stopped; exit 143' TERM; : >"$READY"; while kill -0 $PPID 2>/dev/null; do sleep 0.05; done`)
	cmd.Env = append(cmd.Env, "READY="+ready)
	var out strings.Builder
	cmd.Stdout, cmd.WaitDelay = &out, 10*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(deadline); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(ready); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal("it does not start")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := exitCode(cmd.Wait()); got != 143 || out.String() != "stopped\n" {
		t.Errorf("SIGTERM: exit code %d, want 143; %q", got, out.String())
	}
}

// inContainer prepares the container's command, with a shell script for tagbeam.
func inContainer(t *testing.T, command, args []string, script string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tagbeam"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(command[0], append(append(append([]string{}, command[1:]...), args...), "tag")...)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	return cmd
}

// knownFlags checks that a command line of ours would be understood.
func knownFlags(t *testing.T, args []string) {
	t.Helper()
	cmd, rest, err := newRoot().Find(args)
	if err != nil || !cmd.HasParent() {
		t.Fatalf("%q: %v", args, err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%q: %v", args, err)
	}
}

// TestService: the command line of the systemd service is ours, and its successes are those of the exit codes.
func TestService(t *testing.T) {
	t.Parallel()
	unit := string(deployFile(t, "tagbeam.service"))
	line := regexp.MustCompile(`(?m)^ExecStart=\S+ (.*)$`).FindStringSubmatch(unit)
	if line == nil {
		t.Fatal("no ExecStart")
	}
	knownFlags(t, strings.Fields(line[1]))
	for _, want := range []string{fmt.Sprintf("\nSuccessExitStatus=%d 143\n", exitPartial), fmt.Sprintf("\nRestartPreventExitStatus=%d\n", exitUsage)} {
		if !strings.Contains(unit, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("SKIPPED: there is no systemd-analyze to verify the units")
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "tagbeam.service"), []byte(strings.Replace(unit, "/usr/local/bin/tagbeam", "/bin/true", 1)))
	writeFile(t, filepath.Join(dir, "tagbeam.timer"), deployFile(t, "tagbeam.timer"))
	if out, err := exec.Command(verify, "verify", filepath.Join(dir, "tagbeam.service"), filepath.Join(dir, "tagbeam.timer")).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestCronLine: the README's line of cron is a command of ours.
func TestCronLine(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile(`(?m)^0 2 \* \* \*  .*/tagbeam (tag .*)$`).FindSubmatch(readFile(t, filepath.Join("..", "..", "README.md")))
	if line == nil {
		t.Fatal("there is no line of cron")
	}
	knownFlags(t, strings.Fields(string(line[1])))
}

// TestAlerts: the rules speak of metrics that there are.
func TestAlerts(t *testing.T) {
	t.Parallel()
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	data := deployFile(t, "prometheus-rules.yaml")
	if err := yaml.Unmarshal(data, &rules); err != nil {
		t.Fatal(err)
	}
	s := &summary{Output: "o", Counts: table.Counts{Errors: map[string]int64{"corrupt": 1}}}
	known := map[string]bool{}
	for _, m := range s.metrics(time.Now(), 1) {
		known[m.name] = true
	}
	n := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			n++
			found := regexp.MustCompile(`tagbeam_\w+`).FindAllString(r.Expr, -1)
			if r.Alert == "" || len(found) == 0 || r.Annotations["summary"] == "" {
				t.Errorf("%+v", r)
			}
		}
	}
	if n == 0 {
		t.Error("there are no rules")
	}
	for _, name := range regexp.MustCompile(`tagbeam_\w+`).FindAllString(string(data), -1) {
		if !known[name] {
			t.Errorf("there is no metric %s", name)
		}
	}
	readme := string(readFile(t, filepath.Join("..", "..", "README.md")))
	for name := range known {
		if !strings.Contains(readme, "`"+name+"`") {
			t.Errorf("the README lacks %s", name)
		}
	}
}
