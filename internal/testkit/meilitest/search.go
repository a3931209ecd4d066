package meilitest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// query is a search as far as this stand-in can answer it: without words.
type query struct {
	IndexUID             string          `json:"indexUid"`
	Q                    *string         `json:"q"`
	Filter               json.RawMessage `json:"filter"`
	Sort                 []string        `json:"sort"`
	Facets               []string        `json:"facets"`
	Offset               int             `json:"offset"`
	Limit                *int            `json:"limit"`
	Page                 *int            `json:"page"`
	HitsPerPage          *int            `json:"hitsPerPage"`
	AttributesToRetrieve []string        `json:"attributesToRetrieve"`
	MatchingStrategy     string          `json:"matchingStrategy"`
	Hybrid               any             `json:"hybrid"`
}

// understood are the fields of query: what else was recorded is only replayed.
var understood = []string{
	"indexUid", "q", "filter", "sort", "facets", "offset", "limit", "page", "hitsPerPage", "attributesToRetrieve", "matchingStrategy", "hybrid",
}

func readQuery(body []byte) (query, string) {
	var q query
	if err := json.Unmarshal(body, &q); err != nil {
		return q, "a search that is not understood: " + err.Error()
	}
	for _, name := range fieldsOf(body) {
		if !slices.Contains(understood, name) {
			return q, "a search with " + name
		}
	}
	if q.Q != nil && strings.TrimSpace(*q.Q) != "" {
		return q, "a search for words"
	}
	if q.Hybrid != nil {
		return q, "a hybrid search"
	}
	return q, ""
}

func (s *Server) searchOne(x *index, path string, body []byte) answer {
	q, why := readQuery(body)
	if why == "" {
		a := s.search(x, q)
		if a.refused == "" {
			return a
		}
		why = a.refused
	}
	if a, found := s.book.replay(http.MethodPost, path, body); found {
		return a
	}
	return refuse("%s, which was not recorded", why)
}

func (s *Server) searchMany(body []byte) answer {
	var results []any
	for i, raw := range queriesOf(body) {
		q, why := readQuery(raw)
		x := s.indexes[q.IndexUID]
		if why != "" {
			if a, found := s.book.replay(http.MethodPost, "/multi-search", body); found {
				return a
			}
			return refuse("%s", why)
		}
		a := noIndex(q.IndexUID)
		if x != nil {
			a = s.search(x, q)
		}
		if a.refused != "" {
			return a
		}
		result, _ := a.body.(map[string]any)
		if a.status != http.StatusOK {
			result["message"] = fmt.Sprintf("Inside `.queries[%d]`: %s", i, result["message"])
			return answer{status: http.StatusBadRequest, body: result}
		}
		result["indexUid"] = q.IndexUID
		results = append(results, result)
	}
	return ok(map[string]any{"results": results})
}

// search answers a search without words.
func (s *Server) search(x *index, q query) answer {
	f, bad := s.parseAny(x, q.Filter)
	if f == nil {
		return bad
	}
	sorts, bad := x.sorting(q.Sort)
	if sorts == nil {
		return bad
	}
	filterable := x.names("filterableAttributes")
	for _, facet := range q.Facets {
		if !slices.Contains(filterable, facet) {
			return fail(http.StatusBadRequest, "Invalid facet distribution: Pattern `"+facet+"` is not filterable.", "invalid_search_facets")
		}
	}
	found := x.matching(f)
	sortDocs(found, sorts)
	body := map[string]any{"query": "", "processingTimeMs": 0, "requestUid": uuid.Must(uuid.NewV7()).String()}
	if len(q.Facets) > 0 {
		body["facetDistribution"], body["facetStats"] = x.distribution(found, q.Facets), map[string]any{}
	}
	window := found[:min(len(found), x.number("pagination", "maxTotalHits"))]
	offset, limit := q.Offset, 20
	if q.Page != nil || q.HitsPerPage != nil {
		page := 1
		if q.Page != nil {
			page = *q.Page
		}
		if q.HitsPerPage != nil {
			limit = *q.HitsPerPage
		}
		body["page"], body["hitsPerPage"], body["totalHits"], body["totalPages"] = page, limit, len(found), 0
		if limit > 0 {
			body["totalPages"] = (len(found) + limit - 1) / limit
		}
		if offset = (page - 1) * limit; page == 0 {
			offset, limit = 0, 0
		}
	} else {
		if q.Limit != nil {
			limit = *q.Limit
		}
		body["offset"], body["limit"], body["estimatedTotalHits"] = offset, limit, len(found)
	}
	hits := []map[string]json.RawMessage{}
	window = window[min(offset, len(window)):]
	for _, d := range window[:min(limit, len(window))] {
		hits = append(hits, d.retrieve(q.AttributesToRetrieve))
	}
	body["hits"] = hits
	return ok(body)
}

