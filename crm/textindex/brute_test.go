package textindex_test

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// brute answers queries by the rules of the package comment, document by
// document and word by word. Of the index it uses nothing but Fold and Words.
type brute struct {
	recency int // column, or -1
	docs    map[textindex.ID]bruteDoc
}

type bruteDoc struct {
	textindex.Document
	words  []bruteWord
	emails []string
}

type bruteWord struct {
	text  string
	rank  int
	infix bool
	phone bool
}

// bruteScore is wholeness, class, typos, rank.
type bruteScore [4]int

type bruteQueryWord struct {
	text string
	last bool
}

// brutePart has the words and, if they may be one number, its digits.
type brutePart struct {
	words  []bruteQueryWord
	joined string
}

type bruteAddress struct {
	text string
	last bool
}

func (b *brute) put(docs ...textindex.Document) {
	for _, d := range docs {
		bd := bruteDoc{Document: d}
		for _, f := range d.Fields {
			rank := min(int(f.Rank), 2)
			if f.Kind == textindex.KindEmail {
				if a := bruteAddressOf(f.Text); a != "" {
					bd.emails = append(bd.emails, a)
				}
			}
			for _, w := range textindex.Words(f.Text) {
				if f.Kind == textindex.KindPhone && strings.Trim(w, "0123456789") == "" {
					continue
				}
				bd.words = append(bd.words, bruteWord{text: w, rank: rank, infix: f.Infix})
			}
			if f.Kind == textindex.KindPhone {
				digits := strings.Map(func(r rune) rune {
					if strings.ContainsRune("0123456789", r) {
						return r
					}
					return -1
				}, textindex.Fold(f.Text))
				if digits != "" {
					bd.words = append(bd.words, bruteWord{text: digits, rank: rank, phone: true})
				}
			}
		}
		b.docs[d.ID] = bd
	}
}

func (b *brute) delete(ids ...textindex.ID) {
	for _, id := range ids {
		delete(b.docs, id)
	}
}

func bruteAddressOf(s string) string {
	s = strings.NewReplacer(" ", "", "\t", "", "\n", "", "\r", "", "\x00", "").Replace(textindex.Fold(s))
	return strings.Trim(s, `<>()[]{},;:"'`)
}

// bruteToken is a word of a query with the folded text before it.
type bruteToken struct {
	before, word string
	address      bool
}

func bruteTokens(text string) (out []bruteToken, addresses []bruteAddress) {
	chunks := strings.Fields(text)
	for i, chunk := range chunks {
		a := bruteAddressOf(chunk)
		isAddress := strings.Contains(a, "@") && !strings.HasPrefix(a, "@")
		if isAddress {
			addresses = append(addresses, bruteAddress{a, i == len(chunks)-1})
		}
		before := " "
		rest := textindex.Fold(chunk)
		for rest != "" {
			end := strings.IndexFunc(rest, func(r rune) bool { return !bruteWordRune(r) })
			if end < 0 {
				end = len(rest)
			}
			words := textindex.Words(rest[:end])
			for _, w := range words {
				out = append(out, bruteToken{before, w, isAddress})
				before = ""
			}
			if end < len(rest) {
				size := len(string([]rune(rest[end:])[:1]))
				before += rest[end : end+size]
				end += size
			}
			rest = rest[end:]
		}
		if len(out) > 0 && before != " " { // punctuation at the end of the chunk
			out = append(out, bruteToken{before: before})
		}
	}
	return out, addresses
}

func bruteWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || strings.ContainsRune("'`‘’‛ʹʻʼʽ′׳״", r)
}

func bruteParse(text string) ([]brutePart, []bruteAddress) {
	raw, addresses := bruteTokens(text)
	var tokens []bruteToken
	before := ""
	for _, t := range raw {
		before += t.before
		if t.word != "" {
			tokens = append(tokens, bruteToken{before, t.word, t.address})
			before = ""
		}
	}
	var parts []brutePart
	for i := 0; i < len(tokens); {
		end, joined := i, ""
		for end < len(tokens) && isNumber(tokens[end].word) && !tokens[end].address &&
			(end == i || strings.TrimFunc(tokens[end].before, brutePunctuation) == "") {
			joined += tokens[end].word
			end++
		}
		if len(joined) < 4 {
			end = i + 1
		}
		p := brutePart{}
		for ; i < end; i++ {
			p.words = append(p.words, bruteQueryWord{tokens[i].word, i == len(tokens)-1})
		}
		if len(p.words) > 1 {
			p.joined = joined
		}
		if !slices.ContainsFunc(parts, func(o brutePart) bool { return slices.Equal(o.words, p.words) }) {
			parts = append(parts, p)
		}
	}
	return parts, addresses
}

