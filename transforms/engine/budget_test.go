package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tagbeam/tagbeam/io/object"
	"github.com/tagbeam/tagbeam/model/preprocess"
)

func TestBudgetNeverExceedsItsLimit(t *testing.T) {
	b := newBudget(100)
	held := make(chan int64, 1000)
	go func() {
		defer close(held)
		for i := range 1000 {
			n := int64(i%60 + 1)
			if err := b.reserve(t.Context(), n); err != nil {
				t.Error(err)
				return
			}
			b.mu.Lock()
			if b.used > b.limit {
				t.Errorf("%d bytes in flight", b.used)
			}
			b.mu.Unlock()
			held <- n
		}
	}()
	for n := range held {
		b.release(n)
	}
	if b.used != 0 {
		t.Errorf("%d bytes were never given back", b.used)
	}
}

func TestBudgetGrantsWhatIsTooLargeAlone(t *testing.T) {
	b := newBudget(100)
	if err := b.reserve(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.reserve(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("granted more beside it: %v", err)
	}
	b.release(1000)
	if err := b.reserve(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

func TestFailureOf(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("read x: %w", err) }
	tests := []struct {
		err       error
		code      Code
		retryable bool
	}{
		{&preprocess.Error{Code: "corrupt", Message: "m"}, "corrupt", false},
		{wrap(object.ErrNotFound), "not_found", true},
		{wrap(object.ErrPermission), "permission_denied", true},
		{wrap(object.ErrTransient), "unavailable", true},
		{wrap(object.ErrChecksum), "checksum_mismatch", true},
		{wrap(object.ErrTooLarge), "too_large", false},
		{errors.New("disk on fire"), "read_failed", true},
		{tooLarge(5, 4), "too_large", false},
	}
	for _, tt := range tests {
		got := failureOf(tt.err)
		want := &Failure{Code: tt.code, Retryable: tt.retryable}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Failure{}, "Message"), cmpopts.IgnoreUnexported(Failure{})); diff != "" {
			t.Errorf("%v: %s", tt.err, diff)
		}
		if got.Message == "" {
			t.Errorf("%v: no message", tt.err)
		}
	}
}
