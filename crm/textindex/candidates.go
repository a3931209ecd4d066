package textindex

import (
	"context"
	"encoding/binary"
	"slices"
)

// candidates are the documents that match so far, in the order of their slots,
// with their scores. Without a query text there are no scores.
type candidates struct {
	slots  []uint32
	scores []score
}

func (c *candidates) add(slot uint32, sc score) {
	c.slots = append(c.slots, slot)
	c.scores = append(c.scores, sc)
}

func (c *candidates) score(i int) score {
	if i < len(c.scores) {
		return c.scores[i]
	}
	return 0
}

// keep leaves only those for which ok says so, with what it adds to the score.
func (c *candidates) keep(ok func(slot uint32) (score, bool)) {
	n := 0
	scored := len(c.scores) > 0
	for i, slot := range c.slots {
		if add, good := ok(slot); good {
			c.slots[n] = slot
			if scored {
				c.scores[n] = c.scores[i] + add
			}
			n++
		}
	}
	c.slots = c.slots[:n]
	if scored {
		c.scores = c.scores[:n]
	}
}

// each gives every candidate to use, until the context ends.
func (c *candidates) each(ctx context.Context, use func(slot uint32, sc score)) error {
	for i, slot := range c.slots {
		if i&0x3FFF == 0x3FFF && ctx.Err() != nil {
			return ctx.Err()
		}
		use(slot, c.score(i))
	}
	return nil
}

// eachBackwards is each, the last slot first.
func (c *candidates) eachBackwards(ctx context.Context, use func(slot uint32, sc score)) error {
	for i, slot := range slices.Backward(c.slots) {
		if i&0x3FFF == 0x3FFF && ctx.Err() != nil {
			return ctx.Err()
		}
		use(slot, c.score(i))
	}
	return nil
}

// intersect leaves the candidates that are in both, with the sum of the scores.
func (c *candidates) intersect(other *candidates) {
	at := 0
	c.keep(func(slot uint32) (score, bool) {
		for at < len(other.slots) && other.slots[at] < slot {
			at++
		}
		if at < len(other.slots) && other.slots[at] == slot {
			return other.scores[at], true
		}
		return 0, false
	})
}

// unite fills c with the candidates of a and b, with the better score of those
// in both.
func (c *candidates) unite(a, b *candidates) {
	i, j := 0, 0
	for i < len(a.slots) || j < len(b.slots) {
		switch {
		case j == len(b.slots) || i < len(a.slots) && a.slots[i] < b.slots[j]:
			c.add(a.slots[i], a.scores[i])
			i++
		case i == len(a.slots) || b.slots[j] < a.slots[i]:
			c.add(b.slots[j], b.scores[j])
			j++
		default:
			c.add(a.slots[i], min(a.scores[i], b.scores[j]))
			i, j = i+1, j+1
		}
	}
}

// scratch is the working memory of one search at a time.
type scratch struct {
	cells  cellArray
	bits   []uint64 // a set of slots
	counts []uint32 // documents of each term, 0 between uses
	seen   []uint32 // terms with a count
	found  []found
	pool   []*candidates
}

// take returns empty candidates, to be given back.
func (s *scratch) take() *candidates {
	if last := len(s.pool) - 1; last >= 0 {
		c := s.pool[last]
		s.pool = s.pool[:last]
		c.slots, c.scores = c.slots[:0], c.scores[:0]
		return c
	}
	return &candidates{}
}

func (s *scratch) give(c *candidates) {
	s.pool = append(s.pool, c)
}

// pooled bounds how many candidates a scratch keeps between searches.
const pooled = 2

// shrunk returns the scratch for the next search, or nil if it has become much
// larger than an index of so many slots needs.
func (s *scratch) shrunk(slots int) *scratch {
	if s == nil || cap(s.cells) > 4*slots+pageSize {
		return nil
	}
	if len(s.pool) > pooled {
		clear(s.pool[pooled:])
		s.pool = s.pool[:pooled]
	}
	if cap(s.found) > slots+pageSize {
		s.found = nil
	}
	return s
}

// blank returns cells for so many slots, all noCell.
func (s *scratch) blank(slots uint32) cellArray {
	if n := (int(slots) | (pageSize - 1)) + 1; len(s.cells) < n {
		s.cells = make(cellArray, n+n/8&^7)
	}
	return s.cells[:(slots+7)&^7]
}

// cellArray holds the best cell of each slot, inverted, so that noCell is 0 and
// eight of them are passed over at once. All are noCell between uses.
type cellArray []byte

func (c cellArray) at(slot uint32) cell { return cell(^c[slot]) }

func (c cellArray) offer(slot uint32, offered cell) {
	c[slot] = max(c[slot], ^byte(offered))
}

// gather appends the slots that have a cell.
func (c cellArray) gather(dst *candidates) {
	for i := 0; i+8 <= len(c); i += 8 {
		if binary.LittleEndian.Uint64(c[i:]) == 0 {
			continue
		}
		for slot := i; slot < i+8; slot++ {
			if c[slot] != 0 {
				dst.add(uint32(slot), c.at(uint32(slot)).score())
			}
		}
	}
}

// emptyBits returns a set for so many slots.
func (s *scratch) emptyBits(slots uint32) []uint64 {
	n := int(slots+63) / 64
	if len(s.bits) < n {
		s.bits = make([]uint64, n+n/4)
		return s.bits[:n]
	}
	clear(s.bits[:n])
	return s.bits[:n]
}
