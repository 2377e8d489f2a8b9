package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// TestRivals: two and more commands at once on one output make one table, in which each image is once, also when all but one are killed.
func TestRivals(t *testing.T) {
	t.Parallel()
	const images = 80
	input, model := imageFolder(t, images), tinyModel(t, "nchw.onnx")
	for _, tc := range []struct {
		rivals int
		kill   int
		more   []string
	}{
		{2, 0, nil},
		{2, 0, []string{"--runner", "prism"}},
		{3, 0, nil},
		{3, 2, nil},
	} {
		t.Run(fmt.Sprint(tc), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rnd := rand.New(rand.NewPCG(seed, 0))
			j := job{input, model, filepath.Join(t.TempDir(), "out")}
			args := j.args(append(tc.more, "--unit-images", "4")...)
			all := make([]*process, tc.rivals)
			for i := range all {
				all[i] = start(t, args...)
			}
			for _, p := range all[:tc.kill] {
				waitForUnits(j.output, rnd.IntN(images/4), p)
				p.kill()
				j.checkKilled(t)
			}
			for _, p := range all[tc.kill:] {
				p.wait().want(exitOK)
			}
			j.wantEachOnce(t, images)
			tagbeam(t, args...).want(exitOK).prints("nothing to do")
		})
	}
}

// TestRivalsOfOtherModels: two commands of different models at once: one of them may be told that the other's run is open; run again, both tables
// are whole.
func TestRivalsOfOtherModels(t *testing.T) {
	t.Parallel()
	const images = 40
	first := newJob(t, images)
	second := first
	second.model = tinyModel(t, "nchw.onnx", "apple", "bread", "cake", "dates", "eggs")
	a, b := start(t, first.args("--unit-images=4")...), start(t, second.args("--unit-images=4")...)
	for _, p := range []*process{a, b} {
		if e := p.wait(); e.code != exitOK {
			e.want(exitUsage).says("not finished", "--abandon")
		}
	}
	tagbeam(t, first.args()...).want(exitOK)
	tagbeam(t, second.args()...).want(exitOK)
	digests := map[string]int{}
	for _, r := range first.rows(t) {
		digests[r.URI+" "+r.ModelDigest]++
	}
	if len(digests) != 2*images {
		t.Errorf("%d images and models, want %d", len(digests), 2*images)
	}
	for key, n := range digests {
		if n != 1 {
			t.Errorf("%s has %d rows", key, n)
		}
	}
}
