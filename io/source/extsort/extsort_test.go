package extsort

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func collect(t interface{ Fatal(...any) }, s *Sorter) []string {
	var got []string
	if err := s.Each(func(r string) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestSorted: whatever is added, under any limit, comes back as slices.Sort gives it; again, and with more added in between.
func TestSorted(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		s := New(dir, rapid.IntRange(1, 2000).Draw(r, "memory"))
		defer s.Close()
		var want []string
		for range 2 {
			records := rapid.SliceOf(rapid.StringOfN(rapid.SampledFrom([]rune("ab\x00\n\u00ff")), 0, 6, -1)).Draw(r, "records")
			for _, record := range records {
				if err := s.Add(record); err != nil {
					r.Fatal(err)
				}
			}
			want = append(want, records...)
			slices.Sort(want)
			for range 2 {
				if diff := cmp.Diff(want, collect(r, s), cmpopts.EquateEmpty()); diff != "" {
					r.Fatalf("(-want +got):\n%s", diff)
				}
			}
		}
	})
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestManyRuns: more runs than are merged at once, in several levels.
func TestManyRuns(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	const n = 3 * maxRuns * maxRuns
	s := New(t.TempDir(), 1) // every record is a run
	defer s.Close()
	want := make([]string, n)
	for i := range want {
		want[i] = fmt.Sprint(rnd.IntN(n))
		if err := s.Add(want[i]); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	if got := collect(t, s); !slices.Equal(want, got) {
		t.Errorf("%d records of %d, not those of slices.Sort", len(got), n)
	}
	if len(s.runs) > maxRuns {
		t.Errorf("%d runs are left", len(s.runs))
	}
}

// TestMemory: what is held does not grow with what is added.
func TestMemory(t *testing.T) {
	const limit = 64 << 10
	s := New(t.TempDir(), limit)
	defer s.Close()
	most := 0
	for i := range 100_000 {
		if err := s.Add(fmt.Sprintf("%08d", 7919*i%100_000)); err != nil {
			t.Fatal(err)
		}
		most = max(most, s.held)
	}
	if most > limit || cap(s.records)*16 > limit {
		t.Errorf("held %d bytes and room for %d records, the limit is %d bytes", most, cap(s.records), limit)
	}
	last, n := "", 0
	err := s.Each(func(r string) error {
		if r <= last {
			return fmt.Errorf("%s after %s", r, last)
		}
		last, n = r, n+1
		return nil
	})
	if err != nil || n != 100_000 {
		t.Errorf("%d records, %v", n, err)
	}
}

func TestErrors(t *testing.T) {
	mine := errors.New("mine")
	s := New(t.TempDir(), 1)
	for _, r := range []string{"b", "a", "c"} {
		if err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Each(func(string) error { return mine }); err != mine {
		t.Errorf("error of the function: %v", err)
	}
	s.file.Truncate(1)
	if err := s.Each(func(string) error { return nil }); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("truncated file: %v", err)
	}
	s.file.Close()
	if err := s.Add("d"); err == nil || !strings.Contains(err.Error(), "write a temporary file in") {
		t.Errorf("closed file: %v", err)
	}
	nowhere := New(filepath.Join(t.TempDir(), "nowhere"), 1)
	err := errors.Join(nowhere.Add("a"), nowhere.Add("b"))
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("no such folder: %v", err)
	}
}
