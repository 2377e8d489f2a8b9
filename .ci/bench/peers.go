package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// The peers: what one would write in Python, each in a virtual environment of its own with the packages of a pinned list.

const (
	peerScript = "tuned Python script"
	peerBeam   = "Beam Python RunInference"
	peerRay    = "Ray Data"
)

type peer struct {
	key, name string
	script    string
	rounds    int // as a contestant's
}

var allPeers = []peer{
	{"script", peerScript, "script.py", 0},
	{"beam", peerBeam, "beam_inference.py", 3},
	{"ray", peerRay, "ray_data.py", 3},
}

// peerFolder holds the scripts and lists of packages, from the root of the repository.
const peerFolder = ".ci/bench/peers"

// installed makes the peer's virtual environment below work, unless it is there, and returns its Python.
func (p peer) installed(ctx context.Context, work string) (python string, err error) {
	folder, err := filepath.Abs(filepath.Join(work, "peers", p.key))
	if err != nil {
		return "", err
	}
	requirements := filepath.Join(peerFolder, p.key+".txt")
	wanted, err := os.ReadFile(requirements)
	if err != nil {
		return "", err
	}
	python, stamp := filepath.Join(folder, "bin", "python"), filepath.Join(folder, "installed.txt")
	if got, err := os.ReadFile(stamp); err == nil && bytes.Equal(got, wanted) {
		return python, nil
	}
	if _, err := exec.LookPath("python3"); err != nil {
		return "", errors.New("there is no python3 here")
	}
	fmt.Fprintf(os.Stderr, "bench: installing %s into %s\n", requirements, folder)
	for _, args := range [][]string{
		{"python3", "-m", "venv", "--clear", folder},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary=:all:", "-r", requirements},
	} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, lastLines(out, 3))
		}
	}
	return python, os.WriteFile(stamp, wanted, 0o644)
}

// contestant runs the peer's script: SCRIPT INPUT MODEL OUT PROCESSES BATCH.
func (p peer) contestant(python, model string, batch int, input func(n int) string) contestant {
	scripts, err := filepath.Abs(peerFolder)
	return contestant{name: p.name, done: reported, rounds: p.rounds, command: func(n int, out string) *exec.Cmd {
		cmd := exec.Command(python, filepath.Join(scripts, p.script), input(n), model, out, fmt.Sprint(runtime.GOMAXPROCS(0)), fmt.Sprint(batch))
		cmd.Env = append(os.Environ(), "PYTHONPATH="+scripts, "PYTHONDONTWRITEBYTECODE=", "RAY_USAGE_STATS_ENABLED=0")
		cmd.Err = err
		return cmd
	}}
}

// choose returns the peers of those keys; none for "none".
func choosePeers(keys string) (chosen []peer, err error) {
	if keys == "none" {
		return nil, nil
	}
	for key := range strings.SplitSeq(keys, ",") {
		found := false
		for _, p := range allPeers {
			if p.key == key {
				chosen, found = append(chosen, p), true
			}
		}
		if !found {
			return nil, fmt.Errorf("-peers: %q is none of script, beam, ray, none", key)
		}
	}
	return chosen, nil
}
