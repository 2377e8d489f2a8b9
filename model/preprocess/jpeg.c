#define _POSIX_C_SOURCE 199309L // clock_gettime

#include "jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jerror.h>
#include <jpeglib.h>

#include "resample.h"

// How many rows are decoded before they are resampled: few enough to stay in the cache, and even, because rows go in pairs.
enum { STRIP_ROWS = 16 };

// decoder is the state of one decode. It lives on the stack of the call, and libjpeg's own memory is freed before the call returns,
// however it ends.
typedef struct {
	struct jpeg_decompress_struct cinfo;
	struct jpeg_error_mgr error;
	struct jpeg_source_mgr source;
	struct jpeg_progress_mgr progress;
	jmp_buf escape;
	int failure; // what an escape means
	tagbeam_jpeg_file file;
	JSAMPARRAY cmyk; // one row of four components, which do not fit a row of three
	int starved;     // the data came to its end
} decoder;

// sink is where rows go. Without an axis they go to dst as they are.
typedef struct {
	uint8_t *dst;
	tagbeam_window window;
	const int32_t *spans, *coefficients;
	int stride, n;
	uint8_t *strip;
	int64_t *resampling;
} sink;

static void escape(j_common_ptr cinfo) {
	decoder *d = cinfo->client_data;
	longjmp(d->escape, 1);
}

// Pillow tolerates what libjpeg only warns of.
static void silent(j_common_ptr cinfo) { (void)cinfo; }

static void nothing(j_decompress_ptr cinfo) { (void)cinfo; }

// fill_input is called at the end of the data. FALSE suspends libjpeg: it is how Pillow, too, knows a truncated file. Where truncated
// files are allowed, an end marker is put there.
static boolean fill_input(j_decompress_ptr cinfo) {
	static const JOCTET end[2] = {0xff, JPEG_EOI};
	decoder *d = cinfo->client_data;
	d->starved = 1;
	if (!d->file.allow_truncated) return FALSE;
	cinfo->src->next_input_byte = end;
	cinfo->src->bytes_in_buffer = sizeof end;
	return TRUE;
}

static void skip_input(j_decompress_ptr cinfo, long n) {
	struct jpeg_source_mgr *source = cinfo->src;
	if (n <= 0) return;
	if ((size_t)n > source->bytes_in_buffer) n = (long)source->bytes_in_buffer;
	source->next_input_byte += n;
	source->bytes_in_buffer -= (size_t)n;
}

// watch_scans ends files whose scans would take minutes: each passes over all coefficients, however short its data is.
static void watch_scans(j_common_ptr cinfo) {
	decoder *d = cinfo->client_data;
	if (d->cinfo.input_scan_number > d->file.scans) {
		d->failure = TAGBEAM_JPEG_SCANS;
		longjmp(d->escape, 1);
	}
}

// start brings the decoder to the first row.
static int start(decoder *d, const uint8_t *data, size_t size) {
	struct jpeg_decompress_struct *cinfo = &d->cinfo;
	jpeg_create_decompress(cinfo);
	cinfo->mem->max_memory_to_use = d->file.memory;
	d->source = (struct jpeg_source_mgr){
	    .next_input_byte = data,
	    .bytes_in_buffer = size,
	    .init_source = nothing,
	    .fill_input_buffer = fill_input,
	    .skip_input_data = skip_input,
	    .resync_to_restart = jpeg_resync_to_restart,
	    .term_source = nothing,
	};
	cinfo->src = &d->source;
	d->progress.progress_monitor = watch_scans;
	cinfo->progress = &d->progress;

	if (jpeg_read_header(cinfo, TRUE) != JPEG_HEADER_OK) return TAGBEAM_JPEG_TRUNCATED;
	if (cinfo->image_width != (JDIMENSION)d->file.width || cinfo->image_height != (JDIMENSION)d->file.height) return TAGBEAM_JPEG_SIZE;
	// Pillow goes by the number of components; what they mean, it leaves to libjpeg.
	cinfo->out_color_space = cinfo->num_components == 4 ? JCS_CMYK : JCS_RGB;
	cinfo->scale_num = 1;
	cinfo->scale_denom = (unsigned int)d->file.scale;
	if (!jpeg_start_decompress(cinfo)) return TAGBEAM_JPEG_TRUNCATED;
	JDIMENSION scale = (JDIMENSION)d->file.scale;
	if (cinfo->output_width != (cinfo->image_width + scale - 1) / scale || cinfo->output_height != (cinfo->image_height + scale - 1) / scale) {
		return TAGBEAM_JPEG_SIZE;
	}
	if (cinfo->out_color_space == JCS_CMYK) {
		d->cmyk = cinfo->mem->alloc_sarray((j_common_ptr)cinfo, JPOOL_IMAGE, 4 * cinfo->output_width, 1);
	}
	return TAGBEAM_JPEG_OK;
}

