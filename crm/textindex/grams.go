package textindex

import (
	"slices"
	"unicode/utf8"
)

// gramIndex lists, by a run of characters, the numbers of the words that have
// it. Two runs may share a key: what is found has to be compared.
type gramIndex map[uint64]*postings

// gramBytes is the heap cost of one list: its place in the map and its head.
const gramBytes = 40

// add lists the number under the keys and returns the heap bytes it took.
func (g gramIndex) add(keys []uint64, number uint32) int {
	bytes := 0
	for _, key := range keys {
		list := g[key]
		if list == nil {
			list = &postings{}
			g[key] = list
			bytes += gramBytes
		}
		bytes += list.set(number << entryShift)
	}
	return bytes
}

// remove takes the number out again and returns the heap bytes it gave back.
func (g gramIndex) remove(keys []uint64, number uint32) int {
	bytes := 0
	for _, key := range keys {
		list := g[key]
		if list == nil {
			continue
		}
		bytes += list.remove(number)
		if list.len() == 0 {
			delete(g, key)
			bytes += gramBytes
		}
	}
	return bytes
}

// rarest returns the shortest list of the keys: nil if one of them has none.
func (g gramIndex) rarest(keys []uint64) *postings {
	var best *postings
	for _, key := range keys {
		list := g[key]
		if list == nil {
			return nil
		}
		if best == nil || list.len() < best.len() {
			best = list
		}
	}
	return best
}

// insideGrams appends the keys of all runs of four characters of a word.
func insideGrams(keys []uint64, text string) []uint64 {
	var key uint64
	i := 0
	for _, r := range text {
		key = key<<16 | uint64(r)&0xFFFF
		if i++; i >= insideFrom {
			keys = append(keys, key)
		}
	}
	return keys
}

// cjkGrams appends the keys of all characters and all pairs of them.
func cjkGrams(keys []uint64, text string) []uint64 {
	before := rune(0)
	for _, r := range text {
		keys = append(keys, 1<<63|uint64(r))
		if before != 0 {
			keys = append(keys, 1<<62|uint64(before)<<21|uint64(r))
		}
		before = r
	}
	return keys
}

// cjkQueryGrams returns the keys to look up for a query's run: its only
// character, or its pairs.
func cjkQueryGrams(text string) []uint64 {
	if utf8.RuneCountInString(text) == 1 {
		return cjkGrams(nil, text)
	}
	return slices.DeleteFunc(cjkGrams(nil, text), func(key uint64) bool { return key>>63 == 1 })
}
