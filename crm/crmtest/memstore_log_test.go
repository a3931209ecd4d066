package crmtest_test

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// reader is a durable consumer with the lease on it.
type reader struct {
	crm.EventReader
	lease crm.ID
	until time.Time
}

func (r reader) held(lease crm.ID) bool { return r.lease == lease && time.Now().Before(r.until) }

func (y system) ClaimReader(ctx context.Context, name string, lease crm.ID, valid time.Duration) (crm.EventReader, error) {
	var claimed reader
	err := y.m.write(ctx, func(s *state) error {
		claimed = s.readers[name]
		if claimed.lease != lease && time.Now().Before(claimed.until) {
			return conflict(crm.ConflictState, crm.ID{})
		}
		claimed.Name, claimed.lease, claimed.until = name, lease, time.Now().Add(valid)
		s.readers[name] = claimed
		return nil
	})
	claimed.Held = true
	return claimed.EventReader, err
}

// underLease changes a reader whose lease holds.
func (y system) underLease(ctx context.Context, name string, lease crm.ID, change func(r *reader)) error {
	return y.m.write(ctx, func(s *state) error {
		r := s.readers[name]
		if !r.held(lease) {
			return conflict(crm.ConflictStale, crm.ID{})
		}
		change(&r)
		s.readers[name] = r
		return nil
	})
}

func (y system) AdvanceReader(ctx context.Context, name string, lease crm.ID, to crm.Position, valid time.Duration) error {
	return y.underLease(ctx, name, lease, func(r *reader) {
		r.Position, r.Failure, r.FailingSince, r.until = max(r.Position, to), "", time.Time{}, time.Now().Add(valid)
	})
}

func (y system) FailReader(ctx context.Context, name string, lease crm.ID, code string) error {
	return y.underLease(ctx, name, lease, func(r *reader) {
		if r.Failure == "" {
			r.FailingSince = micros(time.Now())
		}
		r.Failure = code
	})
}

func (y system) ReleaseReader(ctx context.Context, name string, lease crm.ID) error {
	return y.m.write(ctx, func(s *state) error {
		if r := s.readers[name]; r.lease == lease {
			r.lease, r.until = crm.ID{}, time.Time{}
			s.readers[name] = r
		}
		return nil
	})
}

func (y system) ListReaders(context.Context) ([]crm.EventReader, error) {
	s, err := y.m.read()
	if err != nil {
		return nil, err
	}
	var all []crm.EventReader
	for _, r := range s.readers {
		r.Held = time.Now().Before(r.until)
		all = append(all, r.EventReader)
	}
	slices.SortFunc(all, func(a, b crm.EventReader) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

func (y system) LogState(context.Context) (crm.EventLog, error) {
	s, err := y.m.read()
	return s.log, err
}

func (y system) RenewLogEpoch(ctx context.Context) error {
	return y.m.write(ctx, func(s *state) error {
		s.log.Epoch = crm.NewID()
		return nil
	})
}

func (y system) PurgeEvents(ctx context.Context, before time.Time, upTo crm.Position, limit int) (int, error) {
	n := 0
	err := y.m.write(ctx, func(s *state) error {
		newest := map[crm.WorkspaceID]crm.Position{}
		for _, e := range s.events {
			newest[e.Workspace] = e.Position
		}
		over := false
		s.events = slices.DeleteFunc(s.events, func(e crm.WorkspaceEvent) bool {
			if e.Position == newest[e.Workspace] {
				return false
			}
			if over = over || n == limit || e.Position > upTo || !e.At.Before(before); over {
				return false
			}
			n++
			s.log.Purged = max(s.log.Purged, e.Position)
			return true
		})
		return nil
	})
	return n, err
}

// log returns all events of the workspace, oldest first.
func (t memTx) log(ctx context.Context, ws crm.WorkspaceID) ([]crm.Event, error) {
	return t.ListEvents(ctx, ws, 0, 1<<30)
}

func (t memTx) FeedTypes(ctx context.Context, ws crm.WorkspaceID) ([]crm.EventType, error) {
	events, err := t.log(ctx, ws)
	var types []crm.EventType
	for _, e := range events {
		types = append(types, e.Type)
	}
	slices.Sort(types)
	return slices.Compact(types), err
}

func (t memTx) ListFeed(ctx context.Context, ws crm.WorkspaceID, q crm.FeedQuery) ([]crm.Event, error) {
	events, err := t.log(ctx, ws)
	if err != nil {
		return nil, err
	}
	single := len(q.Types)+len(q.OwnTypes) == 1
	shown := map[crm.ID]bool{}
	var entries []crm.Event
	for _, e := range events {
		asked := slices.Contains(q.Types, e.Type) || slices.Contains(q.OwnTypes, e.Type) && e.Owner == q.Owner && !q.Owner.IsZero()
		if e.Bulk() {
			if (single && !asked) || shown[e.Batch] {
				continue
			}
			shown[e.Batch] = true
		}
		if asked && (q.Before == 0 || e.Position < q.Before) {
			entries = append(entries, e)
		}
	}
	slices.Reverse(entries)
	return firstOf(entries, q.Limit), nil
}

func (t memTx) ListSubjectEvents(ctx context.Context, ws crm.WorkspaceID, subject crm.ID, before crm.Position, limit int) ([]crm.Event, error) {
	events, err := t.log(ctx, ws)
	events = slices.DeleteFunc(events, func(e crm.Event) bool {
		return e.Subject.ID != subject && !slices.Contains(e.Contacts, subject) || before != 0 && e.Position >= before
	})
	slices.Reverse(events)
	return firstOf(events, limit), err
}

func (t memTx) CountBatches(ctx context.Context, ws crm.WorkspaceID, batches []crm.ID) ([]crm.BatchCount, error) {
	events, err := t.log(ctx, ws)
	counts := map[crm.BatchCount]int64{}
	for _, e := range events {
		if e.Bulk() && slices.Contains(batches, e.Batch) {
			counts[crm.BatchCount{Batch: e.Batch, Type: e.Type}]++
		}
	}
	var all []crm.BatchCount
	for c, n := range counts {
		c.Count = n
		all = append(all, c)
	}
	return all, err
}
