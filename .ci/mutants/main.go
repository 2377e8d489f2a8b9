// Command mutants breaks the run protocol on purpose, in one way after the other, and runs the tests that explore it: a way of breaking it that no test
// notices is a hole in them. The sources stay as they are: the broken file lies over the right one while the tests are built (go test -overlay).
//
//	go run ./.ci/mutants [WORDS]
//
// It prints what caught each mutant, and exits 1 when one survives, or when a mutant no longer fits the source. WORDS picks those with it in their name.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// tests are those that know nothing of single steps: rivals, kills and faults, and what must hold in the end. TestPutUnit is
// there for what shows only when two rivals come to different rows of one unit at nearly the same moment.
const tests = "^(TestInterruptions|TestRandomInterleavings|TestRivals|TestFaults|TestKilledAnywhere|TestPutUnit)$"

func main() {
	survivors, tried := 0, 0
	for _, m := range mutants {
		if len(os.Args) > 1 && !strings.Contains(m.name, os.Args[1]) {
			continue
		}
		tried++
		caught, err := m.try()
		switch {
		case err != nil:
			fmt.Fprintf(os.Stderr, "mutants: %s: %v\n", m.name, err)
			os.Exit(1)
		case caught == "":
			survivors++
			fmt.Printf("SURVIVES  %s\n", m.name)
		default:
			fmt.Printf("caught    %s\n          %s\n", m.name, caught)
		}
	}
	fmt.Printf("%d of %d mutants caught\n", tried-survivors, tried)
	if survivors > 0 || tried == 0 {
		os.Exit(1)
	}
}

// try runs the tests over the broken code and returns what failed first, or nothing.
func (m mutant) try() (string, error) {
	dir, err := os.MkdirTemp("", "tagbeam-mutant-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(dir)
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "test", "-count=1", "-failfast", "-timeout=10m", "-overlay="+overlay, "-run="+tests, "./io/run").CombinedOutput()
	switch {
	case err == nil:
		return "", nil
	case strings.Contains(string(out), "[build failed]"), strings.Contains(string(out), "[setup failed]"):
		return "", fmt.Errorf("it does not build:\n%s", out)
	}
	return first(string(out)), nil
}

// overlay writes the broken files, and the list of them that go build reads.
func (m mutant) overlay(dir string) (string, error) {
	replace := map[string]string{}
	for i, e := range m.edits {
		real, err := filepath.Abs(filepath.Join("io", "run", e.file))
		if err != nil {
			return "", err
		}
		from := real
		if broken, ok := replace[real]; ok {
			from = broken
		}
		source, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(source), e.old); n != 1 {
			return "", fmt.Errorf("edit %d: %s has %q %d times, not once: the mutant no longer fits", i+1, e.file, e.old, n)
		}
		broken := filepath.Join(dir, e.file)
		if err := os.WriteFile(broken, []byte(strings.Replace(string(source), e.old, e.new, 1)), 0o600); err != nil {
			return "", err
		}
		replace[real] = broken
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, list, 0o600)
}

var (
	failure = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)
	message = regexp.MustCompile(`(?m)^ +\w+_test\.go:\d+: (.*)$`)
)

// first is the test that failed, and the beginning of what it said.
func first(out string) string {
	test, said := "no test, but the program broke off", ""
	if found := failure.FindAllStringSubmatch(out, -1); len(found) > 0 {
		test = found[len(found)-1][1]
	}
	for _, found := range message.FindAllStringSubmatch(out, -1) {
		// What is counted is said whether it fails or not.
		if said = ": " + found[1]; !strings.Contains(said, "{Runs:") {
			break
		}
	}
	text := []rune(test + said)
	return string(text[:min(240, len(text))])
}
