package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

// What the column feed of an event says.
const (
	feedNone  int64 = 0 // one of many of a batch
	feedType  int64 = 1 // the first of its type of a batch
	feedEntry int64 = 2 // an entry of the feed
)

// batchCounts are the events of a batch by type.
type batchCounts map[crm.EventType]int64

// feedMarks returns the column feed of each event, and counts those of batches.
// A batch is written by one transaction at a time, as everything is.
func (t *tx) feedMarks(ctx context.Context, ws crm.WorkspaceID, events []crm.Event) ([]int64, error) {
	marks := make([]int64, len(events))
	batches := map[crm.ID]batchCounts{}
	for i, e := range events {
		if marks[i] = feedEntry; !e.Bulk() {
			continue
		}
		counts, known := batches[e.Batch]
		if !known {
			var err error
			if counts, err = t.batch(ctx, ws, e.Batch); err != nil {
				return nil, err
			}
			batches[e.Batch] = counts
		}
		switch {
		case counts[e.Type] > 0:
			marks[i] = feedNone
		case len(counts) > 0:
			marks[i] = feedType
		}
		counts[e.Type]++
	}
	for id, counts := range batches {
		text, err := json.Marshal(counts)
		if err != nil {
			return nil, fmt.Errorf("encode batch: %w", err)
		}
		_, err = t.exec(ctx, fixed(`INSERT INTO event_batches (ws, batch, counts) VALUES (?, ?, ?)
			ON CONFLICT (ws, batch) DO UPDATE SET counts = excluded.counts`), numbered(ws), blob(id), string(text))
		if err != nil {
			return nil, err
		}
	}
	return marks, nil
}

