package meilitest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
)

// facetSearch answers a search of the values of a facet.
func (s *Server) facetSearch(x *index, body []byte) answer {
	var q struct {
		FacetName  string          `json:"facetName"`
		FacetQuery string          `json:"facetQuery"`
		Filter     json.RawMessage `json:"filter"`
	}
	if json.Unmarshal(body, &q) != nil || q.FacetQuery == "" {
		return refuse("a facet search without a text")
	}
	if !slices.Contains(x.names("filterableAttributes"), q.FacetName) {
		return fail(http.StatusBadRequest, "Attribute `"+q.FacetName+"` is not facet-searchable.", "invalid_facet_search_facet_name")
	}
	f, bad := s.parseAny(x, q.Filter)
	if f == nil {
		return bad
	}
	type facetHit struct {
		Value string `json:"value"`
		Count int    `json:"count"`
	}
	asked := normalise(q.FacetQuery)
	hits := map[string]*facetHit{}
	for _, d := range x.matching(f) {
		seen := map[string]bool{}
		for i, text := range d.values[q.FacetName].texts {
			if seen[text] {
				continue
			}
			seen[text] = true
			switch known := hits[text]; {
			case known != nil:
				known.Count++
			case beginsWith(text, asked):
				hits[text] = &facetHit{d.values[q.FacetName].original[i], 1}
			}
		}
	}
	list := make([]facetHit, 0, len(hits))
	for _, h := range hits {
		list = append(list, *h)
	}
	slices.SortFunc(list, func(a, b facetHit) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(b.Value, a.Value)) })
	list = list[:min(len(list), x.number("faceting", "maxValuesPerFacet"))]
	return ok(map[string]any{"facetHits": list, "facetQuery": q.FacetQuery, "processingTimeMs": 0})
}

// beginsWith reports whether a beginning of the value is the asked text, with one
// typo from 5 bytes on and two from 9. A swap of neighbours is one.
func beginsWith(value, asked string) bool {
	limit := 0
	switch {
	case len(asked) >= 9:
		limit = 2
	case len(asked) >= 5:
		limit = 1
	}
	a, v := []rune(asked), []rune(value)
	v = v[:min(len(v), len(a)+limit)]
	var before, row []int
	row = make([]int, len(a)+1)
	for j := range row {
		row[j] = j
	}
	if row[len(a)] <= limit {
		return true
	}
	for i := 1; i <= len(v); i++ {
		next := make([]int, len(a)+1)
		next[0] = i
		for j := 1; j <= len(a); j++ {
			cost := 1
			if v[i-1] == a[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && v[i-1] == a[j-2] && v[i-2] == a[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
		if row[len(a)] <= limit {
			return true
		}
	}
	return false
}
