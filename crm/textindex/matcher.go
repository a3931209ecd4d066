package textindex

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Span is a piece of a text, by bytes.
type Span struct {
	Start, End int
}

// Matcher finds what to highlight in the texts of documents that a query text
// found. It may be used by many goroutines.
type Matcher struct {
	plan plan
}

// NewMatcher returns a Matcher for a query text.
func NewMatcher(text string) *Matcher {
	return &Matcher{plan: newPlan(text)}
}

// Spans returns the pieces of f.Text that match words of the query by the same
// rules as a search, in order and without overlap, as bytes of the original
// text: all of a word that matches exactly or by typos, else the piece that
// matches.
func (m *Matcher) Spans(f Field) []Span {
	var room [16]token
	words, plain := appendPlainTokens(room[:0], f.Text)
	if !plain {
		words = tokens(f.Text)
	}
	var number []folded
	if f.Kind == KindPhone {
		words = slices.DeleteFunc(words, func(t token) bool { return isDigits(t.word) })
		for _, c := range appendFolded(make([]folded, 0, len(f.Text)), f.Text) {
			if '0' <= c.r && c.r <= '9' {
				number = append(number, c)
			}
		}
	}
	var spans []Span
	for i := range m.plan.parts {
		spans = append(spans, m.plan.parts[i].spans(f, words, number)...)
	}
	if f.Kind == KindEmail {
		spans = append(spans, m.plan.addressSpans(f.Text)...)
	}
	return joinSpans(spans)
}

// spans returns what matches the part: the number, or else the words if the
// field has all of them.
func (p *part) spans(f Field, words []token, number []folded) []Span {
	if p.run != "" {
		run := runWord(p.run)
		if spans := run.numberSpans(number); spans != nil {
			return spans
		}
	}
	var out []Span
	for i := range p.words {
		w := &p.words[i]
		spans := w.spans(f, words)
		if w.digits {
			spans = append(spans, w.numberSpans(number)...)
		}
		if spans == nil {
			return nil
		}
		out = append(out, spans...)
	}
	return out
}

// spans returns what matches the word among the words of a field.
func (w *queryWord) spans(f Field, words []token) []Span {
	var out []Span
	for _, t := range words {
		match, ok := w.match(t.word)
		switch {
		case !ok, match.class == classInside && !w.cjk && !f.Infix:
		case match.class == classExact || match.class == classTypo:
			out = append(out, Span{t.start, t.end})
		default:
			before := t.word[:strings.Index(t.word, w.text)]
			out = append(out, t.place(utf8.RuneCountInString(before), len(w.runes)))
		}
	}
	return out
}

// numberSpans returns where the digits of a number match the word.
func (w *queryWord) numberSpans(number []folded) []Span {
	digits := make([]byte, len(number))
	for i, c := range number {
		digits[i] = byte(c.r)
	}
	if _, ok := digitsMatch(w.text, w.last, string(digits)); !ok {
		return nil
	}
	at := strings.Index(string(digits), w.text)
	return []Span{{number[at].start, number[at+len(w.text)-1].end}}
}

// addressSpans returns the text of an address that is as a whole, or begins
// with, one of the query.
func (p *plan) addressSpans(text string) []Span {
	folded := foldAddress(text)
	for _, a := range p.addresses {
		if folded != a.text && (!a.last || !strings.HasPrefix(folded, a.text)) {
			continue
		}
		if start := strings.Index(text, strings.TrimSpace(text)); folded == a.text {
			return []Span{{start, start + len(strings.TrimSpace(text))}}
		}
		if isASCII(text) && strings.HasPrefix(lowerASCII(text), a.text) {
			return []Span{{0, len(a.text)}}
		}
	}
	return nil
}

// joinSpans sorts the spans and joins those that overlap or touch.
func joinSpans(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
	})
	var out []Span
	for _, s := range spans {
		if n := len(out); n > 0 && s.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			continue
		}
		if s.End > s.Start {
			out = append(out, s)
		}
	}
	return out
}
