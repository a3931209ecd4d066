package textindex

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQueryWords bounds the work of a query; further words are ignored.
const maxQueryWords = 1000

// part is what of a query has to match by itself: one word, or several digit
// words that may be one number.
type part struct {
	words []queryWord
	run   string // the digits of all words, if there are several and they may be one number
}

// address is a part of a query with an "@" inside.
type address struct {
	text string // as foldAddress gives it
	last bool   // it ends the query
}

// plan is a query text, read.
type plan struct {
	parts     []part
	addresses []address
}

// newPlan reads a query text.
func newPlan(text string) plan {
	words := tokens(text)
	words = words[:min(len(words), maxQueryWords)]
	var p plan
	var spans []Span
	p.addresses, spans = findAddresses(text)
	seen := map[string]bool{}
	for i := 0; i < len(words); {
		n := numberLength(words[i:], spans)
		built := newPart(words[i:i+n], i+n == len(words))
		i += n
		if key := built.key(); !seen[key] {
			seen[key] = true
			p.parts = append(p.parts, built)
		}
	}
	return p
}

// newPart makes a part of digit words that may be one number, or of one word.
func newPart(words []token, last bool) part {
	var p part
	for i, t := range words {
		w := newQueryWord(t.word, last && i == len(words)-1)
		if len(words) > 1 {
			p.run += t.word
		} else {
			w.whole = w.digits && len(w.runes) >= runFrom
		}
		p.words = append(p.words, w)
	}
	return p
}

// key is the same for parts that mean the same.
func (p part) key() string {
	var b strings.Builder
	for _, w := range p.words {
		b.WriteString(w.text)
		b.WriteByte(' ')
	}
	if p.words[len(p.words)-1].last {
		b.WriteByte('*')
	}
	return b.String()
}

// numberLength returns how many of the words, from the first on, may be one
// number: digit words outside of addresses, with only phone punctuation between
// them and four digits or more together; otherwise 1.
func numberLength(words []token, addresses []Span) int {
	digits, n := 0, 0
	for n < len(words) && isDigits(words[n].word) && !within(words[n].start, addresses) {
		if n > 0 && !isPhonePunctuation(words[n].gap) {
			break
		}
		digits += len(words[n].word)
		n++
	}
	if digits < runFrom {
		return 1
	}
	return max(n, 1)
}

func within(at int, spans []Span) bool {
	return slices.ContainsFunc(spans, func(s Span) bool { return s.Start <= at && at < s.End })
}

// isPhonePunctuation reports whether the characters between two digit words are
// what people write inside phone numbers: spaces, dashes and + ( ) . , / · while
// apostrophes vanish.
func isPhonePunctuation(gap []folded) bool {
	for _, f := range gap {
		r := f.r
		if !isApostrophe(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Pd, r) && !strings.ContainsRune("−+().,/·", r) {
			return false
		}
	}
	return true
}

// findAddresses returns the parts of a query text that look like an email
// address, which are those between spaces with an "@" after their first
// character, and their places.
func findAddresses(text string) (found []address, places []Span) {
	for start := 0; start < len(text); {
		rest := text[start:]
		space := strings.IndexFunc(rest, unicode.IsSpace)
		if space == 0 {
			_, size := utf8.DecodeRuneInString(rest)
			start += size
			continue
		}
		end := len(text)
		if space > 0 {
			end = start + space
		}
		if folded := foldAddress(text[start:end]); strings.Index(folded, "@") > 0 {
			found = append(found, address{text: folded, last: strings.TrimSpace(text[end:]) == ""})
			places = append(places, Span{start, end})
		}
		start = end
	}
	return found, places
}

// QueryWords returns the folded words that a plain search in a store, without
// typos, should look for: each word of the query once, in order, with the parts
// of a phone number joined to its digits.
func QueryWords(text string) []string {
	var out []string
	for _, p := range newPlan(text).parts {
		w := p.run
		if w == "" {
			w = p.words[0].text
		}
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// wholeness returns how far the document with these wholes is from having the
// addresses of the query as a whole.
func (p plan) wholeness(wholes string) score {
	sum := score(0)
	for _, a := range p.addresses {
		best := score(2)
		for rest := wholes; rest != "" && best > 0; {
			var kind Kind
			var value string
			kind, _, value, rest = cutWhole(rest)
			switch {
			case kind != KindEmail:
			case value == a.text:
				best = 0
			case a.last && strings.HasPrefix(value, a.text):
				best = 1
			}
		}
		sum += best << wholeShift
	}
	return sum
}

// score is how well a document matches, the smaller the better: the sums of
// wholeness, class, typos and rank in 16 bits each, so that scores can be added
// and compared.
type score uint64

const (
	typosShift = 16
	classShift = 32
	wholeShift = 48
)

// cell is the score of one word in a byte: two bits each for whether it misses
// being a whole number, the class, the typos and the rank.
type cell uint8

// noCell says that a word does not match.
const noCell = cell(0xFF)

func newCell(class, typos, rank uint8) cell {
	return cell(class<<4 | typos<<2 | rank)
}

// wholeMissed marks that a query's digits are not the whole number.
const wholeMissed = cell(2 << 6)

func (c cell) score() score {
	return score(c>>6)<<wholeShift | score(c>>4&3)<<classShift | score(c>>2&3)<<typosShift | score(c&3)
}

// numberCell is the cell of a match of the word's digits in a phone number.
func (w *queryWord) numberCell(class, rank uint8) cell {
	c := newCell(class, 0, rank)
	if w.whole && class != classExact {
		c |= wholeMissed
	}
	return c
}

// textCell is the cell of a match of the word with a word of the text.
func (w *queryWord) textCell(m wordMatch, rank uint8) cell {
	c := newCell(m.class, m.typos, rank)
	if w.whole {
		c |= wholeMissed
	}
	return c
}
