package crmtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testEvents(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"an event comes back as it was written, with a position", testEventFields},
		{"the log of a workspace without events is empty", func(f *fixture) {
			got, err := f.s.ListEvents(f.Context(), f.ws, 0, 10)
			f.ok("ListEvents", err)
			head, err := f.s.EventHead(f.Context(), f.ws)
			f.ok("EventHead", err)
			if len(got) != 0 || head != 0 {
				f.Errorf("got %d events and head %d, want none and 0", len(got), head)
			}
		}},
		{"events stand in the order given, and of the commits", func(f *fixture) {
			for _, batch := range [][]int{{5, 1, 9}, {2}, {8, 3, 4, 7}} {
				f.inTx(func(tx crm.Tx) error {
					if err := tx.AppendEvents(f.Context(), f.ws, f.eventsOf(batch[0])); err != nil {
						return err
					}
					return tx.AppendEvents(f.Context(), f.ws, f.eventsOf(batch[1:]...))
				})
			}
			f.wantEvents(5, 1, 9, 2, 8, 3, 4, 7)
		}},
		{"a reader resumes behind any position", testEventResume},
		{"rows and events commit together", func(f *fixture) {
			f.inTx(func(tx crm.Tx) error {
				if err := tx.PutContacts(f.Context(), f.ws, newWrites([]crm.Contact{f.contact(1)})); err != nil {
					return err
				}
				return tx.AppendEvents(f.Context(), f.ws, f.eventsOf(1))
			})
			f.wantContacts(f.contact(1))
			f.wantEvents(1)
		}},
		{"a rolled back event never appears", func(f *fixture) {
			f.ok("AppendEvents", f.s.AppendEvents(f.Context(), f.ws, f.eventsOf(1)))
			for n := 10; n < 15; n++ {
				_ = f.s.InTx(f.Context(), func(tx crm.Tx) error {
					if err := tx.AppendEvents(f.Context(), f.ws, f.eventsOf(n)); err != nil {
						return err
					}
					return fmt.Errorf("roll back %d", n)
				})
			}
			f.ok("AppendEvents", f.s.AppendEvents(f.Context(), f.ws, f.eventsOf(2)))
			f.wantEvents(1, 2)
		}},
		{"an event stays when its subject is erased", func(f *fixture) {
			f.create(f.contact(1))
			f.ok("AppendEvents", f.s.AppendEvents(f.Context(), f.ws, f.eventsOf(1)))
			f.awaitEvents(1)
			f.erase(f.id(1))
			f.wantEvents(1)
		}},
	})
	t.Run("a tailing reader misses nothing of 16 parallel writers", func(t *testing.T) {
		t.Parallel()
		testTail(newFixture(t, open(t)))
	})
}

// event returns an event with the n-th id.
func (f *fixture) event(n int) crm.Event { return eventOf(f.ws, n) }

func eventOf(ws crm.WorkspaceID, n int) crm.Event {
	return crm.Event{
		ID: recordID(ws, n), Type: crm.EventContactUpdated, At: day(), Actor: crm.EventActor{Kind: crm.ActorSystem},
		Subject: crm.Subject{Kind: crm.SubjectContact, ID: recordID(ws, 1)}, Changed: []string{"notes"}, Version: int64(n),
	}
}

func (f *fixture) eventsOf(numbers ...int) []crm.Event {
	var events []crm.Event
	for _, n := range numbers {
		events = append(events, f.event(n))
	}
	return events
}

// awaitEvents returns all events of the workspace as soon as there are n.
func (f *fixture) awaitEvents(n int) []crm.Event {
	f.Helper()
	var events []crm.Event
	enough := await(f.T, func() bool {
		var err error
		events, err = f.s.ListEvents(f.Context(), f.ws, 0, 10_000)
		f.ok("ListEvents", err)
		return len(events) >= n
	})
	if !enough {
		f.Fatalf("ListEvents: got %d events, want %d", len(events), n)
	}
	return events
}

// wantEvents checks the numbers of all events, in order.
func (f *fixture) wantEvents(numbers ...int) {
	f.Helper()
	events := f.awaitEvents(len(numbers))
	wantIDs(f.T, "ListEvents", eventIDs(events), f.ids(numbers...))
	for i := 1; i < len(events); i++ {
		if events[i].Position <= events[i-1].Position {
			f.Errorf("position %d follows %d, want a higher one", events[i].Position, events[i-1].Position)
		}
	}
	head, err := f.s.EventHead(f.Context(), f.ws)
	f.ok("EventHead", err)
	if last := events[len(events)-1].Position; head != last {
		f.Errorf("EventHead: got %d, want %d", head, last)
	}
}

