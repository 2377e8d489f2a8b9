//go:build asan

package preprocess

const sanitized = true
