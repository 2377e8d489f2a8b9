// The resampler's passes with AVX2: the same bits as the Go code in passes.go.
#ifndef TAGBEAM_RESAMPLE_H
#define TAGBEAM_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

// tagbeam_has_simd tells whether this processor runs the functions below. Where it does not, they must not be called.
int tagbeam_has_simd(void);

// An axis is given by spans and coefficients, as packedAxis in Go lays them out: output i is made of spans[2*i+1] inputs from
// spans[2*i] on; its coefficients begin at i*stride. src begins with the first input that is used.

// tagbeam_horizontal resamples rows of packed RGB to n pixels each. src has src_size bytes from its first row on; scratch has
// tagbeam_horizontal_scratch(width) bytes, where width is the number of pixels of a row.
void tagbeam_horizontal(uint8_t *dst, const uint8_t *src, size_t src_stride, size_t src_size, int rows, const int32_t *spans,
                        const int32_t *coefficients, int stride, int n, uint8_t *scratch);

size_t tagbeam_horizontal_scratch(int width);

// tagbeam_vertical makes n rows of size bytes each out of rows of src.
void tagbeam_vertical(uint8_t *dst, size_t dst_stride, const uint8_t *src, size_t src_stride, int size, const int32_t *spans,
                      const int32_t *coefficients, int stride, int n);

// tagbeam_tensor does the same and looks up each byte in the table of its channel (256 elements each, in RGB order). Elements have 1, 2 or
// 4 bytes; that of the red channel at x in row y goes to dst[red + y*row + x*step]. Without spans, the rows of src are taken as they are.
// scratch has 3*width bytes.
void tagbeam_tensor(void *dst, int element, int64_t red, int64_t green, int64_t blue, int64_t row, int step, const void *table, const uint8_t *src,
                    size_t src_stride, int width, const int32_t *spans, const int32_t *coefficients, int stride, int n, uint8_t *scratch);

#endif
