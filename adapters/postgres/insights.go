package postgres

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// ListTouches implements [crm.InsightStore]. The links hold all of it in the
// order of time, so that each contact is one walk in one index.
func (r reads) ListTouches(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, limit int) (map[crm.ID][]crm.Touch, error) {
	found := make(map[crm.ID][]crm.Touch, len(contacts))
	asked := slices.Compact(slices.SortedFunc(slices.Values(contacts), compareIDs))
	err := each(ctx, r, func(rows *sqlx.Rows) error {
		var contact crm.ID
		var touch crm.Touch
		err := rows.Scan(scanID(&contact), &touch.Type, &touch.Direction, scanTime(&touch.At))
		found[contact] = append(found[contact], touch)
		return err
	}, fixed(`SELECT asked.contact, l.type, l.direction, l.occurred_at FROM unnest(CAST(? AS uuid[])) AS asked (contact)
		CROSS JOIN LATERAL (SELECT l.type, l.direction, l.occurred_at FROM crm.interaction_links l
			WHERE l.workspace = ? AND l.contact = asked.contact ORDER BY l.occurred_at DESC, l.interaction DESC LIMIT ?) l
		ORDER BY asked.contact, l.occurred_at DESC`), uuidsOf(asked), uuidOf(ws), limit)
	if err != nil {
		return nil, fmt.Errorf("list touches: %w", err)
	}
	return found, nil
}

func compareIDs(a, b crm.ID) int { return bytes.Compare(a[:], b[:]) }

const (
	// liveContacts locks those contacts that can have an insight: they may be
	// erased by now, or trashed.
	liveContacts = "SELECT c.id FROM crm.contacts c WHERE c.workspace = ? AND c.id = ANY(?) AND NOT c.trashed ORDER BY c.id FOR NO KEY UPDATE"
	// putInsights leaves the contact's row and its index alone where the score is
	// the same.
	putInsights = `WITH put AS (
		INSERT INTO crm.insights AS i (workspace, contact, computed_at, score, due_at, priority, trend, chance)
		SELECT $1, v.* FROM unnest(CAST($2 AS uuid[]), CAST($3 AS bigint[]), CAST($4 AS bigint[]), CAST($5 AS bigint[]),
			CAST($6 AS bigint[]), CAST($7 AS text[]), CAST($8 AS bigint[])) AS v
		ON CONFLICT (workspace, contact) DO UPDATE SET computed_at = excluded.computed_at, score = excluded.score, due_at = excluded.due_at,
			priority = excluded.priority, trend = excluded.trend, chance = excluded.chance
		WHERE i.computed_at <= excluded.computed_at
		RETURNING contact, score)
	UPDATE crm.contacts c SET score = put.score FROM put WHERE c.workspace = $1 AND c.id = put.contact AND c.score <> put.score`
)

// PutInsights implements [crm.InsightStore].
func (t *tx) PutInsights(ctx context.Context, ws crm.WorkspaceID, insights []crm.StoredInsight) error {
	if err := t.putInsights(ctx, ws, insights); err != nil {
		return fmt.Errorf("put insights: %w", err)
	}
	return nil
}

func (t *tx) putInsights(ctx context.Context, ws crm.WorkspaceID, insights []crm.StoredInsight) error {
	byContact := make(map[crm.ID]crm.StoredInsight, len(insights))
	for _, i := range insights {
		byContact[i.Contact] = i
	}
	live, err := list(ctx, t, scanOneID, fixed(liveContacts), uuidOf(ws), uuidsOf(slices.Collect(maps.Keys(byContact))))
	if err != nil || len(live) == 0 {
		return err
	}
	var computed, scores, due, priorities, chances pq.Int64Array
	var trends []string
	for _, id := range live { // In the table's order neighbours share pages.
		i := byContact[id]
		computed, due = append(computed, crm.Micros(i.ComputedAt)), append(due, crm.Micros(i.DueAt))
		scores, priorities, chances = append(scores, int64(i.Score)), append(priorities, int64(i.Priority)), append(chances, int64(i.Chance))
		trends = append(trends, string(i.Trend))
	}
	_, err = t.exec(ctx, fixed(putInsights), uuidOf(ws), uuidsOf(live), computed, scores, due, priorities, textsOf(trends), chances)
	return err
}

