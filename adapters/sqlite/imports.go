package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

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

// rowDetail is what few rows of an import have.
type rowDetail struct {
	Candidates []crm.ID         `json:"c,omitempty"`
	Problems   []crm.FieldError `json:"p,omitempty"`
	Kept       []string         `json:"k,omitempty"`
	Dropped    []string         `json:"d,omitempty"`
}

// PutImportRows implements [crm.ImportStore].
func (t *tx) PutImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, importRows []crm.ImportRow) error {
	const tail = ` ON CONFLICT (workspace, import, row) DO UPDATE SET outcome = excluded.outcome, flagged = excluded.flagged,
		contact = excluded.contact, detail = excluded.detail`
	err := t.insert(ctx, bulk{into: "import_rows (workspace, import, row, outcome, flagged, contact, detail)", columns: 7, tail: tail}, len(importRows),
		func(args []any, i int) ([]any, error) {
			r := importRows[i]
			detail, err := detailText(r)
			return append(args, blob(ws), blob(id), r.Row, string(r.Outcome), flag(r.NotAsItStood()), optionalBlob(r.Contact), detail), err
		})
	if err != nil {
		return fmt.Errorf("put rows of import %s: %w", id, err)
	}
	return nil
}

func detailText(r crm.ImportRow) (string, error) {
	if len(r.Candidates)+len(r.Problems)+len(r.Kept)+len(r.Dropped) == 0 {
		return "", nil
	}
	b, err := json.Marshal(rowDetail{Candidates: r.Candidates, Problems: r.Problems, Kept: r.Kept, Dropped: r.Dropped})
	return string(b), err
}

// ListImportRows implements [crm.ImportStore].
func (r reads) ListImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, q crm.ImportRowQuery) ([]crm.ImportRow, error) {
	all, err := r.listImportRows(ctx, ws, id, q)
	if err != nil {
		return nil, fmt.Errorf("list rows of import %s: %w", id, err)
	}
	return all, nil
}

// listImportRows walks the index of each outcome and merges what it finds,
// because no index has several outcomes in the order of rows.
func (r reads) listImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, q crm.ImportRowQuery) ([]crm.ImportRow, error) {
	const head = "SELECT row, outcome, contact, detail FROM import_rows "
	args := []any{blob(ws), blob(id), q.After, q.Limit}
	if len(q.Outcomes) == 0 && !q.NotAsItStood {
		return list(ctx, r, scanImportRow, fixed(head+"WHERE workspace = ? AND import = ? AND row > ? ORDER BY row LIMIT ?"), args...)
	}
	if len(q.Outcomes) == 0 {
		return list(ctx, r, scanImportRow, fixed(head+`INDEXED BY import_rows_flagged
			WHERE workspace = ? AND import = ? AND row > ? AND flagged = 1 ORDER BY row LIMIT ?`), args...)
	}
	text := head + "INDEXED BY import_rows_by_outcome WHERE workspace = ? AND import = ? AND row > ? AND outcome = ? "
	if q.NotAsItStood {
		text += "AND flagged = 1 "
	}
	outcomes := slices.Clone(q.Outcomes)
	slices.Sort(outcomes)
	var all []crm.ImportRow
	for _, outcome := range slices.Compact(outcomes) {
		some, err := list(ctx, r, scanImportRow, fixed(text+"ORDER BY row LIMIT ?"), blob(ws), blob(id), q.After, string(outcome), q.Limit)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b crm.ImportRow) int { return int(a.Row - b.Row) })
	return all[:min(len(all), max(q.Limit, 0))], nil
}

func scanImportRow(rows *sqlx.Rows) (r crm.ImportRow, err error) {
	var detail string
	if err = rows.Scan(&r.Row, &r.Outcome, scanID(&r.Contact), &detail); err != nil || detail == "" {
		return r, err
	}
	var d rowDetail
	err = json.Unmarshal([]byte(detail), &d)
	r.Candidates, r.Problems, r.Kept, r.Dropped = d.Candidates, d.Problems, d.Kept, d.Dropped
	return r, err
}

// DeleteImportRows implements [crm.ImportStore].
func (t *tx) DeleteImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	if _, err := t.exec(ctx, fixed("DELETE FROM import_rows WHERE workspace = ? AND import = ?"), blob(ws), blob(id)); err != nil {
		return fmt.Errorf("delete rows of import %s: %w", id, err)
	}
	return nil
}

// PutImport implements [crm.ImportStore].
func (s *Store) PutImport(ctx context.Context, ws crm.WorkspaceID, i crm.Import, expect int64) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutImport(ctx, ws, i, expect) })
}

// PutImportRows implements [crm.ImportStore].
func (s *Store) PutImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, importRows []crm.ImportRow) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutImportRows(ctx, ws, id, importRows) })
}

// DeleteImportRows implements [crm.ImportStore].
func (s *Store) DeleteImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteImportRows(ctx, ws, id) })
}
