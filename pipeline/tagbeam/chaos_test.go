package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tagbeam/tagbeam/io/object/objecttest"
	"github.com/tagbeam/tagbeam/io/table"
)

// chaosNights are what a folder has in each of two nights: some images are new in the second, and some have changed.
var chaosNights = []map[int]int{
	chaosImages(36, nil),
	chaosImages(44, map[int]int{3: 203, 17: 217, 35: 235}),
}

// chaosImages are n images, by number: which picture each is. Number 7 is no image at all.
func chaosImages(n int, changed map[int]int) map[int]int {
	images := map[int]int{}
	for i := range n {
		images[i] = i
	}
	for i, picture := range changed {
		images[i] = picture
	}
	return images
}

// chaosDamaged is the number of an image that cannot be decoded: it has a row all the same.
const chaosDamaged = 7

// dress makes the input of a night, with times of its own making: the same images have the same versions in every folder.
func dress(t *testing.T, dir string, night int) {
	t.Helper()
	for i, picture := range chaosNights[night] {
		data := pngImage(picture)
		if i == chaosDamaged {
			data = data[:len(data)/2]
		}
		file := filepath.Join(dir, imageName(i))
		writeFile(t, file, data)
		at := time.Unix(1_700_000_000+int64(picture), 0)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// chaosArgs pins what would be found out while running: the size of a batch.
func chaosArgs(j job) []string {
	return j.args("--unit-images", "4", "--batch", "2", "--max-error-ratio", "0.5")
}

// files are the rows of the table by file, without the day and the folder of the images.
func (j job) files(t *testing.T) map[string][]table.Row {
	t.Helper()
	found := map[string][]table.Row{}
	for name := range j.objects(t, "labels/") {
		short := path.Base(name)
		if !strings.HasSuffix(name, ".parquet") {
			continue
		}
		data := readFile(t, filepath.Join(j.output, name))
		rows, err := table.ReadRows(strings.NewReader(string(data)), int64(len(data)), 0, 1<<20)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range rows {
			rows[i].URI = strings.TrimPrefix(rows[i].URI, j.input)
			rows[i].ErrorMessage = strings.ReplaceAll(rows[i].ErrorMessage, j.input, "")
		}
		found[short] = rows
	}
	return found
}

// undisturbed is the table of two quiet nights.
func undisturbed(t *testing.T, model string) map[string][]table.Row {
	t.Helper()
	j := job{t.TempDir(), model, filepath.Join(t.TempDir(), "out")}
	for night := range chaosNights {
		dress(t, j.input, night)
		tagbeam(t, chaosArgs(j)...).want([]int{exitPartial, exitOK}[night]) // the damaged image is of the first
	}
	return j.files(t)
}

// TestSIGKILL kills commands at points chosen by a seed, again and again, one at a time or two of them at work on one output; the last of a night is left
// alone. In the end each image has one row for each of its versions, and the files hold what they would have held in peace.
func TestSIGKILL(t *testing.T) {
	t.Parallel()
	model := tinyModel(t, "nchw.onnx")
	want := undisturbed(t, model)
	kills, outputs, last := 0, 0, uint64(0)
	for seed := range objecttest.Seeds(2, 1000) {
		if last = seed; objecttest.Chaos() && kills >= chaosKills && outputs > 1 {
			break
		}
		k := &killing{t: t, random: rand.New(rand.NewPCG(seed, 5)), job: job{t.TempDir(), model, filepath.Join(t.TempDir(), "out")}}
		for night := range chaosNights {
			dress(t, k.job.input, night)
			k.night()
			if t.Failed() {
				t.Fatalf("seed %d, night %d", seed, night)
			}
		}
		tagbeam(t, chaosArgs(k.job)...).want(exitOK).prints("nothing to do")
		got := k.job.files(t)
		lost, doubled := compare(want, got)
		objecttest.Report("rows lost", lost)
		objecttest.Report("rows doubled", doubled)
		sameFiles(t, want, got)
		if t.Failed() || lost+doubled > 0 {
			t.Fatalf("seed %d: %d rows lost, %d doubled", seed, lost, doubled)
		}
		kills, outputs = kills+k.kills, outputs+1
	}
	t.Logf("%d SIGKILLs over %d outputs, seeds to %d", kills, outputs, last)
	objecttest.Report("SIGKILLs", kills)
	objecttest.Report("outputs worked on under SIGKILL", outputs)
	if kills == 0 {
		t.Error("nothing was killed")
	}
}

// chaosKills is how many commands make chaos kills, at least.
const chaosKills = 100

// killing is an output whose commands are killed.
type killing struct {
	t      *testing.T
	random *rand.Rand
	job    job
	kills  int
}

// night has commands killed, and then lets one through.
func (k *killing) night() {
	before := map[string]string{}
	for range 1 + k.random.IntN(4) {
		commands := []*process{start(k.t, chaosArgs(k.job)...)}
		if k.random.IntN(3) == 0 {
			commands = append(commands, start(k.t, chaosArgs(k.job)...))
		}
		for i, p := range commands {
			// A rival may live, and finish the night.
			if i == 1 && k.random.IntN(2) == 0 {
				k.survivor(p)
				continue
			}
			k.wait(p)
			p.kill()
			if p.result.code == 128+int(syscall.SIGKILL) {
				k.kills++
			} else {
				k.survivor(p)
			}
		}
		after := k.job.identities(k.t)
		for name := range before {
			// The next run removes these of the one before.
			if base := path.Base(name); strings.HasPrefix(base, "unit-") || strings.HasPrefix(base, "plan-") || base == "settings.json" {
				delete(before, name)
			}
		}
		checkKept(k.t, before, after)
		before = after
	}
	k.survivor(start(k.t, chaosArgs(k.job)...))
}

// survivor must come to a good end: it has tagged what was left, or found nothing to do.
func (k *killing) survivor(p *process) {
	k.t.Helper()
	if e := p.wait(); e.code != exitOK && e.code != exitPartial {
		e.want(exitPartial)
	}
}

// wait waits for a point: some time, or some objects in the output and then a moment.
func (k *killing) wait(p *process) {
	if k.random.IntN(4) == 0 {
		k.pause(p, time.Duration(k.random.IntN(400))*time.Millisecond)
		return
	}
	// A first night makes some 16 objects.
	objects, moment := count(k.job.output)+k.random.IntN(16), time.Duration(k.random.IntN(4000))*time.Microsecond
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for p.running() && count(k.job.output) < objects {
		<-tick.C
	}
	k.pause(p, moment)
}

func (k *killing) pause(p *process, d time.Duration) {
	select {
	case <-p.ended:
	case <-time.After(d):
	}
}

// count is the number of files below a folder.
func count(dir string) (n int) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return n
}

// compare counts the rows of one table that another lacks, and those that it has more than once.
func compare(want, got map[string][]table.Row) (lost, doubled int) {
	name := func(r table.Row) string { return fmt.Sprint(r.URI, " ", r.Version) }
	seen := map[string]int{}
	for _, rows := range got {
		for _, r := range rows {
			seen[name(r)]++
		}
	}
	for _, rows := range want {
		for _, r := range rows {
			if seen[name(r)] == 0 {
				lost++
			}
		}
	}
	for _, n := range seen {
		doubled += n - 1
	}
	return lost, doubled
}

// sameFiles compares tables, file by file, but for what tells runs apart.
func sameFiles(t *testing.T, want, got map[string][]table.Row) {
	t.Helper()
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("there is %s", name)
		}
	}
	for name, rows := range want {
		sameRows(t, rows, got[name])
	}
}
