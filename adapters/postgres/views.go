package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

// PutView implements [crm.ViewStore].
func (t *tx) PutView(ctx context.Context, ws crm.WorkspaceID, user, contact crm.ID, at time.Time, keep int) error {
	if err := t.putView(ctx, ws, user, contact, at, keep); err != nil {
		return fmt.Errorf("put view: %w", err)
	}
	return nil
}

const (
	// countView keeps the contact until the end of the transaction, so that no
	// view outlives an erase that comes between.
	countView = `INSERT INTO crm.contact_view_counts AS n (workspace, contact, views)
		SELECT c.workspace, c.id, 1 FROM crm.contacts c WHERE c.workspace = ? AND c.id = ? FOR KEY SHARE
		ON CONFLICT (workspace, contact) DO UPDATE SET views = n.views + 1`
	// moveView lets the views of a user come one after the other, so that what
	// comes next sees all of them.
	moveView = `INSERT INTO crm.contact_views AS v (workspace, user_id, contact, viewed_at)
		SELECT $1, $2, $3, $4 FROM (SELECT pg_advisory_xact_lock(hashtextextended('views ' || $5, 0))) AS one
		ON CONFLICT (workspace, user_id, contact) DO UPDATE SET viewed_at = excluded.viewed_at WHERE v.viewed_at < excluded.viewed_at`
	forgetViews = `DELETE FROM crm.contact_views WHERE workspace = $1 AND user_id = $2 AND contact = ANY(ARRAY(
		SELECT v.contact FROM crm.contact_views v WHERE v.workspace = $1 AND v.user_id = $2
		ORDER BY v.viewed_at DESC, v.contact DESC OFFSET $3))`
)

func (t *tx) putView(ctx context.Context, ws crm.WorkspaceID, user, contact crm.ID, at time.Time, keep int) error {
	n, err := t.change(ctx, fixed(countView), uuidOf(ws), uuidOf(contact))
	if err != nil || n == 0 { // There is no such contact.
		return err
	}
	_, err = t.exec(ctx, fixed(moveView), uuidOf(ws), uuidOf(user), uuidOf(contact), crm.Micros(at), uuidOf(ws)+uuidOf(user))
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, fixed(forgetViews), uuidOf(ws), uuidOf(user), keep)
	return err
}

// PutView implements [crm.ViewStore].
func (s *Store) PutView(ctx context.Context, ws crm.WorkspaceID, user, contact crm.ID, at time.Time, keep int) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutView(ctx, ws, user, contact, at, keep) })
}

// ListViews implements [crm.ViewStore].
func (r reads) ListViews(ctx context.Context, ws crm.WorkspaceID, user crm.ID, limit int) ([]crm.ContactView, error) {
	views, err := list(ctx, r, func(rows *sqlx.Rows) (v crm.ContactView, err error) {
		err = rows.Scan(scanID(&v.Contact), scanTime(&v.ViewedAt), &v.Count)
		return v, err
	}, fixed(`SELECT v.contact, v.viewed_at, n.views FROM crm.contact_views v
		JOIN crm.contact_view_counts n ON n.workspace = v.workspace AND n.contact = v.contact
		WHERE v.workspace = ? AND v.user_id = ? ORDER BY v.viewed_at DESC, v.contact DESC LIMIT ?`), uuidOf(ws), uuidOf(user), limit)
	if err != nil {
		return nil, fmt.Errorf("list views: %w", err)
	}
	return views, nil
}

// CountViews implements [crm.ViewStore].
func (r reads) CountViews(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) (map[crm.ID]int64, error) {
	counts := map[crm.ID]int64{}
	err := each(ctx, r, func(rows *sqlx.Rows) error {
		var id crm.ID
		var n int64
		err := rows.Scan(scanID(&id), &n)
		counts[id] = n
		return err
	}, fixed("SELECT n.contact, n.views FROM crm.contact_view_counts n WHERE n.workspace = ? AND n.contact = ANY(?)"), uuidOf(ws), uuidsOf(contacts))
	if err != nil {
		return nil, fmt.Errorf("count views: %w", err)
	}
	return counts, nil
}

// DeleteViews implements [crm.ViewStore].
func (t *tx) DeleteViews(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	for _, text := range []string{
		"DELETE FROM crm.contact_views WHERE workspace = ? AND contact = ANY(?)",
		"DELETE FROM crm.contact_view_counts WHERE workspace = ? AND contact = ANY(?)",
	} {
		if _, err := t.exec(ctx, fixed(text), uuidOf(ws), uuidsOf(contacts)); err != nil {
			return fmt.Errorf("delete views: %w", err)
		}
	}
	return nil
}

// DeleteViews implements [crm.ViewStore].
func (s *Store) DeleteViews(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteViews(ctx, ws, contacts) })
}
