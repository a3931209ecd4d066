package crmtest_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// feeding changes what a feed is asked and what it answers.
type feeding struct {
	memTx
	ask    func(q *crm.FeedQuery)
	answer func(q crm.FeedQuery, events []crm.Event) []crm.Event
}

func (t feeding) ListFeed(ctx context.Context, ws crm.WorkspaceID, q crm.FeedQuery) ([]crm.Event, error) {
	if t.ask != nil {
		t.ask(&q)
	}
	events, err := t.memTx.ListFeed(ctx, ws, q)
	if t.answer != nil {
		events = t.answer(q, events)
	}
	return events, err
}

// walking shows every event of a batch.
type walking struct{ memTx }

func (t walking) ListFeed(ctx context.Context, ws crm.WorkspaceID, q crm.FeedQuery) ([]crm.Event, error) {
	events, err := t.log(ctx, ws)
	events = slices.DeleteFunc(events, func(e crm.Event) bool {
		return !slices.Contains(q.Types, e.Type) || q.Before != 0 && e.Position >= q.Before
	})
	slices.Reverse(events)
	return firstOf(events, q.Limit), err
}

// moving shows a batch at its last event.
type moving struct{ memTx }

func (t moving) ListFeed(ctx context.Context, ws crm.WorkspaceID, q crm.FeedQuery) ([]crm.Event, error) {
	all := q
	all.Limit = 1 << 30
	events, err := walking(t).ListFeed(ctx, ws, all)
	shown := map[crm.ID]bool{}
	events = slices.DeleteFunc(events, func(e crm.Event) bool {
		seen := shown[e.Batch]
		shown[e.Batch] = e.Bulk()
		return e.Bulk() && seen
	})
	return firstOf(events, q.Limit), err
}

// typing changes the types of a feed, counting those of batches, and aboutIt the
// events of a subject.
type typing struct{ memTx }

func (t typing) FeedTypes(ctx context.Context, ws crm.WorkspaceID) ([]crm.EventType, error) {
	events, err := t.log(ctx, ws)
	var types []crm.EventType
	for _, e := range events {
		types = append(types, e.Type)
	}
	return types, err
}

type counting struct {
	memTx
	change func(all []crm.BatchCount) []crm.BatchCount
}

func (t counting) CountBatches(ctx context.Context, ws crm.WorkspaceID, batches []crm.ID) ([]crm.BatchCount, error) {
	all, err := t.memTx.CountBatches(ctx, ws, batches)
	return t.change(all), err
}

type aboutIt struct{ memTx }

func (t aboutIt) ListSubjectEvents(ctx context.Context, ws crm.WorkspaceID, subject crm.ID, before crm.Position, limit int) ([]crm.Event, error) {
	events, err := t.memTx.ListSubjectEvents(ctx, ws, subject, before, 1<<30)
	shown := map[crm.ID]bool{}
	events = slices.DeleteFunc(events, func(e crm.Event) bool {
		seen := shown[e.Batch]
		shown[e.Batch] = e.Bulk()
		return e.Bulk() && seen
	})
	return firstOf(events, limit), err
}

// subjectOnly does not hear of contacts that events name.
type subjectOnly struct{ memTx }

func (t subjectOnly) ListSubjectEvents(ctx context.Context, ws crm.WorkspaceID, subject crm.ID, before crm.Position, limit int) ([]crm.Event, error) {
	events, err := t.memTx.ListSubjectEvents(ctx, ws, subject, before, 1<<30)
	events = slices.DeleteFunc(events, func(e crm.Event) bool { return e.Subject.ID != subject })
	return firstOf(events, limit), err
}

