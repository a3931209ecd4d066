package crmtest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testPaging(t *testing.T, open func(testing.TB) crm.Store) {
	tests := []storeTest{
		{"ids are listed in their order, behind the one given", testListIDs},
		{"a page of an empty workspace is empty", func(f *fixture) {
			wantIDs(f.T, "ListContacts", f.list(crm.ContactQuery{Sort: crm.SortCreatedAt, Limit: 5}), nil)
			wantIDs(f.T, "ListContactIDs", f.listIDs(crm.ContactCriteria{}, crm.ID{}, 5), nil)
		}},
	}
	for _, sort := range crm.ContactSorts() {
		for _, desc := range []bool{false, true} {
			name := fmt.Sprintf(" by %s ascending", sort)
			if desc {
				name = fmt.Sprintf(" by %s descending", sort)
			}
			tests = append(tests,
				storeTest{"pages" + name + " hold every contact once, in order", func(f *fixture) { testPages(f, sort, desc) }},
				storeTest{"pages" + name + " survive deletes and inserts between them", func(f *fixture) { testMovingPages(f, sort, desc) }},
				storeTest{"pages" + name + " start behind a row that is gone", func(f *fixture) { testVanished(f, sort, desc) }},
			)
		}
	}
	runTests(t, open, tests)
}

// tiedContacts returns 24 contacts with few different values of every sort
// key, some absent, and ids in no relation to them.
func tiedContacts(f *fixture) []crm.Contact {
	contacts := make([]crm.Contact, 24)
	for i := range contacts {
		contacts[i] = tiedContact(f, (i*7)%24*10+10, i)
	}
	return contacts
}

// tiedContact returns a contact whose values are of the i-th kind.
func tiedContact(f *fixture, n, i int) crm.Contact {
	return f.contact(n, func(c *crm.Contact) {
		at := day().Add(time.Duration(i%3) * time.Hour)
		c.CreatedAt, c.UpdatedAt = at, at
		c.DisplayName = []string{"Ädam", "adam", "Berta", "bertA", "Zoë"}[i%5]
		if i%4 != 0 {
			c.LastInteractionAt = at
			score := i % 4 * 10
			c.Score = &score
		}
	})
}

// expectedOrder returns the ids as a list must hold them.
func expectedOrder(contacts []crm.Contact, sort crm.ContactSort, desc bool) []crm.ID {
	ordered := slices.Clone(contacts)
	slices.SortFunc(ordered, func(a, b crm.Contact) int {
		order := bytes.Compare(crm.SortValue(a, sort), crm.SortValue(b, sort))
		if order == 0 {
			order = compareIDs(a.ID, b.ID)
		}
		if desc {
			return -order
		}
		return order
	})
	return contactIDs(ordered)
}

// positionOf returns the place right behind a contact.
func positionOf(c crm.Contact, sort crm.ContactSort) *crm.ContactPosition {
	return &crm.ContactPosition{Value: crm.SortValue(c, sort), ID: c.ID}
}

func testPages(f *fixture, sort crm.ContactSort, desc bool) {
	contacts := tiedContacts(f)
	f.create(contacts...)
	f.create(tiedContact(f, 5, 1), tiedContact(f, 500, 2))
	f.change(f.contact(5, trashed, func(c *crm.Contact) { c.Version = 2 }), 1)
	f.erase(f.id(500))
	want := expectedOrder(contacts, sort, desc)
	for _, limit := range []int{1, 4, 5, 23, 24, 25, 100} {
		wantIDs(f.T, fmt.Sprintf("pages of %d by position", limit), f.walk(sort, desc, limit, nil), want)
		var got []crm.ID
		for offset := 0; offset < len(want)+limit; offset += limit {
			got = append(got, f.list(crm.ContactQuery{Sort: sort, Desc: desc, Offset: offset, Limit: limit})...)
		}
		wantIDs(f.T, fmt.Sprintf("pages of %d by offset", limit), got, want)
	}
	wantIDs(f.T, "a page beyond the end", f.list(crm.ContactQuery{Sort: sort, Desc: desc, Offset: 24, Limit: 5}), nil)
	q := crm.ContactQuery{Where: crm.ContactCriteria{Trash: true}, Sort: sort, Desc: desc, Limit: 5}
	wantIDs(f.T, "the trash", f.list(q), f.ids(5))
}

