package crm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// exactTotal is up to where totals of filtered lists are exact.
const exactTotal = 10_000

// ContactListQuery asks for a page of contacts.
type ContactListQuery struct {
	Filter ContactFilter
	// Sort: default createdAt, and with a search the relevance.
	Sort ContactSort
	// Order: default desc, and for displayName asc.
	Order SortOrder
	// Page from 1 on, default 1. It excludes Cursor.
	Page int
	// PageSize 1 to 200, default 25.
	PageSize int
	Cursor   string
	// Facets to count over all matches. They exclude the trash.
	Facets []Facet
}

// ContactList is a page of contacts.
type ContactList struct {
	Items []Contact
	// Total is the number of all matches. When TotalExact is false there are
	// more.
	Total      int
	TotalExact bool
	// NextCursor is "" on the last page.
	NextCursor string
	Facets     map[Facet][]FacetValue
	// Highlights show by contact where a search matched.
	Highlights map[ID][]Highlight
	// SearchBackend says who answered a search: "memory", "store", or the name
	// of a service. "" without a search.
	SearchBackend string
	// Degraded is true when a search was answered by the store because the
	// index was not ready: prefixes and substrings only, no typos.
	Degraded bool
}

// Highlight shows where a search matched in one field.
type Highlight struct {
	Field string          `json:"field"`
	Parts []HighlightPart `json:"parts"`
}

// HighlightPart is a piece of a field's text. The parts of a highlight join to
// the text, or in notes to the part of it around the first match.
type HighlightPart struct {
	Text  string `json:"text"`
	Match bool   `json:"match"`
}

// listPlan is a checked query.
type listPlan struct {
	q      ContactListQuery
	where  ContactCriteria
	search string
	desc   bool
	of     uint32
	after  cursor
}

// List returns a page. A search ranks by relevance unless a sort is given.
func (s *ContactService) List(ctx context.Context, actor Actor, q ContactListQuery) (ContactList, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return ContactList{}, fmt.Errorf("list contacts: %w", err)
	}
	plan, err := s.plan(ctx, actor, q)
	if err != nil {
		return ContactList{}, fmt.Errorf("list contacts: %w", err)
	}
	var list ContactList
	switch {
	case plan.search != "" && !plan.where.Trash:
		begin := time.Now()
		list, err = s.searchPage(ctx, actor.Workspace, plan)
		if err == nil {
			s.core.observer.Searched(ctx, SearchAnswer{Backend: list.SearchBackend, Degraded: list.Degraded, Took: time.Since(begin)})
		}
	case plan.pagedByIndex() && s.core.search.own():
		list, err = s.filteredPage(ctx, actor.Workspace, plan)
	default:
		list, err = s.listPage(ctx, actor.Workspace, plan)
	}
	if err != nil {
		return ContactList{}, fmt.Errorf("list contacts: %w", err)
	}
	return list, nil
}

func (s *ContactService) plan(ctx context.Context, actor Actor, q ContactListQuery) (listPlan, error) {
	p := listPlan{q: q, search: strings.TrimSpace(q.Filter.Search)}
	w, err := s.core.workspaces.settings(ctx, actor.Workspace)
	if err != nil {
		return p, err
	}
	var broken problems
	if p.where, err = q.Filter.criteria(w.TimeZone, s.core.now()); err != nil {
		broken.fields = asValidation(err).Fields
	}
	p.q.checkPaging(&broken)
	if p.q.PageSize == 0 {
		p.q.PageSize = DefaultPageSize
	}
	if p.q.Sort == "" && p.search == "" {
		p.q.Sort = SortCreatedAt
	}
	p.desc = p.q.Order == Descending || p.q.Order == "" && p.q.Sort != SortDisplayName
	p.of = digest(p.q.Sort, p.desc, q.Filter)
	if q.Cursor != "" {
		if p.after, err = parseCursor(q.Cursor, p.of); err != nil {
			broken.fields = append(broken.fields, asValidation(err).Fields...)
		}
	}
	return p, broken.err()
}

func (q ContactListQuery) checkPaging(p *problems) {
	if q.Page < 0 || q.Page > MaxPage {
		p.add("page", CodeInvalid, "must be 1 to 100000")
	}
	if q.PageSize < 0 || q.PageSize > MaxPageSize {
		p.add("pageSize", CodeInvalid, "must be 1 to 200")
	}
	if q.Cursor != "" && q.Page != 0 {
		p.add("cursor", CodeInvalid, "cannot be given together with page")
	}
	if q.Sort != "" && !slices.Contains(ContactSorts(), q.Sort) {
		p.add("sort", CodeUnknown, "must be displayName, createdAt, updatedAt, lastInteractionAt or score")
	}
	if q.Order != "" && q.Order != Ascending && q.Order != Descending {
		p.add("order", CodeUnknown, "must be asc or desc")
	}
	for _, f := range q.Facets {
		if !slices.Contains(Facets(), f) {
			p.add("facets", CodeUnknown, "must be stage, tag, source or company")
		}
	}
	if len(q.Facets) > 0 && q.Filter.Trash { // The trash is in no index.
		p.add("facets", CodeInvalid, "cannot be counted over the trash; leave out facets or trash")
	}
}

