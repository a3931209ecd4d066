package httpapi

import (
	"github.com/omnicrm/omnicrm/crm"
)

// How a total stands to the real number.
const (
	relationExact   = "eq"
	relationAtLeast = "gte"
)

// contactListDoc documents the answer of GET /contacts; appendContactList
// writes it.
type contactListDoc struct {
	Items         []crm.ContactRecord            `json:"items"`
	Total         int                            `json:"total"`
	TotalRelation string                         `json:"totalRelation" enum:"eq,gte" doc:"Whether total is exact or a lower bound."`
	NextCursor    *string                        `json:"nextCursor" doc:"Null on the last page."`
	Facets        map[string][]facetValueRecord  `json:"facets,omitempty" doc:"By facet, when asked for: up to 100 values, the most frequent first."`
	Highlights    map[string][]highlightDocument `json:"highlights,omitempty" doc:"By contact id, for a search: where it matched."`
	SearchBackend string                         `json:"searchBackend,omitempty" doc:"Who answered the search."`
	Degraded      *bool                          `json:"degraded,omitempty" doc:"True when the search index was not ready and the store answered: prefixes and substrings, no typos."`
}

type facetValueRecord crm.FacetValue

type highlightDocument struct {
	Field string              `json:"field"`
	Parts []crm.HighlightPart `json:"parts"`
}

func (h *Handler) listContacts(c *call) error {
	filter, err := c.contactFilter()
	if err != nil {
		return err
	}
	list, err := h.app.Contacts.List(c.r.Context(), c.actor, crm.ContactListQuery{
		Filter: filter, Sort: crm.ContactSort(c.query.Get("sort")), Order: crm.SortOrder(c.query.Get("order")),
		Page: c.number("page", 0), PageSize: c.number("pageSize", 0), Cursor: c.query.Get("cursor"),
		Facets: texts[crm.Facet](c.query["facets"]),
	})
	if err != nil {
		return err
	}
	buf := takeBuffer()
	defer buf.free()
	buf.bytes, err = appendContactList(buf.bytes, &list, len(c.query["facets"]) > 0)
	if err != nil {
		return err
	}
	return c.send(200, buf.bytes)
}

// filterParams are the filters that lists, exports and bulk actions share.
func filterParams() []parameter {
	search := textParam("search", "Names, emails, phones, company, tags and notes; forgives typos. Blank counts as absent.", crm.MaxSearchText)
	search.blankAbsent = true
	dates := "JSON {mode, from?, to?} with a mode of any, today, week, month, quarter, year, range; from and to are days, both inclusive, for range."
	return []parameter{
		search,
		repeated(enumParam("stage", "One of these stages.", crm.Stages()...)),
		repeated(textParam("tag", "Contacts that carry the tag.", crm.MaxTag)),
		enumParam("tagMode", "Whether any or all of several tags are asked for. Default any.", crm.TagAny, crm.TagAll),
		repeated(textParam("source", "One of these sources, as stored.", crm.MaxSource)),
		boolParam("hasEmail", "With, or without, an email."),
		boolParam("hasPhone", "With, or without, a phone."),
		textParam("createdAtFilter", dates, maxDateFilter),
		textParam("updatedAtFilter", dates, maxDateFilter),
		textParam("lastInteractionAtFilter", dates, maxDateFilter),
		textParam("tz", "The IANA time zone that days begin in. Default the workspace's.", maxZone),
		boolParam("trash", "The contacts in the trash instead of the live ones."),
	}
}

const (
	maxDateFilter = 200
	maxZone       = 64
)

func listParams() []parameter {
	return append(filterParams(),
		enumParam("sort", "Default createdAt, and with a search its relevance.", crm.ContactSorts()...),
		enumParam("order", "Default desc, for displayName asc.", crm.Ascending, crm.Descending),
		parameter{name: "page", notes: "The number of a page; excludes cursor.", schema: numberParam("", "", 1, crm.MaxPage, 1).schema},
		numberParam("pageSize", "How many items a page has.", 1, crm.MaxPageSize, crm.DefaultPageSize),
		cursorParam(),
		repeated(enumParam("facets", "Counts by value over all matches.", crm.Facets()...)),
	)
}
