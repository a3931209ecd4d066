package meilisearch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/crm"
)

// SearchContacts implements [crm.SearchIndex].
func (x *Index) SearchContacts(ctx context.Context, ws crm.WorkspaceID, q crm.SearchQuery) (crm.SearchResult, error) {
	if q.Offset+q.Limit > crm.MaxSearchWindow {
		return crm.SearchResult{}, fmt.Errorf("search beyond %d results: %w", crm.MaxSearchWindow, crm.ErrTooLarge)
	}
	after, err := decodePosition(q.After, q.Order)
	if err != nil {
		return crm.SearchResult{}, err
	}
	s := &search{index: x, ws: ws, q: q, after: after, result: crm.SearchResult{Exact: true}}
	s.countNothing()
	if q.Where.Trash {
		return s.result, nil
	}
	if err := s.run(ctx); err != nil {
		return crm.SearchResult{}, fmt.Errorf("search contacts: %w", err)
	}
	return s.result, nil
}

// search is one search on its way.
type search struct {
	index *Index
	ws    crm.WorkspaceID
	q     crm.SearchQuery
	after *position
	// words is nil where the text does not matter.
	words *matcher
	// matches keeps the documents that are found.
	matches string
	result  crm.SearchResult
}

func (s *search) run(ctx context.Context) error {
	if err := s.index.prepare(ctx); err != nil {
		return err
	}
	s.matches = conditions(s.ws, s.q)
	if !s.q.MatchAll {
		var err error
		if s.words, err = s.index.read(ctx, s.ws, s.q.Text); err != nil {
			return err
		}
		if len(s.words.plan.Parts) == 0 {
			return nil
		}
		s.matches = and(s.matches, s.words.filter())
	}
	switch {
	case s.q.Order.By == crm.SortDisplayName:
		return s.byName(ctx)
	case s.q.Order.By != "":
		return s.byNumber(ctx, crm.SearchConditions(s.q).Order.Column, s.q.Order.Desc)
	case s.words == nil: // All are equally good.
		return s.byNumber(ctx, crm.SearchRecency, true)
	}
	return s.byRelevance(ctx)
}

// countNothing has each facet asked for in the result.
func (s *search) countNothing() {
	for _, f := range s.q.Facets {
		if s.result.Facets == nil {
			s.result.Facets = map[crm.Facet][]crm.FacetValue{}
		}
		s.result.Facets[f] = []crm.FacetValue{}
	}
}

// byNumber answers in the order of a column, then of ids.
func (s *search) byNumber(ctx context.Context, column int, desc bool) error {
	page := s.page(and(s.matches, s.behind(column, desc)), sortBy(desc, append([]string{columnAttrs[column]}, idAttrs...)...), columnAttrs[column])
	hits, err := s.countAnd(ctx, page)
	if err != nil {
		return err
	}
	for _, h := range hits {
		if err := s.add(h, position{number: h.column(column)}); err != nil {
			return err
		}
	}
	return nil
}

// behind keeps what follows the position, in an order by a column.
func (s *search) behind(column int, desc bool) string {
	if s.after == nil {
		return everything
	}
	return beyond(append([]step{{columnAttrs[column], s.after.number, desc}}, idSteps(s.after.id, desc)...)...)
}

// page asks for the hits of a page: the contact, its version and more.
func (s *search) page(filter string, sort []string, more ...string) *meili.SearchRequest {
	return &meili.SearchRequest{
		IndexUID: s.index.o.Index, Filter: filter, Sort: sort,
		Offset: int64(s.q.Offset), Limit: int64(s.q.Limit),
		AttributesToRetrieve: append([]string{attrContact, attrVersion}, more...),
	}
}

// byName answers in the order of sort keys, then of ids. Of a position's key the
// server can compare only the beginning; what has the same beginning and comes
// before the position is passed over here.
func (s *search) byName(ctx context.Context) error {
	sort := sortBy(s.q.Order.Desc, append([]string{attrKey}, idAttrs...)...)
	page := s.page(and(s.matches, s.behindName()), sort, attrKey)
	count := true
	for skip := s.q.Offset; ; count = false {
		var hits []*hit
		var err error
		if count {
			if s.after != nil {
				page.Offset = 0 // What is passed over does not count.
			}
			hits, err = s.countAnd(ctx, page)
		} else {
			hits, err = s.index.hits(ctx, page)
		}
		if err != nil {
			return err
		}
		for _, h := range hits {
			if s.after != nil && s.precedes(h) {
				continue
			}
			if s.after != nil && skip > 0 {
				skip--
				continue
			}
			if len(s.result.Hits) == s.q.Limit {
				return nil
			}
			if err := s.add(h, position{key: h.Key}); err != nil {
				return err
			}
		}
		if s.after == nil || len(s.result.Hits) == s.q.Limit || len(hits) < int(page.Limit) {
			return nil
		}
		page.Offset += page.Limit
	}
}

