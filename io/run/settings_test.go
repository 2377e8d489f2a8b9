package run

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/tagbeam/tagbeam/io/object"
)

// Whoever is first decides, for all and for ever.
func TestElectSettings(t *testing.T) {
	ctx := context.Background()
	o := New(newMem(t), outputAt)
	if _, err := o.Settings(ctx, 1); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	got := make([]Settings, 8)
	var group sync.WaitGroup
	for i := range got {
		group.Go(func() {
			var err error
			if got[i], err = o.ElectSettings(ctx, 1, Settings{Batch: i + 1, BatchFrom: "a test"}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, s := range got {
		if s != got[0] || s.Batch < 1 {
			t.Errorf("%v and %v", s, got[0])
		}
	}
	if s, err := New(o.store, outputAt).Settings(ctx, 1); err != nil || s != got[0] {
		t.Errorf("read again: %v, %v", s, err)
	}
}

func TestSettingsErrors(t *testing.T) {
	ctx := context.Background()
	mem := newMem(t)
	o := New(mem, outputAt)
	if _, err := o.ElectSettings(ctx, 1, Settings{}); err == nil {
		t.Error("a batch of no images was elected")
	}
	for _, content := range []string{"{", `{"batch": 0}`} {
		key := o.key(runFolder(1) + settingsName)
		mem.Put(key, []byte(content))
		for _, err := range []error{func() error { _, err := o.Settings(ctx, 1); return err }(), func() error { _, err := o.ElectSettings(ctx, 1, Settings{Batch: 2}); return err }()} {
			if err == nil || !strings.Contains(err.Error(), settingsName) || !strings.Contains(err.Error(), "run 1") {
				t.Errorf("%s: %v", content, err)
			}
		}
	}
}
