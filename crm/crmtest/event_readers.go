package crmtest

import (
	"slices"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// testLog checks the log as a whole, which crosses workspaces: each test has a
// store of its own.
func testLog(t *testing.T, open func(testing.TB) crm.Store) {
	for _, test := range []storeTest{
		{"a consumer begins at the start and keeps how far it came", testReaderAdvances},
		{"a consumer is held by one reader at a time", testReaderHeld},
		{"a lease on a consumer that ran out is anybody's", testReaderLost},
		{"nothing changes without the lease", testReaderWithoutLease},
		{"a failure is kept with its beginning until the next advance", testReaderFails},
		{"of many that claim a consumer at once one gets it", testReaderRace},
		{"the state of the log shows its head", testLogHead},
		{"a renewed epoch is another one", testLogEpoch},
		{"old events are purged, oldest first, up to the limit", testPurgeEvents},
		{"events behind a position stay in a purge", testPurgeUpTo},
		{"the newest event of a workspace is never purged", testPurgeNewest},
		{"a young event keeps those behind it from a purge", testPurgeOrder},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(newFixture(t, open(t)))
		})
	}
}

const consumer = "relink"

func (f *fixture) claimReader(lease int, valid time.Duration) crm.EventReader {
	f.Helper()
	got, err := f.s.ClaimReader(f.Context(), consumer, f.id(lease), valid)
	f.ok("ClaimReader", err)
	return got
}

func (f *fixture) advance(lease int, to crm.Position) {
	f.Helper()
	f.ok("AdvanceReader", f.s.AdvanceReader(f.Context(), consumer, f.id(lease), to, time.Hour))
}

// wantReaders compares all consumers but for the time of a failure, of which only
// is checked whether there is one.
func (f *fixture) wantReaders(want ...crm.EventReader) {
	f.Helper()
	got, err := f.s.ListReaders(f.Context())
	f.ok("ListReaders", err)
	for i, r := range got {
		if r.FailingSince.IsZero() != (r.Failure == "") {
			f.Errorf("ListReaders: %s fails with %q since %s", r.Name, r.Failure, r.FailingSince)
		}
		got[i].FailingSince = time.Time{}
	}
	if !slices.Equal(got, want) {
		f.Errorf("ListReaders:\n got %+v\nwant %+v", got, want)
	}
}

func testReaderAdvances(f *fixture) {
	f.wantReaders()
	if got, want := f.claimReader(900, time.Hour), (crm.EventReader{Name: consumer, Held: true}); got != want {
		f.Errorf("ClaimReader of a new consumer: got %+v, want %+v", got, want)
	}
	f.advance(900, 17)
	f.advance(900, 5) // A position behind changes nothing.
	if got := f.claimReader(900, time.Hour); got.Position != 17 {
		f.Errorf("ClaimReader by the holder: got position %d, want 17", got.Position)
	}
	_, err := f.s.ClaimReader(f.Context(), "another", f.id(901), time.Hour)
	f.ok("ClaimReader", err)
	f.ok("ReleaseReader", f.s.ReleaseReader(f.Context(), consumer, f.id(900)))
	f.ok("ReleaseReader", f.s.ReleaseReader(f.Context(), consumer, f.id(900)))
	f.wantReaders(crm.EventReader{Name: "another", Held: true}, crm.EventReader{Name: consumer, Position: 17})
	if got := f.claimReader(902, time.Hour); got.Position != 17 {
		f.Errorf("ClaimReader by the next: got position %d, want 17", got.Position)
	}
}

func testReaderHeld(f *fixture) {
	f.claimReader(900, time.Hour)
	f.advance(900, 3)
	_, err := f.s.ClaimReader(f.Context(), consumer, f.id(901), time.Hour)
	wantConflict(f.T, "ClaimReader of what another holds", err, crm.ConflictState)
	f.ok("ReleaseReader by another", f.s.ReleaseReader(f.Context(), consumer, f.id(901)))
	_, err = f.s.ClaimReader(f.Context(), consumer, f.id(901), time.Hour)
	wantConflict(f.T, "ClaimReader after another gave back what it had not", err, crm.ConflictState)
	f.advance(900, 4)
}

