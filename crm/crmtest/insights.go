package crmtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testInsights(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"touches come newest first, of each contact up to the limit", testTouches},
		{"touches follow the interactions", testTouchesChange},
		{"an insight comes back as it was written, with its score on the contact", testInsightFields},
		{"insights come in the order asked for, each once, absent ones left out", func(f *fixture) {
			f.create(f.contacts(3)...)
			f.judge(f.insight(1), f.insight(2), f.insight(3))
			got, err := f.s.GetInsights(f.Context(), f.ws, f.ids(3, 9, 1, 3))
			f.ok("GetInsights", err)
			wantIDs(f.T, "GetInsights", insightIDs(got), f.ids(3, 1))
		}},
		{"an insight changes nothing else of a contact", func(f *fixture) {
			before := fullContact(f.ws, 1)
			before.DeletedAt = time.Time{}
			f.create(before)
			f.judge(f.insight(1))
			score := f.insight(1).Score
			before.Score = &score
			f.wantContacts(before)
		}},
		{"absent and trashed contacts get no insight and no score", func(f *fixture) {
			f.create(f.contact(1, trashed), f.contact(2))
			f.judge(f.insight(1), f.insight(2), f.insight(3))
			f.wantInsights(f.insight(2))
			if got := f.one(f.id(1)).Score; got != nil {
				f.Errorf("the score of a trashed contact: got %d, want none", *got)
			}
		}},
		{"of two insights the one computed later stays", testInsightOrder},
		{"deleted insights are gone everywhere, scores stay", func(f *fixture) {
			f.create(f.contacts(2)...)
			f.judge(f.insight(1), f.insight(2))
			f.ok("DeleteInsights", f.s.DeleteInsights(f.Context(), f.ws, f.ids(1, 9)))
			f.wantInsights(f.insight(2))
			wantIDs(f.T, "focus", f.focus(nil, 9), f.ids(2))
			if got := f.followUps(day().Add(1_000*time.Hour), 9); got != 1 {
				f.Errorf("follow-ups: got %d, want 1", got)
			}
			if f.one(f.id(1)).Score == nil {
				f.Errorf("the score is gone")
			}
		}},
		{"contacts are listed by the new score", func(f *fixture) {
			f.create(f.contacts(3)...)
			f.judge(f.insight(1), f.insight(2))
			low, high := f.insight(1), f.insight(2)
			low.Score, high.Score = 90, 10
			f.judge(low, high)
			q := crm.ContactQuery{Sort: crm.SortScore, Desc: true, Limit: 9}
			wantIDs(f.T, "contacts by score", f.list(q), f.ids(1, 2, 3))
		}},
		{"the focus holds what is due once, in order", testFocus},
		{"the focus goes on behind a place that is gone", func(f *fixture) {
			list := f.focusFixture()
			page, err := f.s.ListFocus(f.Context(), f.ws, nil, 3)
			f.ok("ListFocus", err)
			last := page[2]
			f.ok("DeleteInsights", f.s.DeleteInsights(f.Context(), f.ws, []crm.ID{last.Contact}))
			after := &crm.FocusPosition{Priority: last.Priority, Contact: last.Contact}
			wantIDs(f.T, "the rest", f.focus(after, 99), list[3:])
		}},
		{"follow-ups are counted up to a limit", testFollowUps},
		{"parallel writers leave the insight computed last", testInsightRace},
	})
}

func testInsightRace(f *fixture) {
	f.create(f.contact(1))
	f.inParallel(8, func(worker int) error {
		for n := range 6 {
			i := f.insight(1)
			i.Score = (worker*7 + n*8) % 48
			i.ComputedAt = day().Add(time.Duration(i.Score) * time.Second)
			if err := f.s.PutInsights(f.Context(), f.ws, []crm.StoredInsight{i}); err != nil {
				return err
			}
		}
		return nil
	})
	got, err := f.s.GetInsights(f.Context(), f.ws, f.ids(1))
	f.ok("GetInsights", err)
	if len(got) != 1 || !got[0].ComputedAt.Equal(day().Add(time.Duration(got[0].Score)*time.Second)) || *f.one(f.id(1)).Score != got[0].Score || got[0].Score != 47 {
		f.Errorf("got %+v with score %d on the contact, want 47 on both", got, *f.one(f.id(1)).Score)
	}
}

// insight returns a plain insight of the n-th contact, due n hours after [day].
func (f *fixture) insight(n int) crm.StoredInsight { return insightOf(f.ws, n) }