// PutInsights implements [crm.InsightStore].
func (s *Store) PutInsights(ctx context.Context, ws crm.WorkspaceID, insights []crm.StoredInsight) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutInsights(ctx, ws, insights) })
}

const insightColumns = "i.contact, i.computed_at, i.score, i.due_at, i.priority, i.trend, i.chance"

func scanInsight(rows *sqlx.Rows) (i crm.StoredInsight, err error) {
	err = rows.Scan(scanID(&i.Contact), scanTime(&i.ComputedAt), &i.Score, scanTime(&i.DueAt), &i.Priority, &i.Trend, &i.Chance)
	return i, err
}

// GetInsights implements [crm.InsightStore].
func (r reads) GetInsights(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) ([]crm.StoredInsight, error) {
	found := make(map[crm.ID]crm.StoredInsight, len(contacts))
	err := each(ctx, r, func(rows *sqlx.Rows) error {
		i, err := scanInsight(rows)
		found[i.Contact] = i
		return err
	}, fixed("SELECT "+insightColumns+" FROM crm.insights i WHERE i.workspace = ? AND i.contact = ANY(?)"), uuidOf(ws), uuidsOf(contacts))
	if err != nil {
		return nil, fmt.Errorf("get insights: %w", err)
	}
	ordered := make([]crm.StoredInsight, 0, len(found))
	for _, id := range contacts {
		if i, ok := found[id]; ok {
			ordered = append(ordered, i)
			delete(found, id)
		}
	}
	return ordered, nil
}

// DeleteInsights implements [crm.InsightStore].
func (t *tx) DeleteInsights(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	_, err := t.exec(ctx, fixed("DELETE FROM crm.insights WHERE workspace = ? AND contact = ANY(?)"), uuidOf(ws), uuidsOf(contacts))
	if err != nil {
		return fmt.Errorf("delete insights: %w", err)
	}
	return nil
}

// DeleteInsights implements [crm.InsightStore].
func (s *Store) DeleteInsights(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteInsights(ctx, ws, contacts) })
}

// ListFocus implements [crm.InsightStore].
func (r reads) ListFocus(ctx context.Context, ws crm.WorkspaceID, after *crm.FocusPosition, limit int) ([]crm.StoredInsight, error) {
	order := sqlkit.Keyset{Columns: []string{"i.priority", "i.contact"}, Desc: true}
	text := "SELECT " + insightColumns + " FROM crm.insights i WHERE i.workspace = ? AND i.priority > 0"
	args := []any{uuidOf(ws)}
	if after != nil {
		text += " AND " + order.After()
		args = append(args, int64(after.Priority), uuidOf(after.Contact))
	}
	found, err := list(ctx, r, scanInsight, fixed(text+" ORDER BY "+order.OrderBy()+" LIMIT ?"), append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("list focus: %w", err)
	}
	return found, nil
}

// countFollowUps names the bound of the partial index, so that it is found.
var countFollowUps = fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM crm.insights i
	WHERE i.workspace = ? AND i.due_at > %d AND i.due_at <= ? LIMIT ?) AS counted`, crm.Micros(time.Time{}))

// CountFollowUps implements [crm.InsightStore].
func (r reads) CountFollowUps(ctx context.Context, ws crm.WorkspaceID, due time.Time, atMost int) (int, error) {
	n, _, err := one(ctx, r, number, fixed(countFollowUps), uuidOf(ws), crm.Micros(due), atMost)
	if err != nil {
		return 0, fmt.Errorf("count follow-ups: %w", err)
	}
	return int(n), nil
}
