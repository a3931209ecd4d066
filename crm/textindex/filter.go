package textindex

import (
	"cmp"
	"iter"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// termGroup is a group of Query.Terms: the terms that exist and how many
// documents they have together.
type termGroup struct {
	numbers []uint32
	docs    int
}

// termGroups looks up the groups, those with the fewest documents first. It
// returns false if one of them can keep no document.
func (x *Index) termGroups(groups [][]string) ([]termGroup, bool) {
	var out []termGroup
	for _, texts := range groups {
		var g termGroup
		for _, text := range texts {
			if n, ok := x.terms.numbers[text]; ok && !slices.Contains(g.numbers, n) {
				g.numbers = append(g.numbers, n)
				g.docs += x.terms.at(n).docs.len()
			}
		}
		if len(g.numbers) == 0 {
			return nil, false
		}
		out = append(out, g)
	}
	slices.SortStableFunc(out, func(a, b termGroup) int { return cmp.Compare(a.docs, b.docs) })
	return out, true
}

// all returns all documents that the groups keep.
func (x *Index) all(s *scratch, groups []termGroup) *candidates {
	out := s.take()
	if len(groups) == 0 {
		out.slots = slices.AppendSeq(out.slots, setSlots(x.live))
		return out
	}
	out.slots = slices.AppendSeq(out.slots, setSlots(x.termBits(s, groups[0])))
	x.keepTerms(s, out, groups[1:])
	return out
}

// setSlots yields the slots of a set in their order.
func setSlots(set []uint64) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i, word := range set {
			for ; word != 0; word &= word - 1 {
				if !yield(uint32(i<<6 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}

// termBits returns the set of the slots of a group.
func (x *Index) termBits(s *scratch, g termGroup) []uint64 {
	set := s.emptyBits(x.used)
	for _, n := range g.numbers {
		docs := &x.terms.at(n).docs
		for i := range docs.count() {
			for _, e := range docs.part(i) {
				slot := e >> entryShift
				set[slot>>6] |= 1 << (slot & 63)
			}
		}
	}
	return set
}

// keepTerms leaves the candidates that the groups keep.
func (x *Index) keepTerms(s *scratch, c *candidates, groups []termGroup) {
	for _, g := range groups {
		if g.docs > 16*len(c.slots) { // fewer candidates than entries: ask each
			c.keep(func(slot uint32) (score, bool) {
				return 0, slices.ContainsFunc(x.list(slot).terms(), func(t uint32) bool {
					return slices.Contains(g.numbers, t)
				})
			})
			continue
		}
		set := x.termBits(s, g)
		c.keep(func(slot uint32) (score, bool) { return 0, set[slot>>6]>>(slot&63)&1 == 1 })
	}
}

// keepRanges leaves the candidates whose numbers are in all ranges.
func (x *Index) keepRanges(c *candidates, ranges []Range) {
	for _, r := range ranges {
		c.keep(func(slot uint32) (score, bool) {
			n := x.number(slot, r.Column)
			return 0, r.From <= n && (n < r.To || r.To == math.MaxInt64)
		})
	}
}

// facets counts the terms of the matches.
func (x *Index) facets(s *scratch, c *candidates, q Query) map[string][]FacetCount {
	if len(q.FacetPrefixes) == 0 {
		return nil
	}
	out := make(map[string][]FacetCount, len(q.FacetPrefixes))
	for _, prefix := range q.FacetPrefixes {
		out[prefix] = []FacetCount{}
	}
	x.countTerms(s, c)
	for _, n := range s.seen {
		text := x.terms.at(n).text
		for prefix, counts := range out {
			if value, ok := strings.CutPrefix(text, prefix); ok {
				out[prefix] = append(counts, FacetCount{Value: value, Count: int(s.counts[n])})
			}
		}
		s.counts[n] = 0
	}
	for prefix, counts := range out {
		slices.SortFunc(counts, func(a, b FacetCount) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
		})
		if q.FacetLimit > 0 && len(counts) > q.FacetLimit {
			out[prefix] = slices.Clone(counts[:q.FacetLimit])
		}
	}
	return out
}

// countTerms sets the counts of all terms of the matches. If every document
// matches, the terms know how many they have.
func (x *Index) countTerms(s *scratch, c *candidates) {
	if len(s.counts) < int(x.terms.used) {
		s.counts = make([]uint32, x.terms.used+x.terms.used/4)
	}
	s.seen = s.seen[:0]
	if len(c.slots) == len(x.slots) {
		for n := range x.terms.used {
			if docs := x.terms.at(n).docs.len(); docs > 0 {
				s.counts[n] = uint32(docs)
				s.seen = append(s.seen, n)
			}
		}
		return
	}
	for _, slot := range c.slots {
		for _, t := range x.list(slot).terms() {
			if s.counts[t] == 0 {
				s.seen = append(s.seen, t)
			}
			s.counts[t]++
		}
	}
}
