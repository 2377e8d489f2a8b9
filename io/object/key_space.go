package object

import (
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"
)

// keySpace reckons with keys as with numbers, to guess where so many keys further may be. A guess that is wrong costs time, never an object.
// Keys are fractions whose digits are the characters seen so far, which is what keeps guesses among names that may exist, and
// makes them names that any store takes.
type keySpace struct {
	prefix   string
	alphabet []rune   // sorted
	step     *big.Int // the distance of as many keys as a segment should have, or nil
}

// keyDigits is the number of characters behind the prefix that count.
const keyDigits = 200

func newKeySpace(prefix string) *keySpace { return &keySpace{prefix: prefix} }

// see adds the characters of a key.
func (k *keySpace) see(key string) {
	for _, r := range strings.TrimPrefix(key, k.prefix) {
		if r == utf8.RuneError || r < ' ' || r == 0x7f {
			continue // stores differ in what they make of these
		}
		if i, found := slices.BinarySearch(k.alphabet, r); !found && len(k.alphabet) < 1000 {
			// The distance was reckoned in other digits: as a fraction of everything it stays.
			old := k.end()
			k.alphabet = slices.Insert(k.alphabet, i, r)
			if k.step != nil {
				k.step.Div(k.step.Mul(k.step, k.end()), old)
			}
		}
	}
}

// dense says whether it is known how dense keys are.
func (k *keySpace) dense() bool { return k.step != nil && k.step.Sign() > 0 }

// learn notes that there were n keys from one to another, where a segment should have want. An unlucky piece must not spoil the measure.
func (k *keySpace) learn(from, to string, n, want int) {
	distance := new(big.Int).Sub(k.number(to), k.number(from))
	if distance.Sign() <= 0 {
		return
	}
	if n == 0 {
		n = 1
	}
	step := distance.Div(distance.Mul(distance, big.NewInt(int64(want))), big.NewInt(int64(n)))
	if k.dense() {
		const most = 8
		low, high := new(big.Int).Div(k.step, big.NewInt(most)), new(big.Int).Mul(k.step, big.NewInt(most))
		if step.Cmp(low) < 0 {
			step = low
		}
		if step.Cmp(high) > 0 {
			step = high
		}
	}
	k.step = step
}

// guess returns a key behind which, from one key on, a segment of keys may have ended, and which lies before another. The distance is
// divided by 2^shift.
func (k *keySpace) guess(from, before string, shift int) (string, bool) {
	if !k.dense() {
		return "", false
	}
	low, high := k.number(from), k.end()
	if strings.HasPrefix(before, k.prefix) && before != k.prefix {
		high = k.number(before)
	}
	half := new(big.Int).Sub(high, low)
	if half.Rsh(half, 1); k.step.Cmp(half) < 0 {
		half.Set(k.step)
	}
	if half.Rsh(half, uint(shift)); half.Sign() <= 0 {
		return "", false
	}
	key := shortened(k.key(low.Add(low, half)), from)
	return key, key > from && key > k.prefix && (before == "" || key < before)
}

// guessDigits is the number of characters of a guess behind those it has in common with the key it began from.
const guessDigits = 8

// shortened leaves out the characters that are of no matter.
func shortened(key, from string) string {
	common := 0
	for common < min(len(key), len(from)) && key[common] == from[common] {
		common++
	}
	left := guessDigits
	for i := range key {
		if i > common {
			if left--; left == 0 {
				return key[:i]
			}
		}
	}
	return key
}

func (k *keySpace) base() *big.Int { return big.NewInt(int64(len(k.alphabet)) + 1) }

// end is the number behind all keys.
func (k *keySpace) end() *big.Int { return new(big.Int).Exp(k.base(), big.NewInt(keyDigits), nil) }

// number reads a key as a number: the end of the key is the digit 0, the first character of the alphabet 1, and one that is not in it
// counts as the next smaller that is.
func (k *keySpace) number(key string) *big.Int {
	n, base, digits := new(big.Int), k.base(), 0
	rest := ""
	if len(key) > len(k.prefix) {
		rest = key[len(k.prefix):]
	}
	for _, r := range rest {
		if digits == keyDigits {
			break
		}
		i, found := slices.BinarySearch(k.alphabet, r)
		if found {
			i++
		}
		n.Add(n.Mul(n, base), big.NewInt(int64(i)))
		digits++
	}
	return n.Mul(n, new(big.Int).Exp(base, big.NewInt(int64(keyDigits-digits)), nil))
}

// key is the other way round. Digits behind the first 0 are of no matter.
func (k *keySpace) key(n *big.Int) string {
	digits := make([]int64, keyDigits)
	rest, base, digit := new(big.Int).Set(n), k.base(), new(big.Int)
	for i := keyDigits - 1; i >= 0; i-- {
		rest.DivMod(rest, base, digit)
		digits[i] = digit.Int64()
	}
	var b strings.Builder
	b.WriteString(k.prefix)
	for _, d := range digits {
		if d == 0 {
			break
		}
		b.WriteRune(k.alphabet[d-1])
	}
	return b.String()
}
