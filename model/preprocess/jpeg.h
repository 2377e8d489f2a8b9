// Decoding of JPEG through libjpeg-turbo, as Pillow does it.
#ifndef TAGBEAM_JPEG_H
#define TAGBEAM_JPEG_H

#include <stddef.h>
#include <stdint.h>

// What the functions here return.
enum {
	TAGBEAM_JPEG_OK = 0,
	TAGBEAM_JPEG_TRUNCATED, // the data ends before the image does
	TAGBEAM_JPEG_FAILED,    // libjpeg gave up: message says why
	TAGBEAM_JPEG_SIZE,      // the image has another size than expected
	TAGBEAM_JPEG_SCANS,     // more scans than allowed
};

enum { TAGBEAM_JPEG_MESSAGE = 256 }; // bytes, with the final zero

// tagbeam_jpeg_file is what to decode, and what it may cost.
typedef struct {
	int width, height;   // as the header has them
	int scale;           // decode to 1/scale of that, rounded up: 1, 2, 4 or 8
	int scans;           // at most so many
	long memory;         // bytes that libjpeg may take
	int allow_truncated; // the missing end is grey, or what earlier scans gave
} tagbeam_jpeg_file;

// tagbeam_jpeg_decode decodes data to dst, width * height packed RGB (scaled).
int tagbeam_jpeg_decode(tagbeam_jpeg_file file, const uint8_t *data, size_t size, uint8_t *dst, char *message);

// tagbeam_window is the part of the (scaled) image that is wanted: columns x0 up to x1, rows y0 up to y1.
typedef struct {
	int x0, x1, y0, y1;
} tagbeam_window;

// tagbeam_jpeg_resample decodes data and takes a window of it through tagbeam_horizontal while it is in the cache; spans count columns from
// the window's first. Of what lies outside, the entropy-coded data is read all the same, so that damage is seen wherever it is, and where
// that changes no bit within, nothing more is done. strip holds tagbeam_jpeg_strip(width) bytes, for the scaled width. The nanoseconds
// that resampling took are added to resampling.
int tagbeam_jpeg_resample(tagbeam_jpeg_file file, const uint8_t *data, size_t size, uint8_t *dst, tagbeam_window window, const int32_t *spans,
                          const int32_t *coefficients, int stride, int n, uint8_t *strip, int64_t *resampling, char *message);

size_t tagbeam_jpeg_strip(int width);

#endif
