#include "resample.h"

#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

// A coefficient has 22 fractional bits, a product of 16-bit words (pmaddwd) takes 15: it is split in two, c = high<<15 | low. Sums are
// modulo 2^32 throughout, so that the two halves may overflow where their sum does not.
enum { PRECISION = 22, LOW_BITS = 15, LOAD = 16 };

int tagbeam_has_simd(void) {
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx2");
}

size_t tagbeam_horizontal_scratch(int width) { return 2 * (3 * (size_t)width + LOAD); }

// Pixels 0 and 1 of four, and 2 and 3, as pairs of words: R R G G B B.
#define PIXELS_01 0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1
#define PIXELS_23 6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1

// pixel_of_two makes output i of two rows: a in the lower half, b in the upper.
AVX2 static inline __m256i pixel_of_two(const uint8_t *a, const uint8_t *b, int taps, const int32_t *k) {
	const __m256i pixels01 = _mm256_setr_epi8(PIXELS_01, PIXELS_01), pixels23 = _mm256_setr_epi8(PIXELS_23, PIXELS_23);
	__m256i low = _mm256_set1_epi32(1 << (PRECISION - 1)), high = _mm256_setzero_si256();
	for (int j = 0; j < taps; j += 4, a += 12, b += 12, k += 4) {
		__m256i v = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)a)), _mm_loadu_si128((const __m128i *)b), 1);
		__m256i first = _mm256_shuffle_epi8(v, pixels01), second = _mm256_shuffle_epi8(v, pixels23);
		low = _mm256_add_epi32(low, _mm256_madd_epi16(first, _mm256_set1_epi32(k[0])));
		high = _mm256_add_epi32(high, _mm256_madd_epi16(first, _mm256_set1_epi32(k[1])));
		low = _mm256_add_epi32(low, _mm256_madd_epi16(second, _mm256_set1_epi32(k[2])));
		high = _mm256_add_epi32(high, _mm256_madd_epi16(second, _mm256_set1_epi32(k[3])));
	}
	__m256i sum = _mm256_srai_epi32(_mm256_add_epi32(low, _mm256_slli_epi32(high, LOW_BITS)), PRECISION);
	sum = _mm256_packs_epi32(sum, sum);
	return _mm256_packus_epi16(sum, sum);
}

AVX2 static void horizontal_two(uint8_t *out_a, uint8_t *out_b, const uint8_t *a, const uint8_t *b, const int32_t *spans,
                                const int32_t *coefficients, int stride, int n) {
	for (int i = 0; i < n; i++) {
		size_t at = 3 * (size_t)spans[2 * i];
		__m256i pixel = pixel_of_two(a + at, b + at, spans[2 * i + 1], coefficients + (size_t)i * (size_t)stride);
		uint32_t p = (uint32_t)_mm256_extract_epi32(pixel, 0), q = (uint32_t)_mm256_extract_epi32(pixel, 4);
		// The fourth byte is overwritten by the next pixel; the last one has none.
		size_t bytes = i + 1 < n ? 4 : 3;
		if (bytes == 4) {
			memcpy(out_a + 3 * i, &p, 4);
			memcpy(out_b + 3 * i, &q, 4);
		} else {
			memcpy(out_a + 3 * i, &p, 3);
			memcpy(out_b + 3 * i, &q, 3);
		}
	}
}

void tagbeam_horizontal(uint8_t *dst, const uint8_t *src, size_t src_stride, size_t src_size, int rows, const int32_t *spans,
                        const int32_t *coefficients, int stride, int n, uint8_t *scratch) {
	size_t used = 3 * (size_t)(spans[2 * n - 2] + spans[2 * n - 1]), out = 3 * (size_t)n;
	for (int y = 0; y < rows; y += 2) {
		int second = y + 1 < rows ? y + 1 : y;
		const uint8_t *row[2] = {src + src_stride * (size_t)y, src + src_stride * (size_t)second};
		// Loads go beyond the last pixel; at the end of the buffer, the row is copied to where there is room.
		for (int i = 0; i < 2; i++) {
			if ((size_t)(row[i] - src) + used + LOAD > src_size) {
				uint8_t *copy = scratch + (size_t)i * (used + LOAD);
				memcpy(copy, row[i], used);
				memset(copy + used, 0, LOAD);
				row[i] = copy;
			}
		}
		horizontal_two(dst + out * (size_t)y, dst + out * (size_t)second, row[0], row[1], spans, coefficients, stride, n);
	}
}

// sixteen makes 16 bytes of a row.
AVX2 static inline void sixteen(uint8_t *out, const uint8_t *in, size_t in_stride, int taps, const int32_t *k) {
	__m256i low0 = _mm256_set1_epi32(1 << (PRECISION - 1)), low1 = low0, high0 = _mm256_setzero_si256(), high1 = high0;
	for (int j = 0; j < taps; j += 2, in += 2 * in_stride, k += 2) {
		__m128i a = _mm_loadu_si128((const __m128i *)in), b = _mm_setzero_si128();
		if (j + 1 < taps) b = _mm_loadu_si128((const __m128i *)(in + in_stride));
		__m256i v0 = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b)), v1 = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
		__m256i k0 = _mm256_set1_epi32(k[0]), k1 = _mm256_set1_epi32(k[1]);
		low0 = _mm256_add_epi32(low0, _mm256_madd_epi16(v0, k0));
		low1 = _mm256_add_epi32(low1, _mm256_madd_epi16(v1, k0));
		high0 = _mm256_add_epi32(high0, _mm256_madd_epi16(v0, k1));
		high1 = _mm256_add_epi32(high1, _mm256_madd_epi16(v1, k1));
	}
	__m256i sum0 = _mm256_srai_epi32(_mm256_add_epi32(low0, _mm256_slli_epi32(high0, LOW_BITS)), PRECISION);
	__m256i sum1 = _mm256_srai_epi32(_mm256_add_epi32(low1, _mm256_slli_epi32(high1, LOW_BITS)), PRECISION);
	__m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(sum0, sum1), 0xd8);
	__m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
	_mm_storeu_si128((__m128i *)out, bytes);
}

