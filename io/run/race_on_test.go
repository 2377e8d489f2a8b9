//go:build race

package run

// killStride thins out the tests that try every request and many seeds: the race detector makes them ten times slower.
const killStride = 10
