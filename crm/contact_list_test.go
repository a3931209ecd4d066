package crm_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// walk pages through a list by cursor and returns the ids in order.
func (e *env) walk(q crm.ContactListQuery) []crm.ID {
	e.t.Helper()
	var ids []crm.ID
	for {
		l := e.list(q)
		ids = append(ids, idsOf(l.Items)...)
		if q.Cursor = l.NextCursor; q.Cursor == "" {
			return ids
		}
	}
}

func TestPagingByPageAndCursorIsTheSameForEverySort(t *testing.T) {
	t.Parallel()
	fixed := newClock("2026-11-23T21:00:00Z").at
	e := setup(t, func(c *crm.Config) { c.Now = fixed.UTC }) // All times are ties.
	names := []string{"Ana", "ana", "Ána", "Bo", "Émile", "emile", "Zoë", "李雷", "😀", "Ωmega"}
	e.crowd(57, func(i int, c *crm.NewContact) {
		c.DisplayName, c.Company = names[i%len(names)], "Globex"
	})
	for _, search := range []string{"", "globex"} {
		for _, sort := range append(crm.ContactSorts(), "") {
			for _, order := range []crm.SortOrder{crm.Ascending, crm.Descending, ""} {
				name := fmt.Sprintf("search %q by %q %s", search, sort, order)
				q := crm.ContactListQuery{Filter: crm.ContactFilter{Search: search}, Sort: sort, Order: order, PageSize: 200}
				want := idsOf(e.list(q).Items)
				equal(t, name+": contacts", len(want), 57)
				q.PageSize = 5
				equalList(t, name+": by cursor", e.walk(q), want)
				var paged []crm.ID
				for q.Page = 1; q.Page <= 13; q.Page++ {
					l := e.list(q)
					equal(t, name+": total", l.Total, 57)
					equal(t, name+": exact", l.TotalExact, true)
					equal(t, name+": has a next page", l.NextCursor != "", q.Page < 12)
					paged = append(paged, idsOf(l.Items)...)
				}
				equalList(t, name+": by page", paged, want)
			}
		}
	}
}

func TestPagesStayWholeWhileContactsComeAndGo(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.crowd(60, nil)
	ctx := context.Background()
	for _, search := range []string{"", "p"} {
		q := crm.ContactListQuery{Filter: crm.ContactFilter{Search: search}, Sort: crm.SortDisplayName, PageSize: 7}
		want := idsOf(e.list(crm.ContactListQuery{Filter: q.Filter, Sort: q.Sort, PageSize: 200}).Items)
		seen := map[crm.ID]int{}
		gone := map[crm.ID]bool{}
		for {
			l := e.list(q)
			for _, c := range l.Items {
				seen[c.ID]++
			}
			if q.Cursor = l.NextCursor; q.Cursor == "" {
				break
			}
			last := l.Items[len(l.Items)-1].ID // The one that the cursor stands on.
			if err := e.Contacts.Erase(ctx, e.owner, last, 0); err != nil {
				t.Fatal(err)
			}
			gone[last] = true
			e.create(crm.NewContact{DisplayName: fmt.Sprintf("P%d", rand.IntN(60))})
		}
		for _, id := range want {
			if seen[id] != 1 {
				t.Errorf("contact %s: got seen %d times, want once", id, seen[id])
			}
		}
	}
}

