package sqlite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

const keyColumns = "id, user_id, name, prefix, scopes, created_at, expires_at, used_at"

// scopesColumn scans scopes parted by blanks.
type scopesColumn []crm.Scope

// Scan implements sql.Scanner.
func (c *scopesColumn) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("scan scopes: got %T", src)
	}
	*c = nil
	for scope := range strings.FieldsSeq(text) {
		*c = append(*c, crm.Scope(scope))
	}
	return nil
}

func scopesText(scopes []crm.Scope) string {
	var b strings.Builder
	for i, scope := range scopes {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(scope))
	}
	return b.String()
}

// keyFields are the targets of keyColumns.
func keyFields(k *identity.Key) []any {
	return []any{
		scanID(&k.ID), scanID(&k.User), &k.Name, &k.Prefix, (*scopesColumn)(&k.Scopes),
		scanTime(&k.CreatedAt), scanTime(&k.ExpiresAt), scanTime(&k.UsedAt),
	}
}

func scanKey(rows *sqlx.Rows) (k identity.Key, err error) {
	err = rows.Scan(keyFields(&k)...)
	return k, err
}

// PutKey implements [identity.KeyStore].
func (t *tx) PutKey(ctx context.Context, ws crm.WorkspaceID, k identity.Key, digest identity.Digest) error {
	_, err := t.exec(ctx, fixed("INSERT INTO api_keys (workspace, digest, "+keyColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
		blob(ws), digestBlob(digest), blob(k.ID), blob(k.User), k.Name, k.Prefix, scopesText(k.Scopes),
		crm.Micros(k.CreatedAt), crm.Micros(k.ExpiresAt), crm.Micros(k.UsedAt))
	return named(fmt.Sprintf("put API key %s", k.ID), missing(err))
}

// PutKey implements [identity.KeyStore].
func (s *Store) PutKey(ctx context.Context, ws crm.WorkspaceID, k identity.Key, digest identity.Digest) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutKey(ctx, ws, k, digest) })
}

// GetKey implements [identity.KeyStore].
func (r reads) GetKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (identity.Key, error) {
	k, ok, err := one(ctx, r, scanKey, fixed("SELECT "+keyColumns+" FROM api_keys WHERE workspace = ? AND id = ?"), blob(ws), blob(id))
	return found(k, ok, err, fmt.Sprintf("get API key %s", id))
}

// ListKeys implements [identity.KeyStore].
func (r reads) ListKeys(ctx context.Context, ws crm.WorkspaceID, q identity.KeyQuery) ([]identity.Key, error) {
	s := fixed("SELECT " + keyColumns + " FROM api_keys WHERE workspace = ? AND id > ? ORDER BY id LIMIT ?")
	args := []any{blob(ws), blob(q.After), q.Limit}
	if !q.User.IsZero() {
		s = fixed("SELECT " + keyColumns + ` FROM api_keys INDEXED BY api_keys_by_user
			WHERE workspace = ? AND user_id = ? AND id > ? ORDER BY id LIMIT ?`)
		args = []any{blob(ws), blob(q.User), blob(q.After), q.Limit}
	}
	all, err := list(ctx, r, scanKey, s, args...)
	return all, named("list API keys", err)
}

// CountKeys implements [identity.KeyStore].
func (r reads) CountKeys(ctx context.Context, ws crm.WorkspaceID, user crm.ID) (int, error) {
	s := fixed("SELECT count(*) FROM api_keys WHERE workspace = ?")
	args := []any{blob(ws)}
	if !user.IsZero() {
		s = fixed("SELECT count(*) FROM api_keys INDEXED BY api_keys_by_user WHERE workspace = ? AND user_id = ?")
		args = append(args, blob(user))
	}
	n, _, err := one(ctx, r, number, s, args...)
	return int(n), named("count API keys", err)
}

// TouchKey implements [identity.KeyStore].
func (t *tx) TouchKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID, used time.Time) error {
	_, err := t.exec(ctx, fixed("UPDATE api_keys SET used_at = ? WHERE workspace = ? AND id = ? AND used_at < ?"),
		crm.Micros(used), blob(ws), blob(id), crm.Micros(used))
	return named("touch API key", err)
}

// TouchKey implements [identity.KeyStore].
func (s *Store) TouchKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID, used time.Time) error {
	return s.inTx(ctx, func(t *tx) error { return t.TouchKey(ctx, ws, id, used) })
}

// DeleteKey implements [identity.KeyStore].
func (t *tx) DeleteKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	err := t.remove(ctx, "DELETE FROM api_keys WHERE workspace = ? AND id = ?", blob(ws), blob(id))
	return named(fmt.Sprintf("delete API key %s", id), err)
}

// DeleteKey implements [identity.KeyStore].
func (s *Store) DeleteKey(ctx context.Context, ws crm.WorkspaceID, id crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteKey(ctx, ws, id) })
}

func scanKeyCaller(rows *sqlx.Rows) (c identity.KeyCaller, err error) {
	fields := append(keyFields(&c.Key), userFields(&c.User)...)
	err = rows.Scan(append(fields, scanWorkspace(&c.Workspace), &c.Role)...)
	return c, err
}

// FindKeyCaller implements [identity.CallerStore].
func (s *Store) FindKeyCaller(ctx context.Context, key identity.Digest) (identity.KeyCaller, error) {
	c, ok, err := one(ctx, s, scanKeyCaller, fixed(`SELECT k.id, k.user_id, k.name, k.prefix, k.scopes, k.created_at, k.expires_at, k.used_at, `+callerColumns+`
		FROM api_keys k CROSS JOIN users u ON u.id = k.user_id CROSS JOIN members m ON m.workspace = k.workspace AND m.user_id = k.user_id
		WHERE k.digest = ?`), digestBlob(key))
	return found(c, ok, err, "find the caller with an API key")
}
