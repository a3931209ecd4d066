package meilisearch

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	// rankedHere is how many matches are read and ranked by what they say. When
	// there are more, the server is asked for them one way of matching after the
	// other.
	rankedHere = 200
	// levelsTogether is how many ways are asked about at once.
	levelsTogether = 16
)

// unranked is the relevance of a document that the server finds and the rules do
// not, which cut words may cause: after all others.
const unranked = ^crm.SearchRelevance(0)

// byRelevance answers with the best matches first, then the more recently
// active, then the larger id.
func (s *search) byRelevance(ctx context.Context) error {
	first := s.page(s.matches, recent(), attrActive, attrWords, attrWords+"0", attrWords+"1", attrEmails, attrPhones)
	first.Offset, first.Limit = 0, rankedHere
	if s.q.Limit == 0 {
		first.Limit = 0
	}
	candidates, err := s.countAnd(ctx, first)
	if err != nil || s.q.Limit == 0 {
		return err
	}
	if s.result.Total > rankedHere {
		return s.byLevels(ctx)
	}
	return s.rank(candidates)
}

func recent() []string { return sortBy(true, append([]string{attrActive}, idAttrs...)...) }

// ranking is a document with its place.
type ranking struct {
	hit *hit
	position
}

// rank orders all matches by what they say.
func (s *search) rank(candidates []*hit) error {
	all := make([]ranking, 0, len(candidates))
	for _, h := range candidates {
		r := ranking{hit: h, position: position{relevance: unranked, number: h.N4}}
		var err error
		if r.id, err = crm.ParseID(h.Contact); err != nil {
			return s.add(h, r.position)
		}
		if found, ok := s.words.plan.Relevance(h.contents()); ok {
			r.relevance = found
		}
		if s.after == nil || comparePositions(r.position, *s.after) > 0 {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b ranking) int { return comparePositions(a.position, b.position) })
	all = all[min(s.q.Offset, len(all)):]
	for _, r := range all[:min(s.q.Limit, len(all))] {
		if err := s.add(r.hit, r.position); err != nil {
			return err
		}
	}
	return nil
}

func comparePositions(a, b position) int {
	return cmp.Or(cmp.Compare(a.relevance, b.relevance), cmp.Compare(b.number, a.number), bytes.Compare(b.id[:], a.id[:]))
}

// byLevels asks for the documents of one relevance after the other.
func (s *search) byLevels(ctx context.Context) error {
	all, err := s.levels(ctx)
	if err != nil {
		return err
	}
	skip := s.q.Offset
	for some := range slices.Chunk(all, levelsTogether) {
		counts := make([]*meili.SearchRequest, len(some))
		for i, l := range some {
			counts[i] = s.index.counting(s.levelFilter(l))
		}
		sizes, err := s.index.ask(ctx, counts)
		if err != nil {
			return err
		}
		var pages []*meili.SearchRequest
		var of []cell
		wanted := s.q.Limit - len(s.result.Hits)
		for i, l := range some {
			size := int(sizes[i].TotalHits)
			passed := min(skip, size)
			skip -= passed
			if take := min(size-passed, wanted); take > 0 {
				page := s.page(s.levelFilter(l), recent(), attrActive)
				page.Offset, page.Limit = int64(passed), int64(take)
				pages, of = append(pages, page), append(of, l)
				wanted -= take
			}
		}
		if err := s.addLevels(ctx, pages, of); err != nil || wanted <= 0 {
			return err
		}
	}
	return nil
}

func (s *search) addLevels(ctx context.Context, pages []*meili.SearchRequest, of []cell) error {
	answers, err := s.index.ask(ctx, pages)
	if err != nil {
		return err
	}
	for i := range answers {
		hits, err := decodeHits(answers[i].Hits)
		if err != nil {
			return err
		}
		for _, h := range hits {
			if len(s.result.Hits) == s.q.Limit {
				return nil
			}
			if err := s.add(h, position{relevance: of[i].relevance, number: h.N4}); err != nil {
				return err
			}
		}
	}
	return nil
}

// levelFilter keeps the matches of one relevance, behind the position.
func (s *search) levelFilter(l cell) string {
	if s.after != nil && l.relevance == s.after.relevance {
		return and(s.matches, l.filter, s.behind(crm.SearchRecency, true))
	}
	return and(s.matches, l.filter)
}

// levels returns the relevances that matches can have, best first, from the
// position's on.
func (s *search) levels(ctx context.Context) ([]cell, error) {
	factors := s.words.factors()
	if len(factors) > 1 {
		var err error
		if factors, err = s.occurring(ctx, factors); err != nil {
			return nil, err
		}
	}
	for i := range factors {
		factors[i] = disjoint(factors[i])
	}
	return slices.DeleteFunc(levels(combine(factors)), func(l cell) bool {
		return s.after != nil && l.relevance < s.after.relevance
	}), nil
}

// occurring leaves the ways that some match has: few of the many do.
func (s *search) occurring(ctx context.Context, factors [][]cell) ([][]cell, error) {
	var counts []*meili.SearchRequest
	for _, f := range factors {
		for _, c := range f {
			counts = append(counts, s.index.counting(and(s.matches, c.filter)))
		}
	}
	answers, err := s.index.ask(ctx, counts)
	if err != nil {
		return nil, err
	}
	out := make([][]cell, 0, len(factors))
	for _, f := range factors {
		var kept []cell
		for _, c := range f {
			if answers[0].TotalHits > 0 {
				kept = append(kept, c)
			}
			answers = answers[1:]
		}
		out = append(out, kept)
	}
	return out, nil
}
