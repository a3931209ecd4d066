package sqlite

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
	i, ok, err := one(ctx, r, scanImport, fixed("SELECT status, version, doc FROM imports WHERE workspace = ? AND id = ?"), blob(ws), blob(id))
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
	s := fixed("SELECT status, version, doc FROM imports WHERE workspace = ? AND id < ? ORDER BY id DESC LIMIT ?")
	args := []any{blob(ws), blob(orNewest(q.Before)), q.Limit}
	if !q.User.IsZero() {
		s = fixed(`SELECT status, version, doc FROM imports INDEXED BY imports_by_user
			WHERE workspace = ? AND actor_user = ? AND id < ? ORDER BY id DESC LIMIT ?`)
		args = []any{blob(ws), blob(q.User), blob(orNewest(q.Before)), q.Limit}
	}
	all, err := list(ctx, r, scanImport, s, args...)
	if err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	return all, nil
}

// CountImports implements [crm.ImportStore].
func (r reads) CountImports(ctx context.Context, ws crm.WorkspaceID, user crm.ID) (int, error) {
	s, args := fixed("SELECT count(*) FROM imports WHERE workspace = ?"), []any{blob(ws)}
	if !user.IsZero() {
		s = fixed("SELECT count(*) FROM imports INDEXED BY imports_by_user WHERE workspace = ? AND actor_user = ?")
		args = append(args, blob(user))
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
		_, err := t.exec(ctx, fixed("INSERT INTO imports (workspace, id, version, status, actor_user, doc) VALUES (?, ?, ?, ?, ?, ?)"),
			blob(ws), blob(i.ID), i.Version, string(i.Status), optionalBlob(i.Actor.User), doc)
		if isUnique(err) {
			return t.stale(ctx, i.ID, fixed(importVersion), blob(ws), blob(i.ID))
		}
		return err
	}
	n, err := t.change(ctx, fixed("UPDATE imports SET version = ?, status = ?, actor_user = ?, doc = ? WHERE workspace = ? AND id = ? AND version = ?"),
		i.Version, string(i.Status), optionalBlob(i.Actor.User), doc, blob(ws), blob(i.ID), expect)
	if err != nil || n == 1 {
		return err
	}
	return t.stale(ctx, i.ID, fixed(importVersion), blob(ws), blob(i.ID))
}

const importVersion = "SELECT version FROM imports WHERE workspace = ? AND id = ?"

// PutImport implements [crm.ImportStore].
func (s *Store) PutImport(ctx context.Context, ws crm.WorkspaceID, i crm.Import, expect int64) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutImport(ctx, ws, i, expect) })
}