func feedFaults() []fault {
	feeds := func(ask func(q *crm.FeedQuery), answer func(q crm.FeedQuery, events []crm.Event) []crm.Event) func() crm.Store {
		return breakTx(func(t memTx) crm.Tx { return feeding{t, ask, answer} })
	}
	return []fault{
		{name: "a feed shows every event of a batch", part: "feed", red: "a_batch_is_one_entry", store: breakTx(func(t memTx) crm.Tx { return walking{t} })},
		{name: "a feed moves a batch that goes on", part: "feed", red: "keeps_its_place", store: breakTx(func(t memTx) crm.Tx { return moving{t} })},
		{name: "a feed of one type knows only the first type of a batch", part: "feed", red: "with_one_type", store: feeds(func(q *crm.FeedQuery) {
			if len(q.Types) == 1 {
				q.Types = append(q.Types, "none.such")
			}
		}, nil)},
		{name: "a feed begins with the entry before", part: "feed", red: "a_page_after_the_other", store: feeds(func(q *crm.FeedQuery) {
			if q.Before > 0 {
				q.Before++
			}
		}, nil)},
		{name: "a feed is oldest first", part: "feed", red: "the_newest_come_first", store: feeds(nil, func(_ crm.FeedQuery, events []crm.Event) []crm.Event {
			slices.Reverse(events)
			return events
		})},
		{name: "a feed shows the jobs of others", part: "feed", red: "own_types", store: feeds(func(q *crm.FeedQuery) {
			q.Types, q.OwnTypes = slices.Concat(q.Types, q.OwnTypes), nil
		}, nil)},
		{name: "a feed takes jobs for a part of their batch", part: "feed", red: "events_of_jobs", store: feeds(nil, func(_ crm.FeedQuery, events []crm.Event) []crm.Event {
			return slices.DeleteFunc(events, func(e crm.Event) bool { return !e.Batch.IsZero() && !e.Bulk() })
		})},
		{name: "types come more than once", part: "feed", red: "the_types", store: breakTx(func(t memTx) crm.Tx { return typing{t} })},
		{name: "the events of a subject leave those of batches out", part: "feed", red: "the_events_of_a_subject", store: breakTx(func(t memTx) crm.Tx { return aboutIt{t} })},
		{name: "events that name a contact are not among its own", part: "feed", red: "the_events_of_a_subject", store: breakTx(func(t memTx) crm.Tx { return subjectOnly{t} })},
		{name: "a batch is counted at its beginning", part: "feed", red: "counted_by_type", store: breakTx(func(t memTx) crm.Tx {
			return counting{t, func(all []crm.BatchCount) []crm.BatchCount {
				for i := range all {
					all[i].Count = min(all[i].Count, 2)
				}
				return all
			}}
		})},
		{name: "a batch that was rolled back is counted", part: "feed", red: "a_rolled_back_batch", store: breakTx(func(t memTx) crm.Tx {
			return counting{t, func(all []crm.BatchCount) []crm.BatchCount {
				for i := range all {
					all[i].Count++
				}
				return all
			}}
		})},
	}
}

// loose changes readers without looking at the lease.
type loose struct{ system }

func (y loose) AdvanceReader(ctx context.Context, name string, _ crm.ID, to crm.Position, valid time.Duration) error {
	s, err := y.m.read()
	if err != nil {
		return err
	}
	return y.system.AdvanceReader(ctx, name, s.readers[name].lease, to, valid)
}

// sharing gives a consumer to everybody who asks.
type sharing struct{ system }

func (y sharing) ClaimReader(ctx context.Context, name string, lease crm.ID, valid time.Duration) (crm.EventReader, error) {
	_ = y.m.write(ctx, func(s *state) error {
		r := s.readers[name]
		r.until = time.Time{}
		s.readers[name] = r
		return nil
	})
	return y.system.ClaimReader(ctx, name, lease, valid)
}

// forEver gives leases that never run out.
type forEver struct{ system }

func (y forEver) ClaimReader(ctx context.Context, name string, lease crm.ID, _ time.Duration) (crm.EventReader, error) {
	return y.system.ClaimReader(ctx, name, lease, 1_000*time.Hour)
}

// backwards moves a consumer to wherever it is told.
type backwards struct{ system }

func (y backwards) AdvanceReader(ctx context.Context, name string, lease crm.ID, to crm.Position, valid time.Duration) error {
	return y.underLease(ctx, name, lease, func(r *reader) {
		r.Position, r.Failure, r.FailingSince, r.until = to, "", time.Time{}, time.Now().Add(valid)
	})
}

// cheerful keeps no failure, gloomy never forgets one.
type (
	cheerful struct{ system }
	gloomy   struct{ system }
)

func (y cheerful) FailReader(ctx context.Context, name string, lease crm.ID, _ string) error {
	return y.system.FailReader(ctx, name, lease, "")
}

func (y gloomy) AdvanceReader(ctx context.Context, name string, lease crm.ID, to crm.Position, valid time.Duration) error {
	return y.underLease(ctx, name, lease, func(r *reader) { r.Position, r.until = max(r.Position, to), time.Now().Add(valid) })
}

// stale shows the head of the log late; ageless keeps its epoch.
type (
	stale   struct{ system }
	ageless struct{ system }
)

func (y stale) LogState(ctx context.Context) (crm.EventLog, error) {
	l, err := y.system.LogState(ctx)
	l.Head = max(0, l.Head-1)
	return l, err
}

func (y ageless) RenewLogEpoch(context.Context) error { return nil }

// purging changes what a purge is asked.
type purging struct {
	system
	ask func(before *time.Time, upTo *crm.Position, limit *int)
}