// one makes a single byte, where a row has less than 16.
static uint8_t one(const uint8_t *in, size_t in_stride, int taps, const int32_t *k) {
	uint32_t sum = 1 << (PRECISION - 1);
	for (int j = 0; j < taps; j++, in += in_stride) {
		const int32_t *pair = k + (j & ~1);
		int shift = 16 * (j & 1);
		int32_t low = (int16_t)(pair[0] >> shift), high = (int16_t)(pair[1] >> shift);
		sum += (uint32_t)*in * ((uint32_t)low + ((uint32_t)high << LOW_BITS));
	}
	int32_t v = (int32_t)sum >> PRECISION;
	return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
}

AVX2 static void vertical_row(uint8_t *out, const uint8_t *src, size_t src_stride, int size, const int32_t *span, const int32_t *k) {
	const uint8_t *in = src + src_stride * (size_t)span[0];
	int taps = span[1], x = 0;
	if (size < 16) {
		for (; x < size; x++) out[x] = one(in + x, src_stride, taps, k);
		return;
	}
	for (; x + 16 <= size; x += 16) sixteen(out + x, in + x, src_stride, taps, k);
	if (x < size) sixteen(out + size - 16, in + size - 16, src_stride, taps, k);
}

void tagbeam_vertical(uint8_t *dst, size_t dst_stride, const uint8_t *src, size_t src_stride, int size, const int32_t *spans,
                      const int32_t *coefficients, int stride, int n) {
	for (int y = 0; y < n; y++) {
		vertical_row(dst + dst_stride * (size_t)y, src, src_stride, size, spans + 2 * y, coefficients + (size_t)y * (size_t)stride);
	}
}

// A row of pixels becomes elements of one size. The strides are constants, so that the compiler knows which elements stand side by side.
#define WRITE_ROW(name, element)                                                                                                                      \
	static void name(void *dst, int64_t red, int64_t green, int64_t blue, int step, const void *tables, const uint8_t *in, int width) {               \
		const element *table = tables;                                                                                                                \
		element *restrict r = (element *)dst + red, *restrict g = (element *)dst + green, *restrict b = (element *)dst + blue;                         \
		if (step == 1) {                                                                                                                              \
			for (int x = 0; x < width; x++, in += 3) r[x] = table[in[0]], g[x] = table[256 + in[1]], b[x] = table[512 + in[2]];                       \
		} else {                                                                                                                                      \
			for (int x = 0; x < width; x++, in += 3) r[3 * x] = table[in[0]], g[3 * x] = table[256 + in[1]], b[3 * x] = table[512 + in[2]];           \
		}                                                                                                                                             \
	}
WRITE_ROW(write_row8, uint8_t)
WRITE_ROW(write_row16, uint16_t)
WRITE_ROW(write_row32, uint32_t)

void tagbeam_tensor(void *dst, int element, int64_t red, int64_t green, int64_t blue, int64_t row, int step, const void *table, const uint8_t *src,
                    size_t src_stride, int width, const int32_t *spans, const int32_t *coefficients, int stride, int n, uint8_t *scratch) {
	for (int y = 0; y < n; y++) {
		const uint8_t *in = src + src_stride * (size_t)y;
		if (spans) {
			vertical_row(scratch, src, src_stride, 3 * width, spans + 2 * y, coefficients + (size_t)y * (size_t)stride);
			in = scratch;
		}
		(element == 1 ? write_row8 : element == 2 ? write_row16 : write_row32)(dst, red + row * y, green + row * y, blue + row * y, step, table, in, width);
	}
}

#else

// Other processors use the Go code.
int tagbeam_has_simd(void) { return 0; }

size_t tagbeam_horizontal_scratch(int width) { return (size_t)width; }

void tagbeam_horizontal(uint8_t *dst, const uint8_t *src, size_t src_stride, size_t src_size, int rows, const int32_t *spans,
                        const int32_t *coefficients, int stride, int n, uint8_t *scratch) {
	(void)dst, (void)src, (void)src_stride, (void)src_size, (void)rows, (void)spans, (void)coefficients, (void)stride, (void)n, (void)scratch;
}

void tagbeam_vertical(uint8_t *dst, size_t dst_stride, const uint8_t *src, size_t src_stride, int size, const int32_t *spans,
                      const int32_t *coefficients, int stride, int n) {
	(void)dst, (void)dst_stride, (void)src, (void)src_stride, (void)size, (void)spans, (void)coefficients, (void)stride, (void)n;
}

void tagbeam_tensor(void *dst, int element, int64_t red, int64_t green, int64_t blue, int64_t row, int step, const void *table, const uint8_t *src,
                    size_t src_stride, int width, const int32_t *spans, const int32_t *coefficients, int stride, int n, uint8_t *scratch) {
	(void)dst, (void)element, (void)red, (void)green, (void)blue, (void)row, (void)step, (void)table, (void)src, (void)src_stride, (void)width;
	(void)spans, (void)coefficients, (void)stride, (void)n, (void)scratch;
}

#endif
