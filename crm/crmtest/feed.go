package crmtest

import (
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func testFeed(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"an empty log has no types and no entries", func(f *fixture) {
			f.wantTypes()
			f.wantFeed(crm.FeedQuery{Types: []crm.EventType{crm.EventContactCreated}, Limit: 10})
		}},
		{"the newest come first, a page after the other", testFeedPages},
		{"a batch is one entry, at its first event", testFeedBatch},
		{"a batch that goes on later keeps its place", testFeedBatchGoesOn},
		{"with one type a batch stands at its first event of that", testFeedBatchOfType},
		{"events of jobs and imports are entries, in a batch too", testFeedJobs},
		{"own types are those of the owner only", testFeedOwner},
		{"the types are those of the workspace, each once", testFeedTypes},
		{"the events of a subject are all of them, newest first", testSubjectEvents},
		{"the events of a batch are counted by type", testCountBatches},
		{"a rolled back batch is not counted and leaves no entry", testBatchRolledBack},
	})
}

// act returns an event of a type about the n-th subject, as a change of it.
func (f *fixture) act(n int, kind crm.EventType, changes ...func(*crm.Event)) crm.Event {
	e := f.event(n)
	e.Type, e.Subject = kind, crm.Subject{Kind: kind.Noun(), ID: f.id(n)}
	for _, change := range changes {
		change(&e)
	}
	return e
}

func (f *fixture) inBatch(n int) func(*crm.Event) {
	return func(e *crm.Event) { e.Batch = f.id(n) }
}

func (f *fixture) ownedBy(n int) func(*crm.Event) {
	return func(e *crm.Event) { e.Owner = f.id(n) }
}

// appended writes events, a transaction for each list, and waits until the log
// has them.
func (f *fixture) appended(lists ...[]crm.Event) {
	f.Helper()
	for _, events := range lists {
		before, err := f.s.ListEvents(f.Context(), f.ws, 0, 10_000)
		f.ok("ListEvents", err)
		f.ok("AppendEvents", f.s.AppendEvents(f.Context(), f.ws, events))
		f.awaitEvents(len(before) + len(events))
	}
}

func (f *fixture) feed(q crm.FeedQuery) []crm.Event {
	f.Helper()
	got, err := f.s.ListFeed(f.Context(), f.ws, q)
	f.ok("ListFeed", err)
	return got
}

// wantFeed checks the numbers of the entries in order.
func (f *fixture) wantFeed(q crm.FeedQuery, numbers ...int) {
	f.Helper()
	wantIDs(f.T, "ListFeed", eventIDs(f.feed(q)), f.ids(numbers...))
}

func (f *fixture) wantTypes(types ...crm.EventType) {
	f.Helper()
	got, err := f.s.FeedTypes(f.Context(), f.ws)
	f.ok("FeedTypes", err)
	if !slices.Equal(got, types) {
		f.Errorf("FeedTypes: got %v, want %v", got, types)
	}
}

func recordTypes() []crm.EventType {
	return []crm.EventType{crm.EventContactCreated, crm.EventContactUpdated, crm.EventContactDeleted}
}

func testFeedPages(f *fixture) {
	var events []crm.Event
	for n := 1; n <= 20; n++ {
		events = append(events, f.act(n, recordTypes()[n%3]))
	}
	f.appended(events)
	var got []crm.ID
	q := crm.FeedQuery{Types: recordTypes(), Limit: 3}
	for range 10 {
		page := f.feed(q)
		if len(page) == 0 {
			break
		}
		got = append(got, eventIDs(page)...)
		q.Before = page[len(page)-1].Position
	}
	all := f.awaitEvents(20)
	slices.Reverse(all)
	wantIDs(f.T, "ListFeed, 3 at a time", got, eventIDs(all))
	f.wantFeed(crm.FeedQuery{Types: recordTypes()[:1], Limit: 4}, 18, 15, 12, 9)
	f.wantFeed(crm.FeedQuery{Types: recordTypes()[1:], Limit: 3}, 20, 19, 17)
	want := all[0]
	if d := diff(f.feed(crm.FeedQuery{Types: recordTypes(), Limit: 1})[0], want, false); d != "" {
		f.Errorf("the newest entry: %s", d)
	}
}

