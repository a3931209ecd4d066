package crmtest_test

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/omnicrm/omnicrm/crm"
)

// runner breaks InTx.
type runner struct {
	m   *memStore
	run func(ctx context.Context, m *memStore, fn func(tx crm.Tx) error) error
}

func (r runner) InTx(ctx context.Context, fn func(tx crm.Tx) error) error { return r.run(ctx, r.m, fn) }

func runs(run func(ctx context.Context, m *memStore, fn func(tx crm.Tx) error) error) func() crm.Store {
	return breakParts(func(m *memStore, p *parts) { p.Transactor = runner{m, run} })
}

func transactionFaults() []fault {
	return []fault{
		{name: "InTx commits on error", part: "transactions", red: "ends_by_an_error", store: runs(func(ctx context.Context, m *memStore, fn func(tx crm.Tx) error) error {
			var failed error
			err := transactor{m}.InTx(ctx, func(tx crm.Tx) error { failed = fn(tx); return nil })
			if err == nil {
				err = failed
			}
			return err
		})},
		{name: "InTx commits on a panic", part: "transactions", red: "ends_by_a_panic", store: runs(func(ctx context.Context, m *memStore, fn func(tx crm.Tx) error) error {
			var thrown any
			err := transactor{m}.InTx(ctx, func(tx crm.Tx) error {
				defer func() { thrown = recover() }()
				return fn(tx)
			})
			if thrown != nil {
				panic(thrown)
			}
			return err
		})},
		{name: "InTx swallows a panic", part: "transactions", red: "a_panic_goes_on", store: runs(func(ctx context.Context, m *memStore, fn func(tx crm.Tx) error) (err error) {
			defer func() {
				if thrown := recover(); thrown != nil {
					err = fmt.Errorf("panic: %v", thrown)
				}
			}()
			return transactor{m}.InTx(ctx, fn)
		})},
		{name: "InTx commits when the goroutine ends", part: "transactions", red: "ends_by_the_end_of_its_goroutine", store: runs(func(ctx context.Context, m *memStore, fn func(tx crm.Tx) error) error {
			m.writer.Lock()
			defer m.writer.Unlock()
			s := m.now.Load().copied()
			ended := false
			defer func() {
				if !ended {
					m.now.Store(s)
				}
			}()
			err := fn(memTx{read: func() (*state, error) { return s, nil }, write: func(_ context.Context, fn func(s *state) error) error { return fn(s) }})
			if ended = err != nil; err == nil {
				m.now.Store(s)
			}
			return err
		})},
		{name: "InTx wraps the error", part: "transactions", red: "comes_back_as_it_is", store: runs(func(ctx context.Context, m *memStore, fn func(tx crm.Tx) error) error {
			if err := (transactor{m}).InTx(ctx, fn); err != nil {
				return fmt.Errorf("transaction: %w", err)
			}
			return nil
		})},
		{name: "InTx runs although the context has ended", part: "transactions", red: "a_context_that_has_ended", store: runs(func(ctx context.Context, m *memStore, fn func(tx crm.Tx) error) error {
			return transactor{m}.InTx(context.WithoutCancel(ctx), fn)
		})},
		{name: "others see what is not committed", part: "transactions", red: "nobody_else_sees", store: runs(func(_ context.Context, m *memStore, fn func(tx crm.Tx) error) error {
			m.writer.Lock()
			defer m.writer.Unlock()
			before := m.now.Load()
			write := func(_ context.Context, fn func(s *state) error) error {
				s := m.now.Load().copied()
				err := fn(s)
				m.now.Store(s)
				return err
			}
			err := fn(memTx{read: m.read, write: write})
			if err != nil {
				m.now.Store(before)
			}
			return err
		})},
		{name: "a transaction does not see its own writes", part: "transactions", red: "sees_what_it_wrote", store: runs(func(ctx context.Context, m *memStore, fn func(tx crm.Tx) error) error {
			return transactor{m}.InTx(ctx, func(tx crm.Tx) error {
				t := tx.(memTx) //nolint:forcetypeassert // A memStore gives nothing else.
				t.read = m.read
				return fn(t)
			})
		})},
		{name: "parallel transactions overwrite each other", part: "transactions", red: "64_parallel", store: func() crm.Store {
			l := &overlapping{}
			return runs(l.run)()
		}},
	}
}

// overlapping runs every second transaction as if it had begun together with
// the one before.
type overlapping struct {
	mu    sync.Mutex
	begun *state
}

func (l *overlapping) run(ctx context.Context, m *memStore, fn func(tx crm.Tx) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := m.now.Load()
	if l.begun == nil {
		l.begun = s
	} else {
		s, l.begun = l.begun, nil
	}
	s = s.copied()
	err := fn(memTx{read: func() (*state, error) { return s, nil }, write: func(_ context.Context, fn func(s *state) error) error { return fn(s) }})
	if err == nil {
		err = m.write(ctx, func(now *state) error { *now = *s; return nil })
	}
	return err
}

