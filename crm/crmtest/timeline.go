package crmtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testTimelines(t *testing.T, open func(testing.TB) crm.Store) {
	tests := []storeTest{
		{"a changed interaction leaves and enters timelines", testTimelineChange},
		{"interactions are counted, up to a limit", testInteractionCount},
		{"the last interaction is the newest one", testLastInteraction},
		{"the last interaction changes nothing else of a contact", testLastInteractionAlone},
		{"a write of a stored contact leaves what is derived", testDerivedStay},
		{"parallel writers leave the right last interaction", testLastInteractionRace},
	}
	for _, desc := range []bool{false, true} {
		name := "oldest first"
		if desc {
			name = "newest first"
		}
		tests = append(tests,
			storeTest{"a timeline " + name + " holds every interaction once, in order", func(f *fixture) { testTimelinePages(f, desc) }},
			storeTest{"a timeline " + name + " goes on behind a place that is gone", func(f *fixture) { testTimelineVanished(f, desc) }},
		)
	}
	runTests(t, open, tests)
}

// tiedInteractions have few different times and types, and ids in no relation
// to them.
func tiedInteractions(f *fixture) []crm.Interaction {
	list := make([]crm.Interaction, 24)
	for n := range list {
		i := f.interaction((n*7)%24*10+10, 500)
		i.OccurredAt = day().Add(time.Duration(n%5) * time.Hour)
		i.Type = crm.InteractionTypes()[n%3]
		list[n] = i
	}
	return list
}

// timelineOf returns the ids as the timeline must hold them.
func timelineOf(list []crm.Interaction, of crm.InteractionType, desc bool) []crm.ID {
	ordered := slices.DeleteFunc(slices.Clone(list), func(i crm.Interaction) bool { return of != "" && i.Type != of })
	slices.SortFunc(ordered, func(a, b crm.Interaction) int {
		order := a.OccurredAt.Compare(b.OccurredAt)
		if order == 0 {
			order = compareIDs(a.ID, b.ID)
		}
		if desc {
			return -order
		}
		return order
	})
	return interactionIDs(ordered)
}

// walkTimeline reads a timeline page by page; between, when not nil, runs after
// each.
func (f *fixture) walkTimeline(q crm.InteractionQuery, between func(page int)) []crm.ID {
	f.Helper()
	var all []crm.ID
	for page := 0; ; page++ {
		got, err := f.s.ListInteractions(f.Context(), f.ws, q)
		f.ok("ListInteractions", err)
		if len(got) == 0 || page > 100 {
			return all
		}
		all = append(all, interactionIDs(got)...)
		last := got[len(got)-1]
		q.After = &crm.InteractionPosition{OccurredAt: last.OccurredAt, ID: last.ID}
		if between != nil {
			between(page)
		}
	}
}

func testTimelinePages(f *fixture, desc bool) {
	list := tiedInteractions(f)
	f.put(list...)
	f.put(f.interaction(900, 501), f.interaction(901)) // Of another contact, and of none.
	for _, of := range append(crm.InteractionTypes(), "") {
		want := timelineOf(list, of, desc)
		for _, limit := range []int{1, 4, 5, 23, 24, 25, 100} {
			q := crm.InteractionQuery{Contact: f.id(500), Type: of, Desc: desc, Limit: limit}
			wantIDs(f.T, fmt.Sprintf("pages of %d of type %q", limit, of), f.walkTimeline(q, nil), want)
		}
	}
}

func testTimelineVanished(f *fixture, desc bool) {
	list := tiedInteractions(f)
	f.put(list...)
	want := timelineOf(list, "", desc)
	gone := 0
	got := f.walkTimeline(crm.InteractionQuery{Contact: f.id(500), Desc: desc, Limit: 5}, func(page int) {
		// The last of the page goes, and one behind everything that was read comes.
		_, err := f.s.DeleteInteractions(f.Context(), f.ws, []crm.ID{want[page*5+min(4, len(want)-page*5-1)]})
		f.ok("DeleteInteractions", err)
		gone++
		early := f.interaction(700+page, 500)
		early.OccurredAt = day().Add(-time.Hour)
		if desc {
			early.OccurredAt = day().Add(100 * time.Hour)
		}
		f.put(early)
	})
	wantIDs(f.T, "pages with deletes and inserts between them", got, want)
	if gone != 5 {
		f.Errorf("got %d pages, want 5", gone)
	}
}

func testTimelineChange(f *fixture) {
	i := f.interaction(1, 100, 101)
	f.put(i, f.interaction(2, 100))
	i.Version, i.OccurredAt, i.Type = 2, day().Add(time.Hour), crm.InteractionCall
	i.Participants = []crm.Participant{{Role: crm.RoleTo, Contact: f.id(102)}, {Role: crm.RoleCc, Contact: f.id(100)}}
	f.rewrite(i, 1)
	wantIDs(f.T, "timeline of who stayed", f.timeline(crm.InteractionQuery{Contact: f.id(100), Limit: 9}), f.ids(2, 1))
	wantIDs(f.T, "timeline of who left", f.timeline(crm.InteractionQuery{Contact: f.id(101), Limit: 9}), nil)
	wantIDs(f.T, "timeline of who came", f.timeline(crm.InteractionQuery{Contact: f.id(102), Limit: 9}), f.ids(1))
	byType := func(of crm.InteractionType) []crm.ID {
		return f.timeline(crm.InteractionQuery{Contact: f.id(100), Type: of, Limit: 9})
	}
	wantIDs(f.T, "calls", byType(crm.InteractionCall), f.ids(1))
	wantIDs(f.T, "emails", byType(crm.InteractionEmail), f.ids(2))
}

