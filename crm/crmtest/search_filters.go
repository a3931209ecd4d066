package crmtest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/omnicrm/omnicrm/crm"
)

func searchFilterTests() []searchTest {
	return []searchTest{
		{"each criterion alone selects what it says", func(f *searchFixture) {
			contacts := f.randomContacts(80)
			d := newDice(2)
			for range 4 {
				for _, set := range d.choices() {
					var where crm.ContactCriteria
					set(&where)
					f.wantSelected(contacts, where)
				}
			}
		}},
		{"every set criterion must hold, and the text as well", func(f *searchFixture) {
			contacts := f.randomContacts(80)
			d := newDice(3)
			for range 80 {
				f.wantSelected(contacts, d.criteria())
			}
		}},
		{"the words of a store's plain search are ignored", func(f *searchFixture) {
			f.put(f.contact(1, named("Ann")))
			got := f.search(crm.SearchQuery{Text: "ann", Where: crm.ContactCriteria{Words: []string{"zzz"}}, Limit: 5})
			wantIDs(f.T, "SearchContacts", hitIDs(got.Hits), f.ids(1))
		}},
		{"match all ignores the text", func(f *searchFixture) {
			f.put(f.contact(1), f.contact(2))
			for _, text := range []string{"", "zzz"} {
				got := f.search(crm.SearchQuery{Text: text, MatchAll: true, Order: crm.SearchOrder{By: crm.SortCreatedAt}, Limit: 5})
				wantIDs(f.T, "SearchContacts of all", hitIDs(got.Hits), f.ids(1, 2))
				matched, err := f.x.MatchContacts(f.Context(), f.ws, crm.SearchQuery{Text: text, MatchAll: true}, crm.ID{}, 5)
				f.ok("MatchContacts", err)
				wantIDs(f.T, "MatchContacts of all", matched, f.ids(1, 2))
			}
		}},
		{"hits are ordered by any sort key of a list", func(f *searchFixture) {
			contacts := f.randomContacts(60)
			for _, sort := range crm.ContactSorts() {
				for _, desc := range []bool{false, true} {
					q := crm.SearchQuery{MatchAll: true, Order: crm.SearchOrder{By: sort, Desc: desc}, Limit: 100}
					wantIDs(f.T, fmt.Sprintf("SearchContacts by %+v", q.Order), hitIDs(f.search(q).Hits), expectedOrder(contacts, sort, desc))
					q.MatchAll, q.Text = false, "lukasz zoe"
					wantIDs(f.T, fmt.Sprintf("SearchContacts(%q) by %+v", q.Text, q.Order), hitIDs(f.search(q).Hits), expectedOrder(zoes(contacts), sort, desc))
				}
			}
		}},
	}
}

// zoes are the contacts that "lukasz zoe" finds among the random ones.
func zoes(contacts []crm.Contact) []crm.Contact {
	return slices.DeleteFunc(slices.Clone(contacts), func(c crm.Contact) bool { return crm.FoldKey(c.DisplayName) != "zoe lukasz" })
}

// randomContacts indexes n random live contacts.
func (f *searchFixture) randomContacts(n int) []crm.Contact {
	f.Helper()
	d := newDice(1)
	contacts := make([]crm.Contact, n)
	for i := range contacts {
		contacts[i] = d.contact(f.ws, i+1)
	}
	f.put(contacts...)
	return contacts
}

// wantSelected checks criteria, without and with a text.
func (f *searchFixture) wantSelected(contacts []crm.Contact, where crm.ContactCriteria) {
	f.Helper()
	for _, q := range []crm.SearchQuery{
		{MatchAll: true, Where: where, Limit: 100, Facets: crm.Facets()},
		{Text: "lukasz zoe", Where: where, Limit: 100, Facets: crm.Facets()},
	} {
		found := selected(contacts, where)
		if !q.MatchAll {
			found = zoes(found)
		}
		want := contactIDs(found)
		slices.SortFunc(want, compareIDs)
		got := f.search(q)
		ids := hitIDs(got.Hits)
		slices.SortFunc(ids, compareIDs)
		wantIDs(f.T, fmt.Sprintf("SearchContacts(%q) of %+v", q.Text, where), ids, want)
		f.wantTotal("SearchContacts", got, len(want))
		f.wantFacets(got, found)
		matched, err := f.x.MatchContacts(f.Context(), f.ws, q, crm.ID{}, 100)
		f.ok("MatchContacts", err)
		wantIDs(f.T, fmt.Sprintf("MatchContacts(%q) of %+v", q.Text, where), matched, want)
	}
}