func insightOf(ws crm.WorkspaceID, n int) crm.StoredInsight {
	return crm.StoredInsight{
		Contact: recordID(ws, n), Score: n % 100, DueAt: day().Add(time.Duration(n) * time.Hour), Priority: n,
		Trend: crm.TrendRising, Chance: 50, ComputedAt: day(),
	}
}

// judge writes insights.
func (f *fixture) judge(list ...crm.StoredInsight) {
	f.Helper()
	f.ok("PutInsights", f.s.PutInsights(f.Context(), f.ws, list))
}

func insightIDs(list []crm.StoredInsight) []crm.ID {
	ids := make([]crm.ID, len(list))
	for n, i := range list {
		ids[n] = i.Contact
	}
	return ids
}

// wantInsights checks that of the first 99 contacts exactly these have one.
func (f *fixture) wantInsights(want ...crm.StoredInsight) {
	f.Helper()
	var ids []crm.ID
	for n := range 99 {
		ids = append(ids, f.id(n))
	}
	got, err := f.s.GetInsights(f.Context(), f.ws, ids)
	f.ok("GetInsights", err)
	if g, w := lines(got), lines(want); !slices.Equal(g, w) {
		f.Errorf("insights:\n got %s\nwant %s", g, w)
	}
}

func (f *fixture) focus(after *crm.FocusPosition, limit int) []crm.ID {
	f.Helper()
	got, err := f.s.ListFocus(f.Context(), f.ws, after, limit)
	f.ok("ListFocus", err)
	return insightIDs(got)
}

func (f *fixture) followUps(due time.Time, atMost int) int {
	f.Helper()
	n, err := f.s.CountFollowUps(f.Context(), f.ws, due, atMost)
	f.ok("CountFollowUps", err)
	return n
}

func (f *fixture) touches(limit int, contacts ...int) map[crm.ID][]crm.Touch {
	f.Helper()
	got, err := f.s.ListTouches(f.Context(), f.ws, f.ids(contacts...), limit)
	f.ok("ListTouches", err)
	return got
}

func (f *fixture) wantTouches(limit, contact int, want ...crm.Interaction) {
	f.Helper()
	got := f.touches(limit, contact, 999)
	var touches []crm.Touch
	for _, i := range want {
		touches = append(touches, crm.Touch{Type: i.Type, Direction: i.Direction, At: i.OccurredAt})
	}
	if g, w := lines(got[f.id(contact)]), lines(touches); !slices.Equal(g, w) {
		f.Errorf("touches of %d up to %d:\n got %s\nwant %s", contact, limit, g, w)
	}
	if list, ok := got[f.id(999)]; ok {
		f.Errorf("touches of one without any: got %v", list)
	}
}

func testTouches(f *fixture) {
	first, second, third := f.interaction(1, 100), f.interaction(2, 100, 101), fullInteraction(f.ws, 3)
	note := f.interaction(4, 100)
	note.Type, note.Direction = crm.InteractionNote, ""
	third.Participants = []crm.Participant{{Role: crm.RoleTo, Contact: f.id(100)}, {Role: crm.RoleCc, Contact: f.id(100)}}
	f.put(third, first, note, second, f.interaction(5, 102)) // The third is the oldest.
	f.wantTouches(9, 100, note, second, first, third)
	f.wantTouches(2, 100, note, second)
	f.wantTouches(9, 101, second)
	both := f.touches(1, 100, 101, 102, 100)
	if len(both) != 3 || len(both[f.id(100)]) != 1 || len(both[f.id(101)]) != 1 || len(both[f.id(102)]) != 1 {
		f.Errorf("touches of three contacts, one each: got %v", both)
	}
}

func testTouchesChange(f *fixture) {
	i, gone := f.interaction(1, 100), f.interaction(2, 100)
	f.put(i, gone)
	i.Version, i.Type, i.Direction, i.OccurredAt = 2, crm.InteractionCall, crm.DirectionOutbound, day().Add(time.Hour)
	f.rewrite(i, 1)
	_, err := f.s.DeleteInteractions(f.Context(), f.ws, f.ids(2))
	f.ok("DeleteInteractions", err)
	f.wantTouches(9, 100, i)
	i.Version, i.Participants = 3, []crm.Participant{{Role: crm.RoleTo, Contact: f.id(101)}}
	f.rewrite(i, 2)
	f.wantTouches(9, 100)
	f.wantTouches(9, 101, i)
}