func testReaderLost(f *fixture) {
	f.claimReader(900, briefly)
	var got crm.EventReader
	taken := await(f.T, func() bool {
		var err error
		got, err = f.s.ClaimReader(f.Context(), consumer, f.id(901), time.Hour)
		return err == nil
	})
	if !taken || got.Name != consumer {
		f.Fatalf("a lease of %s that ran out cannot be claimed by another", briefly)
	}
	err := f.s.AdvanceReader(f.Context(), consumer, f.id(900), 9, time.Hour)
	wantConflict(f.T, "AdvanceReader with a lost lease", err, crm.ConflictStale)
	f.wantReaders(crm.EventReader{Name: consumer, Held: true})
}

func testReaderWithoutLease(f *fixture) {
	err := f.s.AdvanceReader(f.Context(), consumer, f.id(900), 9, time.Hour)
	wantConflict(f.T, "AdvanceReader of an unknown consumer", err, crm.ConflictStale)
	f.claimReader(900, time.Hour)
	f.advance(900, 3)
	err = f.s.AdvanceReader(f.Context(), consumer, f.id(901), 9, time.Hour)
	wantConflict(f.T, "AdvanceReader by another", err, crm.ConflictStale)
	wantConflict(f.T, "FailReader by another", f.s.FailReader(f.Context(), consumer, f.id(901), "internal"), crm.ConflictStale)
	f.ok("ReleaseReader", f.s.ReleaseReader(f.Context(), consumer, f.id(900)))
	err = f.s.AdvanceReader(f.Context(), consumer, f.id(900), 9, time.Hour)
	wantConflict(f.T, "AdvanceReader after the release", err, crm.ConflictStale)
	f.wantReaders(crm.EventReader{Name: consumer, Position: 3})
	f.claimReader(902, briefly)
	await(f.T, func() bool {
		got, err := f.s.ListReaders(f.Context())
		f.ok("ListReaders", err)
		return len(got) == 1 && !got[0].Held
	})
	err = f.s.AdvanceReader(f.Context(), consumer, f.id(902), 9, time.Hour)
	wantConflict(f.T, "AdvanceReader with a lease that ran out", err, crm.ConflictStale)
}

func testReaderFails(f *fixture) {
	f.claimReader(900, time.Hour)
	f.ok("FailReader", f.s.FailReader(f.Context(), consumer, f.id(900), "unavailable"))
	f.wantReaders(crm.EventReader{Name: consumer, Held: true, Failure: "unavailable"})
	first, err := f.s.ListReaders(f.Context())
	f.ok("ListReaders", err)
	f.ok("FailReader", f.s.FailReader(f.Context(), consumer, f.id(900), "internal"))
	again := f.claimReader(900, time.Hour)
	if again.Failure != "internal" || !again.FailingSince.Equal(first[0].FailingSince) {
		f.Errorf("the second failure: got %q since %s, want %q since %s", again.Failure, again.FailingSince, "internal", first[0].FailingSince)
	}
	f.advance(900, 1)
	f.wantReaders(crm.EventReader{Name: consumer, Held: true, Position: 1})
}

func testReaderRace(f *fixture) {
	won := make(chan int, 16)
	f.inParallel(16, func(n int) error {
		_, err := f.s.ClaimReader(f.Context(), consumer, f.id(900+n), time.Hour)
		if err == nil {
			won <- n
			return nil
		}
		wantConflict(f.T, "ClaimReader", err, crm.ConflictState)
		return nil
	})
	if len(won) != 1 {
		f.Errorf("got %d readers of one consumer, want 1", len(won))
	}
}

func (f *fixture) logState() crm.EventLog {
	f.Helper()
	got, err := f.s.LogState(f.Context())
	f.ok("LogState", err)
	return got
}

func testLogHead(f *fixture) {
	if got := f.logState(); got.Head != 0 || got.Purged != 0 || got.Epoch.IsZero() {
		f.Errorf("LogState of an empty log: got %+v, want an epoch and nothing else", got)
	}
	other := f.in("other")
	f.appended(f.eventsOf(1, 2))
	other.appended(other.eventsOf(1))
	head, err := f.s.EventHead(f.Context(), other.ws)
	f.ok("EventHead", err)
	if got := f.logState().Head; got != head {
		f.Errorf("LogState: got head %d, want %d", got, head)
	}
}

