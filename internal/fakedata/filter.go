package fakedata

import "strings"

// filter remembers strings, ignoring case, in fixed memory: it may take a new
// one for known, never a known one for new (a Bloom filter with two bits for
// each; at a million entries one new string of twenty is taken for known).
type filter struct{ words []uint64 }

// filterBits is the size of a filter, a power of two: one megabyte.
const filterBits = 1 << 23

func newFilter() filter { return filter{make([]uint64, filterBits/64)} }

// add remembers s and says whether it may have been there before.
func (f filter) add(s string) bool {
	h := uint64(14695981039346656037) // FNV-1a: the same on every machine
	for _, c := range []byte(strings.ToLower(s)) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h ^= h >> 29 // its low bits alone mix poorly
	known := true
	for _, bit := range [2]uint64{h % filterBits, (h >> 32) % filterBits} {
		mask := uint64(1) << (bit % 64)
		known = known && f.words[bit/64]&mask != 0
		f.words[bit/64] |= mask
	}
	return known
}
