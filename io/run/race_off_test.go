//go:build !race

package run

const killStride = 1
