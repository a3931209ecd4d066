package postgres

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
// A batch is written by one transaction at a time: the others wait for its row.
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
			if counts, err = t.lockBatch(ctx, ws, e.Batch); err != nil {
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
		_, err = t.exec(ctx, fixed("UPDATE crm.event_batches SET counts = ? WHERE workspace = ? AND batch = ?"), string(text), uuidOf(ws), uuidOf(id))
		if err != nil {
			return nil, err
		}
	}
	return marks, nil
}

// lockBatch is batch for who is about to count more. It makes the row first: who
// comes at the same moment waits for it.
func (t *tx) lockBatch(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (batchCounts, error) {
	_, err := t.exec(ctx, fixed("INSERT INTO crm.event_batches (workspace, batch, counts) VALUES (?, ?, '{}') ON CONFLICT (workspace, batch) DO NOTHING"),
		uuidOf(ws), uuidOf(id))
	if err != nil {
		return nil, err
	}
	counts, _, err := one(ctx, t, scanCounts, fixed("SELECT counts FROM crm.event_batches WHERE workspace = ? AND batch = ? FOR UPDATE"),
		uuidOf(ws), uuidOf(id))
	return counts, err
}

// batch returns what is counted of a batch, empty for a new one.
func (r reads) batch(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (batchCounts, error) {
	counts, _, err := one(ctx, r, scanCounts, fixed("SELECT counts FROM crm.event_batches WHERE workspace = ? AND batch = ?"), uuidOf(ws), uuidOf(id))
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
	(SELECT type FROM crm.events WHERE workspace = $1 AND feed >= 1 ORDER BY type LIMIT 1)
	UNION ALL
	SELECT (SELECT type FROM crm.events WHERE workspace = $1 AND feed >= 1 AND type > w.type ORDER BY type LIMIT 1)
	FROM w WHERE w.type IS NOT NULL
) SELECT type FROM w WHERE type IS NOT NULL`

// FeedTypes implements [crm.FeedStore].
func (r reads) FeedTypes(ctx context.Context, ws crm.WorkspaceID) ([]crm.EventType, error) {
	types, err := list(ctx, r, func(rows *sqlx.Rows) (name crm.EventType, err error) {
		err = rows.Scan(&name)
		return name, err
	}, ofLog(feedTypesText), uuidOf(ws))
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
		some, err := list(ctx, r, scanOwnEvent, ofLog("SELECT "+eventColumns+` FROM crm.events
			WHERE workspace = ? AND type = ? AND feed >= 1 AND feed >= ? AND position < ? ORDER BY position DESC LIMIT ?`),
			uuidOf(ws), string(name), least, before, q.Limit)
		if err != nil {
			return nil, fmt.Errorf("list feed: %w", err)
		}
		all = append(all, some...)
	}
	for _, name := range q.OwnTypes {
		if q.Owner.IsZero() {
			break
		}
		some, err := list(ctx, r, scanOwnEvent, ofLog("SELECT "+eventColumns+` FROM crm.events
			WHERE workspace = ? AND owner = ? AND owner <> `+noID+` AND type = ? AND feed >= ? AND position < ? ORDER BY position DESC LIMIT ?`),
			uuidOf(ws), uuidOf(q.Owner), string(name), least, before, q.Limit)
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
const subjectEventsText = "SELECT " + eventColumns + ` FROM crm.events WHERE position IN (
	(SELECT position FROM crm.events WHERE workspace = $1 AND subject = $2 AND position < $3 ORDER BY position DESC LIMIT $4)
	UNION ALL
	(SELECT position FROM crm.event_contacts WHERE workspace = $1 AND contact = $2 AND position < $3 ORDER BY position DESC LIMIT $4)
)`

// ListSubjectEvents implements [crm.FeedStore].
func (r reads) ListSubjectEvents(ctx context.Context, ws crm.WorkspaceID, subject crm.ID, before crm.Position, limit int) ([]crm.Event, error) {
	events, err := list(ctx, r, scanOwnEvent, ofLog(subjectEventsText), uuidOf(ws), uuidOf(subject), beforeOrEnd(before), limit)
	if err != nil {
		return nil, fmt.Errorf("list events of subject %s: %w", subject, err)
	}
	slices.SortFunc(events, func(a, b crm.Event) int { return cmp.Compare(b.Position, a.Position) })
	return events[:min(limit, len(events))], nil
}

// dropNames forgets whom the events name that are about to go.
func (t *tx) dropNames(ctx context.Context, upTo int64) error {
	_, err := t.exec(ctx, fixed(`DELETE FROM crm.event_contacts n USING (
		SELECT e.workspace, unnest(e.contacts) AS contact, e.position FROM crm.events e WHERE e.position <= ? AND e.contacts <> '{}'`+notNewest+`
	) gone WHERE n.workspace = gone.workspace AND n.contact = gone.contact AND n.position = gone.position`), upTo)
	return err
}

// dropBatches forgets the batches whose entry in the feed is about to go. They
// are few, and looked up one by one: joined, the planner would read all batches.
func (t *tx) dropBatches(ctx context.Context, upTo int64) error {
	var workspaces []crm.WorkspaceID
	var batches []crm.ID
	err := each(ctx, t, func(rows *sqlx.Rows) error {
		var ws crm.WorkspaceID
		var batch crm.ID
		err := rows.Scan(scanWorkspace(&ws), scanID(&batch))
		workspaces, batches = append(workspaces, ws), append(batches, batch)
		return err
	}, fixed(batchesUpTo), upTo)
	if err != nil || len(batches) == 0 {
		return err
	}
	_, err = t.exec(ctx, fixed(`DELETE FROM crm.event_batches b USING unnest(CAST(? AS uuid[]), CAST(? AS uuid[])) AS gone (workspace, batch)
		WHERE b.workspace = gone.workspace AND b.batch = gone.batch`), uuidsOf(workspaces), uuidsOf(batches))
	return err
}

// batchesUpTo adds 0 to keep the planner off the index of the feed, which is not
// in the order of positions.
const batchesUpTo = `SELECT e.workspace, e.batch FROM crm.events e
	WHERE e.position <= ? AND e.feed + 0 = 2 AND e.batch <> ` + noID + notNewest + ` ORDER BY e.position`
