// Command layers checks that the packages of this module import each other downwards only, and that each kind of third-party
// library is imported in its one place. It reads the import clauses of every Go file, test files and files for other platforms
// included; it does not build anything and does not follow what third-party modules import.
//
//	go run ./.ci/layers [DIR]
//
// It prints each offending import with its file and line, and exits 1 when there is one.
package main

import (
	"fmt"
	"os"
)

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	violations, err := Check(os.DirFS(dir))
	if err != nil {
		fmt.Fprintf(os.Stderr, "layers: %v\n", err)
		os.Exit(1)
	}
	for _, v := range violations {
		fmt.Fprintln(os.Stderr, v)
	}
	if len(violations) > 0 {
		fmt.Fprintf(os.Stderr, "layers: %d violations of .ci/layers/rules.go\n", len(violations))
		os.Exit(1)
	}
}