// wantFacets checks the figures of every facet over the matches. Companies and
// tags are compared folded: which spelling a facet shows is not promised.
func (f *searchFixture) wantFacets(got crm.SearchResult, found []crm.Contact) {
	f.Helper()
	want := map[crm.Facet]map[string]int{}
	for _, facet := range crm.Facets() {
		want[facet] = map[string]int{}
	}
	for _, c := range found {
		want[crm.FacetStage][string(c.Stage)]++
		want[crm.FacetSource][c.Source]++
		if c.Company != "" {
			want[crm.FacetCompany][crm.FoldKey(c.Company)]++
		}
		for _, tag := range c.Tags {
			want[crm.FacetTag][crm.FoldKey(tag)]++
		}
	}
	for _, facet := range crm.Facets() {
		values := map[string]int{}
		for _, v := range got.Facets[facet] {
			if facet == crm.FacetCompany || facet == crm.FacetTag {
				v.Value = crm.FoldKey(v.Value)
			}
			values[v.Value] += v.Count
		}
		if d := diff(values, want[facet], false); d != "" {
			f.Errorf("facet %s: %s", facet, d)
		}
		if !slices.IsSortedFunc(got.Facets[facet], compareFacets) {
			f.Errorf("facet %s: %v is not ordered by count, then value", facet, got.Facets[facet])
		}
	}
}

// compareFacets orders the most frequent first, then by value.
func compareFacets(a, b crm.FacetValue) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
}

func facetTests() []searchTest {
	return []searchTest{
		{"facets count all matches, not the page", func(f *searchFixture) {
			contacts := f.randomContacts(40)
			for _, limit := range []int{0, 1, 3} {
				got := f.search(crm.SearchQuery{MatchAll: true, Facets: crm.Facets(), Limit: limit, Order: crm.SearchOrder{By: crm.SortCreatedAt}})
				f.wantFacets(got, contacts)
				got = f.search(crm.SearchQuery{Text: "lukasz zoe", Facets: crm.Facets(), Limit: limit})
				f.wantFacets(got, zoes(contacts))
			}
		}},
		{"only the facets asked for are counted", func(f *searchFixture) {
			f.randomContacts(5)
			got := f.search(crm.SearchQuery{MatchAll: true, Facets: []crm.Facet{crm.FacetStage}, Limit: 5})
			if len(got.Facets[crm.FacetStage]) == 0 || len(got.Facets[crm.FacetTag]) > 0 || len(got.Facets[crm.FacetSource]) > 0 {
				f.Errorf("SearchContacts: got facets %v, want stage only", got.Facets)
			}
		}},
		{"two spellings that fold alike are one tag", func(f *searchFixture) {
			f.put(f.contact(1, func(c *crm.Contact) { c.Tags = []string{"VIP"} }), f.contact(2, func(c *crm.Contact) { c.Tags = []string{"vip"} }))
			got := f.search(crm.SearchQuery{MatchAll: true, Facets: []crm.Facet{crm.FacetTag}, Limit: 5}).Facets[crm.FacetTag]
			if len(got) != 1 || got[0].Count != 2 {
				f.Errorf("the tags: got %v, want one with 2 contacts", got)
			}
		}},
		{"the hundred most frequent values are listed", testManyFacets},
	}
}

// testManyFacets gives 130 tags to contacts: some three times, the rest once.
func testManyFacets(f *searchFixture) {
	var contacts []crm.Contact
	var want []crm.FacetValue
	for i := range 130 {
		value, count := fmt.Sprintf("tag %03d", i), 1
		if i%3 == 2 {
			count = 3
		}
		want = append(want, crm.FacetValue{Value: value, Count: count})
		for range count {
			contacts = append(contacts, f.contact(len(contacts)+1, func(c *crm.Contact) { c.Tags = []string{value} }))
		}
	}
	f.put(contacts...)
	slices.SortFunc(want, compareFacets)
	got := f.search(crm.SearchQuery{MatchAll: true, Facets: []crm.Facet{crm.FacetTag}, Limit: 1}).Facets[crm.FacetTag]
	if !slices.Equal(got, want[:100]) {
		f.Errorf("the tags: got %d values %v, want the first 100 of %v", len(got), got, want)
	}
}