// precedes reports whether a hit comes before the position, by its key.
func (s *search) precedes(h *hit) bool {
	if s.q.Order.Desc {
		return h.Key > s.after.key
	}
	return h.Key < s.after.key
}

func (s *search) behindName() string {
	if s.after == nil {
		return everything
	}
	key, err := sortable.DecodeString(s.after.key)
	if err != nil {
		return everything // It was signed: it can be decoded.
	}
	numbers := keyNumbers(string(key))
	steps := make([]step, len(numbers))
	for i, n := range numbers {
		steps[i] = step{keyAttrs[i], n, s.q.Order.Desc}
	}
	sameKey := and(equals(attrKey, s.after.key), beyond(idSteps(s.after.id, s.q.Order.Desc)...))
	return or(beyond(steps...), and(same(steps...), or(sameKey, not(equals(attrKey, s.after.key)))))
}

// add adds a hit to the result.
func (s *search) add(h *hit, at position) error {
	id, err := crm.ParseID(h.Contact)
	if err != nil {
		return fmt.Errorf("a document of the index has no contact: %w", crm.ErrUnavailable)
	}
	at.id = id
	s.result.Hits = append(s.result.Hits, crm.SearchHit{Contact: id, Version: h.Version, Position: at.encode(s.q.Order)})
	return nil
}

// countAnd counts all matches and asks for the hits of a page, at once.
func (s *search) countAnd(ctx context.Context, page *meili.SearchRequest) ([]*hit, error) {
	requests := []*meili.SearchRequest{s.index.counting(s.matches)}
	for _, f := range s.q.Facets {
		requests[0].Facets = append(requests[0].Facets, facetAttr(f))
	}
	if page.Limit > 0 {
		requests = append(requests, page)
	}
	answers, err := s.index.ask(ctx, requests)
	if err != nil {
		return nil, err
	}
	s.result.Total = int(answers[0].TotalHits)
	if err := s.addFacets(answers[0].FacetDistribution); err != nil {
		return nil, err
	}
	if page.Limit == 0 {
		return nil, nil
	}
	return decodeHits(answers[1].Hits)
}

// counting asks how many documents there are, exactly.
func (x *Index) counting(filter string) *meili.SearchRequest {
	one := int64(1)
	return &meili.SearchRequest{IndexUID: x.o.Index, Filter: filter, Page: 1, HitsPerPage: &one, AttributesToRetrieve: []string{attrContact}}
}

// maxTogether bounds the searches of one request.
const maxTogether = 100

// ask sends searches at once and returns as many answers.
func (x *Index) ask(ctx context.Context, requests []*meili.SearchRequest) ([]meili.SearchResponse, error) {
	var out []meili.SearchResponse
	for some := range slices.Chunk(requests, maxTogether) {
		limited, release := x.within(ctx)
		answer, err := x.server.MultiSearchWithContext(limited, &meili.MultiSearchRequest{Queries: some})
		release()
		if err != nil {
			return nil, x.translate(err)
		}
		if len(answer.Results) != len(some) {
			return nil, fmt.Errorf("meilisearch: %d answers to %d searches: %w", len(answer.Results), len(some), crm.ErrUnavailable)
		}
		out = append(out, answer.Results...)
	}
	return out, nil
}

// hits asks for documents.
func (x *Index) hits(ctx context.Context, request *meili.SearchRequest) ([]*hit, error) {
	answers, err := x.ask(ctx, []*meili.SearchRequest{request})
	if err != nil {
		return nil, err
	}
	return decodeHits(answers[0].Hits)
}

func decodeHits(raw meili.Hits) ([]*hit, error) {
	hits := make([]*hit, len(raw))
	for i := range raw {
		hits[i] = new(hit)
		if err := raw[i].DecodeInto(hits[i]); err != nil {
			return nil, fmt.Errorf("meilisearch: read a document: %w", crm.ErrUnavailable)
		}
	}
	return hits, nil
}

// addFacets adds the values of facets, as the server counted them.
func (s *search) addFacets(raw json.RawMessage) error {
	if len(s.q.Facets) == 0 || len(raw) == 0 {
		return nil
	}
	var counted map[string]map[string]int
	if err := json.Unmarshal(raw, &counted); err != nil {
		return fmt.Errorf("meilisearch: read the facets: %w", crm.ErrUnavailable)
	}
	for _, f := range s.q.Facets {
		values := s.result.Facets[f]
		for value, count := range counted[facetAttr(f)] {
			values = append(values, crm.FacetValue{Value: decodeFacet(value), Count: count})
		}
		slices.SortFunc(values, func(a, b crm.FacetValue) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
		})
		s.result.Facets[f] = values[:min(len(values), crm.MaxFacetValues)]
	}
	return nil
}
