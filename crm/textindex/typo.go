package textindex

import (
	"strings"
	"unicode/utf8"
)

// The limits of the matching rules, in characters of the query's word.
const (
	oneTypoFrom  = 5
	twoTyposFrom = 9
	insideFrom   = 4
	runFrom      = 4 // digits of a phone number
	maxTypos     = 2
)

// The ways a word can match, best first.
const (
	classExact  = 0
	classPrefix = 1
	classTypo   = 2
	classInside = 3
)

// queryWord is one folded word of a query.
type queryWord struct {
	text   string
	runes  []rune
	padded []rune // for words with a limit
	last   bool   // it also matches as a prefix
	cjk    bool
	digits bool
	whole  bool // a phone number that is exactly it comes first
	limit  int  // typos forgiven
}

func newQueryWord(text string, last bool) queryWord {
	w := queryWord{text: text, runes: []rune(text), last: last, cjk: isCJKWord(text), digits: isDigits(text)}
	switch n := len(w.runes); {
	case w.cjk || hasDigit(text):
	case n >= twoTyposFrom:
		w.limit = 2
	case n >= oneTypoFrom:
		w.limit = 1
	}
	if w.limit > 0 {
		w.padded = padRunes(w.runes)
	}
	return w
}

// seeksInside reports whether the word is found inside the words of Infix
// fields.
func (w *queryWord) seeksInside() bool {
	return !w.cjk && len(w.runes) >= insideFrom
}

// wordMatch is how a query word matches a word: the class and, for classTypo,
// the number of typos.
type wordMatch struct {
	class, typos uint8
}

// match compares the word with a word of a document. A classInside match of a
// word that seeksInside counts only where the field is an Infix field.
func (w *queryWord) match(word string) (wordMatch, bool) {
	if word == w.text {
		return wordMatch{class: classExact}, true
	}
	if (w.last || w.cjk) && strings.HasPrefix(word, w.text) {
		return wordMatch{class: classPrefix}, true
	}
	if w.limit > 0 {
		if n, ok := w.typos(word); ok {
			return wordMatch{class: classTypo, typos: uint8(n)}, true
		}
	}
	if (w.cjk || w.seeksInside()) && strings.Contains(word, w.text) {
		return wordMatch{class: classInside}, true
	}
	return wordMatch{}, false
}

// typos returns the number of typos between the query word and a word, or its
// best prefix for the last word of a query, if they are within the limit.
func (w *queryWord) typos(word string) (int, bool) {
	first, _ := utf8.DecodeRuneInString(word)
	penalty := 0
	if first != w.runes[0] {
		penalty = 1
	}
	limit := w.limit - penalty
	if limit <= 0 {
		return 0, false
	}
	before, row := firstRow(), firstRow()
	previous := rune(noRune)
	best, i := tooFar, 0
	for _, r := range word {
		i++
		next := nextRow(&before, &row, w.padded[i-1:], previous, r)
		before, row, previous = row, next, r
		if w.last {
			best = min(best, row.distance(len(w.runes), i))
		}
		if low := row.low(); low > limit || low >= best {
			return best + penalty, best <= limit
		}
	}
	if !w.last {
		best = row.distance(len(w.runes), i)
	}
	return best + penalty, best <= limit
}

// bandWidth is how many cells of a row of the distance matrix can be within
// maxTypos: those at most maxTypos away from the diagonal.
const bandWidth = 2*maxTypos + 1

// tooFar stands for every distance above the limits.
const tooFar = 100

// noRune is no character of any text. It stands before and after a padded
// query word, so that rows need no look at its ends.
const noRune = -1

// padRunes returns the query word as nextRow reads it.
func padRunes(runes []rune) []rune {
	padded := make([]rune, 0, len(runes)+2*bandWidth)
	padded = append(append(padded, noRune, noRune, noRune), runes...)
	for len(padded) < cap(padded) {
		padded = append(padded, noRune)
	}
	return padded
}

// typoRow is the band of one row of the matrix of optimal string alignment
// distances: cell b of row i is the distance of the first i characters of the
// word to the first i+b-maxTypos characters of the query word. Cells beyond the
// end of the query word hold the distance to the padded one.
type typoRow [bandWidth]uint8

// firstRow returns row 0.
func firstRow() typoRow { return typoRow{tooFar, tooFar, 0, 1, 2} }

// nextRow returns row i >= 1 after the word's character r, from the two rows
// before it, the word's character before r and the padded query from its
// character i-1 on.
func nextRow(before, last *typoRow, query []rune, previous, r rune) (row typoRow) {
	left := uint8(tooFar)
	for b := range bandWidth {
		d := left + 1 // the query's character is too much
		if b+1 < bandWidth {
			d = min(d, last[b+1]+1) // r is too much
		}
		if query[b+1] == r {
			d = min(d, last[b])
		} else {
			d = min(d, last[b]+1)
			if query[b] == r && query[b+1] == previous {
				d = min(d, before[b]+1) // the two are swapped
			}
		}
		row[b] = d
		left = d
	}
	return row
}

// low returns the smallest distance in the row. No later row has a smaller one:
// a swap reaches over a row, but adding its one typo to a cell of the row
// before never gives less than the cell below it here.
func (row *typoRow) low() int {
	return int(min(row[0], row[1], row[2], row[3], row[4]))
}

// distance returns the distance of the whole query word in row i.
func (row *typoRow) distance(queryLen, i int) int {
	if b := queryLen - i + maxTypos; b >= 0 && b < bandWidth {
		return int(row[b])
	}
	return tooFar
}
