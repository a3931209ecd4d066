package textindex

import (
	"context"
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// typoWalk goes through the lexicon in order, computing the rows of the
// distance matrix only for what a word does not share with the one before, and
// leaves out every group of words with a common beginning that is already too
// far away.
type typoWalk struct {
	lexicon *lexicon
	word    *queryWord
	found   []found
	rows    []walkRow
	path    []byte // the current word as far as it is known, at least to the cut
	all     bool   // path is the whole word

	// The words that share at least cut bytes with the word before are decided:
	// far away, or matches if sure.
	cut  int
	sure bool
	best int // typos of those, without the penalty
}

// walkRow is the row after one character of the current word.
type walkRow struct {
	cells typoRow
	r     rune
	end   int // bytes of the word up to here
	best  int // least distance of a prefix up to here
}

// undecided is a cut that no word reaches.
const undecided = 1 << 30

func (t *typoWalk) run(ctx context.Context) error {
	i, at := 0, 0
	first := string(t.word.runes[:1])
	if t.word.limit == 1 { // another first letter is one typo too many
		i, at = t.lexicon.sorted.seek(t.lexicon, first)
	}
	t.rows = append(t.rows[:0], walkRow{cells: firstRow(), r: noRune, best: tooFar})
	t.cut = undecided
	blocks := t.lexicon.sorted.blocks
	fresh := true
	for ; i < len(blocks); i, at = i+1, 0 {
		b := &blocks[i]
		if i&63 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if at == len(b.words) { // the first word sought begins the next block
			continue
		}
		if !t.sure && int(b.floor) >= t.cut && !fresh {
			continue
		}
		if t.word.limit == 1 && at == 0 && !fresh && b.first > first && !strings.HasPrefix(b.first, first) {
			return nil
		}
		t.block(b, at, fresh)
		fresh = false
	}
	return nil
}

// block goes through one block from a place on; fresh says that there is no
// word before.
func (t *typoWalk) block(b *wordBlock, at int, fresh bool) {
	for ; at < len(b.words); at++ {
		shared := int(b.shared[at])
		if fresh {
			t.load(b.words[at])
			t.visit(b.words[at])
			fresh = false
			continue
		}
		if shared < t.cut {
			t.follow(shared, b.tails[at])
			t.visit(b.words[at])
			continue
		}
		if t.sure {
			t.add(b.words[at], t.best)
			continue
		}
		for at+1 < len(b.words) && int(b.shared[at+1]) >= t.cut {
			at++
		}
	}
}

// load takes a word as the current one.
func (t *typoWalk) load(number uint32) {
	t.path = append(t.path[:0], t.lexicon.at(number).text...)
	t.all = true
}

// follow takes the word with the tail, after bytes shared with the current one,
// as the current one.
func (t *typoWalk) follow(shared int, tail uint64) {
	n := tailBytes - bits.TrailingZeros64(tail)/8
	t.path = append(t.path[:shared], 0, 0, 0, 0, 0, 0, 0, 0)
	binary.BigEndian.PutUint64(t.path[shared:], tail)
	t.path = t.path[:shared+n]
	t.all = n < tailBytes
	rows := len(t.rows)
	for rows > 1 && t.rows[rows-1].end > shared {
		rows--
	}
	t.rows = t.rows[:rows]
}

// visit computes the rows of the current word that the word before did not
// share, until it is decided.
func (t *typoWalk) visit(number uint32) {
	w := t.word
	t.cut, t.sure = undecided, false
	limit := w.limit
	if len(t.rows) > 1 && t.rows[1].r != w.runes[0] {
		limit--
	}
	last := &t.rows[len(t.rows)-1]
	for {
		if low := last.cells.low(); low > limit || low >= last.best && last.best <= limit {
			t.cut, t.sure, t.best = last.end, last.best <= limit, last.best
			if t.sure {
				t.add(number, t.best)
			}
			return
		}
		if !t.all && last.end+utf8.UTFMax > len(t.path) {
			t.load(number)
		}
		if last.end == len(t.path) {
			break
		}
		if last = t.step(); len(t.rows) == 2 && last.r != w.runes[0] {
			limit--
		}
	}
	d := last.best
	if !w.last {
		d = last.cells.distance(len(w.runes), len(t.rows)-1)
	}
	if d <= limit {
		t.add(number, d)
	}
}

// step computes the next row of the current word.
func (t *typoWalk) step() *walkRow {
	w := t.word
	n := len(t.rows)
	last := &t.rows[n-1]
	before := last
	if n > 1 {
		before = &t.rows[n-2]
	}
	r, size := rune(t.path[last.end]), 1
	if r >= utf8.RuneSelf {
		r, size = utf8.DecodeRune(t.path[last.end:])
	}
	next := walkRow{r: r, end: last.end + size, best: last.best}
	next.cells = nextRow(&before.cells, &last.cells, w.padded[n-1:], last.r, r)
	if w.last {
		next.best = min(next.best, next.cells.distance(len(w.runes), n))
	}
	t.rows = append(t.rows, next)
	return &t.rows[n]
}

// add notes a word at a distance from the query word.
func (t *typoWalk) add(number uint32, distance int) {
	text := t.lexicon.at(number).text
	m := wordMatch{class: classTypo}
	switch {
	case text == t.word.text:
		m.class = classExact
	case distance == 0:
		m.class = classPrefix
	default:
		m.typos = uint8(distance)
		if first, _ := utf8.DecodeRuneInString(text); first != t.word.runes[0] {
			m.typos++
		}
	}
	t.found = append(t.found, found{number, m})
}
