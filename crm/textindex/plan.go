package textindex

import (
	"cmp"
	"slices"
	"strings"
)

// Plan is a query text, read by the rules of this package, for an engine that
// keeps the documents elsewhere and has to find the same ones in the same order.
type Plan struct {
	// Parts must all match. A document's relevance is the sum over them and
	// over the addresses.
	Parts []PlanPart
	// Addresses are the parts of the text with an "@" inside. They keep no
	// document out and only rank: their words are among Parts.
	Addresses []PlanAddress

	read plan
}

// PlanPart is one word, or several words of digits that may be one phone number:
// then Run is all their digits, and the part matches a number that contains the
// run, or else a document in which each of the words matches.
type PlanPart struct {
	Words []PlanWord
	Run   string
}

// PlanWord is a folded word of a query.
type PlanWord struct {
	Text string
	// Last says that it ends the query and matches as a prefix too.
	Last bool
	// CJK says that it is a run of Han, Kana or Hangul, Digits that it has
	// digits only.
	CJK, Digits bool
	// Typos is how many are forgiven.
	Typos int

	read queryWord
}

// PlanAddress is an address of a query as [Contents].Emails has them; Last says
// that it ends the query and matches as a beginning too.
type PlanAddress struct {
	Text string
	Last bool
}

// The classes of matches, best first.
const (
	ClassExact  = classExact
	ClassPrefix = classPrefix
	ClassTypo   = classTypo
	ClassInside = classInside
)

// RunFrom is how many digits are found anywhere in a phone number, InsideFrom
// how many characters anywhere in a word.
const (
	RunFrom    = runFrom
	InsideFrom = insideFrom
)

// NewPlan reads a query text. A text without words has no parts and finds
// nothing.
func NewPlan(text string) Plan {
	p := Plan{read: newPlan(text)}
	for _, part := range p.read.parts {
		out := PlanPart{Run: part.run}
		for _, w := range part.words {
			out.Words = append(out.Words, PlanWord{
				Text: w.text, Last: w.last, CJK: w.cjk, Digits: w.digits, Typos: w.limit, read: w,
			})
		}
		p.Parts = append(p.Parts, out)
	}
	for _, a := range p.read.addresses {
		p.Addresses = append(p.Addresses, PlanAddress{Text: a.text, Last: a.last})
	}
	return p
}

// Inside reports whether the word is also found inside the words of Infix
// fields.
func (w PlanWord) Inside() bool { return w.read.seeksInside() }

// Match compares the word with a word of a document. ClassInside of a word that
// is not CJK counts only for words of Infix fields.
func (w PlanWord) Match(word string) (class, typos int, ok bool) {
	m, ok := w.read.match(word)
	return int(m.class), int(m.typos), ok
}

// Relevance says how well a document matches, the smaller the better: the sums
// of wholeness, class, typos and rank of the package comment, in this order.
// Relevances can be added and compared.
type Relevance uint64

// NewRelevance returns the relevance of one match.
func NewRelevance(wholeness, class, typos, rank int) Relevance {
	return Relevance(wholeness)<<wholeShift | Relevance(class)<<classShift | Relevance(typos)<<typosShift | Relevance(rank)
}

// Contents is what a document says, as the index reads it.
type Contents struct {
	// Words are sorted, each of them once.
	Words []ContentWord
	// Emails are the addresses in the form in which they are compared as a
	// whole, Phones the digits of the numbers.
	Emails, Phones []ContentWhole
}

// ContentWord is a word with the best rank of the fields it stands in; Infix
// says that one of them is an Infix field, and InfixRank is the best rank of
// those.
type ContentWord struct {
	Text            string
	Rank, InfixRank uint8
	Infix           bool
}

// ContentWhole is a value that is compared as a whole, with its field's rank.
type ContentWhole struct {
	Text string
	Rank uint8
}

// Read returns what a document says.
func Read(d *Document) Contents {
	r := new(reader)
	said := r.read(d)
	var c Contents
	for i := said.words.from; i < said.words.to; i++ {
		e := wordEntry(r.flags[i])
		c.Words = append(c.Words, ContentWord{
			Text: string(r.words.word(i)), Rank: e.rank(), InfixRank: e.infixRank() % notInfix, Infix: e.infixRank() != notInfix,
		})
	}
	c.Words = mergeContents(c.Words)
	for wholes := said.text.wholes(); wholes != ""; {
		var kind Kind
		var whole ContentWhole
		kind, whole.Rank, whole.Text, wholes = cutWhole(wholes)
		if kind == KindEmail {
			c.Emails = append(c.Emails, whole)
		} else {
			c.Phones = append(c.Phones, whole)
		}
	}
	return c
}

// mergeContents sorts the words and joins those that are alike.
func mergeContents(words []ContentWord) []ContentWord {
	slices.SortStableFunc(words, func(a, b ContentWord) int { return cmp.Compare(a.Text, b.Text) })
	out := words[:0]
	for _, w := range words {
		n := len(out)
		if n == 0 || out[n-1].Text != w.Text {
			out = append(out, w)
			continue
		}
		same := &out[n-1]
		same.Rank = min(same.Rank, w.Rank)
		if w.Infix && (!same.Infix || w.InfixRank < same.InfixRank) {
			same.InfixRank = w.InfixRank
		}
		same.Infix = same.Infix || w.Infix
	}
	return out
}

// Relevance returns how well the contents match the query; false says that they
// do not.
func (p Plan) Relevance(c Contents) (Relevance, bool) {
	if len(p.read.parts) == 0 {
		return 0, false
	}
	var wholes []byte
	for _, w := range c.Emails {
		wholes = appendWhole(wholes, KindEmail, w.Rank, w.Text)
	}
	for _, w := range c.Phones {
		wholes = appendWhole(wholes, KindPhone, w.Rank, w.Text)
	}
	text := string(wholes)
	sum := p.read.wholeness(text)
	for i := range p.read.parts {
		s, ok := p.read.parts[i].compare(c.Words, text)
		if !ok {
			return 0, false
		}
		sum += s
	}
	return Relevance(sum), true
}

// compare matches contents with the part: as one number, or by each word.
func (p *part) compare(words []ContentWord, wholes string) (score, bool) {
	const none = ^score(0)
	best, asWords := none, score(0)
	if p.run != "" {
		run := runWord(p.run)
		if class, rank, ok := phoneMatch(p.run, true, wholes); ok {
			best = run.numberCell(class, rank).score()
		}
		asWords = wholeMissed.score()
	}
	for i := range p.words {
		c := p.words[i].compare(words, wholes)
		if c == noCell {
			return best, best != none
		}
		asWords += c.score()
	}
	return min(best, asWords), true
}

// compare returns the best match of the word in contents.
func (w *queryWord) compare(words []ContentWord, wholes string) cell {
	best := noCell
	for i := range words {
		said := &words[i]
		m, ok := w.match(said.Text)
		if !ok {
			continue
		}
		rank := said.Rank
		if m.class == classInside && !w.cjk {
			if rank = said.InfixRank; !said.Infix {
				continue
			}
		}
		best = min(best, w.textCell(m, rank))
	}
	if w.digits && strings.Contains(wholes, w.text) {
		if class, rank, ok := phoneMatch(w.text, w.last, wholes); ok {
			best = min(best, w.numberCell(class, rank))
		}
	}
	return best
}

// IsRun reports whether a folded word is a run of Han, Kana or Hangul, which is
// found by any part of it.
func IsRun(word string) bool { return isCJKWord(word) }