func testInsightFields(f *fixture) {
	f.create(f.contacts(2)...)
	full, bare := f.insight(1), f.insight(2)
	full.DueAt = day().Add(7 * time.Microsecond)
	bare.DueAt, bare.Priority, bare.Score, bare.Chance, bare.Trend = time.Time{}, 0, 0, 0, crm.TrendDormant
	f.judge(full, bare)
	f.wantInsights(full, bare)
	for n, want := range []int{full.Score, 0} {
		if got := f.one(f.id(n + 1)).Score; got == nil || *got != want {
			f.Errorf("the score of contact %d: got %v, want %d", n+1, got, want)
		}
	}
	full, bare = bare, full
	full.Contact, bare.Contact = f.id(1), f.id(2)
	f.judge(full, bare)
	f.wantInsights(full, bare)
}

func testInsightOrder(f *fixture) {
	f.create(f.contacts(3)...)
	stored := f.insight(1)
	f.judge(stored, f.insight(2))
	older, same, newer := f.insight(1), f.insight(2), f.insight(3)
	older.Score, older.Priority, older.ComputedAt = 77, 77, day().Add(-time.Microsecond)
	same.Score, same.Priority = 78, 78
	newer.Score, newer.ComputedAt = 79, day().Add(-time.Hour)
	f.judge(older, same, newer)
	f.wantInsights(stored, same, newer)
	for n, want := range []int{stored.Score, 78, 79} {
		if got := f.one(f.id(n + 1)).Score; got == nil || *got != want {
			f.Errorf("the score of contact %d: got %v, want %d", n+1, got, want)
		}
	}
	wantIDs(f.T, "focus", f.focus(nil, 9), f.ids(2, 3, 1))
}

// focusFixture writes insights with few different priorities and returns the
// contacts as the focus must hold them.
func (f *fixture) focusFixture() []crm.ID {
	f.create(f.contacts(24)...)
	var list []crm.StoredInsight
	for n := 1; n <= 24; n++ {
		i := f.insight(n)
		i.Priority = n * 7 % 5 // 0 is not due.
		list = append(list, i)
	}
	f.judge(list...)
	list = slices.DeleteFunc(list, func(i crm.StoredInsight) bool { return i.Priority == 0 })
	slices.SortFunc(list, func(a, b crm.StoredInsight) int {
		if a.Priority != b.Priority {
			return b.Priority - a.Priority
		}
		return compareIDs(b.Contact, a.Contact)
	})
	return insightIDs(list)
}

func testFocus(f *fixture) {
	want := f.focusFixture()
	for _, limit := range []int{1, 4, 5, 19, 20, 21} {
		var got []crm.ID
		var after *crm.FocusPosition
		for range 30 {
			page, err := f.s.ListFocus(f.Context(), f.ws, after, limit)
			f.ok("ListFocus", err)
			if len(page) == 0 {
				break
			}
			if len(page) > limit {
				f.Fatalf("a page of %d has %d", limit, len(page))
			}
			got = append(got, insightIDs(page)...)
			last := page[len(page)-1]
			after = &crm.FocusPosition{Priority: last.Priority, Contact: last.Contact}
		}
		wantIDs(f.T, fmt.Sprintf("pages of %d", limit), got, want)
	}
	up := f.insight(5) // Not due so far.
	up.Priority = 9
	f.judge(up)
	wantIDs(f.T, "after a change", f.focus(nil, 99), append([]crm.ID{up.Contact}, want...))
}

func testFollowUps(f *fixture) {
	f.create(f.contacts(12)...)
	var list []crm.StoredInsight
	for n := 1; n <= 12; n++ {
		i := f.insight(n)
		i.Priority = 0 // Nothing but the time counts.
		if n > 10 {
			i.DueAt = time.Time{}
		}
		list = append(list, i)
	}
	f.judge(list...)
	for _, test := range []struct {
		due          time.Duration
		atMost, want int
	}{
		{0, 9, 0},
		{4 * time.Hour, 9, 4},
		{4*time.Hour - time.Microsecond, 9, 3},
		{1_000 * time.Hour, 99, 10},
		{1_000 * time.Hour, 10, 10},
		{1_000 * time.Hour, 6, 6},
	} {
		if got := f.followUps(day().Add(test.due), test.atMost); got != test.want {
			f.Errorf("follow-ups due after %s, up to %d: got %d, want %d", test.due, test.atMost, got, test.want)
		}
	}
}