func eventIDs(events []crm.Event) []crm.ID {
	ids := make([]crm.ID, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	return ids
}

func testEventFields(f *fixture) {
	want := []crm.Event{
		{
			ID: f.id(1), Type: crm.EventContactUpdated, At: day(), Actor: crm.EventActor{Kind: crm.ActorKey, ID: f.id(2)},
			Subject: crm.Subject{Kind: crm.SubjectContact, ID: f.id(3)}, Changed: []string{"emails", "fields.Größe, \"x\"", "notes"},
			Version: 1 << 40, Batch: f.id(4), Contacts: []crm.ID{f.id(7), f.id(8)}, Owner: f.id(9),
		},
		{ID: f.id(5), Type: "custom.happened", At: longAgo(), Subject: crm.Subject{Kind: "session", ID: f.id(6)}},
	}
	f.ok("AppendEvents", f.s.AppendEvents(f.Context(), f.ws, want))
	got := f.awaitEvents(2)
	for i := range want {
		if got[i].Position <= 0 {
			f.Errorf("event %d: got position %d, want one above 0", i, got[i].Position)
		}
		want[i].Position = got[i].Position
		if d := diff(got[i], want[i], false); d != "" {
			f.Errorf("event %d: %s", i, d)
		}
	}
}

func testEventResume(f *fixture) {
	var numbers []int
	for n := range 25 {
		numbers = append(numbers, n+1)
	}
	f.ok("AppendEvents", f.s.AppendEvents(f.Context(), f.ws, f.eventsOf(numbers...)))
	all := f.awaitEvents(25)
	for from := range all {
		got, err := f.s.ListEvents(f.Context(), f.ws, all[from].Position, 4)
		f.ok("ListEvents", err)
		wantIDs(f.T, "ListEvents behind a position", eventIDs(got), eventIDs(all[from+1:min(from+5, len(all))]))
	}
	f.ok("AppendEvents", f.s.AppendEvents(f.Context(), f.ws, f.eventsOf(26)))
	f.awaitEvents(26)
	got, err := f.s.ListEvents(f.Context(), f.ws, all[24].Position, 4)
	f.ok("ListEvents", err)
	wantIDs(f.T, "ListEvents behind what was the head", eventIDs(got), f.ids(26))
}

// testTail lets 16 writers, each in one of three workspaces, write two events
// a transaction and roll some back, while readers follow the log.
func testTail(f *fixture) {
	const writers, rounds = 16, 12
	spaces := []crm.WorkspaceID{workspaceNamed("tail 0"), workspaceNamed("tail 1"), workspaceNamed("tail 2")}
	want := map[crm.WorkspaceID]int{}
	for w := range writers {
		want[spaces[w%3]] += 2 * rounds
	}
	tails := []*tail{{name: "EventsAfter", want: writers * 2 * rounds, next: func(ctx context.Context, after crm.Position) ([]crm.Event, error) {
		got, err := f.s.EventsAfter(ctx, after, 7)
		events := make([]crm.Event, len(got))
		for i, e := range got {
			events[i] = e.Event
		}
		return events, err
	}}}
	for _, ws := range spaces {
		tails = append(tails, &tail{name: "ListEvents", want: want[ws], next: func(ctx context.Context, after crm.Position) ([]crm.Event, error) {
			return f.s.ListEvents(ctx, ws, after, 7)
		}})
	}
	ctx, stop := context.WithCancel(f.Context())
	defer stop()
	var readers sync.WaitGroup
	for _, t := range tails {
		readers.Go(func() { t.follow(ctx) })
	}
	f.inParallel(writers, func(w int) error { return writeTail(f, spaces[w%3], w, rounds) })
	await(f.T, func() bool { return !slices.ContainsFunc(tails, func(t *tail) bool { return t.count() < t.want }) })
	stop()
	readers.Wait()
	for _, t := range tails {
		t.check(f.T)
	}
}

func writeTail(f *fixture, ws crm.WorkspaceID, writer, rounds int) error {
	for round := range rounds {
		number := 1_000*(writer+1) + 2*round
		err := f.s.InTx(f.Context(), func(tx crm.Tx) error {
			if err := tx.AppendEvents(f.Context(), ws, []crm.Event{eventOf(ws, number)}); err != nil {
				return err
			}
			return tx.AppendEvents(f.Context(), ws, []crm.Event{eventOf(ws, number+1)})
		})
		if err != nil {
			return err
		}
		_ = f.s.InTx(f.Context(), func(tx crm.Tx) error {
			if err := tx.AppendEvents(f.Context(), ws, []crm.Event{eventOf(ws, number+500)}); err != nil {
				return err
			}
			return fmt.Errorf("roll back %d", number)
		})
	}
	return nil
}

// tail is one reader that follows a log.
type tail struct {
	name string
	want int
	next func(ctx context.Context, after crm.Position) ([]crm.Event, error)

	mu     sync.Mutex
	events []crm.Event
	failed error
}

func (t *tail) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.events)
}

func (t *tail) follow(ctx context.Context) {
	var at crm.Position
	again := time.NewTicker(500 * time.Microsecond)
	defer again.Stop()
	for ctx.Err() == nil {
		got, err := t.next(ctx, at)
		t.mu.Lock()
		if err != nil && ctx.Err() == nil {
			t.failed = err
		}
		for _, e := range got {
			t.events = append(t.events, e)
			at = e.Position
		}
		t.mu.Unlock()
		if len(got) == 0 {
			<-again.C
		}
	}
}

// check looks for events that were missed, came twice or out of order. The two
// events of a transaction stand in their order.
func (t *tail) check(tb testing.TB) {
	tb.Helper()
	if t.failed != nil {
		tb.Errorf("%s: %v", t.name, t.failed)
	}
	if len(t.events) != t.want {
		tb.Errorf("%s: a tailing reader saw %d events, want %d", t.name, len(t.events), t.want)
	}
	var wrong []string
	next := map[int64]int64{} // By writer: the version of its next event.
	for i, e := range t.events {
		if i > 0 && e.Position <= t.events[i-1].Position {
			wrong = append(wrong, fmt.Sprintf("position %d after %d", e.Position, t.events[i-1].Position))
		}
		writer := e.Version / 1_000
		if n, ok := next[writer]; ok && n != e.Version || !ok && e.Version%1_000 != 0 {
			wrong = append(wrong, fmt.Sprintf("event %d, want %d", e.Version, n))
		}
		next[writer] = e.Version + 1
	}
	if len(wrong) > 0 {
		tb.Errorf("%s: a tailing reader saw %s", t.name, strings.Join(wrong[:min(len(wrong), 5)], ", "))
	}
}