// pagedByIndex reports whether an index can answer the list as the store would.
// What is derived of interactions changes without an event, so that no index
// is sure to know it; and a cursor that the store made goes on there.
func (p listPlan) pagedByIndex() bool {
	return p.search == "" && p.indexed() && p.q.Sort != SortLastInteractionAt && p.q.Sort != SortScore &&
		(p.q.Cursor == "" || p.after.Position != "") && p.offset()+p.q.PageSize < MaxSearchWindow
}

// indexed reports whether an index knows what passes the filters.
func (p listPlan) indexed() bool {
	return !p.where.Trash && !p.where.IsAll() && p.where.LastInteractionAt.IsZero()
}

func (p listPlan) offset() int { return max(p.q.Page-1, 0) * p.q.PageSize }

// listPage answers from the store. A search among the trash, which is in no
// index, is the store's plain search.
func (s *ContactService) listPage(ctx context.Context, ws WorkspaceID, p listPlan) (ContactList, error) {
	if p.q.Sort == "" {
		p.q.Sort = SortCreatedAt
	}
	list := ContactList{TotalExact: true}
	if p.search != "" {
		list.SearchBackend = backendStore
		if p.where.Words = textindex.QueryWords(p.search); len(p.where.Words) == 0 {
			return list, nil
		}
	}
	q := ContactQuery{Where: p.where, Sort: p.q.Sort, Desc: p.desc, Offset: p.offset(), Limit: p.q.PageSize + 1}
	if p.q.Cursor != "" {
		q.After = &ContactPosition{Value: p.after.Value, ID: p.after.ID}
	}
	var err error
	if list.Items, err = s.core.store.ListContacts(ctx, ws, q); err != nil {
		return list, err
	}
	if len(list.Items) > p.q.PageSize {
		list.Items = list.Items[:p.q.PageSize]
		list.NextCursor = p.cursorAfter(list.Items[p.q.PageSize-1], "").String()
	}
	if err := s.total(ctx, ws, p, &list); err != nil {
		return list, err
	}
	if len(p.q.Facets) > 0 {
		return list, s.facets(ctx, ws, p, &list)
	}
	return list, nil
}

// cursorAfter goes on behind a contact, with a position also in the index.
func (p listPlan) cursorAfter(last Contact, position string) cursor {
	return cursor{Of: p.of, Value: SortValue(last, p.q.Sort), ID: last.ID, Position: position}
}

// filteredPage answers a list by filters from the index of this process. Where
// few contacts pass a filter the store has to look at every row to find and
// count them, which takes it seconds of a million; the index knows them, and how
// many they are. While it is not there, the store answers.
func (s *ContactService) filteredPage(ctx context.Context, ws WorkspaceID, p listPlan) (ContactList, error) {
	q := SearchQuery{
		MatchAll: true, Where: p.where, Order: SearchOrder{By: p.q.Sort, Desc: p.desc}, Facets: p.q.Facets,
		After: p.after.Position, Offset: p.offset(), Limit: p.q.PageSize + 1,
	}
	for {
		r, err := s.core.search.queryNow(ctx, ws, q)
		if errors.Is(err, errIndexNotReady) {
			return s.listPage(ctx, ws, p)
		}
		if err != nil {
			return ContactList{}, err
		}
		more := len(r.Hits) > p.q.PageSize
		r.Hits = r.Hits[:min(len(r.Hits), p.q.PageSize)]
		list := ContactList{Total: r.Total, TotalExact: r.Exact, Facets: r.Facets}
		if list.Items, err = s.hitContacts(ctx, ws, r.Hits); err != nil {
			return ContactList{}, err
		}
		n := len(list.Items)
		if more && n == 0 { // All of them have gone since; the list has not ended.
			q.After, q.Offset = r.Hits[len(r.Hits)-1].Position, 0
			continue
		}
		if more {
			list.NextCursor = p.cursorAfter(list.Items[n-1], r.Hits[len(r.Hits)-1].Position).String()
		}
		return list, s.nameTags(ctx, ws, list.Facets)
	}
}

