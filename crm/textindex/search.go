package textindex

import (
	"context"
	"errors"
	"fmt"
)

// ErrNoColumn says that a query names a column that Options.Columns does not
// have.
var ErrNoColumn = errors.New("no such column")

// Range keeps the documents with From <= number < To; To of math.MaxInt64 has
// no upper end.
type Range struct {
	Column   int
	From, To int64
}

// Query says what to find.
type Query struct {
	Text string // see the package comment; a text without words finds nothing
	// MatchAll finds all documents, whatever Text says.
	MatchAll bool
	// Terms keep the documents that have at least one term of each group. An
	// empty group keeps none.
	Terms  [][]string
	Ranges []Range

	Order Order
	After string // Hit.Position to go on after, of a query with the same text and order; "" starts
	// Offset skips so many hits after After; Limit bounds the hits, below 1
	// there are none, only the total and the facets.
	Offset, Limit int

	// FacetPrefixes ask how often each term with one of the prefixes occurs
	// among all matches; FacetLimit bounds the values of each prefix, below 1
	// all are given.
	FacetPrefixes []string
	FacetLimit    int
}

// Hit is a document that was found.
type Hit struct {
	ID      ID
	Version int64
	// Position is where the hit stands in the order, for Query.After. It stays
	// good when documents come and go, also this one. It holds the sort key in
	// clear where that is the order.
	Position string
}

// FacetCount says how many matches have a term, by what follows the prefix.
type FacetCount struct {
	Value string
	Count int
}

// Result is the answer to a query.
type Result struct {
	Hits  []Hit
	Total int // all matches, whatever After, Offset and Limit
	// Facets has an entry for each of FacetPrefixes: the most frequent values
	// first, equally frequent ones by their bytes.
	Facets map[string][]FacetCount
}

// Search answers a query. It fails only with the context's error, with
// ErrBadPosition or with ErrNoColumn.
func (x *Index) Search(ctx context.Context, q Query) (Result, error) {
	var r Result
	err := x.search(ctx, q, func(s *scratch, matches *candidates) error {
		r.Total = len(matches.slots)
		r.Facets = x.facets(s, matches, q)
		offset, limit := max(q.Offset, 0), max(q.Limit, 0)
		if limit == 0 {
			return newSelection(x, q.Order, 1, 0).startAfter(q.After)
		}
		best := newSelection(x, q.Order, min(offset, r.Total)+min(limit, r.Total+1), r.Total)
		if err := best.startAfter(q.After); err != nil {
			return err
		}
		if err := best.addAll(ctx, matches); err != nil {
			return err
		}
		hits := best.sorted()
		hits = hits[min(offset, len(hits)):]
		r.Hits = make([]Hit, 0, min(limit, len(hits)))
		for _, h := range hits[:min(limit, len(hits))] {
			p, i := x.page(h.slot)
			r.Hits = append(r.Hits, Hit{ID: p.ids[i], Version: p.versions[i], Position: best.position(h)})
		}
		return nil
	})
	if err != nil {
		return Result{}, fmt.Errorf("search: %w", err)
	}
	return r, nil
}

// MatchIDs returns the ids of the matches that are larger than after, in their
// order, up to limit, all with a limit below 1. Order, After, Offset, Limit and
// facets of the query are ignored. Each call does the whole search again, so
// that a large limit is better than many pages.
func (x *Index) MatchIDs(ctx context.Context, q Query, after ID, limit int) ([]ID, error) {
	q.Order = Order{}
	var ids []ID
	err := x.search(ctx, q, func(_ *scratch, matches *candidates) error {
		best := newSelection(x, Order{By: orderID}, limit, len(matches.slots))
		best.startAfterID(after)
		if err := best.addAll(ctx, matches); err != nil {
			return err
		}
		for _, r := range best.sorted() {
			ids = append(ids, x.id(r.slot))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("match ids: %w", err)
	}
	return ids, nil
}

// search finds the matches of a query and gives them to use, while the index
// stays as it is.
func (x *Index) search(ctx context.Context, q Query, use func(*scratch, *candidates) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := x.checkColumns(q); err != nil {
		return err
	}
	var s *scratch
	select {
	case s = <-x.scratches:
	case <-ctx.Done():
		return ctx.Err()
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	defer func() { x.scratches <- s.shrunk(int(x.used)) }()
	if s == nil {
		s = &scratch{}
	}
	matches, err := x.matches(ctx, s, q)
	if err != nil {
		return err
	}
	defer s.give(matches)
	return use(s, matches)
}

func (x *Index) checkColumns(q Query) error {
	for i, r := range q.Ranges {
		if r.Column < 0 || r.Column >= x.options.Columns {
			return fmt.Errorf("ranges[%d].column %d: %w", i, r.Column, ErrNoColumn)
		}
	}
	if q.Order.By == OrderColumn && (q.Order.Column < 0 || q.Order.Column >= x.options.Columns) {
		return fmt.Errorf("order.column %d: %w", q.Order.Column, ErrNoColumn)
	}
	return nil
}

// matches returns all matches of a query.
func (x *Index) matches(ctx context.Context, s *scratch, q Query) (*candidates, error) {
	groups, possible := x.termGroups(q.Terms)
	if !possible {
		return s.take(), nil
	}
	if q.MatchAll {
		found := x.all(s, groups)
		x.keepRanges(found, q.Ranges)
		return found, ctx.Err()
	}
	p := newPlan(q.Text)
	if len(p.parts) == 0 {
		return s.take(), nil
	}
	found, err := x.matchParts(ctx, s, p.parts)
	if err != nil {
		return nil, err
	}
	x.keepTerms(s, found, groups)
	x.keepRanges(found, q.Ranges)
	if len(p.addresses) > 0 {
		for i, slot := range found.slots {
			found.scores[i] += p.wholeness(x.wholes(slot))
		}
	}
	return found, ctx.Err()
}
