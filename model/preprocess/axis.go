package preprocess

import "math"

// precision is the number of fractional bits of a coefficient: 32 less 8 for the sample and 2 for the overshoot of negative weights.
const precision = 32 - 8 - 2

// axisKey names the resampling of one axis: in samples become out, of which those from lo up to hi are wanted. extent is the part of the
// input that the image takes, from its begin: less than in when the last sample is of an image that was shrunk by a divisor of its side
// with a remainder.
type axisKey struct {
	in, out, lo, hi int
	extent          float64
}

// axis holds, for each wanted output sample i, the inputs it is made of: taps[i] coefficients, from input first[i] on.
type axis struct {
	key   axisKey
	first []int
	taps  []int
	// size is the number of coefficients kept per output; those of output i begin at coefficients[i*size].
	size         int
	coefficients []int32
	packed       packedAxis
}

// fill computes the coefficients as Pillow's precompute_coeffs and normalize_coeffs_8bpc do, to the bit; weights is scratch, returned for
// the next call.
func (a *axis) fill(key axisKey, k kernel, weights []float64) []float64 {
	scale := key.extent / float64(key.out)
	filterScale := max(scale, 1)
	support := k.support * filterScale
	step := 1 / filterScale

	n := key.hi - key.lo
	a.key = key
	a.size = int(math.Ceil(support))*2 + 1
	a.first, a.taps = grow(a.first, n), grow(a.taps, n)
	a.coefficients = grow(a.coefficients, n*a.size)
	weights = grow(weights, a.size)
	for i := range n {
		center := float64((float64(key.lo+i) + 0.5) * scale)
		first := max(int(center-support+0.5), 0)
		taps := min(int(center+support+0.5), key.in) - first
		sum := 0.0
		for x := range taps {
			weights[x] = k.weight((float64(x+first) - center + 0.5) * step)
			sum += weights[x]
		}
		c := a.coefficients[i*a.size:][:a.size]
		for x := range taps {
			w := weights[x]
			if sum != 0 {
				w /= sum
			}
			c[x] = int32(float64(w*(1<<precision)) + math.Copysign(0.5, w))
		}
		a.first[i], a.taps[i] = first, taps
	}
	return weights
}

// fillNearest picks one input for each output: Pillow's ImagingScaleAffine, which adds up the position in steps and truncates it.
func (a *axis) fillNearest(key axisKey) {
	n := key.hi - key.lo
	a.key = key
	a.first = grow(a.first, n)
	step := key.extent / float64(key.out)
	position := step * 0.5
	for range key.lo {
		position += step
	}
	for i := range n {
		a.first[i] = min(int(position), key.in-1)
		position += step
	}
}

// of returns the coefficients of wanted output i.
func (a *axis) of(i int) []int32 { return a.coefficients[i*a.size:][:a.taps[i]] }

// end returns the input after the last one that is used.
func (a *axis) end() int {
	last := len(a.first) - 1
	return a.first[last] + a.taps[last]
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// axisCache keeps the last few axes, because the images of a data set share few sizes. Slots are used again in turn, with their memory: an
// axis is valid until the next call of get.
type axisCache struct {
	slots   [16]axis
	used    int
	next    int
	weights []float64
}

func (c *axisCache) get(key axisKey, f Filter) *axis {
	for i := range c.used {
		if c.slots[i].key == key {
			return &c.slots[i]
		}
	}
	a := &c.slots[c.next]
	c.next = (c.next + 1) % len(c.slots)
	c.used = min(c.used+1, len(c.slots))
	if f == Nearest {
		a.fillNearest(key)
	} else {
		c.weights = a.fill(key, kernels[f], c.weights)
		if haveSIMD {
			a.packed.pack(a)
		}
	}
	return a
}