func TestCursorsBelongToTheirQuestion(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.crowd(10, nil)
	ctx := context.Background()
	base := crm.ContactListQuery{Sort: crm.SortCreatedAt, PageSize: 2}
	plain := e.list(base).NextCursor
	search := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "p"}, PageSize: 2}).NextCursor
	use := func(change func(q *crm.ContactListQuery)) error {
		q := base
		q.Cursor = plain
		change(&q)
		_, err := e.Contacts.List(ctx, e.owner, q)
		return err
	}
	wantError(t, use(func(q *crm.ContactListQuery) { q.PageSize = 3 }), nil)
	for name, change := range map[string]func(q *crm.ContactListQuery){
		"another sort":          func(q *crm.ContactListQuery) { q.Sort = crm.SortUpdatedAt },
		"another order":         func(q *crm.ContactListQuery) { q.Order = crm.Ascending },
		"another filter":        func(q *crm.ContactListQuery) { q.Filter.Stages = []crm.Stage{crm.StageLead} },
		"another search":        func(q *crm.ContactListQuery) { q.Filter.Search = "p" },
		"the trash":             func(q *crm.ContactListQuery) { q.Filter.Trash = true },
		"a cursor of a search":  func(q *crm.ContactListQuery) { q.Cursor = search },
		"a page as well":        func(q *crm.ContactListQuery) { q.Page = 1 },
		"no base64":             func(q *crm.ContactListQuery) { q.Cursor = "???" },
		"no JSON":               func(q *crm.ContactListQuery) { q.Cursor = base64.RawURLEncoding.EncodeToString([]byte("x")) },
		"a very long cursor":    func(q *crm.ContactListQuery) { q.Cursor = strings.Repeat("A", 10_000) },
		"unknown members":       func(q *crm.ContactListQuery) { q.Cursor = base64.RawURLEncoding.EncodeToString([]byte(`{"x":1}`)) },
		"half of a real cursor": func(q *crm.ContactListQuery) { q.Cursor = plain[:len(plain)/2] },
	} {
		t.Run(name, func(t *testing.T) { wantInvalid(t, use(change), "cursor") })
	}
}

// A changed cursor is refused. It is no secret either: whoever seals one of
// their own gets a page or a 400, but never an internal failure and never
// another workspace's contacts.
func TestForgedCursors(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.crowd(10, nil)
	for _, search := range []string{"", "p"} {
		for _, sort := range crm.ContactSorts() {
			q := crm.ContactListQuery{Filter: crm.ContactFilter{Search: search}, Sort: sort, PageSize: 2}
			real := e.list(q).NextCursor
			raw, ok := crm.OpenCursor(real)
			if !ok {
				t.Fatalf("cursor %s: not sealed", real)
			}
			for at := range real {
				changed := []byte(real)
				changed[at] = map[bool]byte{true: 'B', false: 'A'}[changed[at] == 'A']
				q.Cursor = string(changed)
				_, err := e.Contacts.List(context.Background(), e.owner, q)
				wantInvalid(t, err, "cursor")
			}
			text := string(raw)
			digest := text[:strings.Index(text, ",")]
			for _, inside := range []string{
				digest + `}`, digest + `,"v":""}`, digest + `,"v":"AAAA"}`, digest + `,"v":"//////////8="}`, digest + `,"v":"AA==","i":"00000000-0000-0000-0000-000000000000"}`,
				digest + `,"v":"` + strings.Repeat("A", 2_000) + `"}`, digest + `,"p":"x"}`, digest + `,"p":"` + strings.Repeat("é", 500) + `"}`, digest + `,"p":"","v":null}`,
				digest + `,"v":"AAAA","p":"AAAA"}`, digest + `,"i":"x"}`, text + text, text + "}",
			} {
				q.Cursor = crm.SealCursor([]byte(inside))
				if l, err := e.Contacts.List(context.Background(), e.owner, q); err != nil {
					wantInvalid(t, err, "cursor")
				} else if len(l.Items) > 2 {
					t.Errorf("cursor %s: got %d items, want at most 2", inside, len(l.Items))
				}
			}
		}
	}
}

func TestBadPaging(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, c := range []struct {
		q     crm.ContactListQuery
		field string
	}{
		{crm.ContactListQuery{Page: -1}, "page"},
		{crm.ContactListQuery{Page: 100_001}, "page"},
		{crm.ContactListQuery{PageSize: -1}, "pageSize"},
		{crm.ContactListQuery{PageSize: 201}, "pageSize"},
		{crm.ContactListQuery{Sort: "notes"}, "sort"},
		{crm.ContactListQuery{Order: "up"}, "order"},
		{crm.ContactListQuery{Facets: []crm.Facet{"notes"}}, "facets"},
		{crm.ContactListQuery{Filter: crm.ContactFilter{Search: "a"}, Page: 401, PageSize: 25}, "page"},
	} {
		_, err := e.Contacts.List(context.Background(), e.owner, c.q)
		wantInvalid(t, err, c.field)
	}
}

