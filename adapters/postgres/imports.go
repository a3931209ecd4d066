package postgres

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

func scanImport(rows *sqlx.Rows) (i crm.Import, err error) {
	var doc string
	if err = rows.Scan(&i.Status, &i.Version, &doc); err != nil {
		return i, err
	}
	err = decodeImport(doc, &i)
	return i, err
}

// GetImport implements [crm.ImportStore].
func (r reads) GetImport(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (crm.Import, error) {
	return getImport(ctx, r, ws, id, "")
}

// GetImport implements [crm.ImportStore]. The import stays as it is until the
// end of the transaction.
func (t *tx) GetImport(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (crm.Import, error) {
	return getImport(ctx, t, ws, id, forUpdate)
}

// forUpdate behind a SELECT of rows keeps others from changing them until the
// end of the transaction.
const forUpdate = " FOR NO KEY UPDATE"

func getImport(ctx context.Context, on session, ws crm.WorkspaceID, id crm.ID, lock string) (crm.Import, error) {
	i, ok, err := one(ctx, on, scanImport,
		fixed("SELECT status, version, doc FROM crm.imports WHERE workspace = ? AND id = ?"+lock), uuidOf(ws), uuidOf(id))
	if err == nil && !ok {
		err = crm.ErrNotFound
	}
	if err != nil {
		return crm.Import{}, fmt.Errorf("get import %s: %w", id, err)
	}
	return i, nil
}

// ListImports implements [crm.ImportStore].
func (r reads) ListImports(ctx context.Context, ws crm.WorkspaceID, q crm.ImportQuery) ([]crm.Import, error) {
	s := fixed("SELECT status, version, doc FROM crm.imports WHERE workspace = ? AND id < ? ORDER BY id DESC LIMIT ?")
	args := []any{uuidOf(ws), uuidOf(orNewest(q.Before)), q.Limit}
	if !q.User.IsZero() {
		s = fixed(`SELECT status, version, doc FROM crm.imports
			WHERE workspace = ? AND actor_user = ? AND id < ? ORDER BY id DESC LIMIT ?`)
		args = []any{uuidOf(ws), uuidOf(q.User), uuidOf(orNewest(q.Before)), q.Limit}
	}
	all, err := list(ctx, r, scanImport, s, args...)
	if err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	return all, nil
}

// CountImports implements [crm.ImportStore].
func (r reads) CountImports(ctx context.Context, ws crm.WorkspaceID, user crm.ID) (int, error) {
	s, args := fixed("SELECT count(*) FROM crm.imports WHERE workspace = ?"), []any{uuidOf(ws)}
	if !user.IsZero() {
		s = fixed("SELECT count(*) FROM crm.imports WHERE workspace = ? AND actor_user = ?")
		args = append(args, uuidOf(user))
	}
	n, _, err := one(ctx, r, number, s, args...)
	if err != nil {
		return 0, fmt.Errorf("count imports: %w", err)
	}
	return int(n), nil
}

// orNewest returns what every id sorts before when id is zero.
func orNewest(id crm.ID) crm.ID {
	if id.IsZero() {
		for i := range id {
			id[i] = 0xff
		}
	}
	return id
}

// PutImport implements [crm.ImportStore].
func (t *tx) PutImport(ctx context.Context, ws crm.WorkspaceID, i crm.Import, expect int64) error {
	if err := t.putImport(ctx, ws, i, expect); err != nil {
		return fmt.Errorf("put import %s: %w", i.ID, err)
	}
	return nil
}

func (t *tx) putImport(ctx context.Context, ws crm.WorkspaceID, i crm.Import, expect int64) error {
	doc, err := encodeImport(i)
	if err != nil {
		return err
	}
	if expect == 0 {
		n, err := t.change(ctx, fixed(`INSERT INTO crm.imports (workspace, id, version, status, actor_user, doc) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`), uuidOf(ws), uuidOf(i.ID), i.Version, string(i.Status), uuidOf(i.Actor.User), doc)
		if err != nil || n == 1 {
			return err
		}
		return t.stale(ctx, i.ID, fixed(importVersion), uuidOf(ws), uuidOf(i.ID))
	}
	n, err := t.change(ctx, fixed("UPDATE crm.imports SET version = ?, status = ?, actor_user = ?, doc = ? WHERE workspace = ? AND id = ? AND version = ?"),
		i.Version, string(i.Status), uuidOf(i.Actor.User), doc, uuidOf(ws), uuidOf(i.ID), expect)
	if err != nil || n == 1 {
		return err
	}
	return t.stale(ctx, i.ID, fixed(importVersion), uuidOf(ws), uuidOf(i.ID))
}

const importVersion = "SELECT version FROM crm.imports WHERE workspace = ? AND id = ?"

// PutImport implements [crm.ImportStore].
func (s *Store) PutImport(ctx context.Context, ws crm.WorkspaceID, i crm.Import, expect int64) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutImport(ctx, ws, i, expect) })
}