// cmyk_to_rgb takes every CMYK JPEG for an inverted one, as Adobe writes them and Pillow reads them (its unpacker "CMYK;I"), and converts
// it as Pillow's cmyk2rgb does (libImaging/Convert.c).
static void cmyk_to_rgb(uint8_t *out, const uint8_t *in, int width) {
	for (int i = 0; i < width; i++, in += 4, out += 3) {
		int white = in[3];
		for (int c = 0; c < 3; c++) {
			int t = (255 - in[c]) * white + 128;
			t = ((t >> 8) + t) >> 8; // Pillow's MULDIV255: a*b/255, rounded
			out[c] = white > t ? (uint8_t)(white - t) : 0;
		}
	}
}

// read_rows decodes the next n rows to packed RGB.
static int read_rows(decoder *d, uint8_t *out, int n) {
	struct jpeg_decompress_struct *cinfo = &d->cinfo;
	size_t stride = 3 * (size_t)cinfo->output_width;
	for (int y = 0; y < n;) {
		JSAMPROW rows[STRIP_ROWS];
		int want = n - y < STRIP_ROWS ? n - y : STRIP_ROWS;
		for (int i = 0; i < want; i++) rows[i] = out + stride * (size_t)(y + i);
		int got = (int)jpeg_read_scanlines(cinfo, d->cmyk ? d->cmyk : rows, d->cmyk ? 1 : (JDIMENSION)want);
		if (got == 0) return TAGBEAM_JPEG_TRUNCATED;
		if (d->cmyk) cmyk_to_rgb(rows[0], d->cmyk[0], (int)cinfo->output_width);
		y += got;
	}
	return TAGBEAM_JPEG_OK;
}

