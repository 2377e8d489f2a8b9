package onnx

import (
	"runtime"
	"testing"
)

// What a model leaves behind would stand beside what inference needs, for minutes.
func TestGiveBack(t *testing.T) {
	const size = 64 << 20
	garbage := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		garbage[i] = 1
	}
	runtime.KeepAlive(garbage)
	garbage = nil
	giveBack()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if kept := m.HeapIdle - m.HeapReleased; kept > size/2 {
		t.Errorf("%d MiB are still the process's", kept>>20)
	}
}