// walk reads a list page by page, each behind the last contact of the one
// before, and calls between after each page.
func (f *fixture) walk(sort crm.ContactSort, desc bool, limit int, between func(page int, last crm.Contact)) []crm.ID {
	f.Helper()
	var seen []crm.ID
	var after *crm.ContactPosition
	for page := range 200 {
		got, err := f.s.ListContacts(f.Context(), f.ws, crm.ContactQuery{Sort: sort, Desc: desc, After: after, Limit: limit})
		f.ok("ListContacts", err)
		if len(got) > limit {
			f.Fatalf("ListContacts: got %d contacts, want at most %d", len(got), limit)
		}
		seen = append(seen, contactIDs(got)...)
		if len(got) < limit {
			return seen
		}
		last := got[len(got)-1]
		after = positionOf(last, sort)
		if between != nil {
			between(page, last)
		}
	}
	f.Fatal("the list does not end")
	return nil
}

func testMovingPages(f *fixture, sort crm.ContactSort, desc bool) {
	contacts := tiedContacts(f)
	f.create(contacts...)
	order := expectedOrder(contacts, sort, desc)
	// What stays throughout must be seen exactly once. New rows that belong
	// before the position must not shift the rest, nor may deleted ones.
	stays := slices.DeleteFunc(slices.Clone(order), func(id crm.ID) bool { return id == order[0] || id == order[3] || id == order[10] })
	f.erase(order[10])
	contacts = slices.DeleteFunc(contacts, func(c crm.Contact) bool { return c.ID == order[10] })
	var added []crm.Contact
	seen := f.walk(sort, desc, 4, func(page int, last crm.Contact) {
		if page == 0 {
			f.erase(order[0], order[3]) // The first row, and the one the position names.
		}
		if page < 4 {
			fresh := tiedContact(f, 1+page*61, page)
			added = append(added, fresh)
			f.create(fresh)
		}
	})
	got := slices.DeleteFunc(slices.Clone(seen), func(id crm.ID) bool { return !slices.Contains(stays, id) })
	wantIDs(f.T, "the rows that stayed", got, stays)
	all := expectedOrder(append(contacts, added...), sort, desc)
	last := -1
	for _, id := range seen {
		at := slices.Index(all, id)
		if at <= last {
			f.Errorf("row %v came twice or out of order", numbersOf([]crm.ID{id}))
		}
		last = at
	}
}

func testVanished(f *fixture, sort crm.ContactSort, desc bool) {
	contacts := tiedContacts(f)
	f.create(contacts...)
	order := expectedOrder(contacts, sort, desc)
	for _, at := range []int{0, 5, 11, 22, 23} {
		gone := contacts[slices.IndexFunc(contacts, func(c crm.Contact) bool { return c.ID == order[at] })]
		f.erase(gone.ID)
		q := crm.ContactQuery{Sort: sort, Desc: desc, After: positionOf(gone, sort), Limit: 100}
		wantIDs(f.T, fmt.Sprintf("the rows behind number %d", at), f.list(q), order[at+1:])
		f.create(gone)
	}
	never := tiedContact(f, 55, 1)
	q := crm.ContactQuery{Sort: sort, Desc: desc, After: positionOf(never, sort), Limit: 100}
	all := expectedOrder(append(contacts, never), sort, desc)
	wantIDs(f.T, "the rows behind one that never was", f.list(q), all[slices.Index(all, never.ID)+1:])
}

func testListIDs(f *fixture) {
	contacts := tiedContacts(f)
	f.create(contacts...)
	f.create(f.contact(25, trashed), f.contact(85, trashed))
	want := contactIDs(contacts)
	slices.SortFunc(want, compareIDs)
	for _, limit := range []int{1, 7, 24, 100} {
		var got []crm.ID
		var after crm.ID
		for page := f.listIDs(crm.ContactCriteria{}, after, limit); len(page) > 0; page = f.listIDs(crm.ContactCriteria{}, after, limit) {
			if len(page) > limit || len(got) > 100 {
				f.Fatalf("ListContactIDs: got %d ids after %d, want at most %d", len(page), len(got), limit)
			}
			got = append(got, page...)
			after = got[len(got)-1]
		}
		wantIDs(f.T, fmt.Sprintf("ids, %d at a time", limit), got, want)
	}
	wantIDs(f.T, "ids of the trash", f.listIDs(crm.ContactCriteria{Trash: true}, f.id(25), 9), f.ids(85))
	wantIDs(f.T, "ids behind one that is not there", f.listIDs(crm.ContactCriteria{}, f.id(205), 2), f.ids(210, 220))
}