static int64_t nanoseconds(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// How many rows of blocks above the window, and columns of blocks on its sides, are decoded with it: upsampling of colour looks at neighbours.
enum { MARGIN = 1 };

#if defined(LIBJPEG_TURBO_VERSION_NUMBER) && LIBJPEG_TURBO_VERSION_NUMBER >= 2001004
#define CAN_SKIP 1
#else
#define CAN_SKIP 0 // jpeg_skip_scanlines and jpeg_crop_scanline are not there, or not to be relied on
#endif

#if CAN_SKIP

// skips reports whether parts of the image can be passed over without a change to what is read. A file of several scans may be smoothed
// between blocks, and a truncated one is to be shown as far as it goes. At a scale, the components may be scaled differently, and
// libjpeg-turbo 2.1 crops some of them (4x2 samples to one) elsewhere.
static int skips(decoder *d) { return d->file.scale == 1 && !d->file.allow_truncated && !jpeg_has_multiple_scans(&d->cinfo); }

// narrow makes libjpeg decode only the columns of the window, with a margin, and returns the first of them.
static int narrow(decoder *d, const tagbeam_window *window) {
	struct jpeg_decompress_struct *cinfo = &d->cinfo;
	if (!skips(d)) return 0;
	int width = (int)cinfo->output_width, block = cinfo->max_h_samp_factor * DCTSIZE / d->file.scale;
	int from = window->x0 / block - MARGIN, end = (window->x1 + block - 1) / block + MARGIN;
	from = from < 0 ? 0 : from * block;
	end = end * block > width ? width : end * block;
	if (from == 0 && end == width) return 0;
	JDIMENSION first = (JDIMENSION)from, n = (JDIMENSION)(end - from);
	jpeg_crop_scanline(cinfo, &first, &n);
	return (int)first;
}

// skip passes over rows up to end, in whole rows of blocks.
static int skip(decoder *d, int y, int end) {
	int block = d->cinfo.max_v_samp_factor * DCTSIZE / d->file.scale;
	int n = (end / block - (y + block - 1) / block) * block;
	if (!skips(d) || n <= 0 || y % block != 0) return TAGBEAM_JPEG_OK;
	// libjpeg does not say so when the data ends here.
	if ((int)jpeg_skip_scanlines(&d->cinfo, (JDIMENSION)n) != n || d->starved) return TAGBEAM_JPEG_TRUNCATED;
	return TAGBEAM_JPEG_OK;
}

#else

static int narrow(decoder *d, const tagbeam_window *window) { return (void)d, (void)window, 0; }
static int skip(decoder *d, int y, int end) { return (void)d, (void)y, (void)end, TAGBEAM_JPEG_OK; }

#endif

// resample_rows decodes by strips, and resamples the window.
static int resample_rows(decoder *d, const sink *to) {
	struct jpeg_decompress_struct *cinfo = &d->cinfo;
	const tagbeam_window *w = &to->window;
	int height = (int)cinfo->output_height, left = narrow(d, w);
	size_t row = 3 * (size_t)cinfo->output_width, column = 3 * (size_t)(w->x0 - left);
	uint8_t *scratch = to->strip + STRIP_ROWS * row;
	int block = cinfo->max_v_samp_factor * DCTSIZE / d->file.scale;
	int result = skip(d, 0, w->y0 - MARGIN * block);
	// The last row of blocks is always decoded: a skip to the very end would not look at the data.
	int last = (height - 1) / block * block;
	for (int y = (int)cinfo->output_scanline; result == TAGBEAM_JPEG_OK && y < height; y = (int)cinfo->output_scanline) {
		if (y >= w->y1 && y < last) {
			result = skip(d, y, last);
			if (result != TAGBEAM_JPEG_OK || (int)cinfo->output_scanline != y) continue;
		}
		int end = y + STRIP_ROWS < height ? y + STRIP_ROWS : height;
		result = read_rows(d, to->strip, end - y);
		if (result != TAGBEAM_JPEG_OK) break;
		int from = y > w->y0 ? y : w->y0, until = end < w->y1 ? end : w->y1;
		if (from < until) {
			size_t skipped = row * (size_t)(from - y) + column;
			int64_t began = nanoseconds();
			tagbeam_horizontal(to->dst + 3 * (size_t)to->n * (size_t)(from - w->y0), to->strip + skipped, row, STRIP_ROWS * row - skipped,
			                   until - from, to->spans, to->coefficients, to->stride, to->n, scratch);
			*to->resampling += nanoseconds() - began;
		}
	}
	return result;
}

static int decode(decoder *d, const uint8_t *data, size_t size, const sink *to, char *message) {
	d->failure = TAGBEAM_JPEG_FAILED;
	if (setjmp(d->escape)) {
		// The decoder of arithmetic coding cannot suspend; that it tried says the same.
		if (d->error.msg_code == JERR_CANT_SUSPEND) return TAGBEAM_JPEG_TRUNCATED;
		d->error.format_message((j_common_ptr)&d->cinfo, message);
		return d->failure;
	}
	int result = start(d, data, size);
	if (result == TAGBEAM_JPEG_OK) result = to->strip ? resample_rows(d, to) : read_rows(d, to->dst, (int)d->cinfo.output_height);
	// That the data ends between the last row and the end marker is no error; broken data there is.
	if (result == TAGBEAM_JPEG_OK) jpeg_finish_decompress(&d->cinfo);
	return result;
}

static int run(tagbeam_jpeg_file file, const uint8_t *data, size_t size, const sink *to, char *message) {
	decoder d;
	memset(&d, 0, sizeof d);
	d.file = file;
	d.cinfo.err = jpeg_std_error(&d.error);
	d.error.error_exit = escape;
	d.error.output_message = silent;
	d.cinfo.client_data = &d;
	_Static_assert(JMSG_LENGTH_MAX <= TAGBEAM_JPEG_MESSAGE, "message is too short");
	int result = decode(&d, data, size, to, message);
	jpeg_destroy_decompress(&d.cinfo);
	return result;
}

int tagbeam_jpeg_decode(tagbeam_jpeg_file file, const uint8_t *data, size_t size, uint8_t *dst, char *message) {
	sink to = {.dst = dst};
	return run(file, data, size, &to, message);
}

int tagbeam_jpeg_resample(tagbeam_jpeg_file file, const uint8_t *data, size_t size, uint8_t *dst, tagbeam_window window, const int32_t *spans,
                          const int32_t *coefficients, int stride, int n, uint8_t *strip, int64_t *resampling, char *message) {
	sink to = {dst, window, spans, coefficients, stride, n, strip, resampling};
	return run(file, data, size, &to, message);
}

size_t tagbeam_jpeg_strip(int width) { return STRIP_ROWS * 3 * (size_t)width + tagbeam_horizontal_scratch(width); }
