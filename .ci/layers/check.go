package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Violation is one import, or one file, that breaks a rule.
type Violation struct {
	// File is relative to the module's root.
	File string
	Line int
	// Problem names what is wrong and what is allowed instead.
	Problem string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s:%d: %s", v.File, v.Line, v.Problem)
}

// Check returns the violations in the module whose root is root, in the order of the files. Folders that Go's ./... leaves out (testdata,
// vendor, names that begin with a dot or an underscore) and nested modules are left out here too.
func Check(root fs.FS) ([]Violation, error) {
	module, err := modulePath(root)
	if err != nil {
		return nil, err
	}
	var violations []Violation
	err = fs.WalkDir(root, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if file != "." && skipped(root, file) {
				return fs.SkipDir
			}
			return nil
		case path.Ext(file) != ".go":
			return nil
		}
		found, err := checkFile(root, module, file)
		violations = append(violations, found...)
		return err
	})
	return violations, err
}

func modulePath(root fs.FS) (string, error) {
	data, err := fs.ReadFile(root, "go.mod")
	if err != nil {
		return "", fmt.Errorf("run it at the root of the module: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "module" {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("go.mod has no module line")
}

func skipped(root fs.FS, dir string) bool {
	name := path.Base(dir)
	if name == "testdata" || name == "vendor" || name[0] == '.' || name[0] == '_' {
		return true
	}
	_, err := fs.Stat(root, path.Join(dir, "go.mod"))
	return err == nil
}

func checkFile(root fs.FS, module, file string) ([]Violation, error) {
	source, err := fs.ReadFile(root, file)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	syntax, err := parser.ParseFile(files, file, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	from := path.Dir(file)
	if layerOf(from) == nil {
		problem := "folder " + from + " belongs to no layer; give it one in .ci/layers/rules.go if it should be there"
		return []Violation{{file, files.Position(syntax.Package).Line, problem}}, nil
	}
	var violations []Violation
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: import %s: %w", file, spec.Path.Value, err)
		}
		if rule := broken(module, from, imported); rule != "" {
			violations = append(violations, Violation{file, files.Position(spec.Pos()).Line, "imports " + imported + ": " + rule})
		}
	}
	return violations, nil
}

// broken says which rule an import of a file in folder from breaks, or is empty.
func broken(module, from, imported string) string {
	if within(imported, module) {
		return brokenLayer(from, strings.TrimPrefix(strings.TrimPrefix(imported, module), "/"))
	}
	for _, r := range reserves {
		if slices.ContainsFunc(r.Modules, func(m string) bool { return within(imported, m) }) && !r.allows(from) {
			rule := "only " + strings.Join(r.Folders, " and ") + " may import " + r.Kind
			if len(r.Except) > 0 {
				rule += " (not " + strings.Join(r.Except, ", ") + ")"
			}
			return rule
		}
	}
	return ""
}

func brokenLayer(from, to string) string {
	importer, imported := layerOf(from), layerOf(to)
	switch {
	case imported == nil:
		return "it belongs to no layer"
	case importer == imported || slices.Contains(importer.May, imported.Folder):
		return ""
	case len(importer.May) == 0:
		return importer.Folder + " may import no other layer of this module"
	}
	return importer.Folder + " may import only " + strings.Join(importer.May, ", ")
}

// layerOf returns the layer that folder belongs to, or nil.
func layerOf(folder string) *layer {
	var best *layer
	for i := range layers {
		if l := &layers[i]; within(folder, l.Folder) && (best == nil || len(l.Folder) > len(best.Folder)) {
			best = l
		}
	}
	return best
}

func (r reserve) allows(folder string) bool {
	holds := func(f string) bool { return within(folder, f) }
	return slices.ContainsFunc(r.Folders, holds) && !slices.ContainsFunc(r.Except, holds)
}

// within says whether the path name is dir or below it.
func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, dir+"/")
}
