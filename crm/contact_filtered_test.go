package crm_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// filters are one of each kind, and some together.
func filters() map[string]crm.ContactFilter {
	yes, no := true, false
	return map[string]crm.ContactFilter{
		"a stage":           {Stages: []crm.Stage{crm.StageCustomer}},
		"two stages":        {Stages: []crm.Stage{crm.StageCustomer, crm.StageLead}},
		"a tag":             {Tags: []string{"VIP"}},
		"any of two tags":   {Tags: []string{"vip", "Presse"}, TagMode: crm.TagAny},
		"all of two tags":   {Tags: []string{"vip", "presse"}, TagMode: crm.TagAll},
		"a tag nobody has":  {Tags: []string{"none"}},
		"a source":          {Sources: []string{"api"}},
		"with an email":     {HasEmail: &yes},
		"without a phone":   {HasPhone: &no},
		"a field":           {Fields: map[string]string{"size": "XL"}},
		"added this year":   {CreatedAt: crm.DateFilter{Mode: crm.DateYear}},
		"changed today":     {UpdatedAt: crm.DateFilter{Mode: crm.DateToday}},
		"several at once":   {Stages: []crm.Stage{crm.StageLead}, Tags: []string{"vip"}, HasEmail: &yes},
		"in another's time": {CreatedAt: crm.DateFilter{Mode: crm.DateWeek}, TimeZone: "Pacific/Auckland"},
	}
}

// TestFilteredListsAreTheSameFromIndexAndStore asks two CRMs on one store, of
// which one has no memory for an index: pages, totals and cursors of either are
// good for the other.
func TestFilteredListsAreTheSameFromIndexAndStore(t *testing.T) {
	t.Parallel()
	fast := setup(t)
	slow := setupOn(t, fast.store, storeSearched)
	fast.crowd(230, func(i int, c *crm.NewContact) {
		c.Stage = crm.Stages()[i%5]
		c.Tags = [][]string{nil, {"vip"}, {"Presse"}, {"vip", "presse"}}[i%4]
		c.Source = []string{"manual", "api"}[i%2]
		if i%3 == 0 {
			c.Emails = []crm.Email{{Address: fmt.Sprintf("p%d@example.com", i)}}
		}
		if i%7 == 0 {
			c.Phones = []crm.Phone{{Number: fmt.Sprint("555-01", i)}}
		}
		c.Fields = map[string]any{"size": []string{"xl", "M"}[i%2]}
	})
	fast.awaitIndex()
	for name, filter := range filters() {
		for _, sort := range append(crm.ContactSorts(), "") {
			for _, order := range []crm.SortOrder{crm.Ascending, crm.Descending} {
				q := crm.ContactListQuery{Filter: filter, Sort: sort, Order: order, PageSize: 7}
				name := fmt.Sprintf("%s by %q %s", name, sort, order)
				want, got := slow.list(q), fast.list(q)
				equal(t, name+": total", got.Total, want.Total)
				equalList(t, name+": first page", idsOf(got.Items), idsOf(want.Items))
				all := slow.walk(q)
				equalList(t, name+": all pages", fast.walk(q), all)
				q.Page = 2
				equalList(t, name+": page 2", idsOf(fast.list(q).Items), idsOf(slow.list(q).Items))
				q.Page = 0
				equalList(t, name+": begun with an index, ended without", crossing(fast, slow, q), all)
				equalList(t, name+": begun without an index, ended with it", crossing(slow, fast, q), all)
			}
		}
	}
}

// awaitIndex waits until the index has been loaded.
func (e *env) awaitIndex() {
	e.t.Helper()
	q := crm.ContactListQuery{Facets: []crm.Facet{crm.FacetStage}}
	await(e.t, "the index", func() bool { return !e.list(q).Degraded })
}

// crossing takes the first page from one CRM and the others from another.
func crossing(first, then *env, q crm.ContactListQuery) []crm.ID {
	l := first.list(q)
	ids := idsOf(l.Items)
	if q.Cursor = l.NextCursor; q.Cursor == "" {
		return ids
	}
	return append(ids, then.walk(q)...)
}

func TestFilteredListsShowWhatWasJustWritten(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.crowd(50, nil)
	e.awaitIndex()
	q := crm.ContactListQuery{Filter: crm.ContactFilter{Tags: []string{"new"}}}
	for n := 1; n <= 20; n++ {
		c := e.create(crm.NewContact{DisplayName: "N", Tags: []string{"new"}})
		equal(t, "after a create", e.list(q).Total, n)
		if n%5 != 0 {
			continue
		}
		if _, err := e.Contacts.Delete(context.Background(), e.owner, c.ID, 0); err != nil {
			t.Fatal(err)
		}
		equal(t, "after a delete", e.list(q).Total, n-1)
		if _, err := e.Contacts.Restore(context.Background(), e.owner, c.ID, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFilteredListsShowWhatAnotherProcessHasWritten: two CRMs on one store are
// what two processes are, neither of which is told of the other's writes.
func TestFilteredListsShowWhatAnotherProcessHasWritten(t *testing.T) {
	t.Parallel()
	here := setup(t)
	there := setupOn(t, here.store)
	here.crowd(50, nil)
	here.awaitIndex()
	there.awaitIndex()
	q := crm.ContactListQuery{Filter: crm.ContactFilter{Tags: []string{"new"}}}
	for n := 1; n <= 20; n++ {
		c := here.create(crm.NewContact{DisplayName: "N", Tags: []string{"new", "odd"}})
		l := there.list(q)
		equal(t, "total after a create elsewhere", l.Total, n)
		equal(t, "contacts", len(l.Items), n)
		if _, err := here.Contacts.Update(context.Background(), here.owner, c.ID, crm.ContactPatch{Tags: &[]string{"new"}}); err != nil {
			t.Fatal(err)
		}
		equal(t, "after a change elsewhere", there.list(crm.ContactListQuery{Filter: crm.ContactFilter{Tags: []string{"odd"}}}).Total, 0)
	}
}

// TestTotalsOfFiltersAreExactWithAnIndex: the store stops counting at 10,000.
func TestTotalsOfFiltersAreExactWithAnIndex(t *testing.T) {
	t.Parallel()
	const n = 10_500
	e := setup(t)
	e.crowd(n, func(_ int, c *crm.NewContact) { c.Tags = []string{"a"} })
	e.awaitIndex()
	for _, q := range []crm.ContactListQuery{{}, {Page: 420}, {Sort: crm.SortScore}} { // The last two the store pages.
		q.Filter.Tags, q.PageSize = []string{"a"}, 25
		l := e.list(q)
		equal(t, fmt.Sprintf("total of page %d by %q", q.Page, q.Sort), l.Total, n)
		equal(t, "exact", l.TotalExact, true)
		equal(t, "contacts", len(l.Items), 25)
	}
}