func brutePunctuation(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || strings.ContainsRune("−+().,/·", r)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// score returns how the document matches, and whether it does.
func (d bruteDoc) score(parts []brutePart, addresses []bruteAddress, seen bruteSeen) (bruteScore, bool) {
	var sum bruteScore
	for _, p := range parts {
		s, ok := d.part(p, seen)
		if !ok {
			return sum, false
		}
		sum = sum.plus(s)
	}
	for _, a := range addresses {
		best := 2
		for _, e := range d.emails {
			if e == a.text {
				best = 0
			} else if a.last && strings.HasPrefix(e, a.text) {
				best = min(best, 1)
			}
		}
		sum[0] += best
	}
	return sum, len(parts) > 0
}

func (s bruteScore) plus(o bruteScore) bruteScore {
	for i := range s {
		s[i] += o[i]
	}
	return s
}

func (d bruteDoc) part(p brutePart, seen bruteSeen) (bruteScore, bool) {
	if p.joined == "" {
		return d.word(p.words[0], len(p.words[0].text) >= 4 && isNumber(p.words[0].text), seen)
	}
	var ways []bruteScore
	for _, w := range d.words {
		if w.phone && strings.Contains(w.text, p.joined) {
			s := bruteScore{2, 3, 0, w.rank}
			if w.text == p.joined {
				s = bruteScore{0, 0, 0, w.rank}
			} else if strings.HasPrefix(w.text, p.joined) {
				s[1] = 1
			}
			ways = append(ways, s)
		}
	}
	sum, all := bruteScore{2}, true
	for _, w := range p.words {
		s, ok := d.word(w, false, seen)
		sum, all = sum.plus(s), all && ok
	}
	if all {
		ways = append(ways, sum)
	}
	return bestOf(ways)
}

func bestOf(ways []bruteScore) (bruteScore, bool) {
	if len(ways) == 0 {
		return bruteScore{}, false
	}
	return slices.MinFunc(ways, func(a, b bruteScore) int { return slices.Compare(a[:], b[:]) }), true
}

func (d bruteDoc) word(q bruteQueryWord, wantWhole bool, seen bruteSeen) (bruteScore, bool) {
	var ways []bruteScore
	for _, w := range d.words {
		class, typos, ok := seen.match(q, w)
		if !ok {
			continue
		}
		s := bruteScore{0, class, typos, w.rank}
		if wantWhole && (!w.phone || class != 0) {
			s[0] = 2
		}
		ways = append(ways, s)
	}
	return bestOf(ways)
}

// bruteSeen remembers how words matched during one query.
type bruteSeen map[brutePair]bruteMatch

type brutePair struct {
	query bruteQueryWord
	word  bruteWord
}

type bruteMatch struct {
	class, typos int
	ok           bool
}

func (s bruteSeen) match(q bruteQueryWord, w bruteWord) (class, typos int, ok bool) {
	pair := brutePair{q, w}
	m, known := s[pair]
	if !known {
		m.class, m.typos, m.ok = bruteWordMatch(q, w)
		s[pair] = m
	}
	return m.class, m.typos, m.ok
}

func bruteWordMatch(q bruteQueryWord, w bruteWord) (class, typos int, ok bool) {
	length := len([]rune(q.text))
	cjk := unicode.In([]rune(q.text)[0], unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || []rune(q.text)[0] == 'ー'
	prefix := strings.HasPrefix(w.text, q.text)
	switch {
	case w.phone && !isNumber(q.text):
		return 0, 0, false
	case q.text == w.text:
		return 0, 0, true
	case prefix && (q.last || cjk || w.phone && length >= 4):
		return 1, 0, true
	case w.phone:
		return 3, 0, length >= 4 && strings.Contains(w.text, q.text)
	}
	limit := 0
	if length >= 5 {
		limit = 1
	}
	if length >= 9 {
		limit = 2
	}
	if cjk || strings.ContainsAny(q.text, "0123456789") {
		limit = 0
	}
	if typos := bruteTypos(q, w.text); typos <= limit {
		return 2, typos, true
	}
	if cjk || length >= 4 && w.infix {
		return 3, 0, strings.Contains(w.text, q.text)
	}
	return 0, 0, false
}

// bruteTypos computes the whole matrix.
func bruteTypos(q bruteQueryWord, word string) int {
	a, b := []rune(q.text), []rune(word)
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0:
				d[i][j] = j
			case j == 0:
				d[i][j] = i
			default:
				replace := 1
				if a[i-1] == b[j-1] {
					replace = 0
				}
				d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+replace)
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d[i][j] = min(d[i][j], d[i-2][j-2]+1)
				}
			}
		}
	}
	typos := d[len(a)][len(b)]
	if q.last {
		typos = slices.Min(d[len(a)])
	}
	if a[0] != b[0] {
		typos++
	}
	return typos
}

