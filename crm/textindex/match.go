package textindex

import (
	"cmp"
	"context"
	"slices"
)

// Up to so many documents, and words of them, are compared one by one, rather
// than looking up all documents that match the next word.
const (
	fewCandidates = 128
	fewWords      = 4096
)

// few reports whether the candidates are compared one by one.
func (x *Index) few(c *candidates) bool {
	if len(c.slots) > fewCandidates {
		return false
	}
	words := 0
	for _, slot := range c.slots {
		words += len(x.list(slot))
	}
	return words <= fewWords
}

// matchParts returns the documents that match all parts.
func (x *Index) matchParts(ctx context.Context, s *scratch, parts []part) (*candidates, error) {
	parts = slices.Clone(parts)
	promise := make(map[string]int, len(parts))
	for _, p := range parts {
		promise[p.key()] = x.promise(p)
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(promise[a.key()], promise[b.key()]) })
	var all *candidates
	for i, p := range parts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i > 0 && x.few(all) {
			all.keep(func(slot uint32) (score, bool) { return x.comparePart(&p, slot) })
			continue
		}
		if p.run == "" && all != nil {
			cells, err := x.wordCells(ctx, s, &p.words[0])
			if err != nil {
				return nil, err
			}
			all.keep(func(slot uint32) (score, bool) { return cells.at(slot).score(), cells.at(slot) != noCell })
			clear(cells)
			continue
		}
		next, err := x.matchPart(ctx, s, &p)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = next
			continue
		}
		all.intersect(next)
		s.give(next)
	}
	return all, nil
}

// promise estimates how many documents match a part, to begin with the fewest.
func (x *Index) promise(p part) int {
	if p.run != "" {
		return 0 // numbers are rare
	}
	w := &p.words[0]
	n := 0
	if number, ok := x.lexicon.numbers[w.text]; ok {
		n = x.lexicon.at(number).docs.len()
	}
	switch {
	case w.digits && len(w.runes) >= runFrom:
		return n
	case (w.last || w.cjk) && len(w.runes) < runFrom:
		return n + len(x.slots)/(1+4*len(w.runes)*len(w.runes))
	case w.limit == 0:
		return n
	}
	return n + len(x.slots)>>min(len(w.runes), 20) // typos find a few more
}

// matchPart returns the documents that match one part.
func (x *Index) matchPart(ctx context.Context, s *scratch, p *part) (*candidates, error) {
	if p.run == "" {
		cells, err := x.wordCells(ctx, s, &p.words[0])
		if err != nil {
			return nil, err
		}
		out := s.take()
		cells.gather(out)
		clear(cells)
		return out, nil
	}
	run := runWord(p.run)
	cells := s.blank(x.used)
	x.addNumbers(cells, &run)
	asNumber := s.take()
	cells.gather(asNumber)
	clear(cells)
	words := make([]part, len(p.words))
	for i, w := range p.words {
		words[i] = part{words: []queryWord{w}}
	}
	asWords, err := x.matchParts(ctx, s, words)
	if err != nil {
		return nil, err
	}
	for i := range asWords.scores {
		asWords.scores[i] += wholeMissed.score()
	}
	out := s.take()
	out.unite(asNumber, asWords)
	s.give(asNumber)
	s.give(asWords)
	return out, nil
}

// runWord is the query word of the joined digits of a part.
func runWord(digits string) queryWord {
	w := newQueryWord(digits, true)
	w.whole = true
	return w
}

// wordCells returns for each slot how its document matches one word. The
// caller clears the cells.
func (x *Index) wordCells(ctx context.Context, s *scratch, w *queryWord) (cellArray, error) {
	words, err := x.lexicon.expand(ctx, s.found[:0], w)
	if err != nil {
		return nil, err
	}
	s.found = words
	cells := s.blank(x.used)
	var byFlags [entryMask + 1]cell
	var last wordMatch
	for i, f := range words {
		if i == 0 || f.match != last {
			last = f.match
			for flags := range byFlags {
				byFlags[flags] = w.entryCell(last, wordEntry(flags))
			}
		}
		x.addWord(cells, f.number, &byFlags)
	}
	if w.digits {
		x.addNumbers(cells, w)
	}
	return cells, nil
}

// addWord notes the documents that have a word of the lexicon, with the cells
// by the flags of their entries.
func (x *Index) addWord(cells cellArray, number uint32, byFlags *[entryMask + 1]cell) {
	docs := &x.lexicon.at(number).docs
	for i := range docs.count() {
		for _, e := range docs.part(i) {
			slot := e >> entryShift
			cells.offer(slot, byFlags[e&entryMask])
		}
	}
}

// entryCell is the cell of a match with a word of a document, noCell if the
// word is found only inside and stands in no Infix field.
func (w *queryWord) entryCell(m wordMatch, e wordEntry) cell {
	rank := e.rank()
	if m.class == classInside && !w.cjk {
		if rank = e.infixRank(); rank == notInfix {
			return noCell
		}
	}
	return w.textCell(m, rank)
}

// addNumbers notes the documents with a phone number that has the digits.
func (x *Index) addNumbers(cells cellArray, w *queryWord) {
	for _, list := range x.phones.lists(w.text, w.last) {
		for i := range list.docs.count() {
			for _, e := range list.docs.part(i) {
				slot := e >> entryShift
				if class, rank, ok := list.read(w.text, w.last, e, x.wholes); ok {
					cells.offer(slot, w.numberCell(class, rank))
				}
			}
		}
	}
}

// comparePart matches one document with a part by looking at its words.
func (x *Index) comparePart(p *part, slot uint32) (score, bool) {
	if p.run == "" {
		c := x.compareWord(&p.words[0], slot)
		return c.score(), c != noCell
	}
	const none = ^score(0)
	best := none
	run := runWord(p.run)
	if class, rank, ok := phoneMatch(p.run, true, x.wholes(slot)); ok {
		best = run.numberCell(class, rank).score()
	}
	asWords := wholeMissed.score()
	for i := range p.words {
		c := x.compareWord(&p.words[i], slot)
		if c == noCell {
			return best, best != none
		}
		asWords += c.score()
	}
	return min(best, asWords), true
}

// compareWord matches one document with a word.
func (x *Index) compareWord(w *queryWord, slot uint32) cell {
	best := noCell
	for _, e := range x.list(slot).words() {
		entry := wordEntry(e)
		if m, ok := w.match(x.lexicon.at(entry.word()).text); ok {
			best = min(best, w.entryCell(m, entry))
		}
	}
	if w.digits {
		if class, rank, ok := phoneMatch(w.text, w.last, x.wholes(slot)); ok {
			best = min(best, w.numberCell(class, rank))
		}
	}
	return best
}
