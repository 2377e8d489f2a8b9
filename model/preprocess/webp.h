// Decoding of WebP through libwebp.
#ifndef TAGBEAM_WEBP_H
#define TAGBEAM_WEBP_H

#include <stddef.h>
#include <stdint.h>

// What tagbeam_webp_decode returns.
enum {
	TAGBEAM_WEBP_OK = 0,
	TAGBEAM_WEBP_TRUNCATED,
	TAGBEAM_WEBP_CORRUPT,
	TAGBEAM_WEBP_MEMORY,
	TAGBEAM_WEBP_SIZE, // the canvas has another size than expected
};

// tagbeam_webp_decode decodes the first frame of data to dst, width * height packed RGB: alpha is dropped, and what the frame does not
// cover of the canvas is black. With allow_truncated, what the data has of the first frame is decoded, and the rest is black.
int tagbeam_webp_decode(const uint8_t *data, size_t size, int width, int height, int allow_truncated, uint8_t *dst);

#endif