// search answers a query without paging: all hits in order, the facets.
func (b *brute) search(q textindex.Query) (ids []textindex.ID, facets map[string][]textindex.FacetCount) {
	type hit struct {
		doc   bruteDoc
		score bruteScore
	}
	var hits []hit
	parts, addresses := bruteParse(q.Text)
	seen := bruteSeen{}
	for _, d := range b.docs {
		if !d.passes(q) {
			continue
		}
		s, ok := d.score(parts, addresses, seen)
		if q.MatchAll {
			s, ok = bruteScore{}, true
		}
		if ok {
			hits = append(hits, hit{d, s})
		}
	}
	slices.SortFunc(hits, func(x, y hit) int {
		byID := bytes.Compare(x.doc.ID[:], y.doc.ID[:])
		c := 0
		switch q.Order.By {
		case textindex.OrderRelevance:
			if b.recency >= 0 {
				c = cmp.Compare(y.doc.number(b.recency), x.doc.number(b.recency))
			}
			return cmp.Or(slices.Compare(x.score[:], y.score[:]), c, -byID)
		case textindex.OrderColumn:
			c = cmp.Or(cmp.Compare(x.doc.number(q.Order.Column), y.doc.number(q.Order.Column)), byID)
		case textindex.OrderSortKey:
			c = cmp.Or(strings.Compare(x.doc.SortKey, y.doc.SortKey), byID)
		}
		if q.Order.Desc {
			return -c
		}
		return c
	})
	counts := map[string]int{}
	for _, h := range hits {
		ids = append(ids, h.doc.ID)
		terms := slices.Compact(slices.Sorted(slices.Values(h.doc.Terms)))
		for _, t := range terms {
			counts[t]++
		}
	}
	return ids, bruteFacets(q, counts)
}

func (d bruteDoc) number(column int) int64 {
	if column < len(d.Numbers) {
		return d.Numbers[column]
	}
	return 0
}

func (d bruteDoc) passes(q textindex.Query) bool {
	for _, group := range q.Terms {
		if !slices.ContainsFunc(group, func(t string) bool { return slices.Contains(d.Terms, t) }) {
			return false
		}
	}
	for _, r := range q.Ranges {
		if n := d.number(r.Column); n < r.From || n >= r.To {
			return false
		}
	}
	return true
}

func bruteFacets(q textindex.Query, counts map[string]int) map[string][]textindex.FacetCount {
	if len(q.FacetPrefixes) == 0 {
		return nil
	}
	out := map[string][]textindex.FacetCount{}
	for _, prefix := range q.FacetPrefixes {
		list := []textindex.FacetCount{}
		for t, n := range counts {
			if v, ok := strings.CutPrefix(t, prefix); ok {
				list = append(list, textindex.FacetCount{Value: v, Count: n})
			}
		}
		slices.SortFunc(list, func(a, b textindex.FacetCount) int {
			return cmp.Or(b.Count-a.Count, strings.Compare(a.Value, b.Value))
		})
		if q.FacetLimit > 0 {
			list = list[:min(len(list), q.FacetLimit)]
		}
		out[prefix] = list
	}
	return out
}
