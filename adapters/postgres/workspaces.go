package postgres

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

const workspaceColumns = "id, name, region, time_zone, created_at, updated_at, version"

func scanWorkspaceRow(rows *sqlx.Rows) (w crm.Workspace, err error) {
	err = rows.Scan(scanWorkspace(&w.ID), scanExact(&w.Name), &w.Region, &w.TimeZone, scanTime(&w.CreatedAt), scanTime(&w.UpdatedAt), &w.Version)
	return w, err
}

// GetWorkspace implements [crm.WorkspaceStore].
func (r reads) GetWorkspace(ctx context.Context, ws crm.WorkspaceID) (crm.Workspace, error) {
	w, ok, err := one(ctx, r, scanWorkspaceRow, fixed("SELECT "+workspaceColumns+" FROM crm.workspaces WHERE id = ?"), uuidOf(ws))
	if err == nil && !ok {
		err = crm.ErrNotFound
	}
	if err != nil {
		return crm.Workspace{}, fmt.Errorf("get workspace %s: %w", ws, err)
	}
	return w, nil
}

// ListWorkspaces implements [crm.SystemStore].
func (r reads) ListWorkspaces(ctx context.Context, after crm.WorkspaceID, limit int) ([]crm.Workspace, error) {
	all, err := list(ctx, r, scanWorkspaceRow,
		fixed("SELECT "+workspaceColumns+" FROM crm.workspaces WHERE id > ? ORDER BY id LIMIT ?"), uuidOf(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list workspaces: %w", err)
	}
	return all, nil
}

func (t *tx) PutWorkspace(ctx context.Context, w crm.Workspace, expect int64) error {
	if err := t.putWorkspace(ctx, w, expect); err != nil {
		return fmt.Errorf("put workspace %s: %w", w.ID, err)
	}
	return nil
}

func (t *tx) putWorkspace(ctx context.Context, w crm.Workspace, expect int64) error {
	if expect == 0 {
		n, err := t.change(ctx, fixed("INSERT INTO crm.workspaces ("+workspaceColumns+") VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"),
			uuidOf(w.ID), exactText(w.Name), w.Region, w.TimeZone, crm.Micros(w.CreatedAt), crm.Micros(w.UpdatedAt), w.Version)
		if err == nil && n == 0 {
			err = existsConflict(crm.ID(w.ID), "the workspace exists already")
		}
		return err
	}
	n, err := t.change(ctx, fixed(`UPDATE crm.workspaces SET name = ?, region = ?, time_zone = ?, created_at = ?, updated_at = ?, version = ?
		WHERE id = ? AND version = ?`),
		exactText(w.Name), w.Region, w.TimeZone, crm.Micros(w.CreatedAt), crm.Micros(w.UpdatedAt), w.Version, uuidOf(w.ID), expect)
	if err != nil || n == 1 {
		return err
	}
	return t.stale(ctx, crm.ID(w.ID), fixed("SELECT version FROM crm.workspaces WHERE id = ?"), uuidOf(w.ID))
}

// PutWorkspace implements [crm.WorkspaceStore].
func (s *Store) PutWorkspace(ctx context.Context, w crm.Workspace, expect int64) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutWorkspace(ctx, w, expect) })
}

// stale is the conflict of a write whose version is not the stored one; the
// statement reads that one.
func (t *tx) stale(ctx context.Context, id crm.ID, s statement, args ...any) error {
	version, _, err := one(ctx, t, number, s, args...)
	if err != nil {
		return err
	}
	return staleConflict(id, version)
}

func staleConflict(id crm.ID, version int64) error {
	return &crm.ConflictError{Reason: crm.ConflictStale, ID: id, Version: version, Message: "the record has changed since it was read; read it again"}
}

func existsConflict(id crm.ID, message string) error {
	return &crm.ConflictError{Reason: crm.ConflictExists, ID: id, Message: message}
}
