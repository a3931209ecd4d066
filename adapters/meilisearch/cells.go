package meilisearch

import (
	"cmp"
	"slices"

	"github.com/omnicrm/omnicrm/crm"
)

// cell is one way in which a part of a query matches: how good it is, and which
// documents match in that way.
type cell struct {
	relevance crm.SearchRelevance
	filter    string
}

// missed is the wholeness of what could have been a whole number or address.
const missed = 2

// factors returns the ways of each part of the text, and of each address, best
// first. A document's relevance is the sum of its best way in each.
func (m *matcher) factors() [][]cell {
	var out [][]cell
	for _, p := range m.plan.Parts {
		out = append(out, sorted(m.partCells(p)))
	}
	for _, a := range m.plan.Addresses {
		address := encodeEmail(a.Text)
		cells := []cell{{crm.NewSearchRelevance(0, 0, 0, 0), equals(attrEmails, address)}}
		if a.Last {
			cells = append(cells, cell{crm.NewSearchRelevance(1, 0, 0, 0), startsWith(attrEmails, address)})
		}
		out = append(out, append(cells, cell{crm.NewSearchRelevance(missed, 0, 0, 0), everything}))
	}
	return out
}

func sorted(cells []cell) []cell {
	slices.SortStableFunc(cells, func(a, b cell) int { return cmp.Compare(a.relevance, b.relevance) })
	return cells
}

func (m *matcher) partCells(p crm.SearchPart) []cell {
	if p.Run == "" {
		w := p.Words[0]
		return m.wordCells(w, w.Digits && len(w.Text) >= crm.SearchRunFrom)
	}
	// As separate words, in all ways, and as one number.
	words := make([][]cell, len(p.Words))
	for i, w := range p.Words {
		words[i] = disjoint(sorted(m.wordCells(w, false)))
	}
	var out []cell
	for _, c := range combine(words) {
		c.relevance += crm.NewSearchRelevance(missed, 0, 0, 0)
		out = append(out, c)
	}
	return append(out, numberCells(p.Run, true, true)...)
}

// wordCells are the ways in which a word matches; whole says that it may be a
// whole number, which any other match misses.
func (m *matcher) wordCells(w crm.SearchWord, whole bool) []cell {
	wholeness := 0
	if whole {
		wholeness = missed
	}
	var out []cell
	// ranked adds a way by rank, with the attribute's part of each rank.
	ranked := func(class, typos int, filter func(rank string) string) {
		for rank, suffix := range []string{"0", "1", ""} {
			if f := filter(suffix); f != "" {
				out = append(out, cell{crm.NewSearchRelevance(wholeness, class, typos, rank), f})
			}
		}
	}
	word := encodeWord(w.Text, w.CJK)
	ranked(crm.SearchExact, 0, func(rank string) string { return equals(attrWords+rank, word) })
	if w.Last || w.CJK {
		ranked(crm.SearchPrefix, 0, func(rank string) string { return startsWith(attrWords+rank, word) })
	}
	for i, near := range m.near[nearKey(w)] {
		if len(near) > 0 {
			ranked(crm.SearchTypo, i+1, func(rank string) string { return oneOf(attrWords+rank, near) })
		}
	}
	switch {
	case w.CJK:
		part := encodeRun(cut([]rune(w.Text), maxSuffixRunes))
		ranked(crm.SearchInside, 0, func(rank string) string { return startsWith(attrRuns+rank, part) })
	case w.Inside():
		part := ending(w)
		out = append(out,
			cell{crm.NewSearchRelevance(wholeness, crm.SearchInside, 0, crm.SearchRankName), or(startsWith(attrEndings+"0", part), startsWith(attrWords+"0", word))},
			cell{crm.NewSearchRelevance(wholeness, crm.SearchInside, 0, crm.SearchRankReach), or(startsWith(attrEndings, part), startsWith(attrWords+"1", word))})
	}
	if w.Digits {
		out = append(out, numberCells(w.Text, w.Last, whole)...)
	}
	return out
}

// numberCells are the ways in which digits match a phone number.
func numberCells(digits string, last, whole bool) []cell {
	wholeness, long := 0, len(digits) >= crm.SearchRunFrom
	if whole {
		wholeness = missed
	}
	number := encodeNumber(digits)
	out := []cell{{crm.NewSearchRelevance(0, crm.SearchExact, 0, crm.SearchRankRest), equals(attrPhones, number)}}
	if long || last {
		out = append(out, cell{crm.NewSearchRelevance(wholeness, crm.SearchPrefix, 0, crm.SearchRankRest), startsWith(attrPhones, number)})
	}
	if long {
		out = append(out, cell{crm.NewSearchRelevance(wholeness, crm.SearchInside, 0, crm.SearchRankRest), startsWith(attrPhoneEnds, number)})
	}
	return out
}

// disjoint has each cell keep only the documents that no better one keeps.
func disjoint(cells []cell) []cell {
	out := make([]cell, len(cells))
	better := ""
	for i, c := range cells {
		out[i] = c
		if better != "" {
			out[i].filter = and(c.filter, not(better))
		}
		better = or(better, c.filter)
	}
	return out
}

// maxCombined bounds the ways of a whole query. Factors with the most ways are
// then not told apart any more.
const maxCombined = 512

// combine returns every choice of one cell of each factor.
func combine(factors [][]cell) []cell {
	factors = slices.Clone(factors)
	for product(factors) > maxCombined {
		most := slices.MaxFunc(factors, func(a, b []cell) int { return cmp.Compare(len(a), len(b)) })
		at := slices.IndexFunc(factors, func(f []cell) bool { return len(f) == len(most) })
		factors[at] = []cell{{most[0].relevance, everything}}
	}
	out := []cell{{}}
	for _, f := range factors {
		next := make([]cell, 0, len(out)*len(f))
		for _, a := range out {
			for _, b := range f {
				next = append(next, cell{a.relevance + b.relevance, and(a.filter, b.filter)})
			}
		}
		out = next
	}
	return out
}

func product(factors [][]cell) int {
	n := 1
	for _, f := range factors {
		n *= max(len(f), 1)
	}
	return n
}

// levels joins the cells of one relevance, best first.
func levels(cells []cell) []cell {
	var out []cell
	for _, c := range sorted(slices.Clone(cells)) {
		if n := len(out); n > 0 && out[n-1].relevance == c.relevance {
			out[n-1].filter = or(out[n-1].filter, c.filter)
			continue
		}
		out = append(out, c)
	}
	return out
}
