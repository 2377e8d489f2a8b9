package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/io/object/objecttest"
)

var errKilled = errors.New("killed")

// mortal is a store whose user is killed at the k-th request (counted from 0): before it takes effect, or after, without learning of it (then a
// request that would have failed passes the bullet on). Later requests never happen.
func mortal(store object.Store, k int, after bool, count *int) object.Store {
	var mu sync.Mutex
	dead := false
	return hooked{store, func(op, key string, done bool) error {
		mu.Lock()
		defer mu.Unlock()
		if dead {
			return errKilled
		}
		if !done {
			*count++
		}
		if *count-1 >= k && done == after {
			dead = true
			return errKilled
		}
		return nil
	}}
}

// TestKilledAnywhere kills a command at every request it makes, over three nights with new, changed and failing images, before the request and
// after it; a fresh command then goes on.
func TestKilledAnywhere(t *testing.T) {
	worlds := []world{numbered(11, "A"), numbered(11, "A").with(numbered(4, "B")), numbered(13, "A").with(numbered(4, "B"))}
	for _, after := range []bool{false, true} {
		// Until a k beyond the last request: then nobody is killed.
		for k := 0; ; k += killStride {
			count := 0
			store := guarded(t, newMem(t))
			o := newOutput(mortal(store, k, after, &count))
			for _, w := range worlds {
				_, err := newCommand(w).night(context.Background(), o)
				if err != nil {
					if !errors.Is(err, errKilled) {
						t.Fatalf("killed at request %d (after it: %v): %v", k, after, err)
					}
					o = newOutput(store)
					mustNight(t, o, newCommand(w))
				}
			}
			// Nothing is left to do, and saying so repairs what a kill at the last step left undone.
			if n := mustNight(t, newOutput(store), newCommand(worlds[2])); n != 0 {
				t.Errorf("killed at request %d (after it: %v): %d images were new once more", k, after, n)
			}
			checkOnce(t, published(t, store), onceEach(worlds...))
			if got := keys(t, store, root+"labels/dt=2026-11-23/_SUCCESS"); len(got) != 1 {
				t.Errorf("killed at request %d (after it: %v): no _SUCCESS", k, after)
			}
			if t.Failed() {
				t.Fatalf("killed at request %d (after it: %v)", k, after)
			}
			if count <= k {
				t.Logf("%d requests (after: %v)", k, after)
				break
			}
		}
	}
}

// TestKilledAgainAndAgain kills each command after a few requests, so that none gets through a night; but what each has done stays done.
func TestKilledAgainAndAgain(t *testing.T) {
	store := guarded(t, newMem(t))
	w := numbered(20, "A")
	for life := 0; ; life++ {
		count := 0
		_, err := newCommand(w).night(context.Background(), newOutput(mortal(store, 50, life%2 == 0, &count)))
		if err == nil {
			t.Logf("%d lives", life+1)
			break
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		if life > 100 {
			t.Fatal("no progress")
		}
	}
	checkOnce(t, published(t, store), onceEach(w))
}

// TestKilledOnFiles kills a command now and then on a file system.
func TestKilledOnFiles(t *testing.T) {
	for k := 5; k < 150; k += 24 {
		dir := t.TempDir()
		files, err := object.Open(context.Background(), object.Location{Scheme: object.SchemeFile, Key: dir})
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		store := guarded(t, rooted{files, dir + "/"})
		worlds := []world{numbered(11, "A"), numbered(13, "A").with(numbered(4, "B"))}
		o := newOutput(mortal(store, k, k%2 == 0, &count))
		for _, w := range worlds {
			if _, err := newCommand(w).night(context.Background(), o); err != nil {
				if !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				o = New(store, outputAt)
				mustNight(t, o, newCommand(w))
			}
		}
		checkOnce(t, published(t, store), onceEach(worlds...))
		if t.Failed() {
			t.Fatalf("killed at request %d", k)
		}
	}
}

// TestRivals lets commands work on one output at the same time, interleaved request by request as a seed says: the same night twice, another model,
// one that gives up open runs, and one that is killed on the way.
func TestRivals(t *testing.T) {
	w := numbered(17, "A")
	for seed := range objecttest.Seeds(60/killStride, 300) {
		random := rand.New(rand.NewPCG(seed, 2))
		store := guarded(t, newMem(t))
		s := &schedule{random: random}
		for i := range 4 {
			c := newCommand(w)
			c.who = fmt.Sprintf("rival %d", i)
			view := s.enter(store)
			switch i {
			case 2:
				c.req.ModelDigest = "other"
			case 3:
				count := 0
				view = mortal(view, random.IntN(150), random.IntN(2) == 0, &count)
			}
			o := newOutput(view)
			abandons := i == 1 && seed%3 == 0
			s.start(func() error {
				if abandons {
					if err := abandonOpen(o); err != nil {
						return err
					}
				}
				_, err := c.night(context.Background(), o)
				return err
			})
		}
		for i, err := range s.run() {
			if err != nil && !errors.Is(err, errKilled) {
				t.Errorf("rival %d: %v", i, err)
			}
		}
		// Tomorrow's commands find at most what the killed one left open.
		for _, digest := range []string{"digest", "other", "digest"} {
			c := newCommand(w)
			c.req.ModelDigest = digest
			mustNight(t, newOutput(store), c)
		}
		rows := published(t, store)
		for name := range w {
			got := slices.Clone(rows[name])
			slices.Sort(got)
			if !slices.Equal(got, []string{"A digest", "A other"}) {
				t.Errorf("%s has rows %q", name, rows[name])
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(s.log, "\n"))
		}
	}
}

func abandonOpen(o *Output) error {
	latest, err := o.Latest(context.Background())
	if err != nil || latest == nil || latest.State.Closed() {
		return err
	}
	_, err = o.Abandon(context.Background(), latest.Plan.RunID)
	return err
}

// schedule runs functions so that one at a time makes a request, chosen at random. Each waits before a request until it is its turn; the next
// one is chosen when all wait, so the order depends on the seed alone.
type schedule struct {
	random *rand.Rand
	turns  []*turn
	starts []func()
	log    []string
}

type turn struct {
	arrive chan string // what it is about to do; closed at the end
	pass   chan struct{}
	err    error
}

// enter returns the view that the function started next has of a store.
func (s *schedule) enter(store object.Store) object.Store {
	t := &turn{arrive: make(chan string), pass: make(chan struct{})}
	s.turns = append(s.turns, t)
	return hooked{store, func(op, key string, done bool) error {
		if !done {
			t.arrive <- op + " " + key
			<-t.pass
		}
		return nil
	}}
}

func (s *schedule) start(fn func() error) {
	t := s.turns[len(s.turns)-1]
	s.starts = append(s.starts, func() {
		t.err = fn()
		close(t.arrive)
	})
}

func (s *schedule) run() []error {
	for _, start := range s.starts {
		go start()
	}
	waiting := make(map[int]string)
	ended := make(map[int]bool)
	for {
		for i, t := range s.turns {
			if _, ok := waiting[i]; ok || ended[i] {
				continue
			}
			if request, ok := <-t.arrive; ok {
				waiting[i] = request
			} else {
				ended[i] = true
			}
		}
		if len(waiting) == 0 {
			break
		}
		i := s.random.IntN(len(s.turns))
		request, ok := waiting[i]
		if !ok {
			continue
		}
		s.log = append(s.log, fmt.Sprintf("%d %s", i, request))
		delete(waiting, i)
		s.turns[i].pass <- struct{}{}
	}
	var errs []error
	for _, t := range s.turns {
		errs = append(errs, t.err)
	}
	return errs
}
