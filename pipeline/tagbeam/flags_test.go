package main

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands are all commands of the program.
func commands() []*cobra.Command {
	var all []*cobra.Command
	var add func(c *cobra.Command)
	add = func(c *cobra.Command) {
		all = append(all, c)
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	add(newRoot())
	return all
}

// TestFlagsDoNotFold: no flag of ours is one of Beam's with dashes for underscores, and no two of Beam's are one.
func TestFlagsDoNotFold(t *testing.T) {
	beams := map[string]string{}
	flag.CommandLine.VisitAll(func(f *flag.Flag) {
		name := strings.ReplaceAll(f.Name, "_", "-")
		if other, ok := beams[name]; ok {
			t.Errorf("--%s and --%s are one", f.Name, other)
		}
		beams[name] = f.Name
	})
	for _, name := range []string{"endpoint", "environment-type", "project", "dry-run", "labels", "job-name"} {
		if _, ok := beams[name]; !ok {
			t.Errorf("Beam has no --%s: what is compared here is not its flags", name)
		}
	}
	// Beam's own are in the set of tag, too: build it without them.
	ours := &cobra.Command{Use: "ours"}
	(&tagOptions{}).addOwn(ours)
	for _, add := range []func(*cobra.Command){(&trainOptions{}).addOwn, (&evaluateOptions{}).addOwn} {
		other := &cobra.Command{Use: "ours"}
		add(other)
		ours.Flags().AddFlagSet(other.Flags())
	}
	ours.Flags().AddFlagSet(newRoot().PersistentFlags())
	n := 0
	ours.Flags().VisitAll(func(f *pflag.Flag) {
		n++
		if theirs, ok := beams[strings.ReplaceAll(f.Name, "_", "-")]; ok {
			t.Errorf("our --%s is Beam's --%s", f.Name, theirs)
		}
		if strings.Contains(f.Name, "_") {
			t.Errorf("our --%s has an underscore", f.Name)
		}
	})
	if n < 20 {
		t.Errorf("only %d flags of ours", n)
	}
}

// TestDashesAndUnderscores: both are the same flag, ours and Beam's alike.
func TestDashesAndUnderscores(t *testing.T) {
	for _, c := range commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			for _, name := range []string{strings.ReplaceAll(f.Name, "-", "_"), strings.ReplaceAll(f.Name, "_", "-")} {
				if c.Flags().Lookup(name) != f {
					t.Errorf("%s: --%s is not --%s", c.CommandPath(), name, f.Name)
				}
			}
		})
	}
}

// TestBeamFlags: they pass through the command to Beam, and ours work with underscores.
func TestBeamFlags(t *testing.T) {
	t.Parallel()
	j := newJob(t, 3)
	file := filepath.Join(t.TempDir(), "summary.json")
	e := tagbeam(t, j.args("--top_k", "2", "--min_confidence=0.1", "--summary_json", file, "--job_name", "nightly", "--environment-type=LOOPBACK", "--project=p")...).want(exitOK)
	e.readSummary(file)
	if r := j.rows(t)[0]; len(r.TopK) != 2 {
		t.Errorf("--top_k 2 gave %d", len(r.TopK))
	}
	// A refusal shows that a flag reached Beam.
	tagbeam(t, j.args("--retag", "--runner=universal", "--shared-filesystem", "--endpoint", "localhost:1")...).want(exitUsage).says("--endpoint localhost:1", "nothing listens")
	help := tagbeam(t, "tag", "--help").want(exitOK)
	if strings.Contains(help.stdout, "--job-name") || !strings.Contains(help.stdout, "--runner") {
		t.Errorf("the help shows Beam's flags, or not --runner\n%s", help)
	}
}

// TestResumeCommand: what a plan keeps as the way to go on with it.
func TestResumeCommand(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	cmd := newTagCommand()
	cmd.SetGlobalNormalizationFunc(foldUnderscores)
	err = cmd.ParseFlags([]string{"--input", "photos", "--input=gs://b/x", "--model", "/m", "--output", "-out", "--abandon", "--top_k", "3", "--retag", "--quiet=false",
		"--preprocess", "caffe", "--summary-json", "s.json", "--job_name=n"})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(resumeCommand("tag", cmd.Flags())[1:], " ")
	for _, want := range []string{"tag --input " + here + "/photos --input gs://b/x ", " --model /m", " --output " + here + "/-out", " --top-k 3", " --retag=true", " --preprocess caffe",
		" --summary-json " + here + "/s.json", " --job-name n"} {
		if !strings.Contains(got+" ", want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if strings.Contains(got, "abandon") {
		t.Errorf("it abandons: %s", got)
	}
}

// TestHelp: the exit codes stand in the help of the program and of tag; every command has one.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"help"}, {}, {"tag", "--help"}, {"help", "tag"}} {
		tagbeam(t, args...).want(exitOK).prints("Exit codes:", "  0    ", "  1    ", "  2    ", "  3    ", "  130  ", "143  ")
	}
	for _, c := range commands() {
		if c.Short == "" || c.Long == "" && len(c.Commands()) == 0 {
			t.Errorf("%s has no help", c.CommandPath())
		}
	}
	tagbeam(t, "model", "inspect", "--help").want(exitOK).prints("Exit codes:")
	tagbeam(t, "--version").want(exitOK).prints("tagbeam version ")
}