func testLogEpoch(f *fixture) {
	seen := map[crm.ID]bool{}
	for range 3 {
		seen[f.logState().Epoch] = true
		if again := f.logState().Epoch; !seen[again] {
			f.Errorf("LogState: got another epoch without a renewal")
		}
		f.ok("RenewLogEpoch", f.s.RenewLogEpoch(f.Context()))
	}
	if len(seen) != 3 {
		f.Errorf("got %d epochs after two renewals, want 3", len(seen))
	}
}

// aged returns events of the numbers, each as many hours after [day].
func (f *fixture) aged(numbers ...int) []crm.Event {
	events := f.eventsOf(numbers...)
	for i, n := range numbers {
		events[i].At = day().Add(time.Duration(n) * time.Hour)
	}
	return events
}

func (f *fixture) purgeEvents(hour int, upTo crm.Position, limit int) int {
	f.Helper()
	n, err := f.s.PurgeEvents(f.Context(), day().Add(time.Duration(hour)*time.Hour), upTo, limit)
	f.ok("PurgeEvents", err)
	return n
}

func testPurgeEvents(f *fixture) {
	other := f.in("other")
	for n := 1; n <= 8; n++ {
		f.appended(f.aged(n))
		other.appended(other.aged(n))
	}
	all := f.awaitEvents(8)
	end := other.awaitEvents(8)[7].Position
	if got := f.purgeEvents(5, end, 3); got != 3 {
		f.Errorf("PurgeEvents, limit 3: got %d, want 3", got)
	}
	wantIDs(f.T, "what the first purge left", eventIDs(f.awaitEvents(1)), f.ids(3, 4, 5, 6, 7, 8))
	wantIDs(f.T, "what the first purge left of the other", eventIDs(other.awaitEvents(1)), other.ids(2, 3, 4, 5, 6, 7, 8))
	for f.purgeEvents(5, end, 3) > 0 {
		continue
	}
	wantIDs(f.T, "what the purges left", eventIDs(f.awaitEvents(1)), f.ids(5, 6, 7, 8))
	wantIDs(f.T, "what the purges left of the other", eventIDs(other.awaitEvents(1)), other.ids(5, 6, 7, 8))
	if got := f.logState().Purged; got < all[3].Position || got >= all[4].Position {
		f.Errorf("LogState: got purged up to %d, want at least %d and less than %d", got, all[3].Position, all[4].Position)
	}
	f.wantFeed(crm.FeedQuery{Types: recordTypes(), Limit: 10}, 8, 7, 6, 5)
}

func testPurgeUpTo(f *fixture) {
	f.appended(f.aged(1), f.aged(2), f.aged(3), f.aged(4))
	if got := f.purgeEvents(100, f.awaitEvents(4)[1].Position, 10); got != 2 {
		f.Errorf("PurgeEvents: got %d, want 2", got)
	}
	wantIDs(f.T, "what a purge left", eventIDs(f.awaitEvents(1)), f.ids(3, 4))
}

func testPurgeNewest(f *fixture) {
	idle := f.in("idle")
	idle.appended(idle.aged(1), idle.aged(2))
	f.appended(f.aged(1), f.aged(2), f.aged(3))
	head := f.logState().Head
	total := 0
	for n := 1; n > 0; total += n {
		n = f.purgeEvents(100, head, 2)
	}
	if total != 3 {
		f.Errorf("PurgeEvents: got %d in all, want 3", total)
	}
	wantIDs(f.T, "what is left", eventIDs(f.awaitEvents(1)), f.ids(3))
	wantIDs(f.T, "what is left of an idle workspace", eventIDs(idle.awaitEvents(1)), idle.ids(2))
	if got := f.logState().Head; got != head {
		f.Errorf("LogState after a purge: got head %d, want %d", got, head)
	}
	f.appended(f.aged(4))
	if got := f.logState().Head; got <= head {
		f.Errorf("LogState: got head %d after a new event, want one above %d", got, head)
	}
}

func testPurgeOrder(f *fixture) {
	for _, hour := range []int{1, 9, 2, 3, 10} { // A clock that went back.
		f.appended(f.aged(hour))
	}
	if got := f.purgeEvents(5, f.logState().Head, 10); got != 1 {
		f.Errorf("PurgeEvents: got %d, want 1", got)
	}
	wantIDs(f.T, "what a purge left", eventIDs(f.awaitEvents(1)), f.ids(9, 2, 3, 10))
}
