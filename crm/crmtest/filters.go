package crmtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testFilters(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"each criterion alone selects what it says", func(f *fixture) {
			contacts := f.randomContacts(80)
			d := newDice(2)
			for range 6 {
				for _, set := range append(d.choices(), d.wordChoice) {
					var where crm.ContactCriteria
					set(&where)
					f.wantSelected(contacts, where)
					where.Trash = true
					f.wantSelected(contacts, where)
				}
			}
		}},
		{"every set criterion must hold", func(f *fixture) {
			contacts := f.randomContacts(80)
			d := newDice(3)
			for i := range 120 {
				where := d.criteria()
				if d.sometimes(4) {
					d.wordChoice(&where)
				}
				where.Trash = d.sometimes(4)
				f.wantSelected(contacts, where)
				f.wantListed(contacts, where, crm.ContactSorts()[i%5], i%2 == 0)
			}
		}},
		{"filters see what an update changed", testFilterAfterUpdate},
		{"a filtered list pages without loss", testFilteredPages},
		{"counting stops at the number asked for", testCountAtMost},
	})
}

// wordChoice sets words of the plain search.
func (d dice) wordChoice(w *crm.ContactCriteria) {
	w.Words = append(some(d, 1, "zoe", "a", "person", "20255"), pick(d, "lukasz", "brown", "acm", "555", "nobody", "철수", "aeroskobing"))
}

// randomContacts stores n random contacts, a few of them in the trash.
func (f *fixture) randomContacts(n int) []crm.Contact {
	f.Helper()
	d := newDice(1)
	contacts := make([]crm.Contact, n)
	for i := range contacts {
		contacts[i] = d.contact(f.ws, i+1)
		if d.sometimes(5) {
			trashed(&contacts[i])
		}
	}
	f.create(contacts...)
	return contacts
}

// wantSelected checks ids and counts of criteria.
func (f *fixture) wantSelected(contacts []crm.Contact, where crm.ContactCriteria) {
	f.Helper()
	want := expectedIDs(contacts, where)
	wantIDs(f.T, fmt.Sprintf("ListContactIDs of %+v", where), f.listIDs(where, crm.ID{}, 1_000), want)
	if got := f.count(where); got != len(want) {
		f.Errorf("CountContacts of %+v: got %d, want %d", where, got, len(want))
	}
	if len(want) > 2 {
		middle := want[len(want)/2]
		wantIDs(f.T, fmt.Sprintf("ListContactIDs of %+v behind the middle", where), f.listIDs(where, middle, 2), want[len(want)/2+1:][:min(2, len(want)-len(want)/2-1)])
	}
}

// wantListed checks a list by criteria, whole and from the middle on.
func (f *fixture) wantListed(contacts []crm.Contact, where crm.ContactCriteria, sort crm.ContactSort, desc bool) {
	f.Helper()
	found := selected(contacts, where)
	want := expectedOrder(found, sort, desc)
	q := crm.ContactQuery{Where: where, Sort: sort, Desc: desc, Limit: 1_000}
	wantIDs(f.T, fmt.Sprintf("ListContacts of %+v", q), f.list(q), want)
	if len(want) < 2 {
		return
	}
	at := len(want) / 2
	q.After = positionOf(found[slices.IndexFunc(found, func(c crm.Contact) bool { return c.ID == want[at] })], sort)
	q.Limit = 3
	wantIDs(f.T, fmt.Sprintf("ListContacts of %+v", q), f.list(q), want[at+1:min(at+4, len(want))])
	q.After, q.Offset = nil, at
	wantIDs(f.T, fmt.Sprintf("ListContacts of %+v", q), f.list(q), want[at:min(at+3, len(want))])
}

func testFilterAfterUpdate(f *fixture) {
	contacts := f.randomContacts(30)
	d := newDice(4)
	for i := range contacts {
		next := d.contact(f.ws, i+1)
		next.Version, next.PeakVersion = 2, 2
		if d.sometimes(3) {
			trashed(&next)
		}
		f.change(next, 1)
		next.Score, next.LastInteractionAt = contacts[i].Score, contacts[i].LastInteractionAt // A write leaves them.
		contacts[i] = next
	}
	for i := range 60 {
		where := d.criteria()
		where.Trash = d.sometimes(3)
		f.wantSelected(contacts, where)
		f.wantListed(contacts, where, crm.ContactSorts()[i%5], i%2 == 0)
	}
}

func testFilteredPages(f *fixture) {
	contacts := f.randomContacts(80)
	where := crm.ContactCriteria{Stages: []crm.Stage{crm.StageLead, crm.StageCustomer, crm.StageNone}, CreatedAt: crm.TimeRange{From: day().Add(time.Hour)}}
	for _, sort := range crm.ContactSorts() {
		for _, desc := range []bool{false, true} {
			q := crm.ContactQuery{Where: where, Sort: sort, Desc: desc, Limit: 3}
			var got []crm.ID
			for range 40 {
				page, err := f.s.ListContacts(f.Context(), f.ws, q)
				f.ok("ListContacts", err)
				got = append(got, contactIDs(page)...)
				if len(page) < q.Limit {
					break
				}
				q.After = positionOf(page[len(page)-1], sort)
			}
			wantIDs(f.T, fmt.Sprintf("filtered pages by %s", sort), got, expectedOrder(selected(contacts, where), sort, desc))
		}
	}
}

func testCountAtMost(f *fixture) {
	lead := func(c *crm.Contact) { c.Stage = crm.StageLead }
	for n := range 10 {
		f.create(f.contact(n+1, lead))
	}
	where := crm.ContactCriteria{Stages: []crm.Stage{crm.StageLead}}
	for atMost, want := range map[int]int{0: 10, 1: 1, 9: 9, 10: 10, 11: 10, 1_000: 10} {
		got, err := f.s.CountContacts(f.Context(), f.ws, where, atMost)
		f.ok("CountContacts", err)
		if got != want {
			f.Errorf("CountContacts, at most %d: got %d, want %d", atMost, got, want)
		}
	}
}
