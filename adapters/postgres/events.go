package postgres

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

const eventColumns = "position, id, type, at, actor_kind, actor, subject_kind, subject, changed, version, batch, contacts, owner"

// scanEvent reads the columns of an event, and of others before them.
func scanEvent(rows *sqlx.Rows, before ...any) (e crm.Event, err error) {
	var changed string
	err = rows.Scan(append(before, &e.Position, scanID(&e.ID), &e.Type, scanTime(&e.At), &e.Actor.Kind, scanID(&e.Actor.ID),
		&e.Subject.Kind, scanID(&e.Subject.ID), &changed, &e.Version, scanID(&e.Batch), (*uuidArray[crm.ID])(&e.Contacts), scanID(&e.Owner))...)
	if err == nil && changed != "" {
		err = json.Unmarshal([]byte(changed), &e.Changed)
	}
	return e, err
}

func scanOwnEvent(rows *sqlx.Rows) (crm.Event, error) { return scanEvent(rows) }

func scanWorkspaceEvent(rows *sqlx.Rows) (e crm.WorkspaceEvent, err error) {
	e.Event, err = scanEvent(rows, scanWorkspace(&e.Workspace))
	return e, err
}

// AppendEvents implements [crm.EventStore]. The rows wait in the inbox, in their
// order, for their positions, which they get after the commit.
func (t *tx) AppendEvents(ctx context.Context, ws crm.WorkspaceID, events []crm.Event) error {
	marks, err := t.feedMarks(ctx, ws, events)
	if err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	t.logged = true
	into := bulk{table: "event_inbox", waits: true, columns: []string{
		"workspace", "type", "at", "actor_kind", "actor", "subject_kind", "changed", "version", "batch", "contacts", "owner", "id", "subject", "feed",
	}}
	err = t.insert(ctx, into, len(events), func(args []any, i int) ([]any, error) {
		e := events[i]
		changed, err := namesText(e.Changed)
		return append(args, uuidOf(ws), string(e.Type), crm.Micros(e.At), string(e.Actor.Kind), uuidOf(e.Actor.ID),
			e.Subject.Kind, changed, e.Version, uuidOf(e.Batch), uuidsOf(e.Contacts), uuidOf(e.Owner),
			uuidOf(e.ID), uuidOf(e.Subject.ID), marks[i]), err
	})
	if err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	return nil
}

// namesText is a list of names as JSON, an empty one as nothing.
func namesText(names []string) (string, error) {
	if len(names) == 0 {
		return "", nil
	}
	b, err := json.Marshal(names)
	return string(b), err
}

// AppendEvents implements [crm.EventStore].
func (s *Store) AppendEvents(ctx context.Context, ws crm.WorkspaceID, events []crm.Event) error {
	return s.inTx(ctx, func(t *tx) error { return t.AppendEvents(ctx, ws, events) })
}

// ListEvents implements [crm.EventStore].
func (r reads) ListEvents(ctx context.Context, ws crm.WorkspaceID, after crm.Position, limit int) ([]crm.Event, error) {
	events, err := list(ctx, r, scanOwnEvent, ofLog("SELECT "+eventColumns+` FROM crm.events
		WHERE workspace = ? AND position > ? ORDER BY position LIMIT ?`), uuidOf(ws), int64(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return events, nil
}

// EventHead implements [crm.EventStore].
func (r reads) EventHead(ctx context.Context, ws crm.WorkspaceID) (crm.Position, error) {
	head, _, err := one(ctx, r, number, ofLog(`SELECT position FROM crm.events
		WHERE workspace = ? ORDER BY position DESC LIMIT 1`), uuidOf(ws))
	if err != nil {
		return 0, fmt.Errorf("event head: %w", err)
	}
	return crm.Position(head), nil
}

// EventsAfter implements [crm.SystemStore].
func (s *Store) EventsAfter(ctx context.Context, after crm.Position, limit int) ([]crm.WorkspaceEvent, error) {
	events, err := list(ctx, s, scanWorkspaceEvent, ofLog("SELECT workspace, "+eventColumns+
		" FROM crm.events WHERE position > ? ORDER BY position LIMIT ?"), int64(after), limit)
	if err != nil {
		return nil, fmt.Errorf("events after %d: %w", after, err)
	}
	return events, nil
}

// BusyWorkspaces implements [crm.ActivityReader].
func (s *Store) BusyWorkspaces(ctx context.Context, limit int) ([]crm.WorkspaceID, error) {
	counts := map[crm.WorkspaceID]int{}
	err := each(ctx, s, func(rows *sqlx.Rows) error {
		var ws crm.WorkspaceID
		err := rows.Scan(scanWorkspace(&ws))
		counts[ws]++
		return err
	}, ofLog("SELECT workspace FROM crm.events WHERE position > (SELECT head FROM crm.event_log WHERE id = 1) - ?"), crm.BusyWindow)
	if err != nil {
		return nil, fmt.Errorf("busy workspaces: %w", err)
	}
	busy := slices.SortedFunc(maps.Keys(counts), func(a, b crm.WorkspaceID) int {
		return cmp.Or(counts[b]-counts[a], bytes.Compare(a[:], b[:]))
	})
	return busy[:min(limit, len(busy))], nil
}