func testFeedBatch(f *fixture) {
	f.appended(
		[]crm.Event{f.act(1, crm.EventContactCreated)},
		[]crm.Event{f.act(2, crm.EventContactCreated, f.inBatch(90)), f.act(3, crm.EventContactCreated, f.inBatch(90)), f.act(4, crm.EventContactUpdated, f.inBatch(90))},
		[]crm.Event{f.act(5, crm.EventContactCreated, f.inBatch(91)), f.act(6, crm.EventContactUpdated), f.act(7, crm.EventContactCreated, f.inBatch(91))},
	)
	f.wantFeed(crm.FeedQuery{Types: recordTypes(), Limit: 10}, 6, 5, 2, 1)
	f.wantFeed(crm.FeedQuery{Types: recordTypes(), Limit: 2}, 6, 5)
}

func testFeedBatchGoesOn(f *fixture) {
	f.appended(
		[]crm.Event{f.act(1, crm.EventContactCreated, f.inBatch(90))},
		[]crm.Event{f.act(2, crm.EventContactCreated)},
		[]crm.Event{f.act(3, crm.EventContactCreated, f.inBatch(90)), f.act(4, crm.EventContactUpdated, f.inBatch(90))},
		[]crm.Event{f.act(5, crm.EventContactDeleted, f.inBatch(90))},
	)
	f.wantFeed(crm.FeedQuery{Types: recordTypes(), Limit: 10}, 2, 1)
}

func testFeedBatchOfType(f *fixture) {
	f.appended(
		[]crm.Event{f.act(1, crm.EventContactCreated, f.inBatch(90)), f.act(2, crm.EventContactUpdated, f.inBatch(90))},
		[]crm.Event{f.act(3, crm.EventContactUpdated)},
		[]crm.Event{f.act(4, crm.EventContactUpdated, f.inBatch(90)), f.act(5, crm.EventContactDeleted, f.inBatch(90))},
	)
	for _, want := range []struct {
		of      crm.EventType
		numbers []int
	}{{crm.EventContactCreated, []int{1}}, {crm.EventContactUpdated, []int{3, 2}}, {crm.EventContactDeleted, []int{5}}} {
		f.wantFeed(crm.FeedQuery{Types: []crm.EventType{want.of}, Limit: 10}, want.numbers...)
	}
}

func testFeedJobs(f *fixture) {
	types := []crm.EventType{crm.EventContactCreated, crm.EventImportCommitted, crm.EventJobFinished, crm.EventJobQueued}
	f.appended([]crm.Event{
		f.act(1, crm.EventJobQueued, f.inBatch(90)), f.act(2, crm.EventContactCreated, f.inBatch(90)), f.act(3, crm.EventContactCreated, f.inBatch(90)),
		f.act(4, crm.EventImportCommitted, f.inBatch(90)), f.act(5, crm.EventJobFinished, f.inBatch(90)),
	})
	f.wantFeed(crm.FeedQuery{Types: types, Limit: 10}, 5, 4, 2, 1)
	f.wantTypes(types...)
}

func testFeedOwner(f *fixture) {
	f.appended([]crm.Event{
		f.act(1, crm.EventJobQueued, f.ownedBy(80)), f.act(2, crm.EventJobQueued, f.ownedBy(81)), f.act(3, crm.EventJobFinished, f.ownedBy(80)),
		f.act(4, crm.EventContactCreated), f.act(5, crm.EventJobQueued), f.act(6, crm.EventJobQueued, f.ownedBy(80)),
	})
	jobs := []crm.EventType{crm.EventJobQueued, crm.EventJobFinished}
	records := []crm.EventType{crm.EventContactCreated}
	f.wantFeed(crm.FeedQuery{Types: records, OwnTypes: jobs, Owner: f.id(80), Limit: 10}, 6, 4, 3, 1)
	f.wantFeed(crm.FeedQuery{Types: records, OwnTypes: jobs, Owner: f.id(81), Limit: 10}, 4, 2)
	f.wantFeed(crm.FeedQuery{OwnTypes: jobs[:1], Owner: f.id(80), Limit: 1}, 6)
	f.wantFeed(crm.FeedQuery{OwnTypes: jobs, Limit: 10})
	f.wantFeed(crm.FeedQuery{Types: jobs, Limit: 10}, 6, 5, 3, 2, 1)
}

