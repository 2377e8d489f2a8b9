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
	int scans;           // at most so many
	long memory;         // bytes that libjpeg may take
	int allow_truncated; // the missing end is grey, or what earlier scans gave
} tagbeam_jpeg_file;

// tagbeam_jpeg_decode decodes data to dst, width * height packed RGB.
int tagbeam_jpeg_decode(tagbeam_jpeg_file file, const uint8_t *data, size_t size, uint8_t *dst, char *message);

// tagbeam_jpeg_resample decodes data and takes its rows y0 up to y1 through tagbeam_horizontal while they are in the cache. All rows are
// decoded, so that damage is seen wherever it is. strip holds tagbeam_jpeg_strip(width) bytes. The nanoseconds that resampling took are added to
// resampling.
int tagbeam_jpeg_resample(tagbeam_jpeg_file file, const uint8_t *data, size_t size, uint8_t *dst, int y0, int y1, const int32_t *spans,
                          const int32_t *coefficients, int stride, int n, uint8_t *strip, int64_t *resampling, char *message);

size_t tagbeam_jpeg_strip(int width);

#endif
