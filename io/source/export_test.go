package source

import "testing"

// SetListMemory lets lists be sorted on disk early.
func SetListMemory(t testing.TB, bytes int) {
	before := listMemory
	listMemory = bytes
	t.Cleanup(func() { listMemory = before })
}
