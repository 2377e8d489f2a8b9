package preprocess

import "encoding/binary"

// Both passes add up two products at a time: a 64-bit word holds one sum in each half, and multiplying a word that holds two samples by
// a coefficient multiplies both. Negative sums borrow from the half above them, which sumsOf gives back.
const (
	lowBytes = 0x000000ff_000000ff                    // of the two halves
	halfUnit = 1<<(precision-1) | 1<<(precision-1+32) // one half in both, for rounding
)

// sumsOf takes a word apart.
func sumsOf(w uint64) (low, high int32) {
	low = int32(w)
	return low, int32((w - uint64(int64(low))) >> 32)
}

// clip takes the fraction off a sum and limits it to a byte.
func clip(sum int32) uint8 {
	v := sum >> precision
	if uint32(v) > 255 {
		if v < 0 {
			return 0
		}
		return 255
	}
	return uint8(v)
}

// horizontalPass resamples two rows at once: pairs holds their pixels, from column base of the source on.
func horizontalPass(outA, outB []byte, pairs []uint64, a *axis, base int) {
	for i, first := range a.first {
		k := a.of(i)
		p := pairs[first-base:][:len(k)]
		red, green, blue := uint64(halfUnit), uint64(halfUnit), uint64(halfUnit)
		for j, c := range k {
			c, v := uint64(int64(c)), p[j]
			red += v & lowBytes * c
			green += v >> 8 & lowBytes * c
			blue += v >> 16 & lowBytes * c
		}
		oA, oB := outA[3*i:3*i+3:3*i+3], outB[3*i:3*i+3:3*i+3]
		rA, rB := sumsOf(red)
		gA, gB := sumsOf(green)
		bA, bB := sumsOf(blue)
		oA[0], oA[1], oA[2] = clip(rA), clip(gA), clip(bA)
		oB[0], oB[1], oB[2] = clip(rB), clip(gB), clip(bB)
	}
}

// pairPixels puts pixel i of a into the low half of pairs[i] and that of b into the high one, red lowest; the fourth bytes are undefined.
func pairPixels(pairs []uint64, a, b []byte) {
	last := len(pairs) - 1
	for i := range pairs[:last] {
		pairs[i] = uint64(binary.LittleEndian.Uint32(a)) | uint64(binary.LittleEndian.Uint32(b))<<32
		a, b = a[3:], b[3:]
	}
	pairs[last] = uint64(a[0]) | uint64(a[1])<<8 | uint64(a[2])<<16 | uint64(b[0])<<32 | uint64(b[1])<<40 | uint64(b[2])<<48
}

// verticalPass adds up lines, which are as long as out, each times its coefficient.
func verticalPass(out []byte, lines [][]byte, k []int32) {
	k = k[:len(lines)]
	x := 0
	for ; x+8 <= len(out); x += 8 {
		var s0, s1, s2, s3 uint64 = halfUnit, halfUnit, halfUnit, halfUnit
		for j, line := range lines {
			c, v := uint64(int64(k[j])), binary.LittleEndian.Uint64(line[x:])
			s0 += v & lowBytes * c
			s1 += v >> 8 & lowBytes * c
			s2 += v >> 16 & lowBytes * c
			s3 += v >> 24 & lowBytes * c
		}
		o := out[x : x+8 : x+8]
		a, b := sumsOf(s0)
		o[0], o[4] = clip(a), clip(b)
		a, b = sumsOf(s1)
		o[1], o[5] = clip(a), clip(b)
		a, b = sumsOf(s2)
		o[2], o[6] = clip(a), clip(b)
		a, b = sumsOf(s3)
		o[3], o[7] = clip(a), clip(b)
	}
	for ; x < len(out); x++ {
		sum := int32(1 << (precision - 1))
		for j, line := range lines {
			sum += int32(line[x]) * k[j]
		}
		out[x] = clip(sum)
	}
}
