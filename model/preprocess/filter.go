package preprocess

import "math"

// kernel is a filter as Pillow defines it (libImaging/Resample.c): its weight at distance x, and the distance from which on it is zero.
type kernel struct {
	support float64
	weight  func(x float64) float64
}

// kernels has no entry for Nearest, which Pillow does not resample but picks.
var kernels = map[Filter]kernel{
	Box:      {0.5, boxWeight},
	Bilinear: {1, bilinearWeight},
	Hamming:  {1, hammingWeight},
	Bicubic:  {2, bicubicWeight},
	Lanczos:  {3, lanczosWeight},
}

// Products are converted to float64 where they stand in a sum: that keeps the compiler from fusing the two, on the processors that can,
// which would round differently from Pillow.

func boxWeight(x float64) float64 {
	if x > -0.5 && x <= 0.5 {
		return 1
	}
	return 0
}

func bilinearWeight(x float64) float64 {
	if x = math.Abs(x); x < 1 {
		return 1 - x
	}
	return 0
}

func hammingWeight(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x == 0:
		return 1
	case x >= 1:
		return 0
	}
	x *= math.Pi
	// Pillow's constants are of type float.
	return math.Sin(x) / x * (float64(float32(0.54)) + float64(float64(float32(0.46))*math.Cos(x)))
}

func bicubicWeight(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return float64(float64((float64((a+2)*x)-(a+3))*x)*x) + 1
	case x < 2:
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

func lanczosWeight(x float64) float64 {
	if x >= -3 && x < 3 {
		return sinc(x) * sinc(x/3)
	}
	return 0
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}
