package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// ListTouches implements [crm.InsightStore]. The links hold all of it in the
// order of time, so that each contact is one walk in one tree.
func (r reads) ListTouches(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, limit int) (map[crm.ID][]crm.Touch, error) {
	found := make(map[crm.ID][]crm.Touch, len(contacts))
	for _, contact := range contacts {
		if found[contact] != nil {
			continue
		}
		touches, err := list(ctx, r, scanTouch, fixed(`SELECT l.type, l.direction, l.occurred_at FROM interaction_links l
			WHERE l.ws = ? AND l.contact = ? ORDER BY l.occurred_at DESC, l.interaction DESC LIMIT ?`), numbered(ws), blob(contact), limit)
		if err != nil {
			return nil, fmt.Errorf("list touches: %w", err)
		}
		if len(touches) > 0 {
			found[contact] = touches
		}
	}
	return found, nil
}

func scanTouch(rows *sqlx.Rows) (t crm.Touch, err error) {
	err = rows.Scan(&t.Type, &t.Direction, scanTime(&t.At))
	return t, err
}

const (
	// setScore leaves the row and its index alone where the score is the same.
	setScore = `UPDATE contacts INDEXED BY contacts_by_id SET score = ? WHERE ws = ? AND id = ? AND score <> ?`
	// putInsight finds the contact first: it may be erased by now, or trashed.
	putInsight = `INSERT INTO insights (ws, contact, computed_at, score, due_at, priority, trend, chance)
		SELECT c.ws, c.id, ?, ?, ?, ?, ?, ? FROM contacts c INDEXED BY contacts_by_id WHERE c.ws = ? AND c.id = ? AND c.trashed = 0
		ON CONFLICT (ws, contact) DO UPDATE SET computed_at = excluded.computed_at, score = excluded.score, due_at = excluded.due_at,
			priority = excluded.priority, trend = excluded.trend, chance = excluded.chance
		WHERE computed_at <= excluded.computed_at`
)

// PutInsights implements [crm.InsightStore].
func (t *tx) PutInsights(ctx context.Context, ws crm.WorkspaceID, insights []crm.StoredInsight) error {
	// In the table's order neighbours share pages.
	insights = slices.SortedFunc(slices.Values(insights), func(a, b crm.StoredInsight) int { return bytes.Compare(a.Contact[:], b.Contact[:]) })
	for _, i := range insights {
		n, err := t.change(ctx, fixed(putInsight), crm.Micros(i.ComputedAt), int64(i.Score), crm.Micros(i.DueAt), int64(i.Priority),
			string(i.Trend), int64(i.Chance), numbered(ws), blob(i.Contact))
		if err == nil && n > 0 {
			_, err = t.exec(ctx, fixed(setScore), int64(i.Score), numbered(ws), blob(i.Contact), int64(i.Score))
		}
		if err != nil {
			return fmt.Errorf("put insights: %w", err)
		}
	}
	return nil
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
	err := sqlkit.Lists(blobs(contacts), func(padded []any) error {
		text := "SELECT " + insightColumns + " FROM insights i WHERE i.ws = ? AND i.contact IN " + sqlkit.Placeholders(len(padded))
		return each(ctx, r, func(rows *sqlx.Rows) error {
			i, err := scanInsight(rows)
			found[i.Contact] = i
			return err
		}, fixed(text), append([]any{numbered(ws)}, padded...)...)
	})
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
	if _, err := t.forEach(ctx, "DELETE FROM insights WHERE ws = ? AND contact IN %s", ws, blobs(contacts)); err != nil {
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
	text := "SELECT " + insightColumns + " FROM insights i INDEXED BY insights_by_priority WHERE i.ws = ? AND i.priority > 0"
	args := []any{numbered(ws)}
	if after != nil {
		text += " AND " + order.After()
		args = append(args, int64(after.Priority), blob(after.Contact))
	}
	found, err := list(ctx, r, scanInsight, fixed(text+" ORDER BY "+order.OrderBy()+" LIMIT ?"), append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("list focus: %w", err)
	}
	return found, nil
}

// countFollowUps names the bound of the partial index, so that it is found.
var countFollowUps = fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM insights i INDEXED BY insights_by_due
	WHERE i.ws = ? AND i.due_at > %d AND i.due_at <= ? LIMIT ?)`, crm.Micros(time.Time{}))

// CountFollowUps implements [crm.InsightStore].
func (r reads) CountFollowUps(ctx context.Context, ws crm.WorkspaceID, due time.Time, atMost int) (int, error) {
	n, _, err := one(ctx, r, number, fixed(countFollowUps), numbered(ws), crm.Micros(due), atMost)
	if err != nil {
		return 0, fmt.Errorf("count follow-ups: %w", err)
	}
	return int(n), nil
}