// batch returns what is counted of a batch, empty for a new one.
func (r reads) batch(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (batchCounts, error) {
	counts, _, err := one(ctx, r, scanCounts, fixed("SELECT counts FROM event_batches WHERE ws = ? AND batch = ?"), numbered(ws), blob(id))
	if counts == nil {
		counts = batchCounts{}
	}
	return counts, err
}

func scanCounts(rows *sqlx.Rows) (counts batchCounts, err error) {
	var text string
	if err = rows.Scan(&text); err == nil {
		err = json.Unmarshal([]byte(text), &counts)
	}
	return counts, err
}

// CountBatches implements [crm.FeedStore].
func (r reads) CountBatches(ctx context.Context, ws crm.WorkspaceID, batches []crm.ID) ([]crm.BatchCount, error) {
	var all []crm.BatchCount
	for _, id := range batches {
		counts, err := r.batch(ctx, ws, id)
		if err != nil {
			return nil, fmt.Errorf("count batch %s: %w", id, err)
		}
		for name, n := range counts {
			all = append(all, crm.BatchCount{Batch: id, Type: name, Count: n})
		}
	}
	return all, nil
}

// feedTypesText finds one type after the other, a step of the index each.
const feedTypesText = `WITH RECURSIVE w (type) AS (
	SELECT (SELECT type FROM events INDEXED BY events_feed WHERE ws = ?1 AND feed >= 1 ORDER BY type LIMIT 1)
	UNION ALL
	SELECT (SELECT type FROM events INDEXED BY events_feed WHERE ws = ?1 AND feed >= 1 AND type > w.type ORDER BY type LIMIT 1)
	FROM w WHERE w.type IS NOT NULL
) SELECT type FROM w WHERE type IS NOT NULL`

// FeedTypes implements [crm.FeedStore].
func (r reads) FeedTypes(ctx context.Context, ws crm.WorkspaceID) ([]crm.EventType, error) {
	types, err := list(ctx, r, func(rows *sqlx.Rows) (name crm.EventType, err error) {
		err = rows.Scan(&name)
		return name, err
	}, fixed(feedTypesText), numbered(ws))
	if err != nil {
		return nil, fmt.Errorf("feed types: %w", err)
	}
	return types, nil
}

// ListFeed implements [crm.FeedStore]: the newest of each type, merged.
func (r reads) ListFeed(ctx context.Context, ws crm.WorkspaceID, q crm.FeedQuery) ([]crm.Event, error) {
	least := feedEntry
	if len(q.Types)+len(q.OwnTypes) == 1 {
		least = feedType
	}
	before := beforeOrEnd(q.Before)
	var all []crm.Event
	for _, name := range q.Types {
		some, err := list(ctx, r, scanOwnEvent, fixed("SELECT "+eventColumns+` FROM events INDEXED BY events_feed
			WHERE ws = ? AND type = ? AND feed >= 1 AND feed >= ? AND position < ? ORDER BY position DESC LIMIT ?`),
			numbered(ws), string(name), least, before, q.Limit)
		if err != nil {
			return nil, fmt.Errorf("list feed: %w", err)
		}
		all = append(all, some...)
	}
	for _, name := range q.OwnTypes {
		if q.Owner.IsZero() {
			break
		}
		some, err := list(ctx, r, scanOwnEvent, fixed("SELECT "+eventColumns+` FROM events INDEXED BY events_own
			WHERE ws = ? AND owner = ? AND owner <> x'' AND type = ? AND feed >= ? AND position < ? ORDER BY position DESC LIMIT ?`),
			numbered(ws), blob(q.Owner), string(name), least, before, q.Limit)
		if err != nil {
			return nil, fmt.Errorf("list own feed: %w", err)
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b crm.Event) int { return cmp.Compare(b.Position, a.Position) })
	return all[:min(q.Limit, len(all))], nil
}

// beforeOrEnd is a position that a page ends before; 0 means the log's end.
func beforeOrEnd(p crm.Position) int64 {
	if p == 0 {
		return 1<<63 - 1
	}
	return int64(p)
}

// subjectEventsText finds the events about a subject and those that name it,
// which may be the same, in one statement, which sees one state of the log: up
// to the limit of each.
const subjectEventsText = "SELECT " + eventColumns + ` FROM events WHERE position IN (
	SELECT position FROM (SELECT position FROM events INDEXED BY events_by_subject
		WHERE ws = ?1 AND subject = ?2 AND position < ?3 ORDER BY position DESC LIMIT ?4)
	UNION ALL
	SELECT position FROM (SELECT position FROM event_contacts
		WHERE ws = ?1 AND contact = ?2 AND position < ?3 ORDER BY position DESC LIMIT ?4)
)`

// ListSubjectEvents implements [crm.FeedStore].
func (r reads) ListSubjectEvents(ctx context.Context, ws crm.WorkspaceID, subject crm.ID, before crm.Position, limit int) ([]crm.Event, error) {
	events, err := list(ctx, r, scanOwnEvent, fixed(subjectEventsText), numbered(ws), blob(subject), beforeOrEnd(before), limit)
	if err != nil {
		return nil, fmt.Errorf("list events of subject %s: %w", subject, err)
	}
	slices.SortFunc(events, func(a, b crm.Event) int { return cmp.Compare(b.Position, a.Position) })
	return events[:min(limit, len(events))], nil
}

// nameContacts notes which contacts the events name that were appended last.
func (t *tx) nameContacts(ctx context.Context, ws crm.WorkspaceID, events []crm.Event) error {
	if !slices.ContainsFunc(events, func(e crm.Event) bool { return len(e.Contacts) > 0 }) {
		return nil
	}
	head, _, err := one(ctx, t, number, fixed("SELECT max(position) FROM events"))
	if err != nil {
		return err
	}
	type named struct {
		contact  crm.ID
		position int64
	}
	var all []named
	for i, e := range events {
		for _, id := range slices.Compact(slices.Clone(e.Contacts)) {
			all = append(all, named{id, head - int64(len(events)-1-i)})
		}
	}
	into := bulk{into: "event_contacts (ws, contact, position)", columns: 3, alike: 1}
	return t.insert(ctx, into, len(all), func(args []any, i int) ([]any, error) {
		return append(args, numbered(ws), blob(all[i].contact), all[i].position), nil
	})
}

// dropNames forgets whom the events name that are about to go.
func (t *tx) dropNames(ctx context.Context, upTo int64) error {
	type naming struct {
		ws, position int64
		contacts     []crm.ID
	}
	gone, err := list(ctx, t, func(rows *sqlx.Rows) (n naming, err error) {
		var packed []byte
		err = rows.Scan(&n.ws, &n.position, &packed)
		n.contacts = unpackIDs(packed)
		return n, err
	}, fixed("SELECT ws, position, contacts FROM events WHERE position <= ? AND contacts <> x''"+notNewest), upTo)
	if err != nil {
		return err
	}
	for _, n := range gone {
		for _, id := range n.contacts {
			_, err := t.exec(ctx, fixed("DELETE FROM event_contacts WHERE ws = ? AND contact = ? AND position = ?"), n.ws, blob(id), n.position)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// dropBatches forgets the batches whose entry in the feed is about to go.
func (t *tx) dropBatches(ctx context.Context, upTo int64) error {
	gone, err := list(ctx, t, func(rows *sqlx.Rows) (key [2]any, err error) {
		var ws int64
		var batch []byte
		err = rows.Scan(&ws, &batch)
		return [2]any{ws, slices.Clone(batch)}, err
	}, fixed("SELECT ws, batch FROM events WHERE position <= ? AND feed = 2 AND batch <> x''"+notNewest), upTo)
	if err != nil {
		return err
	}
	for _, key := range gone {
		if _, err := t.exec(ctx, fixed("DELETE FROM event_batches WHERE ws = ? AND batch = ?"), key[0], key[1]); err != nil {
			return err
		}
	}
	return nil
}
