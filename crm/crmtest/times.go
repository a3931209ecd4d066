package crmtest

import (
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testTimes(t *testing.T, open func(testing.TB) crm.Store) {
	var tests []storeTest
	for name, at := range moments() {
		tests = append(tests, storeTest{name + " come back to the microsecond, in UTC", func(f *fixture) {
			want := f.contact(1, func(c *crm.Contact) {
				c.CreatedAt, c.UpdatedAt, c.LastInteractionAt, c.DeletedAt = at, at, at, at
			})
			f.create(want)
			if d := diffContact(f.one(want.ID), want); d != "" {
				f.Errorf("GetContacts: %s", d)
			}
			event := crm.Event{ID: f.id(1), Type: crm.EventContactCreated, At: at, Subject: crm.Subject{Kind: crm.SubjectContact, ID: want.ID}}
			f.ok("AppendEvents", f.s.AppendEvents(f.Context(), f.ws, []crm.Event{event}))
			if d := diffTime("At", f.awaitEvents(1)[0].At, at); d != "" {
				f.Errorf("ListEvents: %s", d)
			}
		}})
	}
	tests = append(tests,
		storeTest{"neighbouring microseconds are told apart in order and ranges", testNeighbours},
		storeTest{"times of every era sort and filter in the order of time", testEras},
		storeTest{"an absent time is in no range but the open one", testAbsentTimes},
	)
	runTests(t, open, tests)
}

// moments returns times that stores are known to damage.
func moments() map[string]time.Time {
	utc := time.UTC
	return map[string]time.Time{
		"microseconds":            time.Date(2024, 2, 29, 23, 59, 59, 999_999_000, utc),
		"one microsecond":         time.Date(2024, 1, 1, 0, 0, 0, 1_000, utc),
		"whole seconds":           time.Date(2024, 1, 1, 0, 0, 0, 0, utc),
		"the first moments":       time.Date(1, 1, 1, 0, 0, 0, 1_000, utc),
		"the last moments":        time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, utc),
		"the epoch":               time.Unix(0, 0).UTC(),
		"moments before 1970":     time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, utc),
		"times in another zone":   time.Date(2024, 7, 1, 3, 4, 5, 678_901_000, time.FixedZone("Kathmandu", 5*3600+45*60)),
		"times west of Greenwich": time.Date(2024, 7, 1, 23, 4, 5, 678_901_000, time.FixedZone("", -11*3600)),
	}
}

func testNeighbours(f *fixture) {
	for n := range 5 {
		at := day().Add(time.Duration(n) * time.Microsecond)
		// The ids run against the times, so that a tie would show.
		f.create(f.contact(9-n, func(c *crm.Contact) { c.CreatedAt, c.UpdatedAt, c.LastInteractionAt = at, at, at }))
	}
	for _, sort := range []crm.ContactSort{crm.SortCreatedAt, crm.SortUpdatedAt, crm.SortLastInteractionAt} {
		wantIDs(f.T, "ListContacts by "+string(sort), f.list(crm.ContactQuery{Sort: sort, Limit: 9}), f.ids(9, 8, 7, 6, 5))
	}
	span := crm.TimeRange{From: day().Add(time.Microsecond), To: day().Add(3 * time.Microsecond)}
	for name, where := range map[string]crm.ContactCriteria{
		"CreatedAt": {CreatedAt: span}, "UpdatedAt": {UpdatedAt: span}, "LastInteractionAt": {LastInteractionAt: span},
	} {
		wantIDs(f.T, "from included, to excluded in "+name, f.listIDs(where, crm.ID{}, 9), f.ids(7, 8))
	}
}

func testEras(f *fixture) {
	var contacts []crm.Contact
	n := 0
	for _, at := range moments() {
		n++
		contacts = append(contacts, f.contact(n, func(c *crm.Contact) { c.CreatedAt, c.LastInteractionAt = at, at }))
	}
	contacts = append(contacts, f.contact(n+1)) // Without an interaction.
	f.create(contacts...)
	for _, desc := range []bool{false, true} {
		q := crm.ContactQuery{Sort: crm.SortLastInteractionAt, Desc: desc, Limit: 50}
		wantIDs(f.T, "ListContacts by last interaction", f.list(q), expectedOrder(contacts, q.Sort, desc))
	}
	for _, at := range moments() {
		for _, span := range []crm.TimeRange{{From: at}, {To: at}, {From: at, To: at.Add(time.Microsecond)}} {
			where := crm.ContactCriteria{LastInteractionAt: span}
			wantIDs(f.T, "ListContactIDs", f.listIDs(where, crm.ID{}, 50), expectedIDs(contacts, where))
		}
	}
}

func testAbsentTimes(f *fixture) {
	f.create(f.contact(1), f.contact(2, func(c *crm.Contact) { c.LastInteractionAt = day() }))
	first, last := time.Date(1, 1, 1, 0, 0, 0, 1_000, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		span crm.TimeRange
		want []int
	}{
		{crm.TimeRange{}, []int{1, 2}},
		{crm.TimeRange{From: first}, []int{2}},
		{crm.TimeRange{To: last}, []int{2}},
		{crm.TimeRange{From: first, To: last}, []int{2}},
		{crm.TimeRange{From: day().Add(time.Microsecond)}, nil},
		{crm.TimeRange{To: day()}, nil},
	} {
		where := crm.ContactCriteria{LastInteractionAt: test.span}
		wantIDs(f.T, "ListContactIDs", f.listIDs(where, crm.ID{}, 9), f.ids(test.want...))
		if got := f.count(where); got != len(test.want) {
			f.Errorf("CountContacts: got %d, want %d", got, len(test.want))
		}
	}
}