func testFeedTypes(f *fixture) {
	f.appended([]crm.Event{
		f.act(1, "zebra.seen"), f.act(2, crm.EventContactUpdated, f.inBatch(90)), f.act(3, crm.EventContactCreated, f.inBatch(90)),
		f.act(4, crm.EventContactUpdated), f.act(5, "zebra.seen"),
	})
	f.wantTypes(crm.EventContactCreated, crm.EventContactUpdated, "zebra.seen")
}

func testSubjectEvents(f *fixture) {
	about := func(n, subject int, changes ...func(*crm.Event)) crm.Event {
		e := f.act(n, crm.EventContactUpdated, changes...)
		e.Subject.ID = f.id(subject)
		return e
	}
	naming := func(e crm.Event, contacts ...int) crm.Event {
		e.Contacts = f.ids(contacts...)
		return e
	}
	f.appended([]crm.Event{
		about(1, 70), naming(about(2, 71), 72), about(3, 70, f.inBatch(90)), naming(about(4, 70, f.inBatch(90)), 70), about(5, 71),
		naming(about(6, 71, f.inBatch(90)), 69, 70, 73), about(7, 70),
	})
	all := f.awaitEvents(7)
	for _, want := range []struct {
		before  crm.Position
		limit   int
		numbers []int
	}{{0, 10, []int{7, 6, 4, 3, 1}}, {0, 2, []int{7, 6}}, {all[5].Position, 10, []int{4, 3, 1}}, {all[0].Position, 10, nil}} {
		got, err := f.s.ListSubjectEvents(f.Context(), f.ws, f.id(70), want.before, want.limit)
		f.ok("ListSubjectEvents", err)
		wantIDs(f.T, "ListSubjectEvents", eventIDs(got), f.ids(want.numbers...))
	}
	for subject, want := range map[int][]int{69: {6}, 71: {6, 5, 2}, 72: {2}, 74: nil} {
		got, err := f.s.ListSubjectEvents(f.Context(), f.ws, f.id(subject), 0, 10)
		f.ok("ListSubjectEvents", err)
		wantIDs(f.T, "ListSubjectEvents of another subject", eventIDs(got), f.ids(want...))
	}
}

func (f *fixture) wantBatchCounts(batches []crm.ID, want ...crm.BatchCount) {
	f.Helper()
	got, err := f.s.CountBatches(f.Context(), f.ws, batches)
	f.ok("CountBatches", err)
	if !slices.Equal(sorted(got), sorted(want)) {
		f.Errorf("CountBatches:\n got %v\nwant %v", sorted(got), sorted(want))
	}
}

func testCountBatches(f *fixture) {
	f.wantBatchCounts(f.ids(90))
	f.appended(
		[]crm.Event{
			f.act(1, crm.EventContactCreated, f.inBatch(90)), f.act(2, crm.EventContactCreated, f.inBatch(91)), f.act(3, crm.EventContactCreated, f.inBatch(90)),
			f.act(4, crm.EventJobQueued, f.inBatch(90)), f.act(5, crm.EventContactCreated),
		},
		[]crm.Event{f.act(6, crm.EventContactCreated, f.inBatch(90)), f.act(7, crm.EventContactUpdated, f.inBatch(90))},
	)
	first := []crm.BatchCount{{Batch: f.id(90), Type: crm.EventContactCreated, Count: 3}, {Batch: f.id(90), Type: crm.EventContactUpdated, Count: 1}}
	f.wantBatchCounts(f.ids(90), first...)
	f.wantBatchCounts(f.ids(90, 91, 92), append(first, crm.BatchCount{Batch: f.id(91), Type: crm.EventContactCreated, Count: 1})...)
}

func testBatchRolledBack(f *fixture) {
	_ = f.s.InTx(f.Context(), func(tx crm.Tx) error {
		if err := tx.AppendEvents(f.Context(), f.ws, []crm.Event{f.act(1, crm.EventContactCreated, f.inBatch(90))}); err != nil {
			return err
		}
		return crm.ErrConflict
	})
	f.wantBatchCounts(f.ids(90))
	f.appended([]crm.Event{f.act(2, crm.EventContactCreated, f.inBatch(90))})
	f.wantFeed(crm.FeedQuery{Types: recordTypes(), Limit: 10}, 2)
	f.wantBatchCounts(f.ids(90), crm.BatchCount{Batch: f.id(90), Type: crm.EventContactCreated, Count: 1})
}
