//go:build !cgo

package preprocess

// JPEG and WebP are decoded by C libraries: there is no build without them. The compiler says this name.
var _ = tagbeam_needs_cgo_build_with_CGO_ENABLED_1_and_a_C_compiler
