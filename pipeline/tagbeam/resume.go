package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tagbeam/tagbeam/model/builtin"
)

// pathFlags are those whose value may be a local path.
var pathFlags = map[string]bool{
	"input": true, "model": true, "output": true, "model-labels": true, "preprocess": true, "onnxruntime": true, "summary-json": true, "metrics-textfile": true,
	"from": true, "validation-input": true, "keep-features": true, "report-json": true, "errors": true, "plots": true,
}

// resumeCommand is what a person types, in whatever folder, to go on with the run that a command of these flags plans.
func resumeCommand(name string, flags *pflag.FlagSet) []string {
	program := os.Args[0]
	if strings.ContainsRune(program, filepath.Separator) {
		program = absolutePath(program)
	}
	command := []string{program, name}
	flags.Visit(func(f *pflag.Flag) {
		if f.Name == "abandon" || f.Name == "plan-only" {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			if pathFlags[f.Name] && (f.Name != "model" || v != builtin.Name) && (f.Name != "preprocess" || strings.HasSuffix(v, ".json")) {
				v = absolutePath(v)
			}
			if f.NoOptDefVal != "" || strings.HasPrefix(v, "-") {
				command = append(command, "--"+f.Name+"="+v)
			} else {
				command = append(command, "--"+f.Name, v)
			}
		}
	})
	return command
}

// absolutePath leaves alone what is no path, or wrong: the command has been, or will be, refused for it.
func absolutePath(path string) string {
	if manifest, ok := strings.CutPrefix(path, "@"); ok {
		return "@" + absolutePath(manifest)
	}
	if path == "" || strings.Contains(path, "://") {
		return path
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
