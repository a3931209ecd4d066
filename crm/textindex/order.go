package textindex

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
)

// ErrBadPosition says that Query.After is not a position, or one of another
// order.
var ErrBadPosition = errors.New("position does not belong to this order")

// OrderBy is what hits are ordered by.
type OrderBy uint8

// The orders.
const (
	OrderRelevance OrderBy = iota // best first; Desc and Column are ignored
	OrderColumn                   // by a column, then by id
	OrderSortKey                  // by the bytes of the sort key, then by id
	orderID                       // by id
)

// Order is the order of the hits. It is total: ties are broken by the id, in
// the direction of Desc.
type Order struct {
	By     OrderBy
	Column int // for OrderColumn
	Desc   bool
}

// plain returns the order without the fields it ignores. The ids of equally
// relevant documents descend.
func (o Order) plain() Order {
	switch o.By {
	case OrderRelevance:
		return Order{Desc: true}
	case OrderColumn:
		return o
	}
	return Order{By: o.By, Desc: o.Desc}
}

// ranked is a document in a selection: what it is ordered by first, as numbers
// of which the smaller come first.
type ranked struct {
	first  uint64
	second int64
	slot   uint32
	score  score
}

// rank returns the document as the order sees it.
func (s *selection) rank(slot uint32, sc score) ranked {
	r := ranked{slot: slot, score: sc}
	p, i := s.index.page(slot)
	switch s.order.By {
	case OrderRelevance:
		r.first = uint64(sc)
		if s.recency >= 0 {
			r.second = ^p.numbers[s.recency<<pageBits+i]
		}
	case OrderColumn:
		r.second = p.numbers[s.order.Column<<pageBits+i]
		if s.order.Desc {
			r.second = ^r.second
		}
	case OrderSortKey:
		r.first = p.keys[i]
		if s.order.Desc {
			r.first = ^r.first
		}
	case orderID:
		r.first, r.second = idNumbers(p.ids[i])
	}
	return r
}

// idNumbers returns two numbers of the same order as the ids.
func idNumbers(id ID) (uint64, int64) {
	return binary.BigEndian.Uint64(id[:8]), int64(binary.BigEndian.Uint64(id[8:]) ^ 1<<63)
}

// selection keeps the first of the documents added to it: all that come after
// a position, at most limit of them.
type selection struct {
	index   *Index
	order   Order
	recency int // the recency column, -1 without
	limit   int
	after   *position
	heap    []ranked // the last one on top
}

// newSelection returns a selection of up to limit documents, of all with a
// limit below 1. expected bounds how many will be added.
func newSelection(x *Index, o Order, limit, expected int) *selection {
	if limit < 1 {
		limit = math.MaxInt
	}
	s := &selection{index: x, order: o.plain(), recency: -1, limit: limit}
	if c := x.options.RecencyColumn; c >= 0 && c < x.options.Columns {
		s.recency = c
	}
	s.heap = make([]ranked, 0, min(limit, expected))
	return s
}

// position is the place of a document in an order.
type position struct {
	ranked
	id  ID
	key string
}

// startAfterID leaves out documents up to the id in the order by ids.
func (s *selection) startAfterID(id ID) {
	s.after = &position{id: id}
	s.after.first, s.after.second = idNumbers(id)
}

// addAll offers all candidates. Slots were mostly given in the order in which
// documents came, and so do their times and ids grow: begun at the end where
// the largest are wanted, most candidates fall behind a selection that is full
// already, and cost one comparison.
func (s *selection) addAll(ctx context.Context, c *candidates) error {
	if s.order.Desc {
		return c.eachBackwards(ctx, s.add)
	}
	return c.each(ctx, s.add)
}

// add offers a document.
func (s *selection) add(slot uint32, sc score) {
	if s.order.By == OrderRelevance && len(s.heap) == s.limit && uint64(sc) > s.heap[0].first {
		return // without a look at the document
	}
	r := s.rank(slot, sc)
	if len(s.heap) == s.limit && s.compare(&r, &s.heap[0]) >= 0 {
		return
	}
	if s.after != nil && s.comparePosition(&r, s.after) <= 0 {
		return
	}
	if len(s.heap) < s.limit {
		s.heap = append(s.heap, r)
		if len(s.heap) == s.limit {
			for i := len(s.heap)/2 - 1; i >= 0; i-- {
				s.down(i)
			}
		}
		return
	}
	s.heap[0] = r
	s.down(0)
}

// down restores the heap below i. The heap is made when it is full, since only
// then its top is needed.
func (s *selection) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(s.heap) {
			return
		}
		if child+1 < len(s.heap) && s.compare(&s.heap[child], &s.heap[child+1]) < 0 {
			child++
		}
		if s.compare(&s.heap[i], &s.heap[child]) >= 0 {
			return
		}
		s.heap[i], s.heap[child] = s.heap[child], s.heap[i]
		i = child
	}
}

// sorted returns the selected documents in order and ends the selection.
func (s *selection) sorted() []ranked {
	slices.SortFunc(s.heap, func(a, b ranked) int { return s.compare(&a, &b) })
	return s.heap
}

func (s *selection) compare(a, b *ranked) int {
	if a.first != b.first {
		return cmp.Compare(a.first, b.first)
	}
	if a.second != b.second {
		return cmp.Compare(a.second, b.second)
	}
	c := 0
	if s.order.By == OrderSortKey {
		c = strings.Compare(s.index.sortKey(a.slot), s.index.sortKey(b.slot))
	}
	if c == 0 {
		x, y := s.index.id(a.slot), s.index.id(b.slot)
		c = bytes.Compare(x[:], y[:])
	}
	if s.order.Desc {
		return -c
	}
	return c
}

func (s *selection) comparePosition(a *ranked, p *position) int {
	if c := cmp.Compare(a.first, p.first); c != 0 {
		return c
	}
	if c := cmp.Compare(a.second, p.second); c != 0 {
		return c
	}
	c := 0
	if s.order.By == OrderSortKey {
		c = strings.Compare(s.index.sortKey(a.slot), p.key)
	}
	if c == 0 {
		id := s.index.id(a.slot)
		c = bytes.Compare(id[:], p.id[:])
	}
	if s.order.Desc {
		return -c
	}
	return c
}

// tag begins every position: a format and the order it belongs to.
func (o Order) tag() []byte {
	desc := byte(0)
	if o.Desc {
		desc = 1
	}
	return binary.BigEndian.AppendUint32([]byte{1, byte(o.By), desc}, uint32(o.Column))
}

// position returns the place of a document as text.
func (s *selection) position(r ranked) string {
	id := s.index.id(r.slot)
	b := s.order.tag()
	b = binary.BigEndian.AppendUint64(b, r.first)
	b = binary.BigEndian.AppendUint64(b, uint64(r.second))
	b = append(b, id[:]...)
	if s.order.By == OrderSortKey {
		b = append(b, s.index.sortKey(r.slot)...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// startAfter leaves out documents up to a position; an empty one leaves out
// none.
func (s *selection) startAfter(text string) error {
	if text == "" {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	tag := s.order.tag()
	const fixed = 8 + 8 + len(ID{})
	if err != nil || !bytes.HasPrefix(b, tag) || len(b) < len(tag)+fixed {
		return ErrBadPosition
	}
	b = b[len(tag):]
	p := &position{key: string(b[fixed:])}
	p.first, p.second = binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:]))
	copy(p.id[:], b[16:fixed])
	wantKey := s.order.By == OrderSortKey
	if !wantKey && p.key != "" {
		return ErrBadPosition
	}
	s.after = p
	return nil
}
