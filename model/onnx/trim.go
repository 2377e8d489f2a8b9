package onnx

/*
#include <stdlib.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

// trim gives memory that C has freed back to the system.
static void trim(void) {
#if defined(__GLIBC__)
	malloc_trim(0);
#endif
}
*/
import "C"

import "runtime/debug"

// giveBack returns to the system what loading a model has left behind, in C and in Go: more than the model's size, which neither would
// return soon, and which would stand beside all that inference needs.
func giveBack() {
	C.trim()
	debug.FreeOSMemory()
}
