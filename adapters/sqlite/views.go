package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// PutView implements [crm.ViewStore].
func (t *tx) PutView(ctx context.Context, ws crm.WorkspaceID, user, contact crm.ID, at time.Time, keep int) error {
	if err := t.putView(ctx, ws, user, contact, at, keep); err != nil {
		return fmt.Errorf("put view: %w", err)
	}
	return nil
}

func (t *tx) putView(ctx context.Context, ws crm.WorkspaceID, user, contact crm.ID, at time.Time, keep int) error {
	n, err := t.change(ctx, fixed(`INSERT INTO contact_view_counts (ws, contact, views)
		SELECT c.ws, c.id, 1 FROM contacts c INDEXED BY contacts_by_id WHERE c.ws = ? AND c.id = ?
		ON CONFLICT (ws, contact) DO UPDATE SET views = views + 1`), numbered(ws), blob(contact))
	if err != nil || n == 0 { // There is no such contact.
		return err
	}
	_, err = t.exec(ctx, fixed(`INSERT INTO contact_views (ws, user, contact, viewed_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (ws, user, contact) DO UPDATE SET viewed_at = excluded.viewed_at WHERE viewed_at < excluded.viewed_at`),
		numbered(ws), blob(user), blob(contact), crm.Micros(at))
	if err != nil {
		return err
	}
	beyond, err := list(ctx, t, scanOneID, fixed(`SELECT v.contact FROM contact_views v INDEXED BY contact_views_by_time
		WHERE v.ws = ? AND v.user = ? ORDER BY v.viewed_at DESC, v.contact DESC LIMIT -1 OFFSET ?`), numbered(ws), blob(user), keep)
	if err != nil {
		return err
	}
	for _, old := range beyond { // One at most, unless keep was larger before.
		_, err := t.exec(ctx, fixed("DELETE FROM contact_views WHERE ws = ? AND user = ? AND contact = ?"), numbered(ws), blob(user), blob(old))
		if err != nil {
			return err
		}
	}
	return nil
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
	}, fixed(`SELECT v.contact, v.viewed_at, n.views FROM contact_views v INDEXED BY contact_views_by_time
		CROSS JOIN contact_view_counts n ON n.ws = v.ws AND n.contact = v.contact
		WHERE v.ws = ? AND v.user = ? ORDER BY v.viewed_at DESC, v.contact DESC LIMIT ?`), numbered(ws), blob(user), limit)
	if err != nil {
		return nil, fmt.Errorf("list views: %w", err)
	}
	return views, nil
}

// CountViews implements [crm.ViewStore].
func (r reads) CountViews(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) (map[crm.ID]int64, error) {
	counts := map[crm.ID]int64{}
	err := sqlkit.Lists(blobs(contacts), func(padded []any) error {
		text := "SELECT n.contact, n.views FROM contact_view_counts n WHERE n.ws = ? AND n.contact IN " + sqlkit.Placeholders(len(padded))
		return each(ctx, r, func(rows *sqlx.Rows) error {
			var id crm.ID
			var n int64
			err := rows.Scan(scanID(&id), &n)
			counts[id] = n
			return err
		}, fixed(text), append([]any{numbered(ws)}, padded...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("count views: %w", err)
	}
	return counts, nil
}

// DeleteViews implements [crm.ViewStore].
func (t *tx) DeleteViews(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	for _, text := range []string{
		"DELETE FROM contact_views WHERE ws = ? AND contact IN %s",
		"DELETE FROM contact_view_counts WHERE ws = ? AND contact IN %s",
	} {
		if _, err := t.forEach(ctx, text, ws, blobs(contacts)); err != nil {
			return fmt.Errorf("delete views: %w", err)
		}
	}
	return nil
}

// DeleteViews implements [crm.ViewStore].
func (s *Store) DeleteViews(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteViews(ctx, ws, contacts) })
}