// appending changes events on their way in, reading on their way out.
type appending struct {
	memTx
	change func(events []crm.Event) []crm.Event
}

func (t appending) AppendEvents(ctx context.Context, ws crm.WorkspaceID, events []crm.Event) error {
	return t.memTx.AppendEvents(ctx, ws, t.change(slices.Clone(events)))
}

func appends(change func(events []crm.Event) []crm.Event) func() crm.Store {
	return breakTx(func(t memTx) crm.Tx { return appending{t, change} })
}

// outside writes events where no rollback reaches.
type outside struct {
	memTx
	kept *keptEvents
}

type keptEvents struct {
	mu     sync.Mutex
	events map[crm.WorkspaceID][]crm.Event
}

func (t outside) AppendEvents(_ context.Context, ws crm.WorkspaceID, events []crm.Event) error {
	t.kept.mu.Lock()
	defer t.kept.mu.Unlock()
	for _, e := range events {
		e.Position = crm.Position(len(t.kept.events[ws]) + 1)
		t.kept.events[ws] = append(t.kept.events[ws], e)
	}
	return nil
}

func (t outside) ListEvents(_ context.Context, ws crm.WorkspaceID, after crm.Position, limit int) ([]crm.Event, error) {
	t.kept.mu.Lock()
	defer t.kept.mu.Unlock()
	return slices.Clone(firstOf(t.kept.events[ws][min(int(after), len(t.kept.events[ws])):], limit)), nil
}

// late shows every fifth event only when it is asked for a second time, behind
// a position that readers have seen: what a log does that numbers events before
// the commit.
type late struct {
	memTx
	seen *sync.Map
}

func (t late) ListEvents(ctx context.Context, ws crm.WorkspaceID, after crm.Position, limit int) ([]crm.Event, error) {
	events, err := t.memTx.ListEvents(ctx, ws, after, limit)
	return slices.DeleteFunc(events, func(e crm.Event) bool {
		_, seen := t.seen.LoadOrStore(e.ID, true)
		return !seen && e.Version%5 == 0 && e.ID != events[len(events)-1].ID
	}), err
}

// rereads begins a page with the event of the position.
type rereads struct{ memTx }

func (t rereads) ListEvents(ctx context.Context, ws crm.WorkspaceID, after crm.Position, limit int) ([]crm.Event, error) {
	return t.memTx.ListEvents(ctx, ws, after-1, limit)
}

type lateHead struct{ memTx }

func (t lateHead) EventHead(ctx context.Context, ws crm.WorkspaceID) (crm.Position, error) {
	head, err := t.memTx.EventHead(ctx, ws)
	return max(0, head-1), err
}

type skipsEvents struct{ system }

func (y skipsEvents) EventsAfter(ctx context.Context, after crm.Position, limit int) ([]crm.WorkspaceEvent, error) {
	events, err := y.system.EventsAfter(ctx, after, limit)
	if len(events) == limit {
		events = events[1:]
	}
	return events, err
}

func eventFaults() []fault {
	return []fault{
		{name: "an event is lost", part: "events", red: "in_the_order_given", store: appends(func(events []crm.Event) []crm.Event {
			return slices.DeleteFunc(events, func(e crm.Event) bool { return e.Version == 3 })
		})},
		{name: "events are reordered", part: "events", red: "in_the_order_given", store: appends(func(events []crm.Event) []crm.Event {
			slices.Reverse(events)
			return events
		})},
		{name: "an event loses the changed fields", part: "events", red: "an_event_comes_back", store: appends(func(events []crm.Event) []crm.Event {
			for i := range events {
				events[i].Changed = nil
			}
			return events
		})},
		{name: "an event loses its batch", part: "events", red: "an_event_comes_back", store: appends(func(events []crm.Event) []crm.Event {
			for i := range events {
				events[i].Batch = crm.ID{}
			}
			return events
		})},
		{name: "events stay of a rolled back transaction", part: "events", red: "a_rolled_back_event", store: func() crm.Store {
			kept := &keptEvents{events: map[crm.WorkspaceID][]crm.Event{}}
			return breakTx(func(t memTx) crm.Tx { return outside{t, kept} })()
		}},
		{name: "an event appears behind a position that was seen", part: "events", red: "misses_nothing", store: func() crm.Store {
			seen := &sync.Map{}
			return breakTx(func(t memTx) crm.Tx { return late{t, seen} })()
		}},
		{name: "a page of events begins with the last of the one before", part: "events", red: "a_reader_resumes", store: breakTx(func(t memTx) crm.Tx { return rereads{t} })},
		{name: "the head lags behind", part: "events", red: "in_the_order_given", store: breakTx(func(t memTx) crm.Tx { return lateHead{t} })},
		{name: "a reader of all events skips one", part: "system", red: "events_of_all_workspaces", store: breakParts(func(m *memStore, p *parts) { p.SystemStore = skipsEvents{system{m}} })},
	}
}
