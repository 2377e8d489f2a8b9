package main

import (
	"flag"
	"strings"

	"github.com/spf13/pflag"
)

// foldUnderscores makes --min_confidence the same flag as --min-confidence: our own have dashes, Beam's underscores, and nobody should have to
// remember which is which.
func foldUnderscores(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	return pflag.NormalizedName(strings.ReplaceAll(name, "_", "-"))
}

// workerFlags are those with which a runner starts a worker process; they are no business of a person's.
var workerFlags = map[string]bool{
	"worker": true, "id": true, "logging_endpoint": true, "control_endpoint": true, "semi_persist_dir": true, "options": true,
}

// addBeamFlags adds the flags that the Beam SDK and its runners define, under their own names and with their own meaning. They are hidden in
// the help of a command; `tagbeam help beam` lists them.
func addBeamFlags(fs *pflag.FlagSet) {
	flag.CommandLine.VisitAll(func(f *flag.Flag) {
		if workerFlags[f.Name] || strings.HasPrefix(f.Name, "test.") {
			return
		}
		p := pflag.PFlagFromGoFlag(f)
		p.Value = passedOn{p.Value, f.Name}
		p.Shorthand = ""
		p.Hidden = f.Name != "runner" && f.Name != "endpoint"
		fs.AddFlag(p)
	})
}

// passedOn is a flag of Beam's that is set through Go's flag package: Beam hands on to the workers, and in places goes by, the flags of which
// that package knows that they were given.
type passedOn struct {
	pflag.Value
	name string
}

func (p passedOn) Set(value string) error { return flag.Set(p.name, value) }
