package textindex

import (
	"context"
	"strings"
)

// found is a word of the lexicon that a query word matches.
type found struct {
	number uint32
	match  wordMatch
}

// expand appends all words of the lexicon that the query word matches.
func (l *lexicon) expand(ctx context.Context, dst []found, w *queryWord) ([]found, error) {
	switch {
	case w.cjk:
		return l.expandGrams(dst, w, cjkQueryGrams(w.text)), nil
	case w.limit > 0:
		walk := typoWalk{lexicon: l, word: w, found: dst}
		if err := walk.run(ctx); err != nil {
			return nil, err
		}
		dst = walk.found
	case w.last:
		dst = l.expandPrefix(dst, w)
	default:
		if number, ok := l.numbers[w.text]; ok {
			dst = append(dst, found{number, wordMatch{class: classExact}})
		}
	}
	if w.seeksInside() {
		dst = l.expandGrams(dst, w, insideGrams(nil, w.text))
	}
	return dst, nil
}

// expandPrefix appends the words that begin with the query word.
func (l *lexicon) expandPrefix(dst []found, w *queryWord) []found {
	begin := len(dst)
	i, at := l.sorted.seek(l, w.text)
	for ; i < len(l.sorted.blocks); i, at = i+1, 0 {
		b := &l.sorted.blocks[i]
		for ; at < len(b.words); at++ {
			number := b.words[at]
			// Bytes shared with a word that has the prefix tell without a look at the text.
			if at == 0 || len(dst) == begin || int(b.shared[at]) < len(w.text) {
				if !l.startsWith(number, w.text) {
					return dst
				}
			}
			class := uint8(classPrefix)
			if len(l.at(number).text) == len(w.text) {
				class = classExact
			}
			dst = append(dst, found{number, wordMatch{class: class}})
		}
	}
	return dst
}

// expandGrams appends the words that contain the query word and do not match
// it better, or for CJK all words that contain it.
func (l *lexicon) expandGrams(dst []found, w *queryWord, keys []uint64) []found {
	list := l.grams.rarest(keys)
	if list == nil {
		return dst
	}
	for i := range list.count() {
		for _, entry := range list.part(i) {
			number := entry >> entryShift
			text := l.at(number).text
			if !strings.Contains(text, w.text) {
				continue
			}
			if m, ok := w.match(text); ok && (w.cjk || m.class == classInside) {
				dst = append(dst, found{number, m})
			}
		}
	}
	return dst
}
