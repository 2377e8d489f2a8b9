#include "webp.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

static int result_of(VP8StatusCode status) {
	switch (status) {
	case VP8_STATUS_OK:
		return TAGBEAM_WEBP_OK;
	case VP8_STATUS_SUSPENDED:
	case VP8_STATUS_NOT_ENOUGH_DATA:
		return TAGBEAM_WEBP_TRUNCATED;
	case VP8_STATUS_OUT_OF_MEMORY:
		return TAGBEAM_WEBP_MEMORY;
	default:
		return TAGBEAM_WEBP_CORRUPT;
	}
}

// decode_frame writes a frame to its place on the canvas.
static int decode_frame(const WebPIterator *frame, int width, int height, int allow_truncated, uint8_t *dst) {
	size_t stride = 3 * (size_t)width;
	if (frame->x_offset < 0 || frame->y_offset < 0 || frame->width > width - frame->x_offset || frame->height > height - frame->y_offset) {
		return TAGBEAM_WEBP_CORRUPT;
	}
	WebPDecoderConfig config;
	if (!WebPInitDecoderConfig(&config)) return TAGBEAM_WEBP_CORRUPT; // the library is not the one of the headers
	config.output.colorspace = MODE_RGB;
	config.output.is_external_memory = 1;
	config.output.u.RGBA.rgba = dst + stride * (size_t)frame->y_offset + 3 * (size_t)frame->x_offset;
	config.output.u.RGBA.stride = (int)stride;
	config.output.u.RGBA.size = stride * (size_t)(frame->height - 1) + 3 * (size_t)frame->width;
	int result;
	if (!allow_truncated) {
		result = result_of(WebPDecode(frame->fragment.bytes, frame->fragment.size, &config));
	} else {
		// The incremental decoder keeps the rows that it has.
		WebPIDecoder *decoder = WebPIDecode(NULL, 0, &config);
		if (decoder == NULL) return TAGBEAM_WEBP_MEMORY;
		result = result_of(WebPIAppend(decoder, frame->fragment.bytes, frame->fragment.size));
		WebPIDelete(decoder);
		if (result == TAGBEAM_WEBP_TRUNCATED) result = TAGBEAM_WEBP_OK;
	}
	WebPFreeDecBuffer(&config.output);
	return result;
}

int tagbeam_webp_decode(const uint8_t *data, size_t size, int width, int height, int allow_truncated, uint8_t *dst) {
	WebPData file = {data, size};
	WebPDemuxState state;
	WebPDemuxer *demuxer = WebPDemuxPartial(&file, &state);
	if (state == WEBP_DEMUX_PARSE_ERROR) {
		WebPDemuxDelete(demuxer);
		return TAGBEAM_WEBP_CORRUPT;
	}
	if (demuxer == NULL) return state == WEBP_DEMUX_PARSING_HEADER ? TAGBEAM_WEBP_TRUNCATED : TAGBEAM_WEBP_MEMORY;
	int result = TAGBEAM_WEBP_OK;
	WebPIterator frame;
	if (state != WEBP_DEMUX_DONE && !allow_truncated) {
		result = TAGBEAM_WEBP_TRUNCATED;
	} else if (WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH) != (uint32_t)width || WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT) != (uint32_t)height) {
		result = TAGBEAM_WEBP_SIZE;
	} else if (!WebPDemuxGetFrame(demuxer, 1, &frame)) {
		result = state == WEBP_DEMUX_DONE ? TAGBEAM_WEBP_CORRUPT : TAGBEAM_WEBP_TRUNCATED;
	} else {
		if (allow_truncated || frame.width != width || frame.height != height) memset(dst, 0, 3 * (size_t)width * (size_t)height);
		result = decode_frame(&frame, width, height, allow_truncated, dst);
		WebPDemuxReleaseIterator(&frame);
	}
	WebPDemuxDelete(demuxer);
	return result;
}