func (y purging) PurgeEvents(ctx context.Context, before time.Time, upTo crm.Position, limit int) (int, error) {
	y.ask(&before, &upTo, &limit)
	return y.system.PurgeEvents(ctx, before, upTo, limit)
}

// purgesHeads removes the newest event of a workspace too, purgesAround what is
// old behind what is young.
type (
	purgesHeads  struct{ system }
	purgesAround struct{ system }
)

func (y purgesHeads) PurgeEvents(ctx context.Context, before time.Time, upTo crm.Position, limit int) (int, error) {
	return y.purge(ctx, limit, func(e crm.WorkspaceEvent, _ map[crm.WorkspaceID]crm.Position) bool {
		return e.At.Before(before) && e.Position <= upTo
	})
}

func (y purgesAround) PurgeEvents(ctx context.Context, before time.Time, upTo crm.Position, limit int) (int, error) {
	return y.purge(ctx, limit, func(e crm.WorkspaceEvent, newest map[crm.WorkspaceID]crm.Position) bool {
		return e.At.Before(before) && e.Position <= upTo && e.Position != newest[e.Workspace]
	})
}

func (y system) purge(ctx context.Context, limit int, over func(crm.WorkspaceEvent, map[crm.WorkspaceID]crm.Position) bool) (int, error) {
	n := 0
	err := y.m.write(ctx, func(s *state) error {
		newest := map[crm.WorkspaceID]crm.Position{}
		for _, e := range s.events {
			newest[e.Workspace] = e.Position
		}
		s.events = slices.DeleteFunc(s.events, func(e crm.WorkspaceEvent) bool {
			gone := n < limit && over(e, maps.Clone(newest))
			if gone {
				n++
				s.log.Purged = e.Position
			}
			return gone
		})
		return nil
	})
	return n, err
}

func readerFaults() []fault {
	breakSystem := func(wrap func(y system) crm.SystemStore) func() crm.Store {
		return breakParts(func(m *memStore, p *parts) { p.SystemStore = wrap(system{m}) })
	}
	purges := func(ask func(before *time.Time, upTo *crm.Position, limit *int)) func() crm.Store {
		return breakSystem(func(y system) crm.SystemStore { return purging{y, ask} })
	}
	return []fault{
		{name: "a consumer advances without the lease", part: "log", red: "without_the_lease", store: breakSystem(func(y system) crm.SystemStore { return loose{y} })},
		{name: "a consumer has two readers", part: "log", red: "one_reader_at_a_time", store: breakSystem(func(y system) crm.SystemStore { return sharing{y} })},
		{name: "a race for a consumer has many winners", part: "log", red: "one_gets_it", store: breakSystem(func(y system) crm.SystemStore { return sharing{y} })},
		{name: "a lease on a consumer holds for ever", part: "log", red: "that_ran_out", store: breakSystem(func(y system) crm.SystemStore { return forEver{y} })},
		{name: "a consumer goes back", part: "log", red: "keeps_how_far_it_came", store: breakSystem(func(y system) crm.SystemStore { return backwards{y} })},
		{name: "a failure is not kept", part: "log", red: "a_failure", store: breakSystem(func(y system) crm.SystemStore { return cheerful{y} })},
		{name: "a failure outlives an advance", part: "log", red: "a_failure", store: breakSystem(func(y system) crm.SystemStore { return gloomy{y} })},
		{name: "the log's head lags behind", part: "log", red: "shows_its_head", store: breakSystem(func(y system) crm.SystemStore { return stale{y} })},
		{name: "an epoch is never another", part: "log", red: "a_renewed_epoch", store: breakSystem(func(y system) crm.SystemStore { return ageless{y} })},
		{name: "events are purged without limit", part: "log", red: "up_to_the_limit", store: purges(func(_ *time.Time, _ *crm.Position, limit *int) { *limit = 1 << 30 })},
		{name: "events are purged beyond a consumer", part: "log", red: "behind_a_position", store: purges(func(_ *time.Time, upTo *crm.Position, _ *int) { *upTo = 1 << 60 })},
		{name: "young events are purged", part: "log", red: "oldest_first", store: purges(func(before *time.Time, _ *crm.Position, _ *int) { *before = before.Add(1_000 * time.Hour) })},
		{name: "the newest event of a workspace is purged", part: "log", red: "never_purged", store: breakSystem(func(y system) crm.SystemStore { return purgesHeads{y} })},
		{name: "a purge takes old events behind young ones", part: "log", red: "a_young_event", store: breakSystem(func(y system) crm.SystemStore { return purgesAround{y} })},
	}
}