// matching returns the documents that the filter keeps, in the order in which they
// came.
func (x *index) matching(f filter) []*doc {
	docs := x.docs
	if group := groupOf(f); group != "" {
		docs = x.groups[group]
	}
	out := make([]*doc, 0, len(docs))
	for _, d := range docs {
		if f.keeps(d) {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b *doc) int { return a.order - b.order })
	return out
}

// groupOf returns the group of documents that a filter keeps within.
func groupOf(f filter) string {
	switch f := f.(type) {
	case all:
		for _, one := range f {
			if group := groupOf(one); group != "" {
				return group
			}
		}
	case condition:
		if f.operator == "=" && slices.Contains(groupAttrs, f.attr) {
			return f.attr + "\x00" + f.values[0].text
		}
	}
	return ""
}

func (d *doc) retrieve(attrs []string) map[string]json.RawMessage {
	if attrs == nil || slices.Contains(attrs, "*") {
		return d.raw
	}
	out := map[string]json.RawMessage{}
	for _, a := range attrs {
		if v, there := d.raw[a]; there {
			out[a] = v
		}
	}
	return out
}

type sorting struct {
	attr string
	desc bool
}

// sorting returns what documents are ordered by: what was asked for, then the
// index's own rules.
func (x *index) sorting(asked []string) ([]sorting, answer) {
	sortable := x.names("sortableAttributes")
	out := []sorting{}
	for _, one := range asked {
		attr, direction, _ := strings.Cut(one, ":")
		if direction != "asc" && direction != "desc" {
			return nil, fail(http.StatusBadRequest, "Invalid syntax for the sort parameter: expected expression ending by `:asc` or `:desc`, found `"+one+"`.", "invalid_search_sort")
		}
		if !slices.Contains(sortable, attr) {
			return nil, fail(http.StatusBadRequest, "Index `"+x.uid+"`: Attribute `"+attr+"` is not sortable. Available sortable attributes are: `"+strings.Join(sortable, ", ")+"`.", "invalid_search_sort")
		}
		out = append(out, sorting{attr, direction == "desc"})
	}
	for _, rule := range x.names("rankingRules") {
		if attr, direction, custom := strings.Cut(rule, ":"); custom {
			out = append(out, sorting{attr, direction == "desc"})
		}
	}
	return out, answer{}
}

// sortDocs orders documents; those without a value come last.
func sortDocs(docs []*doc, by []sorting) {
	slices.SortStableFunc(docs, func(a, b *doc) int {
		for _, s := range by {
			if order := compareValues(a.values[s.attr], b.values[s.attr], s.desc); order != 0 {
				return order
			}
		}
		return 0
	})
}

func compareValues(a, b value, desc bool) int {
	kind := func(v value) int {
		switch {
		case len(v.numbers) > 0:
			return 0
		case len(v.texts) > 0:
			return 1
		}
		return 2
	}
	if order := kind(a) - kind(b); order != 0 || kind(a) == 2 {
		return order
	}
	order := 0
	if kind(a) == 0 {
		order = cmp.Compare(a.numbers[0], b.numbers[0])
	} else {
		order = cmp.Compare(a.texts[0], b.texts[0])
	}
	if desc {
		return -order
	}
	return order
}

// distribution counts the values of facets.
func (x *index) distribution(found []*doc, facets []string) map[string]map[string]int {
	out := map[string]map[string]int{}
	for _, facet := range facets {
		counts, shown := map[string]int{}, map[string]string{}
		for _, d := range found {
			seen := map[string]bool{}
			for i, text := range d.values[facet].texts {
				if text == "" || seen[text] {
					continue
				}
				seen[text] = true
				counts[text]++
				if _, there := shown[text]; !there {
					shown[text] = d.values[facet].original[i]
				}
			}
		}
		// Of few matches the first values are counted, not the most frequent ones.
		kept := slices.Sorted(maps.Keys(counts))
		if len(found) > 3_000 {
			slices.SortStableFunc(kept, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
		}
		out[facet] = map[string]int{}
		for _, text := range kept[:min(len(kept), x.number("faceting", "maxValuesPerFacet"))] {
			out[facet][shown[text]] = counts[text]
		}
	}
	return out
}