func TestTotalsAreExactUpToTenThousand(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.crowd(10_001, func(i int, c *crm.NewContact) {
		if i > 0 {
			c.Stage = crm.StageLead
		}
	})
	l := e.list(crm.ContactListQuery{})
	equal(t, "total without a filter", l.Total, 10_001)
	equal(t, "exact", l.TotalExact, true)
	l = e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Stages: []crm.Stage{crm.StageLead}}})
	equal(t, "total of 10,000", l.Total, 10_000)
	equal(t, "exact", l.TotalExact, true)
	l = e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Stages: []crm.Stage{crm.StageLead, crm.StageNone}}})
	equal(t, "total of 10,001 by a filter", l.Total, 10_000)
	equal(t, "exact", l.TotalExact, false)
	// A search can be paged by cursor beyond the window of page numbers.
	equal(t, "found by cursors", len(e.walk(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "p"}, PageSize: 200})), 10_001)
	equal(t, "last page by number", len(e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "p"}, PageSize: 200, Page: 50}).Items), 200)
	// So does a bulk action.
	j, err := e.Contacts.BulkByFilter(context.Background(), e.owner, crm.ContactFilter{Search: "p"}, crm.BulkAction{Verb: crm.BulkDelete})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "deleted", bulkResult(t, e.succeeded(j.ID)).Changed, 10_001)
	equal(t, "total", e.list(crm.ContactListQuery{}).Total, 0)
	e.sound()
}

func TestFacetsAndHighlights(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.create(crm.NewContact{DisplayName: "Zoë Łukasz", Tags: []string{"VIP"}, Company: "ACME", Notes: strings.Repeat("x ", 100) + "met zoe in Łódź " + strings.Repeat("ł ", 100), Emails: []crm.Email{{Address: "zoe@x.com"}}})
	e.create(crm.NewContact{DisplayName: "Zoe Two", Tags: []string{"vip", "b"}, Stage: crm.StageLead})
	e.create(crm.NewContact{DisplayName: "Other"})
	l := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "zoe"}, Facets: crm.Facets()})
	equalList(t, "tags", l.Facets[crm.FacetTag], []crm.FacetValue{{Value: "VIP", Count: 2}, {Value: "b", Count: 1}})
	equalList(t, "stages", l.Facets[crm.FacetStage], []crm.FacetValue{{Value: "lead", Count: 1}, {Value: "none", Count: 1}})
	equalList(t, "companies", l.Facets[crm.FacetCompany], []crm.FacetValue{{Value: "ACME", Count: 1}})
	var marked []string
	for _, h := range l.Highlights[l.Items[slices.IndexFunc(l.Items, func(c crm.Contact) bool { return c.Company == "ACME" })].ID] {
		for _, p := range h.Parts {
			if p.Match {
				marked = append(marked, h.Field+"="+p.Text)
			}
		}
		if h.Field == "notes" && len(h.Parts[0].Text) > 70 {
			t.Errorf("notes: got all of it, want a part")
		}
	}
	equalList(t, "highlights", marked, []string{"displayName=Zoë", "emails[0].address=zoe", "notes=zoe"})
	all := e.list(crm.ContactListQuery{Facets: []crm.Facet{crm.FacetStage}})
	equalList(t, "stages without a search", all.Facets[crm.FacetStage], []crm.FacetValue{{Value: "none", Count: 2}, {Value: "lead", Count: 1}})
	equal(t, "backend without a search", all.SearchBackend, "")
	none := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{Search: "?!"}})
	equal(t, "found by no words", none.Total, 0)
}