// hitContacts loads the contacts of hits, in their order. The index may be a
// moment behind another process; the store is the truth.
func (s *ContactService) hitContacts(ctx context.Context, ws WorkspaceID, hits []SearchHit) ([]Contact, error) {
	ids := make([]ID, len(hits))
	for i, h := range hits {
		ids[i] = h.Contact
	}
	contacts, err := s.core.store.GetContacts(ctx, ws, ids)
	return slices.DeleteFunc(contacts, Contact.InTrash), err
}

func (s *ContactService) total(ctx context.Context, ws WorkspaceID, p listPlan, list *ContactList) error {
	atMost := exactTotal + 1
	if p.where.IsAll() || p.where.IsAllTrash() {
		atMost = 0
	} else if p.search == "" && p.indexed() && s.core.search.own() { // A page beyond the index's window, mostly.
		r, err := s.core.search.queryNow(ctx, ws, SearchQuery{MatchAll: true, Where: p.where})
		if !errors.Is(err, errIndexNotReady) {
			list.Total, list.TotalExact = r.Total, r.Exact
			return err
		}
	}
	n, err := s.core.store.CountContacts(ctx, ws, p.where, atMost)
	if err != nil {
		return fmt.Errorf("count contacts: %w", err)
	}
	if list.Total = n; atMost > 0 && n == atMost {
		list.Total, list.TotalExact = exactTotal, false
	}
	return nil
}

// facets counts over a list without a search. Without an index there are none,
// and the answer says so.
func (s *ContactService) facets(ctx context.Context, ws WorkspaceID, p listPlan, list *ContactList) error {
	list.Facets = map[Facet][]FacetValue{}
	r, err := s.core.search.query(ctx, ws, SearchQuery{MatchAll: true, Where: p.where, Facets: p.q.Facets})
	if errors.Is(err, errIndexNotReady) {
		list.Degraded = true
		return nil
	}
	if err == nil {
		list.Facets, err = r.Facets, s.nameTags(ctx, ws, r.Facets)
	}
	return err
}

// nameTags replaces the folded keys that an index counts tags by with the
// tags' spelling.
func (s *ContactService) nameTags(ctx context.Context, ws WorkspaceID, facets map[Facet][]FacetValue) error {
	if len(facets[FacetTag]) == 0 {
		return nil
	}
	tags, err := s.core.store.ListTags(ctx, ws)
	if err != nil {
		return fmt.Errorf("list tags: %w", err)
	}
	names := make(map[string]string, len(tags))
	for _, t := range tags {
		names[t.Key] = t.Name
	}
	for i, v := range facets[FacetTag] {
		if name := names[v.Value]; name != "" {
			facets[FacetTag][i].Value = name
		}
	}
	return nil
}

// searchPage answers from the index, or while that cannot, from the store.
func (s *ContactService) searchPage(ctx context.Context, ws WorkspaceID, p listPlan) (ContactList, error) {
	q := SearchQuery{
		Text: p.search, Where: p.where, Order: SearchOrder{By: p.q.Sort, Desc: p.desc}, Facets: p.q.Facets,
		After: p.after.Position, Offset: p.offset(), Limit: p.q.PageSize + 1,
	}
	if p.q.Cursor != "" && p.after.Position == "" { // The page before came from the store.
		return s.degradedPage(ctx, ws, p)
	}
	if q.Offset+p.q.PageSize > MaxSearchWindow {
		return ContactList{}, Invalid("page", CodeInvalid, "must stay within the first 10000 results of a search; use filters or a cursor to go on")
	}
	q.Limit = min(q.Limit, MaxSearchWindow-q.Offset)
	r, err := s.core.search.query(ctx, ws, q)
	if errors.Is(err, errIndexNotReady) {
		return s.degradedPage(ctx, ws, p)
	}
	if err != nil {
		return ContactList{}, err
	}
	list := ContactList{Total: r.Total, TotalExact: r.Exact, Facets: r.Facets, SearchBackend: s.core.search.name}
	if len(r.Hits) > p.q.PageSize {
		r.Hits = r.Hits[:p.q.PageSize]
		list.NextCursor = cursor{Of: p.of, Position: r.Hits[p.q.PageSize-1].Position}.String()
	}
	if list.Items, err = s.hitContacts(ctx, ws, r.Hits); err != nil {
		return ContactList{}, err
	}
	list.highlight(p.search)
	return list, s.nameTags(ctx, ws, list.Facets)
}

func (s *ContactService) degradedPage(ctx context.Context, ws WorkspaceID, p listPlan) (ContactList, error) {
	if p.after.Position != "" {
		return ContactList{}, fmt.Errorf("the search index is loading; try again in a moment: %w", ErrUnavailable)
	}
	list, err := s.listPage(ctx, ws, p)
	list.Degraded = true
	list.highlight(p.search)
	return list, err
}