func testInteractionCount(f *fixture) {
	list := tiedInteractions(f)
	f.put(list...)
	f.put(f.interaction(900, 501))
	for _, test := range []struct {
		of           crm.InteractionType
		atMost, want int
	}{
		{"", 100, 24},
		{"", 24, 24},
		{"", 7, 7},
		{crm.InteractionCall, 100, 8},
		{crm.InteractionCall, 3, 3},
		{crm.InteractionWeb, 100, 0},
	} {
		got, err := f.s.CountInteractions(f.Context(), f.ws, f.id(500), test.of, test.atMost)
		f.ok("CountInteractions", err)
		if got != test.want {
			f.Errorf("CountInteractions of type %q up to %d: got %d, want %d", test.of, test.atMost, got, test.want)
		}
	}
}

func (f *fixture) refresh(contacts ...int) {
	f.Helper()
	f.ok("RefreshLastInteractions", f.s.RefreshLastInteractions(f.Context(), f.ws, f.ids(contacts...)))
}

func (f *fixture) wantLast(contact int, want time.Time) {
	f.Helper()
	if got := f.one(f.id(contact)).LastInteractionAt; !got.Equal(want) {
		f.Errorf("the last interaction of %d: got %s, want %s", contact, got, want)
	}
}

func testLastInteraction(f *fixture) {
	f.create(f.contact(100), f.contact(101, trashed), f.contact(102))
	newest, older := f.interaction(5, 100, 101), f.interaction(9, 100)
	older.OccurredAt = newest.OccurredAt.Add(-time.Hour)
	f.put(newest, older)
	f.wantLast(100, time.Time{})
	f.refresh(100, 101, 102, 999)
	f.wantLast(100, newest.OccurredAt)
	f.wantLast(101, newest.OccurredAt)
	f.wantLast(102, time.Time{})
	_, err := f.s.DeleteInteractions(f.Context(), f.ws, f.ids(5))
	f.ok("DeleteInteractions", err)
	f.refresh(100)
	f.wantLast(100, older.OccurredAt)
	f.wantLast(101, newest.OccurredAt) // Not asked for.
	f.refresh(101)
	f.wantLast(101, time.Time{})
	order := crm.ContactQuery{Sort: crm.SortLastInteractionAt, Desc: true, Limit: 9}
	wantIDs(f.T, "contacts by last interaction", f.list(order), f.ids(100, 102))
	in := crm.TimeRange{From: older.OccurredAt, To: older.OccurredAt.Add(time.Microsecond)}
	wantIDs(f.T, "contacts with that last interaction", f.listIDs(crm.ContactCriteria{LastInteractionAt: in}, crm.ID{}, 9), f.ids(100))
}

func testLastInteractionAlone(f *fixture) {
	before := fullContact(f.ws, 100)
	f.create(before)
	f.put(f.interaction(5, 100))
	f.refresh(100)
	want := before
	want.LastInteractionAt = f.interaction(5).OccurredAt
	f.wantContacts(want)
}

func testDerivedStay(f *fixture) {
	score, other := 40, 90
	stored := f.contact(1, func(c *crm.Contact) { c.Score, c.LastInteractionAt = &score, day() })
	f.create(stored, f.contact(2))
	for n, change := range []func(c *crm.Contact){
		func(c *crm.Contact) { c.Score, c.LastInteractionAt = &other, day().Add(time.Hour) },
		func(c *crm.Contact) { c.Score, c.LastInteractionAt = nil, time.Time{} },
		func(c *crm.Contact) { trashed(c); c.Score, c.LastInteractionAt = nil, time.Time{} },
	} {
		written := stored
		written.DisplayName = fmt.Sprintf("Name %d", n)
		written.Version, written.PeakVersion = stored.Version+1, stored.PeakVersion+1
		change(&written)
		f.change(written, stored.Version)
		written.Score, written.LastInteractionAt = stored.Score, stored.LastInteractionAt
		stored = written
		if d := diff([]crm.Contact{f.one(stored.ID)}, []crm.Contact{stored}, true); d != "" {
			f.Fatalf("after a write with other derived values: %s", d)
		}
	}
}

func testLastInteractionRace(f *fixture) {
	f.create(f.contact(500))
	f.inParallel(8, func(worker int) error {
		for n := range 6 {
			i := f.interaction(worker*10+n+1, 500)
			i.OccurredAt = day().Add(time.Duration((n*7+worker*3)%20) * time.Hour)
			err := f.s.InTx(f.Context(), func(tx crm.Tx) error {
				if err := tx.PutInteractions(f.Context(), f.ws, interactionWrites(i)); err != nil {
					return err
				}
				return tx.RefreshLastInteractions(f.Context(), f.ws, f.ids(500))
			})
			if err != nil {
				return err
			}
			if n%2 == 0 {
				continue
			}
			err = f.s.InTx(f.Context(), func(tx crm.Tx) error {
				if _, err := tx.DeleteInteractions(f.Context(), f.ws, []crm.ID{i.ID}); err != nil {
					return err
				}
				return tx.RefreshLastInteractions(f.Context(), f.ws, f.ids(500))
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	newest, err := f.s.ListInteractions(f.Context(), f.ws, crm.InteractionQuery{Contact: f.id(500), Desc: true, Limit: 1})
	f.ok("ListInteractions", err)
	if len(newest) != 1 {
		f.Fatalf("ListInteractions: got %d, want 1", len(newest))
	}
	f.wantLast(500, newest[0].OccurredAt)
}
